/* rtdtools - MIT licence
 *
 * Weights of a published encoder: into a run, and out of it again under the names they came with.
 */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/say.h"
#include "start/start.h"

static bool ends(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

/* Has the tensor a row for every piece? */
static bool by_piece(const char *name)
{
    return ends(name, "word_embeddings.weight") || ends(name, "lm_head.bias") ||
           ends(name, "cls.predictions.bias") || ends(name, "cls.predictions.decoder.bias");
}

/* The word table again, as the output layer that it is tied to. */
static bool is_tied(const char *name)
{
    return ends(name, "lm_head.weight") || ends(name, "cls.predictions.decoder.weight");
}

/* Rows of new pieces: the mean of those that spelt them. */
static void fill_rows(const struct rtd_start *s, real *table, size_t width)
{
    for (size_t i = 0; i < s->nfresh; i++) {
        const struct rtd_new_piece *f = &s->fresh[i];
        for (size_t c = 0; c < width; c++) {
            double sum = 0;
            for (uint32_t k = f->from; k < f->from + f->n; k++)
                sum += (double)table[(size_t)s->spelt[k] * width + c];
            table[(size_t)f->id * width + c] = (real)(sum / f->n);
        }
    }
}

static size_t width_of(const struct rtd_param *t)
{
    return t->ndim == 2 ? t->dims[1] : 1;
}

static int load_network(const struct rtd_start *s, const struct rtd_params *p, int net,
                        const struct rtd_st *st, struct rtd_err *err)
{
    struct rtd_params then = *p; /* the table with as many rows as the file has */
    then.item = malloc((size_t)p->n * sizeof *then.item);
    if (!then.item)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    memcpy(then.item, p->item, (size_t)p->n * sizeof *then.item);
    for (int i = 0; i < p->n; i++) {
        struct rtd_param *t = &then.item[i];
        if (by_piece(t->name)) {
            t->dims[0] = (size_t)s->from.config.vocab_size;
            t->count = t->dims[0] * width_of(t);
        }
    }
    int status = rtd_params_load(&then, net, st, err);
    free(then.item);
    for (int i = 0; i < p->n && !status; i++)
        if (p->item[i].net == net && by_piece(p->item[i].name))
            fill_rows(s, p->w + p->item[i].offset, width_of(&p->item[i]));
    return status;
}

/* --- what will be written --- */

/* A name as it is written. */
static int copy_name(char to[128], const struct rtd_st *st, const char *name, struct rtd_err *err)
{
    if (strlen(name) >= 126)
        return rtd_fail(err, RTD_EDATA, "%s: a tensor's name of over 126 bytes", rtd_st_name(st));
    rtd_params_rename(strcpy(to, name));
    return RTD_OK;
}

/* The network's tensors under the names of the file; one that is tied to the word table is that
 * table. */
static int list_trained(struct rtd_start *s, const struct rtd_params *p, const struct rtd_st *st,
                        struct rtd_err *err)
{
    int n = rtd_st_count(st);
    s->trained.item = calloc((size_t)n + (size_t)p->n, sizeof *s->trained.item);
    if (!s->trained.item)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < p->n; i++) {
        const struct rtd_param *t = &p->item[i];
        const struct rtd_st_tensor *of =
            t->net == RTD_NET_DISCRIMINATOR ? rtd_params_tensor(t, st) : NULL;
        bool words = of && ends(t->name, "word_embeddings.weight") &&
                     !json_is_false(json_object_get(s->from.config.extra, "tie_word_embeddings"));
        for (int k = 0; of && k < n; k++) {
            const struct rtd_st_tensor *x = rtd_st_at(st, k);
            if (x != of && !(words && is_tied(x->name)))
                continue;
            struct rtd_param *to = &s->trained.item[s->trained.n++];
            *to = *t;
            if (copy_name(to->name, st, x->name, err))
                return err->status;
        }
    }
    return RTD_OK;
}

static bool is_trained(const struct rtd_start *s, const char *name)
{
    return rtd_params_find(&s->trained, RTD_NET_DISCRIMINATOR, name) != NULL;
}

/* The others: a pooler, heads of other kinds.  Whole numbers are buffers, which whoever loads a
 * model makes himself. */
static int keep_others(struct rtd_start *s, const struct rtd_st *st, struct rtd_err *err)
{
    for (int k = 0; k < rtd_st_count(st); k++) {
        const struct rtd_st_tensor *x = rtd_st_at(st, k);
        char name[128];
        if (copy_name(name, st, x->name, err))
            return err->status;
        if (x->dtype > RTD_ST_BF16 || x->ndim < 1 || x->ndim > 2 || !x->count ||
            is_trained(s, name))
            continue;
        bool pieces = by_piece(name) && x->dims[0] == (size_t)s->from.config.vocab_size;
        rtd_params_add(&s->kept, RTD_NET_DISCRIMINATOR, 0, RTD_INIT_ZERO, 0,
                       pieces ? (size_t)s->rows : x->dims[0], x->ndim == 2 ? x->dims[1] : 0, "%s",
                       name);
    }
    if (!s->kept.n || rtd_params_alloc(&s->kept, err))
        return err->status;
    return load_network(s, &s->kept, RTD_NET_DISCRIMINATOR, st, err);
}

int rtd_start_load(struct rtd_start *s, struct rtd_params *p, struct rtd_err *err)
{
    const struct rtd_st *st = s->from.weights;
    for (int i = 0; i < p->n; i++)
        if (p->item[i].net == RTD_NET_DISCRIMINATOR && !rtd_params_tensor(&p->item[i], st))
            p->item[i].net = RTD_NET_NONE;
    if (load_network(s, p, RTD_NET_DISCRIMINATOR, st, err) ||
        (s->generator.path && load_network(s, p, RTD_NET_GENERATOR, s->generator.weights, err)) ||
        list_trained(s, p, st, err) || keep_others(s, st, err))
        return err->status;
    rtd_say("from %s%s%s; new pieces: %zu", s->from.path, s->generator.path ? " and " : "",
            s->generator.path ? s->generator.path : "", s->nfresh);
    rtd_st_close(s->from.weights);
    s->from.weights = NULL;
    rtd_model_dir_close(&s->generator);
    return RTD_OK;
}

int rtd_start_write(const struct rtd_start *s, const struct rtd_params *p,
                    const struct rtd_config *shape, uint64_t longest, const char *dir,
                    struct rtd_err *err)
{
    struct rtd_config c = {0};
    struct rtd_st_writer *w = NULL;
    uint64_t trained = (uint64_t)rtd_config_trained_length(shape);
    int st = rtd_config_copy(&c, shape, err);
    if (!st) /* an objective has called it by its own head */
        strcpy(c.architecture, s->from.config.architecture);
    if (!st && trained && longest > trained)
        st = rtd_config_set_own(&c, "trained_length", json_integer((json_int_t)longest), err);
    if (!st)
        st = rtd_model_dir_write_common(dir, &c, s->tok, s->from.max_length, err);
    if (!st)
        st = rtd_sentence_files_write(&s->beside, dir, err);
    if (!st)
        st = rtd_st_writer_new(&w, err);
    if (!st)
        st = rtd_params_save(&s->trained, RTD_NET_DISCRIMINATOR, p->w, "", w, err);
    if (!st)
        st = rtd_params_save(&s->kept, RTD_NET_DISCRIMINATOR, s->kept.w, "", w, err);
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    rtd_config_free(&c);
    return st;
}
