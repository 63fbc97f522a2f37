/* rtdtools - MIT licence
 *
 * The modules of sentence-transformers, read. */
#include "model/embedding.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/safetensors.h"
#include "nn/kernels.h"

enum { FILE_MAX = 16 << 20, WIDTH_MAX = 1 << 16 };

/* A small file of one JSON object. */
struct file {
    char path[PATH_MAX];
    struct rtd_json_doc doc;
    const struct rtd_json *root; /* NULL: there is no such file */
};

static int open_file(struct file *f, const char *dir, const char *name, struct rtd_err *err)
{
    char *text;
    size_t len;
    *f = (struct file){.root = NULL};
    if (snprintf(f->path, sizeof f->path, "%s/%s", dir, name) >= (int)sizeof f->path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    if (!rtd_exists(f->path))
        return RTD_OK;
    if (rtd_read_file(f->path, FILE_MAX, &text, &len, err))
        return err->status;
    int st = rtd_json_read(&f->doc, text, len, f->path, 0, err);
    free(text);
    if (!st && f->doc.root->kind != RTD_JSON_OBJECT)
        st = rtd_fail(err, RTD_EDATA, "%s: not a JSON object", f->path);
    f->root = st ? NULL : f->doc.root;
    return st;
}

static void close_file(struct file *f)
{
    rtd_json_free(&f->doc);
    f->root = NULL;
}

/* A member that may be missing or null. */
static int get(const struct file *f, const char *key, unsigned kinds, const struct rtd_json **v,
               struct rtd_err *err)
{
    if (rtd_json_member(f->root, key, kinds, v) == RTD_JSON_WRONG)
        return rtd_fail(err, RTD_EDATA, "%s: %s: there twice, or of another kind", f->path, key);
    return RTD_OK;
}

static int refuse(struct rtd_embedding *s, const char *path, const char *what,
                  const struct rtd_json *v, struct rtd_err *err)
{
    char shown[80] = "";
    s->unsupported = true;
    if (v && v->text)
        rtd_mask_text(shown, sizeof shown, v->text, v->n);
    return rtd_fail(err, RTD_EDATA, "%s: %s%s%s is not supported", path, what, shown[0] ? " " : "",
                    shown);
}

/* A text that has one value where it is there at all. */
static int only(struct rtd_embedding *s, const struct file *f, const struct rtd_json *object,
                const char *key, const char *value, struct rtd_err *err)
{
    const struct rtd_json *v;
    if (rtd_json_member(object, key, ~0u, &v) == RTD_JSON_ABSENT || (v && v->kind == RTD_JSON_NULL))
        return RTD_OK;
    if (!v || v->kind != RTD_JSON_TEXT || strcmp(v->text, value) != 0)
        return refuse(s, f->path, key, v, err);
    return RTD_OK;
}

/* --- pooling --- */

/* In the order in which the old keys' poolings are joined. */
static const struct mode {
    const char *name, *old_key;
    int pooling; /* -1: not computed */
} modes[] = {
    {"cls", "pooling_mode_cls_token", RTD_POOL_CLS},
    {"max", "pooling_mode_max_tokens", RTD_POOL_MAX},
    {"mean", "pooling_mode_mean_tokens", RTD_POOL_MEAN},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", RTD_POOL_MEAN_SQRT},
    {"weightedmean", "pooling_mode_weightedmean_tokens", -1},
    {"lasttoken", "pooling_mode_lasttoken", -1},
};
enum { MODES = sizeof modes / sizeof modes[0] };

static const struct mode *find_mode(const char *name, size_t len)
{
    for (int i = 0; i < MODES; i++)
        if (strlen(modes[i].name) == len && memcmp(modes[i].name, name, len) == 0)
            return &modes[i];
    return NULL;
}

static int add_pooling(struct rtd_embedding *s, const struct file *f, const struct rtd_json *v,
                       struct rtd_err *err)
{
    const struct mode *m = v->kind == RTD_JSON_TEXT ? find_mode(v->text, v->n) : NULL;
    if (!m || m->pooling < 0 || s->poolings == RTD_POOLINGS)
        return refuse(s, f->path, "pooling_mode", v, err);
    s->pooling[s->poolings++] = (enum rtd_pooling)m->pooling;
    return RTD_OK;
}

/* "pooling_mode": "mean", or a list that is joined in its order. */
static int read_mode(struct rtd_embedding *s, const struct file *f, const struct rtd_json *v,
                     struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(v);
    if (v->kind == RTD_JSON_TEXT)
        return add_pooling(s, f, v, err);
    while (!err->status && rtd_json_step(&w))
        add_pooling(s, f, w.value, err);
    return err->status;
}

/* "pooling_mode_mean_tokens": true and the like. */
static int read_old_modes(struct rtd_embedding *s, const struct file *f, struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(f->root);
    while (rtd_json_step(&w)) {
        bool known = strcmp(w.key->text, "pooling_mode") == 0;
        for (int i = 0; i < MODES; i++)
            known |= strcmp(w.key->text, modes[i].old_key) == 0;
        if (!known && strncmp(w.key->text, "pooling_mode", 12) == 0)
            return refuse(s, f->path, "", w.key, err);
    }
    for (int i = 0; i < MODES; i++) {
        const struct rtd_json *v;
        if (get(f, modes[i].old_key, RTD_JSON_BOOL, &v, err))
            return err->status;
        if (!v || v->kind == RTD_JSON_FALSE)
            continue;
        if (modes[i].pooling < 0)
            return refuse(s, f->path, modes[i].old_key, NULL, err);
        s->pooling[s->poolings++] = (enum rtd_pooling)modes[i].pooling;
    }
    return RTD_OK;
}

static int read_pooling(struct rtd_embedding *s, const struct file *f, struct rtd_err *err)
{
    const struct rtd_json *mode, *prompt;
    s->poolings = 0;
    if (get(f, "pooling_mode", RTD_JSON_TEXT | RTD_JSON_LIST, &mode, err) ||
        get(f, "include_prompt", RTD_JSON_BOOL, &prompt, err))
        return err->status;
    s->include_prompt = !prompt || prompt->kind == RTD_JSON_TRUE;
    if (mode ? read_mode(s, f, mode, err) : read_old_modes(s, f, err))
        return err->status;
    if (s->poolings == 0)
        s->pooling[s->poolings++] = RTD_POOL_MEAN;
    return RTD_OK;
}

/* --- dense layers --- */

static int get_width(const struct file *f, const char *key, size_t *width, struct rtd_err *err)
{
    const struct rtd_json *v;
    int64_t n;
    if (rtd_json_want(f->root, key, RTD_JSON_NUMBER, &v, f->path, 0, err))
        return err->status;
    if (!rtd_json_whole(v, &n) || n < 1 || n > WIDTH_MAX)
        return rtd_fail(err, RTD_EDATA, "%s: %s: want a whole number from 1 to %d", f->path, key,
                        WIDTH_MAX);
    *width = (size_t)n;
    return RTD_OK;
}

static int get_activation(struct rtd_embedding *s, struct rtd_embedding_stage *d,
                          const struct file *f, struct rtd_err *err)
{
    static const struct {
        const char *name;
        int act;
    } acts[] = {{"torch.nn.modules.activation.Tanh", RTD_TANH},
                {"torch.nn.modules.activation.ReLU", RTD_RELU},
                {"torch.nn.modules.activation.GELU", RTD_GELU},
                {"torch.nn.modules.linear.Identity", -1}};
    const struct rtd_json *v;
    d->act = RTD_TANH;
    if (get(f, "activation_function", RTD_JSON_TEXT, &v, err) || !v)
        return err->status;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(v->text, acts[i].name) == 0) {
            d->act = acts[i].act;
            return RTD_OK;
        }
    return refuse(s, f->path, "activation_function", v, err);
}

/* A tensor's numbers, the caller's to free; ndim, rows: its shape.  NULL: err is set. */
static float *read_tensor(const struct rtd_st *st, const char *name, int ndim, size_t rows,
                          size_t count, struct rtd_err *err)
{
    const struct rtd_st_tensor *t = rtd_st_find(st, name);
    if (!t || t->ndim != ndim || t->dims[0] != rows || t->count != count) {
        rtd_fail(err, RTD_EDATA, "%s: %s: not there, or of another shape", rtd_st_name(st), name);
        return NULL;
    }
    float *to = rtd_alloc_aligned(count, sizeof *to);
    if (!to) {
        rtd_fail(err, RTD_ESYS, "%s: not enough memory", rtd_st_name(st));
        return NULL;
    }
    rtd_st_get_f32(st, t, to, count, err);
    for (size_t i = 0; i < count && !err->status; i++)
        if (!isfinite(to[i]))
            rtd_fail(err, RTD_EDATA, "%s: %s holds numbers that are not finite", rtd_st_name(st),
                     name);
    return to;
}

static int read_weights(struct rtd_embedding_stage *d, const char *dir, const char *folder,
                        bool bias, struct rtd_err *err)
{
    char path[PATH_MAX], old[PATH_MAX];
    struct rtd_st *st;
    if (snprintf(path, sizeof path, "%s/%s/model.safetensors", dir, folder) >= (int)sizeof path ||
        snprintf(old, sizeof old, "%s/%s/pytorch_model.bin", dir, folder) >= (int)sizeof old)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    if (!rtd_exists(path) && rtd_exists(old))
        return rtd_fail(err, RTD_EDATA, "%s: only model-import reads this form", old);
    if (rtd_st_open(&st, path, err))
        return err->status;
    d->w = read_tensor(st, "linear.weight", 2, d->out, d->in * d->out, err);
    if (d->w && bias)
        d->b = read_tensor(st, "linear.bias", 1, d->out, d->out, err);
    else if (d->w && !(d->b = rtd_calloc_aligned(d->out, sizeof *d->b)))
        rtd_fail(err, RTD_ESYS, "%s: not enough memory", path);
    rtd_st_close(st);
    return err->status;
}

static int read_dense(struct rtd_embedding *s, struct rtd_embedding_stage *d, const char *dir,
                      const char *folder, const struct file *f, struct rtd_err *err)
{
    const struct rtd_json *bias, *residual;
    if (get_width(f, "in_features", &d->in, err) || get_width(f, "out_features", &d->out, err) ||
        get(f, "bias", RTD_JSON_BOOL, &bias, err) ||
        get(f, "use_residual", RTD_JSON_BOOL, &residual, err) || get_activation(s, d, f, err))
        return err->status;
    if (residual && residual->kind == RTD_JSON_TRUE)
        return refuse(s, f->path, "Dense with use_residual", NULL, err);
    return read_weights(d, dir, folder, !bias || bias->kind == RTD_JSON_TRUE, err);
}

/* --- the modules in a row --- */

/* The widths that follow from each other. */
static int measure(struct rtd_embedding *s, size_t hidden, const char *dir, struct rtd_err *err)
{
    s->width = s->widest = (size_t)s->poolings * hidden;
    for (int i = 0; i < s->stages; i++) {
        const struct rtd_embedding_stage *d = &s->stage[i];
        if (d->kind != RTD_STAGE_DENSE)
            continue;
        if (d->in != s->width)
            return rtd_fail(err, RTD_EDATA,
                            "%s: a Dense of %zu numbers stands behind a vector of %zu", dir, d->in,
                            s->width);
        s->width = d->out;
        s->widest = s->width > s->widest ? s->width : s->widest;
    }
    return RTD_OK;
}

static int add_stage(struct rtd_embedding *s, const char *dir, const struct rtd_module *m,
                     const struct file *f, struct rtd_err *err)
{
    bool dense = strcmp(rtd_module_name(m), "Dense") == 0;
    if (s->stages == RTD_STAGES)
        return refuse(s, dir, "so long a row of modules", NULL, err);
    struct rtd_embedding_stage *d = &s->stage[s->stages++];
    *d = (struct rtd_embedding_stage){.kind = dense ? RTD_STAGE_DENSE : RTD_STAGE_NORMALISE};
    if (only(s, f, f->root, "module_input_name", "sentence_embedding", err) ||
        only(s, f, f->root, "module_output_name", "sentence_embedding", err))
        return err->status;
    return dense ? read_dense(s, d, dir, m->path, f, err) : RTD_OK;
}

/* Module i of the row: a transformer, a pooling, then what changes the vector. */
static int read_module(struct rtd_embedding *s, const char *dir, const struct rtd_modules *all,
                       size_t i, struct rtd_err *err)
{
    static const struct {
        const char *name;
        size_t first, last; /* where it may stand */
        bool config;        /* has to have one */
    } known[] = {{"Transformer", 0, 0, false},      {"BERT", 0, 0, false},
                 {"Pooling", 1, 1, true},           {"Dense", 2, SIZE_MAX, true},
                 {"Normalize", 2, SIZE_MAX, false}, {"Dropout", 2, SIZE_MAX, false}};
    const struct rtd_module *m = &all->module[i];
    const char *name = rtd_module_name(m);
    char folder[PATH_MAX], shown[120], what[140];
    struct file f;
    size_t k = 0, n = sizeof known / sizeof known[0];
    while (k < n && strcmp(known[k].name, name) != 0)
        k++;
    if (k == n || i < known[k].first || i > known[k].last) {
        snprintf(folder, sizeof folder, "%s/modules.json", dir);
        snprintf(what, sizeof what, "module %s%s",
                 rtd_mask_text(shown, sizeof shown, m->type, strlen(m->type)),
                 k < n ? " in this place" : "");
        return refuse(s, folder, what, NULL, err);
    }
    if (snprintf(folder, sizeof folder, "%s/%s", dir, m->path) >= (int)sizeof folder)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    if (i == 0 || strcmp(name, "Dropout") == 0) /* a dropout changes nothing but training */
        return RTD_OK;
    if (!open_file(&f, folder, "config.json", err) && known[k].config && !f.root)
        rtd_fail(err, RTD_EDATA, "%s: missing", f.path);
    if (!err->status && i == 1)
        read_pooling(s, &f, err);
    else if (!err->status)
        add_stage(s, dir, m, &f, err);
    close_file(&f);
    return err->status;
}

static int read_modules(struct rtd_embedding *s, const char *dir, struct rtd_err *err)
{
    struct rtd_modules all;
    struct file f;
    if (rtd_modules_read(&all, dir, err))
        return err->status;
    if (all.n == 1)
        refuse(s, dir, "modules.json without a Pooling", NULL, err);
    for (size_t i = 0; i < all.n && !err->status; i++)
        read_module(s, dir, &all, i, err);
    /* without the list: what is left of one */
    if (all.n == 0 && !open_file(&f, dir, "1_Pooling/config.json", err)) {
        if (f.root)
            read_pooling(s, &f, err);
        close_file(&f);
    }
    rtd_modules_free(&all);
    return err->status;
}

static int open_transformer(struct file *f, const char *dir, struct rtd_err *err)
{
    char folder[PATH_MAX];
    *f = (struct file){.root = NULL};
    int st = rtd_transformer_dir(folder, dir, err);
    return st ? st : open_file(f, folder, "sentence_bert_config.json", err);
}

/* What it gives to the pooling. */
static int check_transformer(struct rtd_embedding *s, const char *dir, struct rtd_err *err)
{
    struct file f;
    const struct rtd_json *config, *text;
    if (!open_transformer(&f, dir, err) &&
        !only(s, &f, f.root, "transformer_task", "feature-extraction", err) &&
        !only(s, &f, f.root, "module_output_name", "token_embeddings", err) &&
        !get(&f, "modality_config", RTD_JSON_OBJECT, &config, err) && config &&
        rtd_json_member(config, "text", RTD_JSON_OBJECT, &text) == RTD_JSON_PRESENT &&
        !only(s, &f, text, "method", "forward", err))
        only(s, &f, text, "method_output_name", "last_hidden_state", err);
    close_file(&f);
    return err->status;
}

int rtd_embedding_length(const char *dir, int *length, struct rtd_err *err)
{
    struct file f;
    const struct rtd_json *v;
    int64_t n = 0;
    *length = 0;
    if (!open_transformer(&f, dir, err) && !get(&f, "max_seq_length", RTD_JSON_NUMBER, &v, err) &&
        v && (!rtd_json_whole(v, &n) || n < 1))
        rtd_fail(err, RTD_EDATA, "%s: max_seq_length: want a whole number from 1", f.path);
    close_file(&f);
    *length = n > INT_MAX ? INT_MAX : (int)n;
    return err->status;
}

static int read_prompts(struct rtd_embedding *s, const struct file *f, struct rtd_err *err)
{
    const struct rtd_json *list, *name;
    if (get(f, "prompts", RTD_JSON_OBJECT, &list, err) ||
        get(f, "default_prompt_name", RTD_JSON_TEXT, &name, err))
        return err->status;
    s->prompt = calloc((list ? list->n : 0) + 1, sizeof *s->prompt);
    bool memory = s->prompt != NULL;
    struct rtd_json_walk w = rtd_json_walk(list);
    while (memory && rtd_json_step(&w)) {
        struct rtd_prompt *p = &s->prompt[s->prompts++];
        if (w.value->kind & ~(RTD_JSON_TEXT | RTD_JSON_NULL))
            return rtd_fail(err, RTD_EDATA, "%s: prompts: a prompt that is no text", f->path);
        p->name = rtd_json_copy(w.key);
        p->text = w.value->text ? rtd_json_copy(w.value) : strdup("");
        memory = p->name && p->text;
    }
    if (name && memory)
        memory = (s->default_prompt = rtd_json_copy(name)) != NULL;
    return memory ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: not enough memory", f->path);
}

static int read_overall(struct rtd_embedding *s, const char *dir, struct rtd_err *err)
{
    struct file f;
    if (!open_file(&f, dir, "config_sentence_transformers.json", err) &&
        !only(s, &f, f.root, "model_type", "SentenceTransformer", err))
        read_prompts(s, &f, err);
    close_file(&f);
    return err->status;
}

int rtd_embedding_prompt(const struct rtd_embedding *s, const char *name, const char *dir,
                         const char **text, struct rtd_err *err)
{
    char known[200] = "", shown[80];
    const char *want = name ? name : s->default_prompt;
    *text = "";
    for (size_t i = 0; want && *want && i < s->prompts; i++) {
        const struct rtd_prompt *p = &s->prompt[i];
        size_t used = strlen(known);
        if (strcmp(p->name, want) == 0) {
            *text = p->text;
            return !**text || s->include_prompt
                       ? RTD_OK
                       : rtd_fail(err, RTD_EDATA,
                                  "%s: include_prompt false is not supported where a prompt is "
                                  "used (--prompt '' uses none)",
                                  dir);
        }
        rtd_mask_text(shown, sizeof shown, p->name, strlen(p->name));
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", shown);
    }
    if (!want || !*want)
        return RTD_OK;
    return rtd_fail(err, name ? RTD_EUSAGE : RTD_EDATA, "%s: no prompt '%s' (it has: %s)", dir,
                    rtd_mask_text(shown, sizeof shown, want, strlen(want)), known);
}

/* --- the whole --- */

int rtd_embedding_load(struct rtd_embedding *s, const char *dir, size_t hidden, struct rtd_err *err)
{
    *s = (struct rtd_embedding){.pooling = {RTD_POOL_MEAN}, .poolings = 1, .include_prompt = true};
    if (read_overall(s, dir, err) || check_transformer(s, dir, err) || read_modules(s, dir, err))
        return err->status;
    return measure(s, hidden, dir, err);
}

void rtd_embedding_free(struct rtd_embedding *s)
{
    for (int i = 0; i < s->stages; i++) {
        free(s->stage[i].w);
        free(s->stage[i].b);
    }
    for (size_t i = 0; i < s->prompts; i++) {
        free(s->prompt[i].name);
        free(s->prompt[i].text);
    }
    free(s->prompt);
    free(s->default_prompt);
    *s = (struct rtd_embedding){0};
}

void rtd_embedding_normalise(struct rtd_embedding *s)
{
    if (s->stages == 0 || s->stage[s->stages - 1].kind != RTD_STAGE_NORMALISE)
        s->stage[s->stages++] = (struct rtd_embedding_stage){.kind = RTD_STAGE_NORMALISE};
}

int rtd_embedding_pool(struct rtd_embedding *s, const char *names, size_t hidden,
                       struct rtd_err *err)
{
    s->poolings = 0;
    for (const char *p = names, *end; p; p = *end ? end + 1 : NULL) {
        end = strchrnul(p, ',');
        const struct mode *m = find_mode(p, (size_t)(end - p));
        if (!m || m->pooling < 0 || s->poolings == RTD_POOLINGS)
            return rtd_fail(err, RTD_EUSAGE,
                            "--pooling %s: want cls, max, mean, mean_sqrt_len_tokens, or several",
                            names);
        s->pooling[s->poolings++] = (enum rtd_pooling)m->pooling;
    }
    return measure(s, hidden, "--pooling", err);
}
