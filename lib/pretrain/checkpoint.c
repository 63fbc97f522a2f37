/* rtdtools - MIT licence */
#include "pretrain/checkpoint.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"
#include "model/directory.h"
#include "nn/choice.h"

#define STATE "training.safetensors"

static int path_of(char out[PATH_MAX], struct rtd_err *err, const char *fmt, const char *dir,
                   const char *name)
{
    if (snprintf(out, PATH_MAX, fmt, dir, name) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return RTD_OK;
}

/* One network as a model directory of Hugging Face's layout, into the existing DIR. */
static int write_network(const struct rtd_run *r, const char *dir, bool generator,
                         struct rtd_err *err)
{
    const struct rtd_pretrain *p = r->p;
    const struct rtd_tokeniser *k = &r->h->tok;
    struct rtd_tok_settings settings;
    struct rtd_tokenizer *tok = NULL;
    struct rtd_config c = {0};
    struct rtd_st_writer *w = NULL;
    const struct rtd_param *word = NULL;
    rtd_tok_settings_default(&settings, false);
    settings.lower_case = k->lower_case;
    settings.strip_accents = k->strip_accents;
    settings.chinese = k->chinese;
    settings.max_word = k->max_word;
    settings.special_tokens = true;
    int st = rtd_config_copy(&c, generator ? &p->gen_config : &p->disc_config, err);
    if (!st)
        st = rtd_config_set_own(&c, "trained_length", json_integer((json_int_t)r->longest), err);
    if (!st)
        st = rtd_tokenizer_new(&tok, k->vocab, k->vocab_len, "the stream's vocabulary", &settings,
                               err);
    if (!st)
        st = rtd_model_dir_write_common(dir, &c, tok, c.max_position_embeddings, err);
    rtd_tokenizer_free(tok);
    if (!st)
        st = rtd_st_writer_new(&w, err);
    /* the generator's embeddings are the discriminator's: its directory gets a copy */
    for (int i = 0; i < p->params.n && !st && generator; i++) {
        const struct rtd_param *t = &p->params.item[i];
        if (t->net == RTD_NET_DISCRIMINATOR && !strncmp(t->name, "electra.embeddings.", 19))
            st = rtd_st_add(w, t->name, RTD_ST_F32, t->ndim, t->dims, p->params.w + t->offset, err);
        if (t->net == RTD_NET_DISCRIMINATOR && strstr(t->name, "word_embeddings"))
            word = t;
    }
    if (!st)
        st = rtd_params_save(&p->params, generator ? RTD_NET_GENERATOR : RTD_NET_DISCRIMINATOR,
                             p->params.w, "", w, err);
    if (!st && generator && word)
        st = rtd_st_add(w, "generator_lm_head.weight", RTD_ST_F32, 2, word->dims,
                        p->params.w + word->offset, err);
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    rtd_config_free(&c);
    return st;
}

/* What a file of weights says of its own content. */
static const char *digest_of(const struct rtd_st *weights)
{
    return json_string_value(json_object_get(rtd_st_metadata(weights), "rtd_digest"));
}

/* The state names the weights it goes with: those that were just written to DIR. */
static int add_digests(json_t *state, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    int st = RTD_OK;
    for (int i = 0; i < 2 && !st; i++) {
        struct rtd_st *weights;
        st = path_of(path, err, i ? "%s/generator/%s" : "%s/discriminator/%s", dir,
                     "model.safetensors");
        if (!st)
            st = rtd_st_open(&weights, path, err);
        if (st)
            break;
        const char *digest = digest_of(weights);
        if (!digest ||
            json_object_set_new(state, i ? "generator" : "discriminator", json_string(digest)))
            st = rtd_fail(err, RTD_ESYS, "%s: no digest", path);
        rtd_st_close(weights);
    }
    return st;
}

static json_t *describe(const struct rtd_run *r)
{
    return json_pack("{s:O, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "options", r->options, "step",
                     (json_int_t)r->step, "records", (json_int_t)r->at.consumed, "last_index",
                     (json_int_t)r->at.last, "stride", (json_int_t)r->at.stride, "longest",
                     (json_int_t)r->longest, "vocabulary", r->h->tok.digest, "kernels",
                     rtd_choice());
}

static const struct {
    int net;
    const char *name;
} networks[] = {{RTD_NET_DISCRIMINATOR, "discriminator."},
                {RTD_NET_GENERATOR, "generator."},
                {RTD_NET_NONE, ""}}; /* the warm-up's head is in no model directory */
enum { NETWORKS = sizeof networks / sizeof *networks };

static int write_state(const struct rtd_run *r, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], prefix[64];
    struct rtd_st_writer *w;
    json_t *state = describe(r);
    if (state && add_digests(state, dir, err)) {
        json_decref(state);
        return err->status;
    }
    char *text = state ? json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(state);
    if (!text)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_st_writer_new(&w, err);
    if (!st)
        st = rtd_st_set_metadata(w, "rtd_training", text, err);
    for (int i = 0; i < NETWORKS && !st; i++) {
        snprintf(prefix, sizeof prefix, "m.%s", networks[i].name);
        st = rtd_params_save(&r->p->params, networks[i].net, r->opt->m, prefix, w, err);
        snprintf(prefix, sizeof prefix, "v.%s", networks[i].name);
        if (!st)
            st = rtd_params_save(&r->p->params, networks[i].net, r->opt->v, prefix, w, err);
    }
    if (!st)
        st = rtd_params_save(&r->p->params, RTD_NET_NONE, r->p->params.w, "", w, err);
    if (!st)
        st = path_of(path, err, "%s/%s", dir, STATE);
    if (!st)
        st = rtd_st_write(w, path, err);
    rtd_st_writer_free(w);
    free(text);
    return st;
}

/* Numbers of the step-N directories, newest first; *n of them.  free() the result. */
static uint64_t *list_steps(const char *dir, int *n)
{
    uint64_t *step = NULL;
    DIR *d = opendir(dir);
    *n = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char *end;
        if (strncmp(e->d_name, "step-", 5))
            continue;
        uint64_t s = strtoull(e->d_name + 5, &end, 10);
        uint64_t *more =
            *end || end == e->d_name + 5 ? NULL : realloc(step, (size_t)(*n + 1) * sizeof *step);
        if (!more)
            continue;
        step = more;
        int i = (*n)++;
        for (; i > 0 && step[i - 1] < s; i--)
            step[i] = step[i - 1];
        step[i] = s;
    }
    if (d)
        closedir(d);
    return step;
}

int rtd_checkpoint_save(const struct rtd_run *r, int keep, struct rtd_err *err)
{
    char all[PATH_MAX], name[32], final[PATH_MAX], tmp[PATH_MAX], sub[PATH_MAX];
    int st = path_of(all, err, "%s/%s", r->dir, "checkpoint");
    snprintf(name, sizeof name, "step-%llu", (unsigned long long)r->step);
    if (!st)
        st = path_of(final, err, "%s/%s", all, name);
    if (!st)
        st = rtd_mkdirs(all, err);
    if (!st)
        st = rtd_tmpdir(final, tmp, sizeof tmp, err);
    if (st)
        return st;
    static const char *const net[2] = {"discriminator", "generator"};
    for (int i = 0; i < 2 && !st; i++) {
        st = path_of(sub, err, "%s/%s", tmp, net[i]);
        if (!st)
            st = rtd_mkdirs(sub, err);
        if (!st)
            st = write_network(r, sub, i == 1, err);
    }
    if (!st)
        st = write_state(r, tmp, err);
    if (!st)
        st = rtd_commit_dir(tmp, final, true, err);
    if (st) {
        struct rtd_err ignored = {0};
        rtd_remove_tree(tmp, &ignored);
        return st;
    }
    int n;
    uint64_t *step = list_steps(all, &n);
    for (int i = keep; i < n && !st; i++) {
        snprintf(name, sizeof name, "step-%llu", (unsigned long long)step[i]);
        st = path_of(sub, err, "%s/%s", all, name);
        if (!st)
            st = rtd_remove_tree(sub, err);
    }
    free(step);
    return st;
}

/* The state of one checkpoint as JSON; the caller compares and takes it. */
static json_t *parse_state(const struct rtd_st *st, struct rtd_err *err)
{
    const char *text = json_string_value(json_object_get(rtd_st_metadata(st), "rtd_training"));
    json_t *state = text ? json_loads(text, 0, NULL) : NULL;
    if (!state)
        rtd_fail(err, RTD_EDATA, "%s: no training state in it", rtd_st_name(st));
    return state;
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

static int load_weights(struct rtd_run *r, const char *dir, const struct rtd_st *file,
                        json_t *state, struct rtd_err *err)
{
    struct rtd_params *p = &r->p->params;
    static const char *const net[2] = {"discriminator", "generator"};
    char path[PATH_MAX], prefix[64];
    for (int i = 0; i < 2; i++) {
        struct rtd_model_dir m;
        if (path_of(path, err, "%s/%s", dir, net[i]) ||
            rtd_model_dir_open(&m, path, RTD_DIR_TOKENIZER, err))
            return err->status;
        const char *digest = digest_of(m.weights);
        const char *want = json_string_value(json_object_get(state, net[i]));
        int st = RTD_OK;
        if (!digest || !want || strcmp(digest, want))
            st = rtd_fail(err, RTD_EDATA, "%s: not the weights that %s/%s goes with", path, dir,
                          STATE);
        if (!st)
            st = rtd_params_load(p, networks[i].net, m.weights, err);
        rtd_model_dir_close(&m);
        if (st)
            return st;
    }
    int st = load_block(p, RTD_NET_NONE, file, "", p->w, err);
    for (int i = 0; i < NETWORKS && !st; i++) {
        snprintf(prefix, sizeof prefix, "m.%s", networks[i].name);
        st = load_block(p, networks[i].net, file, prefix, r->opt->m, err);
        snprintf(prefix, sizeof prefix, "v.%s", networks[i].name);
        if (!st)
            st = load_block(p, networks[i].net, file, prefix, r->opt->v, err);
    }
    return st;
}

/* A resumed run is the same command: refuse the first option that differs. */
static int same_options(const struct rtd_run *r, json_t *state, const char *dir,
                        struct rtd_err *err)
{
    json_t *then = json_object_get(state, "options"), *value;
    const char *key;
    json_object_foreach(r->options, key, value)
    {
        json_t *old = json_object_get(then, key);
        if (json_equal(old, value))
            continue;
        char *a = old ? json_dumps(old, JSON_ENCODE_ANY) : NULL;
        char *b = json_dumps(value, JSON_ENCODE_ANY);
        rtd_fail(err, RTD_EUSAGE, "%s: %s was %s there and is %s now: resume with the same command",
                 dir, key, a ? a : "not set", b ? b : "?");
        free(a);
        free(b);
        return err->status;
    }
    const char *vocab = json_string_value(json_object_get(state, "vocabulary"));
    if (!vocab || strcmp(vocab, r->h->tok.digest))
        return rtd_fail(err, RTD_EDATA, "%s: its vocabulary is not the stream's", dir);
    return RTD_OK;
}

static uint64_t whole(json_t *state, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(state, key));
}

static int load_one(struct rtd_run *r, const char *dir, bool *wrong_options, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_st *st_file;
    *wrong_options = false;
    if (path_of(path, err, "%s/%s", dir, STATE) || rtd_st_open(&st_file, path, err))
        return err->status;
    json_t *state = parse_state(st_file, err);
    int st = err->status;
    if (state) {
        st = same_options(r, state, dir, err);
        *wrong_options = st != RTD_OK;
        if (!st)
            st = load_weights(r, dir, st_file, state, err);
        if (!st) {
            r->step = whole(state, "step");
            r->at = (struct rtd_position){.consumed = whole(state, "records"),
                                          .last = whole(state, "last_index"),
                                          .stride = whole(state, "stride")};
            r->longest = whole(state, "longest");
            const char *kernels = json_string_value(json_object_get(state, "kernels"));
            r->other_kernels = !rtd_choice_take(kernels);
        }
        json_decref(state);
    }
    rtd_st_close(st_file);
    return st;
}

int rtd_checkpoint_load(struct rtd_run *r, int *skipped, struct rtd_err *err)
{
    char all[PATH_MAX], name[32], dir[PATH_MAX];
    *skipped = 0;
    if (path_of(all, err, "%s/%s", r->dir, "checkpoint"))
        return err->status;
    int n, st = RTD_EDATA;
    uint64_t *step = list_steps(all, &n);
    struct rtd_err first = {0};
    for (int i = 0; i < n && st; i++) {
        struct rtd_err e = {0};
        bool wrong_options = false;
        snprintf(name, sizeof name, "step-%llu", (unsigned long long)step[i]);
        st = path_of(dir, &e, "%s/%s", all, name);
        if (!st)
            st = load_one(r, dir, &wrong_options, &e);
        if (st && wrong_options) {
            first = e;
            break;
        }
        if (st && !first.status)
            first = e;
        *skipped += st != RTD_OK;
    }
    free(step);
    if (st && first.status)
        return rtd_fail(err, first.status, "%s", first.text);
    if (st)
        return rtd_fail(err, RTD_EDATA, "%s: no checkpoint to resume from", all);
    return RTD_OK;
}

int rtd_checkpoint_same(const struct rtd_run *r, struct rtd_err *err)
{
    char all[PATH_MAX], name[32], dir[PATH_MAX], path[PATH_MAX];
    if (path_of(all, err, "%s/%s", r->dir, "checkpoint"))
        return err->status;
    int n, st = RTD_OK;
    uint64_t *step = list_steps(all, &n);
    json_t *state = NULL;
    for (int i = 0; i < n && !state && !st; i++) {
        struct rtd_err unreadable = {0};
        struct rtd_st *file;
        snprintf(name, sizeof name, "step-%llu", (unsigned long long)step[i]);
        if (path_of(dir, &unreadable, "%s/%s", all, name) ||
            path_of(path, &unreadable, "%s/%s", dir, STATE) ||
            rtd_st_open(&file, path, &unreadable))
            continue;
        state = parse_state(file, &unreadable);
        if (state)
            st = same_options(r, state, dir, err);
        rtd_st_close(file);
    }
    json_decref(state);
    free(step);
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
        st = path_of(path, err, "%s/%s", dir, e->d_name);
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
    int st = path_of(all, err, "%s/%s", dir, "checkpoint");
    if (!st)
        st = clean_one(all, err);
    return st ? st : clean_one(dir, err);
}

int rtd_checkpoint_finish(const struct rtd_run *r, struct rtd_err *err)
{
    static const char *const net[2] = {"generator", "discriminator"};
    char final[PATH_MAX], tmp[PATH_MAX];
    for (int i = 0; i < 2; i++) {
        int st = path_of(final, err, "%s/%s", r->dir, net[i]);
        if (!st)
            st = rtd_tmpdir(final, tmp, sizeof tmp, err);
        if (st)
            return st;
        st = write_network(r, tmp, i == 0, err);
        if (!st)
            st = rtd_commit_dir(tmp, final, true, err);
        if (st) {
            struct rtd_err ignored = {0};
            rtd_remove_tree(tmp, &ignored);
            return st;
        }
    }
    return RTD_OK;
}
