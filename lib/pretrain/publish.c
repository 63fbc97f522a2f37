/* rtdtools - MIT licence */
#include "pretrain/publish.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/rng.h"
#include "model/directory.h"

const struct rtd_published *rtd_published(const struct rtd_pretrain_options *o)
{
    static const struct rtd_published both[] = {
        {"generator", RTD_NET_GENERATOR, RTD_NET_DISCRIMINATOR},
        {"discriminator", RTD_NET_DISCRIMINATOR, RTD_NET_DISCRIMINATOR},
        {0},
    };
    return rtd_generator_learns(o) ? both : both + 1;
}

/* Copies of the embeddings that a network shares, and of the word table as the output layer of a
 * language model. */
static int add_copies(const struct rtd_params *p, const struct rtd_published *net, bool language,
                      struct rtd_st_writer *w, struct rtd_err *err)
{
    int st = RTD_OK;
    for (int i = 0; i < p->n && !st; i++) {
        const struct rtd_param *t = &p->item[i];
        const char *rest = strstr(t->name, "embeddings.");
        char name[160];
        if (t->net != net->shares || !rest)
            continue;
        snprintf(name, sizeof name, "electra.%s", rest);
        if (net->shares != net->net)
            st = rtd_st_add(w, name, RTD_ST_F32, t->ndim, t->dims, p->w + t->offset, err);
        if (!st && language && strstr(t->name, "word_embeddings"))
            st = rtd_st_add(w, "generator_lm_head.weight", RTD_ST_F32, 2, t->dims, p->w + t->offset,
                            err);
    }
    return st;
}

static int write_small_files(const struct rtd_checkpoint *r, const struct rtd_config *c,
                             const char *dir, struct rtd_err *err)
{
    const struct rtd_tokeniser *k = &r->h->tok;
    struct rtd_tok_settings settings;
    struct rtd_tokenizer *tok;
    if (r->start)
        return rtd_model_dir_write_common(dir, c, r->start->tok, c->max_position_embeddings, err);
    rtd_tok_settings_default(&settings, false);
    settings.lower_case = k->lower_case;
    settings.strip_accents = k->strip_accents;
    settings.chinese = k->chinese;
    settings.max_word = k->max_word;
    settings.special_tokens = true;
    int st =
        rtd_tokenizer_new(&tok, k->vocab, k->vocab_len, "the stream's vocabulary", &settings, err);
    if (st)
        return st;
    st = rtd_model_dir_write_common(dir, c, tok, c->max_position_embeddings, err);
    rtd_tokenizer_free(tok);
    return st;
}

int rtd_publish_network(const struct rtd_checkpoint *r, const struct rtd_published *net,
                        const char *dir, struct rtd_err *err)
{
    const struct rtd_pretrain *p = r->p;
    struct rtd_config c = {0};
    struct rtd_st_writer *w = NULL;
    if (r->start && net->net == RTD_NET_DISCRIMINATOR)
        return rtd_start_write(r->start, &p->params, &p->disc_config, r->longest, dir, err);
    int st =
        rtd_config_copy(&c, net->net == RTD_NET_GENERATOR ? &p->gen_config : &p->disc_config, err);
    if (!st)
        st = rtd_config_set_own(&c, "trained_length", json_integer((json_int_t)r->longest), err);
    if (!st)
        st = write_small_files(r, &c, dir, err);
    if (!st)
        st = rtd_st_writer_new(&w, err);
    if (!st)
        st = add_copies(&p->params, net, strstr(c.architecture, "ForMaskedLM"), w, err);
    if (!st)
        st = rtd_params_save(&p->params, net->net, p->params.w, "", w, err);
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    rtd_config_free(&c);
    return st;
}

static int check_finite(const struct rtd_params *p, struct rtd_err *err)
{
    for (int i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->item[i].count; k++)
            if (!isfinite(p->w[p->item[i].offset + k]))
                return rtd_fail(err, RTD_ENUMERIC, "%s: not finite: no model is written",
                                p->item[i].name);
    return RTD_OK;
}

int rtd_publish(const struct rtd_checkpoint *c, struct rtd_err *err)
{
    char final[PATH_MAX], tmp[PATH_MAX];
    int st = check_finite(&c->p->params, err);
    for (const struct rtd_published *net = rtd_published(&c->p->o); net->name && !st; net++) {
        if (snprintf(final, sizeof final, "%s/%s", c->dir, net->name) >= (int)sizeof final)
            return rtd_fail(err, RTD_ESYS, "%s: name too long", c->dir);
        st = rtd_tmpdir(final, tmp, sizeof tmp, err);
        if (st)
            return st;
        st = rtd_publish_network(c, net, tmp, err);
        if (!st)
            st = rtd_commit_dir(tmp, final, true, err);
        if (st) {
            struct rtd_err ignored = {0};
            rtd_remove_tree(tmp, &ignored);
        }
    }
    return st;
}
