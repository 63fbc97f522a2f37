/* rtdtools - MIT licence */
#include "pretrain/checkpoint_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/rng.h"
#include "nn/choice.h"
#include "pretrain/publish.h"

int rtd_checkpoint_path(char out[PATH_MAX], const char *dir, const char *a, const char *b,
                        struct rtd_err *err)
{
    if (snprintf(out, PATH_MAX, b ? "%s/%s/%s" : "%s/%s", dir, a, b) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return RTD_OK;
}

int rtd_checkpoint_name(char out[PATH_MAX], const char *dir, uint64_t step, struct rtd_err *err)
{
    char name[32];
    snprintf(name, sizeof name, "step-%llu", (unsigned long long)step);
    return rtd_checkpoint_path(out, dir, "checkpoint", name, err);
}

const char *rtd_checkpoint_digest(const struct rtd_st *weights)
{
    return json_string_value(json_object_get(rtd_st_metadata(weights), "rtd_digest"));
}

bool rtd_checkpoint_part(const struct rtd_checkpoint *c, int i, int *net, char prefix[64])
{
    const struct rtd_published *all = rtd_published(&c->p->o);
    int n = 0;
    while (all[n].name)
        n++;
    if (i > n)
        return false;
    *net = i < n ? all[i].net : RTD_NET_NONE;
    snprintf(prefix, 64, i < n ? "%s." : "%s", i < n ? all[i].name : "");
    return true;
}

/* Takes over `entry`. */
static bool put_first(json_t *list, json_t *entry)
{
    return json_array_insert_new(list, 0, entry) == 0;
}

/* How the records came about: the stages of the provenance, without versions and without what only
 * says where the stream ends, which is ts-head and --repeat behind everything that numbers records
 * anew. */
static json_t *making(const json_t *provenance)
{
    json_t *out = json_array();
    bool tail = true, ok = out != NULL;
    for (size_t i = json_array_size(provenance); ok && i-- > 0;) {
        json_t *stage = json_deep_copy(json_array_get(provenance, i));
        const char *tool = json_string_value(json_object_get(stage, "tool"));
        bool head = tool && !strcmp(tool, "ts-head"), cat = tool && !strcmp(tool, "ts-cat");
        bool masks = tool && !strcmp(tool, "mask-gen"), repeats = json_object_get(stage, "repeat");
        if (stage)
            json_object_del(stage, "version");
        if (stage && tail)
            json_object_del(stage, "repeat");
        if (tail && (head || (cat && json_object_size(stage) == 1)))
            json_decref(stage);
        else
            ok = stage && put_first(out, stage);
        tail = tail && !repeats && (head || cat || masks);
    }
    if (!ok) {
        json_decref(out);
        return NULL;
    }
    return out;
}

json_t *rtd_checkpoint_identity(const struct rtd_checkpoint *c)
{
    char digest[33];
    json_t *stages = making(c->h->provenance);
    char *text = stages ? json_dumps(stages, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(stages);
    if (!text)
        return NULL;
    rtd_digest_hex(digest, text, strlen(text));
    free(text);
    return json_pack("{s:O, s:s, s:s}", "options", c->options, "vocabulary", c->h->tok.digest,
                     "stream", digest);
}

static json_t *describe(const struct rtd_checkpoint *c)
{
    char record[17];
    json_t *state = rtd_checkpoint_identity(c);
    snprintf(record, sizeof record, "%016llx", (unsigned long long)c->at.record);
    json_t *where =
        json_pack("{s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:f, s:I, s:s}", "step", (json_int_t)c->step,
                  "records", (json_int_t)c->at.consumed, "last_index", (json_int_t)c->at.last,
                  "stride", (json_int_t)c->at.stride, "last_record", record, "longest",
                  (json_int_t)c->longest, "tokens", (json_int_t)c->tokens, "flops", c->flops,
                  "averaged", (json_int_t)c->average->n, "kernels", rtd_choice());
    if (state && (!where || json_object_update(state, where))) {
        json_decref(state);
        state = NULL;
    }
    json_decref(where);
    return state;
}

/* The state names the weights it goes with: those that were just written to DIR. */
static int add_digests(const struct rtd_checkpoint *c, json_t *state, const char *dir,
                       struct rtd_err *err)
{
    char path[PATH_MAX];
    int st = RTD_OK;
    for (const struct rtd_published *net = rtd_published(&c->p->o); net->name && !st; net++) {
        struct rtd_st *weights;
        st = rtd_checkpoint_path(path, dir, net->name, "model.safetensors", err);
        if (!st)
            st = rtd_st_open(&weights, path, err);
        if (st)
            break;
        const char *digest = rtd_checkpoint_digest(weights);
        if (!digest || json_object_set_new(state, net->name, json_string(digest)))
            st = rtd_fail(err, RTD_ESYS, "%s: no digest", path);
        rtd_st_close(weights);
    }
    return st;
}

/* Moments and the average of every tensor, and the tensors of no network. */
static int add_tensors(const struct rtd_checkpoint *c, struct rtd_st_writer *w, struct rtd_err *err)
{
    char part[64], prefix[80];
    int net, st = RTD_OK;
    for (int i = 0; rtd_checkpoint_part(c, i, &net, part) && !st; i++) {
        snprintf(prefix, sizeof prefix, "m.%s", part);
        st = rtd_params_save(&c->p->params, net, c->opt->m, prefix, w, err);
        snprintf(prefix, sizeof prefix, "v.%s", part);
        if (!st)
            st = rtd_params_save(&c->p->params, net, c->opt->v, prefix, w, err);
        snprintf(prefix, sizeof prefix, "average.%s", part);
        if (!st && c->average->n)
            st = rtd_params_save(&c->p->params, net, c->average->w, prefix, w, err);
    }
    return st ? st : rtd_params_save(&c->p->params, RTD_NET_NONE, c->p->params.w, "", w, err);
}

static int write_state(const struct rtd_checkpoint *c, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_st_writer *w = NULL;
    json_t *state = describe(c);
    char *text = NULL;
    int st = state ? add_digests(c, state, dir, err) : RTD_OK;
    if (state && !st)
        text = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(state);
    if (!st && !text)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_st_writer_new(&w, err);
    if (!st)
        st = rtd_st_set_metadata(w, "rtd_training", text, err);
    if (!st)
        st = add_tensors(c, w, err);
    if (!st)
        st = rtd_checkpoint_path(path, dir, RTD_CHECKPOINT_STATE, NULL, err);
    if (!st)
        st = rtd_st_write(w, path, err);
    rtd_st_writer_free(w);
    free(text);
    return st;
}

/* Put s into its place among the n steps. */
static int insert(uint64_t **step, int *n, uint64_t s, struct rtd_err *err)
{
    uint64_t *more = realloc(*step, (size_t)(*n + 1) * sizeof *more);
    if (!more)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    *step = more;
    int i = (*n)++;
    for (; i > 0 && more[i - 1] < s; i--)
        more[i] = more[i - 1];
    more[i] = s;
    return RTD_OK;
}

int rtd_checkpoint_steps(const char *dir, uint64_t **step, int *n, struct rtd_err *err)
{
    char all[PATH_MAX];
    *step = NULL;
    *n = 0;
    int st = rtd_checkpoint_path(all, dir, "checkpoint", NULL, err);
    DIR *d = st ? NULL : opendir(all);
    if (!st && !d && errno != ENOENT)
        st = rtd_fail_sys(err, "%s: cannot open", all);
    for (struct dirent *e; d && !st && (e = readdir(d));) {
        char *end;
        if (strncmp(e->d_name, "step-", 5))
            continue;
        uint64_t s = strtoull(e->d_name + 5, &end, 10);
        if (!*end && end > e->d_name + 5)
            st = insert(step, n, s, err);
    }
    if (d)
        closedir(d);
    return st;
}

static int remove_old(const struct rtd_checkpoint *c, int keep, struct rtd_err *err)
{
    char path[PATH_MAX];
    uint64_t *step;
    int n, st = rtd_checkpoint_steps(c->dir, &step, &n, err);
    for (int i = keep; i < n && !st; i++) {
        st = rtd_checkpoint_name(path, c->dir, step[i], err);
        if (!st)
            st = rtd_remove_tree(path, err);
    }
    free(step);
    return st;
}

int rtd_checkpoint_save(const struct rtd_checkpoint *c, int keep, struct rtd_err *err)
{
    char all[PATH_MAX], final[PATH_MAX], tmp[PATH_MAX], sub[PATH_MAX];
    int st = rtd_checkpoint_path(all, c->dir, "checkpoint", NULL, err);
    if (!st)
        st = rtd_checkpoint_name(final, c->dir, c->step, err);
    if (!st)
        st = rtd_mkdirs(all, err);
    if (!st)
        st = rtd_tmpdir(final, tmp, sizeof tmp, err);
    if (st)
        return st;
    for (const struct rtd_published *net = rtd_published(&c->p->o); net->name && !st; net++) {
        st = rtd_checkpoint_path(sub, tmp, net->name, NULL, err);
        if (!st)
            st = rtd_mkdirs(sub, err);
        if (!st)
            st = rtd_publish_network(c, net, sub, err);
    }
    if (!st)
        st = write_state(c, tmp, err);
    if (!st)
        st = rtd_commit_dir(tmp, final, true, err);
    if (st) {
        struct rtd_err ignored = {0};
        rtd_remove_tree(tmp, &ignored);
        return st;
    }
    return remove_old(c, keep, err);
}

int rtd_checkpoint_name_run(const struct rtd_checkpoint *c, struct rtd_err *err)
{
    char path[PATH_MAX];
    int st = rtd_checkpoint_path(path, c->dir, "run.json", NULL, err);
    json_t *identity = rtd_checkpoint_identity(c);
    char *text = identity ? json_dumps(identity, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(identity);
    if (!st && !text)
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_write_file(path, text, strlen(text), err);
    free(text);
    return st;
}

static int clean_one(const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    DIR *d = opendir(dir);
    int st = RTD_OK;
    for (struct dirent *e; d && !st && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 11 ||
            (strncmp(e->d_name + n - 11, ".tmp-", 5) && strncmp(e->d_name + n - 11, ".old-", 5)))
            continue;
        st = rtd_checkpoint_path(path, dir, e->d_name, NULL, err);
        if (!st)
            st = rtd_remove_tree(path, err);
    }
    if (d)
        closedir(d);
    return st;
}

int rtd_checkpoint_clean(const char *dir, struct rtd_err *err)
{
    char all[PATH_MAX];
    int st = rtd_checkpoint_path(all, dir, "checkpoint", NULL, err);
    if (!st)
        st = clean_one(all, err);
    return st ? st : clean_one(dir, err);
}
