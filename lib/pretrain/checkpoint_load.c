/* rtdtools - MIT licence
 *
 * Taking a run up from its checkpoints. */
#include "pretrain/checkpoint_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"
#include "model/directory.h"
#include "nn/choice.h"
#include "pretrain/publish.h"

int rtd_checkpoint_any(const char *dir, bool *any, struct rtd_err *err)
{
    uint64_t *step;
    int n, st = rtd_checkpoint_steps(dir, &step, &n, err);
    free(step);
    *any = n > 0;
    return st;
}

static int load_block(const struct rtd_params *p, int net, const struct rtd_st *st,
                      const char *prefix, real *block, struct rtd_err *err)
{
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        char name[192];
        if (t->net != net)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, t->name);
        const struct rtd_st_tensor *x = rtd_st_find(st, name);
        if (!x || x->dtype != RTD_ST_F32 || x->count != t->count)
            return rtd_fail(err, RTD_EDATA, "%s: %s: missing, or of another shape", rtd_st_name(st),
                            name);
        memcpy(block + t->offset, x->data, t->count * sizeof *block);
    }
    return RTD_OK;
}

static int load_network(const struct rtd_checkpoint *c, const struct rtd_published *net,
                        const char *dir, json_t *state, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_model_dir m;
    if (rtd_checkpoint_path(path, dir, net->name, NULL, err) ||
        rtd_model_dir_open(&m, path, RTD_DIR_TOKENIZER, err))
        return err->status;
    const char *digest = rtd_checkpoint_digest(m.weights);
    const char *want = json_string_value(json_object_get(state, net->name));
    int st = RTD_OK;
    if (!digest || !want || strcmp(digest, want))
        st = rtd_fail(err, RTD_EDATA, "%s: not the weights that %s/%s goes with", path, dir,
                      RTD_CHECKPOINT_STATE);
    if (!st)
        st = rtd_params_load(&c->p->params, net->net, m.weights, err);
    rtd_model_dir_close(&m);
    return st;
}

static uint64_t whole(json_t *state, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(state, key));
}

static int load_weights(const struct rtd_checkpoint *c, const char *dir, const struct rtd_st *file,
                        json_t *state, struct rtd_err *err)
{
    struct rtd_params *p = &c->p->params;
    char part[64], prefix[80];
    int net, st = RTD_OK;
    for (const struct rtd_published *n = rtd_published(&c->p->o); n->name && !st; n++)
        st = load_network(c, n, dir, state, err);
    if (!st)
        st = load_block(p, RTD_NET_NONE, file, "", p->w, err);
    for (int i = 0; rtd_checkpoint_part(c, i, &net, part) && !st; i++) {
        snprintf(prefix, sizeof prefix, "m.%s", part);
        st = load_block(p, net, file, prefix, c->opt->m, err);
        snprintf(prefix, sizeof prefix, "v.%s", part);
        if (!st)
            st = load_block(p, net, file, prefix, c->opt->v, err);
        snprintf(prefix, sizeof prefix, "average.%s", part);
        if (!st && c->average->w && whole(state, "averaged"))
            st = load_block(p, net, file, prefix, c->average->w, err);
    }
    return st;
}

static int other_option(const char *name, const char *key, json_t *then, json_t *now,
                        struct rtd_err *err)
{
    char *a = then ? json_dumps(then, JSON_ENCODE_ANY) : NULL;
    char *b = now ? json_dumps(now, JSON_ENCODE_ANY) : NULL;
    rtd_fail(err, RTD_EUSAGE, "%s: %s was %s there and is %s now: resume with the same command",
             name, key, a ? a : "not set", b ? b : "not set");
    free(a);
    free(b);
    return err->status;
}

/* Of an option whose value can no longer be told (null) it is what it was. */
static int same_options(json_t *now, json_t *then, const char *name, struct rtd_err *err)
{
    json_t *value;
    const char *key;
    json_object_foreach(now, key, value)
    {
        json_t *old = json_object_get(then, key);
        if (old && json_is_null(value))
            json_object_set(now, key, old);
        else if (!json_equal(old, value))
            return other_option(name, key, old, value, err);
    }
    json_object_foreach(then, key, value)
    {
        if (!json_object_get(now, key))
            return other_option(name, key, value, NULL, err);
    }
    return RTD_OK;
}

/* A resumed run is the same command on the same stream: refuse the first thing that differs.  then:
 * what `name` says of the run that it belongs to. */
static int same_run(const struct rtd_checkpoint *c, json_t *then, const char *name,
                    struct rtd_err *err)
{
    json_t *now = rtd_checkpoint_identity(c);
    if (!now)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st =
        same_options(json_object_get(now, "options"), json_object_get(then, "options"), name, err);
    if (!st && !json_equal(json_object_get(now, "vocabulary"), json_object_get(then, "vocabulary")))
        st = rtd_fail(err, RTD_EDATA, "%s: its vocabulary is not the stream's", name);
    json_t *stream = json_object_get(then, "stream"); /* older versions did not store it */
    if (!st && stream && !json_equal(json_object_get(now, "stream"), stream))
        st = rtd_fail(err, RTD_EDATA,
                      "%s: the stream was made otherwise there (ts-info shows how this one was): "
                      "resume with the same one",
                      name);
    json_decref(now);
    return st;
}

static void take_up(struct rtd_checkpoint *c, json_t *state)
{
    const char *record = json_string_value(json_object_get(state, "last_record"));
    c->step = whole(state, "step");
    c->at = (struct rtd_position){.consumed = whole(state, "records"),
                                  .last = whole(state, "last_index"),
                                  .stride = whole(state, "stride"),
                                  .record = record ? strtoull(record, NULL, 16) : 0};
    c->longest = whole(state, "longest");
    c->tokens = (double)whole(state, "tokens");
    c->flops = json_real_value(json_object_get(state, "flops"));
    c->average->n = whole(state, "averaged");
    c->other_version = !record;
    c->other_kernels = !rtd_choice_take(json_string_value(json_object_get(state, "kernels")));
}

static int load_one(struct rtd_checkpoint *c, const char *dir, bool *another, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_st *file;
    *another = false;
    if (rtd_checkpoint_path(path, dir, RTD_CHECKPOINT_STATE, NULL, err) ||
        rtd_st_open(&file, path, err))
        return err->status;
    const char *text = json_string_value(json_object_get(rtd_st_metadata(file), "rtd_training"));
    json_t *state = text ? json_loads(text, 0, NULL) : NULL;
    int st = state ? same_run(c, state, dir, err)
                   : rtd_fail(err, RTD_EDATA, "%s: no training state in it", path);
    *another = state && st;
    if (!st)
        st = load_weights(c, dir, file, state, err);
    if (!st)
        take_up(c, state);
    json_decref(state);
    rtd_st_close(file);
    return st;
}

int rtd_checkpoint_load(struct rtd_checkpoint *c, int *skipped, struct rtd_err *err)
{
    char dir[PATH_MAX];
    uint64_t *step;
    int n, st = rtd_checkpoint_steps(c->dir, &step, &n, err);
    struct rtd_err first = {0};
    bool another = false;
    *skipped = 0;
    if (!st && n == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no checkpoint to resume from", c->dir);
    if (st)
        return st;
    st = RTD_EDATA;
    for (int i = 0; i < n && st && !another; i++) {
        struct rtd_err e = {0};
        st = rtd_checkpoint_name(dir, c->dir, step[i], &e);
        if (!st)
            st = load_one(c, dir, &another, &e);
        /* no reason to take an older one: what the system refused may be whole */
        another |= e.status == RTD_ESYS && e.sys != ENOENT && e.sys != ENOTDIR;
        if (st && (another || !first.status))
            first = e;
        *skipped += st != RTD_OK;
    }
    free(step);
    return st ? rtd_fail(err, st, "%s", first.text) : RTD_OK;
}

int rtd_checkpoint_records(const char *dir, uint64_t *records, struct rtd_err *err)
{
    char path[PATH_MAX];
    *records = 0;
    if (rtd_checkpoint_path(path, dir, "run.json", NULL, err))
        return err->status;
    json_error_t why;
    json_t *run = json_load_file(path, 0, &why);
    if (!run && rtd_exists(path))
        return rtd_fail(err, why.line < 0 ? RTD_ESYS : RTD_EDATA, "%s: %s", path, why.text);
    if (run)
        *records = whole(json_object_get(run, "options"), "records");
    if (run && !*records)
        rtd_fail(err, RTD_EUSAGE, "%s: the run goes by --steps: resume with the same command",
                 path);
    json_decref(run);
    return err->status;
}

int rtd_checkpoint_same(const struct rtd_checkpoint *c, struct rtd_err *err)
{
    char path[PATH_MAX];
    if (rtd_checkpoint_path(path, c->dir, "run.json", NULL, err))
        return err->status;
    json_error_t why;
    json_t *then = json_load_file(path, 0, &why);
    int st = then ? same_run(c, then, path, err) : RTD_OK;
    if (!then && rtd_exists(path))
        st = rtd_fail(err, why.line < 0 ? RTD_ESYS : RTD_EDATA, "%s: %s", path, why.text);
    json_decref(then);
    return st;
}

int rtd_checkpoint_models(char folder[PATH_MAX], const char *run, struct rtd_err *err)
{
    char path[PATH_MAX];
    uint64_t *step;
    bool found = false;
    int n, st = rtd_checkpoint_steps(run, &step, &n, err);
    for (int i = 0; i <= n && !found && !st; i++) {
        struct rtd_model_dir m;
        struct rtd_err none = {0};
        st = i < n ? rtd_checkpoint_name(folder, run, step[i], err)
                   : rtd_checkpoint_path(folder, run, ".", NULL, err);
        if (!st)
            st = rtd_checkpoint_path(path, folder, "discriminator", NULL, err);
        found = !st && !rtd_model_dir_open(&m, path, RTD_DIR_TOKENIZER, &none);
        if (found)
            rtd_model_dir_close(&m);
    }
    free(step);
    if (!found)
        folder[0] = '\0';
    return st;
}
