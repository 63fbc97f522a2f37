/* rtdtools - MIT licence */
#include "objective/generator.h"

#include <string.h>

#include "base/rng.h"
#include "model/flops.h"
#include "objective/masked_lm.h"

int rtd_frozen_open(struct rtd_frozen *f, const char *dir, struct rtd_err *err)
{
    int head = -1, st = rtd_model_dir_open(&f->dir, dir, RTD_DIR_TOKENIZER, err);
    if (!st)
        st = rtd_network_open(&f->net, &f->dir.config, f->dir.weights, true, err);
    if (!st && (head = rtd_network_head(f->net, 1u << RTD_TASK_FILL, NULL, dir, err)) < 0)
        st = err->status;
    if (!st)
        st = rtd_st_digest(f->digest, f->dir.weights, err);
    if (!st)
        f->head = &f->net->head[head].shape.as.lm;
    return st;
}

static size_t without_last_newline(const char *text, size_t len)
{
    return len && text[len - 1] == '\n' ? len - 1 : len;
}

int rtd_frozen_meet(const struct rtd_frozen *f, const struct rtd_config *disc, const char *vocab,
                    size_t len, const char *name, struct rtd_err *err)
{
    const struct rtd_config *c = &f->net->config;
    size_t own_len;
    const char *own = rtd_tokenizer_vocab(f->dir.tok, &own_len);
    own_len = without_last_newline(own, own_len);
    len = without_last_newline(vocab, len);
    if (own_len != len || memcmp(own, vocab, len) || c->vocab_size != disc->vocab_size)
        return rtd_fail(err, RTD_EDATA, "%s: its vocabulary is not the one of %s", f->dir.path,
                        name);
    if (c->max_position_embeddings < disc->max_position_embeddings ||
        c->type_vocab_size < disc->type_vocab_size)
        return rtd_fail(err, RTD_EDATA, "%s: %d positions and %d types, but the run has %d and %d",
                        f->dir.path, c->max_position_embeddings, c->type_vocab_size,
                        disc->max_position_embeddings, disc->type_vocab_size);
    return RTD_OK;
}

void rtd_frozen_close(struct rtd_frozen *f)
{
    rtd_network_free(f->net);
    rtd_model_dir_close(&f->dir);
    *f = (struct rtd_frozen){0};
}

int rtd_generator_choose(struct rtd_pretrain_options *o, struct rtd_frozen *frozen,
                         const char *option, const char *text, struct rtd_err *err)
{
    if (!strcmp(text, "joint"))
        return RTD_OK;
    if (!(rtd_phases_parts(&o->phases) & RTD_PART_GENERATOR))
        return rtd_fail(err, RTD_EUSAGE, "%s %s: no objective of the run has a generator", option,
                        text);
    for (int i = 0; i < o->phases.n; i++)
        if (o->phases.at[i].objective == &rtd_mlm_warmup)
            return rtd_fail(err, RTD_EUSAGE, "%s %s: mlm-warmup trains one of its own: take mlm",
                            option, text);
    o->unigram = !strcmp(text, "unigram");
    if (o->unigram)
        return RTD_OK;
    o->frozen = frozen;
    return rtd_frozen_open(frozen, text, err);
}

bool rtd_generator_learns(const struct rtd_pretrain_options *o)
{
    return rtd_phases_parts(&o->phases) & RTD_PART_GENERATOR && !o->frozen && !o->unigram;
}

/* One of the pieces that were masked in the batch, so that its words are as frequent as those that
 * they replace. */
static void run_unigram(const struct rtd_pretrain *p, const struct rtd_micro *m, int32_t *sampled)
{
    const struct rtd_masked_batch *b = m->batch;
    uint32_t n = b->mstart[b->nseq];
    for (size_t k = 0; k < m->M; k++) {
        uint32_t purpose = m->train ? RTD_RNG_GUMBEL : RTD_RNG_EVAL_GUMBEL;
        uint32_t at = rtd_below(
            rtd_rand32(p->o.seed, purpose, RTD_NET_GENERATOR, 0, m->record[k], m->slot[k]), n);
        for (uint32_t i = 0; i < n && p->o.disallow_correct; i++, at = (at + 1) % n)
            if (b->originals[at] != m->original[k])
                break;
        sampled[k] = b->originals[at];
    }
}

static void run_frozen(const struct rtd_pretrain *p, struct rtd_lane *lane,
                       const struct rtd_micro *m, int32_t *sampled, struct rtd_sums *sums)
{
    const struct rtd_network *net = p->o.frozen->net;
    struct rtd_arena *arena = lane->arena;
    size_t mark = arena->used;
    struct rtd_acts acts;
    struct rtd_lm_rows rows = rtd_masked_rows(p, m, sampled);
    rows.site |= (uint32_t)RTD_NET_GENERATOR << 8;
    rtd_acts_take(&acts, arena, &net->enc, &m->t, false);
    if (arena->base)
        rtd_encoder_forward(&net->enc, net->params.w, &m->t, &acts, NULL);
    rtd_lm_head_run(p->o.frozen->head, net->params.w, NULL, &rows, acts.out, NULL, m->T, 0, arena);
    sums->of[RTD_SUM_MLM_LOSS] += rows.loss;
    sums->of[RTD_SUM_MLM_CORRECT] += (double)rows.correct;
    arena->used = mark;
}

void rtd_generator_run(const struct rtd_pretrain *p, struct rtd_lane *lane,
                       const struct rtd_micro *m, int32_t *sampled, struct rtd_sums *sums)
{
    if (p->o.frozen) {
        run_frozen(p, lane, m, sampled, sums);
    } else if (p->o.unigram) {
        if (sampled)
            run_unigram(p, m, sampled);
    } else {
        struct rtd_mlm_result r =
            rtd_masked_lm(p, lane, m, &p->gen, &p->lm, 0, sampled, p->keep.hidden[0]);
        sums->of[RTD_SUM_MLM_LOSS] += r.loss;
        sums->of[RTD_SUM_MLM_CORRECT] += r.correct;
    }
    for (size_t k = 0; sampled && k < m->M; k++) {
        if (m->batch->sampled)
            sampled[k] = m->batch->sampled[m->place[k]];
        sums->of[RTD_SUM_SAMPLED_CORRECT] += sampled[k] == m->original[k];
    }
}

double rtd_generator_flops(const struct rtd_pretrain *p, size_t n, size_t masked)
{
    const struct rtd_config *c = p->o.frozen ? &p->o.frozen->net->config : &p->gen_config;
    double forward = rtd_flops_encoder(c, (double)n) + rtd_flops_generator_head(c, (double)masked);
    return p->o.frozen ? forward : p->o.unigram ? 0 : 3 * forward;
}
