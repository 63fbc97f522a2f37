/* rtdtools - MIT licence */
#include "import/google.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/say.h"

enum { NAME = 256 };

static bool ends(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static bool begins(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

/* Replace the first `from` in s by `to`; s has room for NAME bytes. */
static void replace(char *s, const char *from, const char *to)
{
    char rest[NAME], *at = strstr(s, from);
    if (!at || strlen(s) + strlen(to) >= NAME)
        return;
    strcpy(rest, at + strlen(from));
    strcpy(stpcpy(at, to), rest);
}

/* Hugging Face's name of a tensor of one of the networks; false: it belongs to the other. */
static bool translate(char out[NAME], const char *name, bool generator)
{
    static const struct {
        const char *from, *to;
    } parts[] = {{"dense_1", "dense_prediction"},
                 {"gamma", "weight"},
                 {"beta", "bias"},
                 {"kernel", "weight"},
                 {"layer_", "layer/"}};
    if (strlen(name) >= NAME - 16)
        return false;
    strcpy(out, name);
    if (generator) {
        if (begins(out, "generator_predictions/output_bias"))
            return strcpy(out, "generator_lm_head.bias"), true;
        if (begins(out, "generator_embeddings/"))
            replace(out, "generator_embeddings/", "electra/embeddings/");
        else if (begins(out, "generator/"))
            replace(out, "generator/", "electra/");
        else if (!begins(out, "generator_predictions/") && !begins(out, "electra/embeddings/"))
            return false;
    } else if (!begins(out, "electra/") && !begins(out, "discriminator_predictions/")) {
        return false;
    }
    if (ends(out, "_embeddings"))
        strcat(out, "/weight");
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        replace(out, parts[i].from, parts[i].to);
    for (char *p = out; *p; p++)
        *p = *p == '/' ? '.' : *p;
    return true;
}

/* A kernel [in, out] becomes a weight [out, in]. */
static int add(struct rtd_weights *to, const char *name, const struct rtd_weight *w, bool transpose,
               struct rtd_err *err)
{
    size_t dims[RTD_ST_MAX_DIMS];
    memcpy(dims, w->dims, sizeof dims);
    transpose = transpose && w->ndim == 2;
    if (transpose) {
        dims[0] = w->dims[1];
        dims[1] = w->dims[0];
    }
    struct rtd_weight *x = rtd_weights_add(to, name, w->ndim, dims, err);
    if (!x)
        return err->status;
    if (!transpose)
        memcpy(x->data, w->data, w->count * sizeof *x->data);
    for (size_t r = 0; transpose && r < dims[0]; r++)
        for (size_t c = 0; c < dims[1]; c++)
            x->data[r * dims[1] + c] = w->data[c * dims[0] + r];
    return RTD_OK;
}

/* The tensors of one network; slot "": the values, "/adam_m", "/adam_v": moments. */
static int pick(struct rtd_weights *to, const struct rtd_weights *all, bool generator,
                const char *slot, const char *prefix, struct rtd_err *err)
{
    char name[NAME], full[NAME + 8];
    for (size_t i = 0; i < all->n; i++) {
        char plain[NAME];
        bool moment = ends(all->w[i].name, "/adam_m") || ends(all->w[i].name, "/adam_v");
        if (slot[0] ? !ends(all->w[i].name, slot) : moment)
            continue;
        size_t len = strlen(all->w[i].name) - strlen(slot);
        if (len >= sizeof plain)
            continue;
        memcpy(plain, all->w[i].name, len);
        plain[len] = '\0';
        if (!translate(name, plain, generator))
            continue;
        snprintf(full, sizeof full, "%s%s", prefix, name);
        bool own = generator && begins(plain, "electra/embeddings/") && rtd_weights_find(to, full);
        if (!own && add(to, full, &all->w[i], ends(plain, "kernel"), err))
            return err->status;
    }
    return RTD_OK;
}

static size_t dim(const struct rtd_weights *all, const char *name, int i)
{
    const struct rtd_weight *w = rtd_weights_find(all, name);
    return w && i < w->ndim && w->dims[i] <= INT_MAX ? w->dims[i] : 0;
}

static int count_layers(const struct rtd_weights *all)
{
    char name[NAME];
    int n = 0;
    do
        snprintf(name, sizeof name, "electra.encoder.layer.%d.output.dense.weight", n);
    while (rtd_weights_find(all, name) && ++n < 1000);
    return n;
}

/* A configuration from the shapes; heads and the constants are not in the checkpoint. */
static int make_config(struct rtd_config *c, const struct rtd_weights *all, int heads,
                       bool generator, const char *prefix, struct rtd_err *err)
{
    static const char layer[] = "electra.encoder.layer.0.";
    char query[NAME], dense[NAME];
    snprintf(query, sizeof query, "%sattention.self.query.weight", layer);
    snprintf(dense, sizeof dense, "%sintermediate.dense.weight", layer);
    rtd_config_init(c);
    strcpy(c->architecture, generator ? "ElectraForMaskedLM" : "ElectraForPreTraining");
    c->vocab_size = (int)dim(all, "electra.embeddings.word_embeddings.weight", 0);
    c->embedding_size = (int)dim(all, "electra.embeddings.word_embeddings.weight", 1);
    c->max_position_embeddings = (int)dim(all, "electra.embeddings.position_embeddings.weight", 0);
    c->type_vocab_size = (int)dim(all, "electra.embeddings.token_type_embeddings.weight", 0);
    c->hidden_size = (int)dim(all, query, 0);
    c->intermediate_size = (int)dim(all, dense, 0);
    c->num_hidden_layers = count_layers(all);
    c->num_attention_heads = heads ? heads : c->hidden_size >= 64 ? c->hidden_size / 64 : 1;
    return rtd_config_check(c, prefix, err);
}

static int write_moments(const char *dir, const struct rtd_weights *all, bool generator,
                         struct rtd_err *err)
{
    struct rtd_weights m = {0};
    struct rtd_st_writer *w = NULL;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/moments.safetensors", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    int st = pick(&m, all, generator, "/adam_m", "m.", err);
    if (!st)
        st = pick(&m, all, generator, "/adam_v", "v.", err);
    if (!st)
        st = rtd_st_writer_new(&w, err);
    for (size_t i = 0; i < m.n && !st; i++)
        st = rtd_st_add(w, m.w[i].name, RTD_ST_F32, m.w[i].ndim, m.w[i].dims, m.w[i].data, err);
    if (!st)
        st = rtd_st_write(w, path, err);
    rtd_st_writer_free(w);
    rtd_weights_free(&m);
    return st;
}

static int write_network(const char *dir, const struct rtd_weights *all, bool generator, int *heads,
                         int *width, const struct rtd_import_options *o,
                         const struct rtd_tok_files *v, const char *prefix, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_weights own = {0};
    struct rtd_config c = {0};
    const struct rtd_weight *word;
    if (snprintf(path, sizeof path, "%s/%s", dir, generator ? "generator" : "discriminator") >=
        (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    int st = pick(&own, all, generator, "", "", err);
    if (!st && generator && !rtd_weights_find(&own, "generator_lm_head.bias")) {
        rtd_weights_free(&own);
        return RTD_OK; /* a checkpoint of the discriminator alone */
    }
    if (!st && mkdir(path, 0777))
        st = rtd_fail_sys(err, "%s", path);
    if (!st && generator) /* a generator's heads are as wide as the discriminator's */
        *heads = (int)dim(&own, "electra.encoder.layer.0.attention.self.query.weight", 0) * *heads /
                 *width;
    if (!st)
        st = make_config(&c, &own, *heads, generator, prefix, err);
    if (!st) {
        *heads = c.num_attention_heads;
        *width = c.hidden_size;
        word = rtd_weights_find(&own, "electra.embeddings.word_embeddings.weight");
        if (generator)
            st = add(&own, "generator_lm_head.weight", word, false, err);
    }
    if (!st)
        st = rtd_import_write(path, &c, &own, v, err);
    if (!st && o->moments)
        st = write_moments(path, all, generator, err);
    rtd_weights_free(&own);
    rtd_config_free(&c);
    return st;
}

/* What belongs to neither network: said, so that nothing is lost without a word. */
static int tell_the_rest(const struct rtd_weights *all, const char *prefix, struct rtd_err *err)
{
    char name[NAME];
    const char *first = NULL;
    size_t rest = 0;
    if (rtd_weights_find(all, "bert/embeddings/word_embeddings"))
        return rtd_fail(err, RTD_EDATA,
                        "%s: a checkpoint of BERT, not of ELECTRA: transformers' "
                        "BertForPreTraining.from_pretrained(..., from_tf=True) reads it, and "
                        "save_pretrained makes what is read here",
                        prefix);
    for (size_t i = 0; i < all->n; i++) {
        const char *s = all->w[i].name;
        if (ends(s, "/adam_m") || ends(s, "/adam_v") || translate(name, s, false) ||
            translate(name, s, true))
            continue;
        first = first ? first : s;
        rest++;
    }
    if (rest)
        rtd_say("%s: %zu tensor%s of neither network left out, the first %s", prefix, rest,
                rtd_s(rest), first);
    return RTD_OK;
}

int rtd_google_import(const char *prefix, const char *dir, const struct rtd_import_options *o,
                      const struct rtd_tok_files *v, struct rtd_err *err)
{
    struct rtd_weights all = {0};
    int heads = o->heads, width = 1;
    int st = rtd_read_tensorflow(&all, prefix, err);
    if (!st)
        st = rtd_weights_check(&all, prefix, err);
    if (!st)
        st = tell_the_rest(&all, prefix, err);
    if (!st)
        st = write_network(dir, &all, false, &heads, &width, o, v, prefix, err);
    if (!st && !o->heads)
        rtd_say("%s: %d attention head%s assumed for a width of %d (--heads N if it has others)",
                prefix, heads, rtd_s((uint64_t)heads), width);
    if (!st)
        st = write_network(dir, &all, true, &heads, &width, o, v, prefix, err);
    rtd_weights_free(&all);
    return st;
}
