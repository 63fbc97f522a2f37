/* rtdtools - MIT licence */
#include "model/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static bool uses_pooler(const struct rtd_head_spec *s)
{
    return s->task == RTD_TASK_CLASSIFY || s->task == RTD_TASK_REGRESS ||
           s->task == RTD_TASK_MULTILABEL || s->task == RTD_TASK_RANK;
}

/* A head alone has Hugging Face's names, one of several heads.NAME. */
static void layout_head(struct rtd_network *n, struct rtd_head *head)
{
    const struct rtd_config *c = &n->config;
    const struct rtd_head_spec *s = &head->spec;
    double drop = c->classifier_dropout >= 0 ? c->classifier_dropout : c->hidden_dropout_prob;
    char name[RTD_HEAD_NAME + 16];
    snprintf(name, sizeof name, "%s%s", s->name[0] ? "heads." : "classifier", s->name);
    switch (s->task) {
    case RTD_TASK_TAG:
    case RTD_TASK_ANSWER:
        head->kind = RTD_HEAD_TOKEN;
        if (s->task == RTD_TASK_ANSWER && !s->name[0])
            strcpy(name, "qa_outputs");
        rtd_token_head_layout(&head->as.token, &n->params, &n->enc, name, s->outputs);
        head->as.token.drop = s->task == RTD_TASK_TAG ? drop : 0;
        break;
    case RTD_TASK_DETECT:
        head->kind = RTD_HEAD_DISC;
        rtd_disc_head_layout(&head->as.disc, &n->params, &n->enc);
        break;
    case RTD_TASK_GENERATE:
    case RTD_TASK_FILL:
        head->kind = RTD_HEAD_LM;
        if (s->task == RTD_TASK_FILL && strcmp(c->model_type, "bert") == 0)
            rtd_lm_head_layout(&head->as.lm, &n->params, &n->enc, n->enc.net,
                               "cls.predictions.transform", "cls.predictions.bias");
        else
            rtd_lm_head_layout(&head->as.lm, &n->params, &n->enc, n->enc.net,
                               "generator_predictions", "generator_lm_head.bias");
        break;
    default:
        head->kind = RTD_HEAD_CLASS;
        rtd_class_head_layout(&head->as.cls, &n->params, &n->enc, n->has_pooler ? &n->pooler : NULL,
                              name, s->outputs);
        head->as.cls.drop = drop;
    }
}

static const char *prefix_of(const struct rtd_config *c)
{
    return strcmp(c->model_type, "bert") == 0 ? "bert." : "electra.";
}

/* Everything but the memory of the parameters. */
static int lay_out(struct rtd_network **out, const struct rtd_config *c, bool heads, bool pooler,
                   struct rtd_err *err)
{
    struct rtd_network *n = calloc(1, sizeof *n);
    struct rtd_head_spec spec[RTD_MAX_HEADS];
    bool used = false;
    *out = NULL;
    if (!n)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int st = rtd_config_copy(&n->config, c, err);
    if (!st && heads)
        st = rtd_head_specs(spec, &n->heads, c, err);
    if (st) {
        n->heads = 0;
        rtd_network_free(n);
        return st;
    }
    rtd_encoder_layout(&n->enc, &n->params, c, RTD_NET_DISCRIMINATOR, prefix_of(c), NULL);
    for (int i = 0; i < n->heads; i++)
        used |= uses_pooler(&spec[i]);
    n->has_pooler = strcmp(c->model_type, "bert") == 0 && (pooler || used);
    if (n->has_pooler)
        rtd_pooler_layout(&n->pooler, &n->params, &n->enc, prefix_of(c));
    for (int i = 0; i < n->heads; i++) {
        n->head[i].spec = spec[i];
        layout_head(n, &n->head[i]);
    }
    *out = n;
    return RTD_OK;
}

/* n with its memory; without, n is freed. */
static int allocate(struct rtd_network **out, struct rtd_network *n, struct rtd_err *err)
{
    *out = NULL;
    if (rtd_params_alloc(&n->params, err))
        rtd_network_free(n);
    else
        *out = n;
    return err->status;
}

int rtd_network_new(struct rtd_network **out, const struct rtd_config *c, bool pooler,
                    struct rtd_err *err)
{
    struct rtd_network *n;
    int st = lay_out(&n, c, true, pooler, err);
    *out = NULL;
    return st ? st : allocate(out, n, err);
}

int rtd_network_check(const struct rtd_config *c, const struct rtd_st *st, struct rtd_err *err)
{
    struct rtd_params params = {0};
    struct rtd_encoder enc;
    rtd_encoder_layout(&enc, &params, c, RTD_NET_DISCRIMINATOR, prefix_of(c), NULL);
    rtd_params_check(&params, enc.net, st, err);
    rtd_params_free(&params);
    return err->status;
}

int rtd_network_open(struct rtd_network **out, const struct rtd_config *c, const struct rtd_st *st,
                     bool heads, struct rtd_err *err)
{
    struct rtd_network *n;
    *out = NULL;
    if (lay_out(&n, c, heads, false, err))
        return err->status;
    if (rtd_params_check(&n->params, n->enc.net, st, err)) {
        rtd_network_free(n);
        return err->status;
    }
    if (allocate(out, n, err))
        return err->status;
    if (rtd_network_load(n, st, err)) {
        rtd_network_free(n);
        *out = NULL;
    }
    return err->status;
}

void rtd_network_free(struct rtd_network *n)
{
    if (!n)
        return;
    for (int i = 0; i < n->heads; i++)
        rtd_head_specs_free(&n->head[i].spec, 1);
    rtd_params_free(&n->params);
    rtd_config_free(&n->config);
    free(n);
}

static void list_tasks(char *out, size_t size, unsigned tasks)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < RTD_TASKS && used < size; i++)
        if (tasks >> i & 1)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     rtd_task_name((enum rtd_task)i));
}

/* Is this the head's name, or, of the two of a joint task, what stands before _intent or _slots? */
static bool is_named(const struct rtd_head_spec *s, const char *name)
{
    size_t len = strlen(name);
    const char *rest = s->name + len;
    return strncmp(s->name, name, len) == 0 &&
           (!*rest || strcmp(rest, "_intent") == 0 || strcmp(rest, "_slots") == 0);
}

int rtd_network_head(const struct rtd_network *n, unsigned tasks, const char *name,
                     const char *model, struct rtd_err *err)
{
    char wanted[120];
    int found = -1, count = 0;
    for (int i = 0; i < n->heads; i++) {
        const struct rtd_head_spec *s = &n->head[i].spec;
        if (!(tasks >> s->task & 1) || (name && !is_named(s, name)))
            continue;
        found = i;
        count++;
    }
    if (count == 1)
        return found;
    list_tasks(wanted, sizeof wanted, tasks);
    if (count > 1)
        rtd_fail(err, RTD_EDATA, "%s: several heads for %s: choose one with --head", model, wanted);
    else if (name)
        rtd_fail(err, RTD_EDATA, "%s: no head '%s' for %s", model, name, wanted);
    else
        rtd_fail(err, RTD_EDATA, "%s: %s: no head for %s", model,
                 n->config.architecture[0] ? n->config.architecture
                                           : "a model without architecture",
                 wanted);
    return -1;
}

int rtd_network_load(struct rtd_network *n, const struct rtd_st *st, struct rtd_err *err)
{
    return rtd_params_load(&n->params, n->enc.net, st, err);
}

/* Does head h own the tensor at this offset?  Its tensors lie behind the encoder's, one head after
 * the other. */
static size_t first_tensor(const struct rtd_head *head)
{
    switch (head->kind) {
    case RTD_HEAD_TOKEN:
        return head->as.token.w;
    case RTD_HEAD_DISC:
        return head->as.disc.dense_w;
    case RTD_HEAD_LM:
        return head->as.lm.dense_w;
    default:
        return head->as.cls.act == RTD_TANH ? head->as.cls.out_w : head->as.cls.dense_w;
    }
}

int rtd_network_load_encoder(struct rtd_network *n, const struct rtd_st *st, const bool *keep,
                             struct rtd_err *err)
{
    struct rtd_params part = n->params;
    part.n = 0;
    part.item = calloc((size_t)n->params.n, sizeof *part.item);
    if (!part.item)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < n->params.n; i++) {
        const struct rtd_param *t = &n->params.item[i];
        int owner = -1;
        for (int h = 0; h < n->heads; h++)
            if (t->offset >= first_tensor(&n->head[h]))
                owner = h;
        bool pooler = owner < 0 && t->depth > n->enc.layers;
        if (owner >= 0 ? keep && keep[owner] : !pooler || rtd_params_in(t, st))
            part.item[part.n++] = *t;
    }
    int status = rtd_params_load(&part, n->enc.net, st, err);
    free(part.item);
    return status;
}

/* --- running a head --- */

void rtd_head_acts_take(struct rtd_head_acts *a, struct rtd_arena *arena,
                        const struct rtd_head *head, const struct rtd_tokens *t, bool train)
{
    size_t T = t->start[t->nseq] - t->start[0];
    *a = (struct rtd_head_acts){0};
    if (head->kind == RTD_HEAD_CLASS)
        rtd_class_acts_take(&a->cls, arena, &head->as.cls, t->nseq);
    else if (head->kind == RTD_HEAD_TOKEN && train && head->as.token.drop > 0)
        a->x = rtd_arena_take(arena, T * head->as.token.h, sizeof *a->x);
}

size_t rtd_head_rows(const struct rtd_head *head, const struct rtd_tokens *t)
{
    return head->kind == RTD_HEAD_CLASS ? t->nseq : t->start[t->nseq] - t->start[0];
}

void rtd_head_fwd(const struct rtd_head *head, const real *w, real *logits, struct rtd_head_acts *a,
                  const struct rtd_tokens *t, const real *hidden, struct rtd_arena *arena,
                  bool drop, uint64_t seed)
{
    if (head->kind == RTD_HEAD_CLASS)
        rtd_class_head_fwd(&head->as.cls, w, logits, &a->cls, t, hidden, drop, seed);
    else if (head->kind == RTD_HEAD_TOKEN)
        rtd_token_head_fwd(&head->as.token, w, logits, a->x, t, hidden, drop, seed);
    else if (head->kind == RTD_HEAD_DISC)
        rtd_disc_head_run(&head->as.disc, w, NULL, logits, NULL, NULL, hidden, NULL,
                          t->start[t->nseq], 0, arena);
}

void rtd_head_bwd(const struct rtd_head *head, const real *w, real *g, real *d, const real *dlogits,
                  const struct rtd_head_acts *a, const struct rtd_tokens *t, const real *hidden,
                  struct rtd_arena *arena, bool drop, uint64_t seed)
{
    if (head->kind == RTD_HEAD_CLASS)
        rtd_class_head_bwd(&head->as.cls, w, g, d, dlogits, &a->cls, t, arena, drop, seed);
    else
        rtd_token_head_bwd(&head->as.token, w, g, d, dlogits, a->x, t, hidden, arena, drop, seed);
}

void rtd_head_scratch(struct rtd_arena *arena, const struct rtd_head *head,
                      const struct rtd_tokens *t, bool train)
{
    struct rtd_head_acts none = {0};
    size_t T = t->start[t->nseq] - t->start[0], mark = arena->used;
    if (head->kind == RTD_HEAD_DISC)
        rtd_disc_head_run(&head->as.disc, NULL, NULL, NULL, NULL, NULL, NULL, NULL, T, 0, arena);
    else if (train && head->kind != RTD_HEAD_LM)
        rtd_head_bwd(head, NULL, NULL, NULL, NULL, &none, t, NULL, arena, false, 0);
    arena->used = mark;
}
