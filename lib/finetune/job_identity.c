/* rtdtools - MIT licence
 *
 * What a run that is taken up again must agree in with the one that kept the state. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "finetune/job_internal.h"

/* The sequences, and what is to be learnt of them. */
static void add_examples(struct rtd_digest *d, const struct rtd_examples *e)
{
    const struct rtd_sequences *q = &e->seq;
    size_t n = q->n, tokens = q->start[n];
    rtd_digest_add(d, q->ids, tokens * sizeof *q->ids);
    rtd_digest_add(d, q->start, n * sizeof *q->start);
    for (int i = 0; i < e->targets; i++) {
        const struct rtd_example_targets *a = &e->target[i];
        size_t k = (size_t)a->outputs;
        if (a->label)
            rtd_digest_add(d, a->label, n * sizeof *a->label);
        if (a->value)
            rtd_digest_add(d, a->value, n * k * sizeof *a->value);
        if (a->token)
            rtd_digest_add(d, a->token, tokens * sizeof *a->token);
        if (a->span)
            rtd_digest_add(d, a->span, n * sizeof *a->span);
        if (a->weight)
            rtd_digest_add(d, a->weight, k * sizeof *a->weight);
    }
}

/* Names and values of a model's tensors. */
static void add_weights(struct rtd_digest *d, const struct rtd_st *st)
{
    for (int i = 0; i < rtd_st_count(st); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        rtd_digest_add(d, t->name, strlen(t->name) + 1);
        rtd_digest_add(d, t->data, t->bytes);
    }
}

/* What a config.json says that decides numbers; labels are in the examples. */
static void add_config(struct rtd_digest *d, const struct rtd_config *c)
{
    char text[600]; /* room for 16 numbers and two names */
    int n = snprintf(
        text, sizeof text, "%s|%s|%d|%d|%d|%d|%d|%d|%d|%d|%d|%d|%.17g|%.17g|%.17g|%.17g|%.17g",
        c->model_type, c->architecture, c->vocab_size, c->embedding_size, c->hidden_size,
        c->num_hidden_layers, c->num_attention_heads, c->intermediate_size,
        c->max_position_embeddings, c->type_vocab_size, c->pad_token_id, (int)c->hidden_act,
        c->layer_norm_eps, c->initializer_range, c->hidden_dropout_prob,
        c->attention_probs_dropout_prob, c->classifier_dropout);
    rtd_digest_add(d, text, (size_t)n);
}

/* The models that the weights come from. */
static int add_models(struct rtd_digest *d, const struct rtd_job *j, struct rtd_err *err)
{
    struct rtd_model_dir g;
    if (!j->o->scratch)
        add_weights(d, j->from.weights);
    if (!j->o->generator)
        return RTD_OK;
    if (rtd_model_dir_open(&g, j->o->generator, 0, err))
        return err->status;
    add_config(d, &g.config);
    add_weights(d, g.weights);
    rtd_model_dir_close(&g);
    return RTD_OK;
}

int rtd_job_identify(struct rtd_job *j, struct rtd_err *err)
{
    struct rtd_digest *d = rtd_digest_new();
    const struct rtd_finetune_loop_options *f = &j->fit;
    char text[600]; /* room for 19 numbers */
    if (!d)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < j->sets; i++) {
        add_examples(d, &j->set[i].train);
        if (j->set[i].has_dev)
            add_examples(d, &j->set[i].dev.e);
    }
    int n = snprintf(text, sizeof text,
                     "%.17g|%.17g|%d|%.17g|%.17g|%.17g|%.17g|%d|%d|%d|%lld|%lld|%lld|%lld|%llu|%d|"
                     "%lld|%.17g|%d",
                     f->lr, f->warmup, f->warmup_multiplies, f->weight_decay, f->clip, f->eps,
                     f->layer_decay, f->official_layer_decay, f->loss_mean, f->bias_correction,
                     (long long)f->batch, (long long)f->epochs, (long long)f->max_steps,
                     (long long)f->patience, (unsigned long long)f->seed, j->o->scratch,
                     (long long)j->o->lanes, j->o->smoothing, j->o->data.balanced);
    rtd_digest_add(d, text, (size_t)n);
    if (f->metric)
        rtd_digest_add(d, f->metric, strlen(f->metric));
    add_config(d, &j->config);
    int st = j->o->resume ? add_models(d, j, err) : RTD_OK;
    rtd_digest_get(d, j->identity);
    rtd_digest_free(d);
    return st;
}
