/* rtdtools - MIT licence */
#include "model/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static bool uses_pooler(const struct rtd_head_spec *s)
{
    return rtd_task_entry(s->task)->form == &rtd_class_form;
}

/* The only head has Hugging Face's names, one of several heads.NAME; of several language models
 * the first has those of the only one. */
static void layout_head(struct rtd_network *n, int i)
{
    const struct rtd_config *c = &n->config;
    struct rtd_head *head = &n->head[i];
    const struct rtd_task_entry *task = rtd_task_entry(head->spec.task);
    enum rtd_model_type type = rtd_model_type(c);
    char name[RTD_HEAD_NAME + 16], bias[RTD_HEAD_NAME + 24];
    bool own = head->spec.name[0] && task->form != &rtd_detector_form;
    struct rtd_head_place at = {.params = &n->params,
                                .enc = &n->enc,
                                .pooler = n->has_pooler ? &n->pooler : NULL,
                                .name = task->of[type].tensors,
                                .bias = task->of[type].bias,
                                .outputs = head->spec.outputs};
    if (task->form == &rtd_language_form) {
        own = false;
        for (int k = 0; k < i; k++)
            own |= rtd_head_is_language(&n->head[k]);
    }
    if (own) {
        snprintf(name, sizeof name, "heads.%s", head->spec.name);
        snprintf(bias, sizeof bias, "%s.bias", name);
        at.name = name;
        at.bias = bias;
    }
    if (task->dropout)
        at.drop = c->classifier_dropout >= 0 ? c->classifier_dropout : c->hidden_dropout_prob;
    head->task = task;
    head->shape = (struct rtd_head_shape){.form = task->form, .from = n->params.n};
    task->form->layout(&head->shape, &at);
    head->shape.to = n->params.n;
}

const char *rtd_network_prefix(const struct rtd_config *c)
{
    return rtd_model_type(c) == RTD_BERT ? "bert." : "electra.";
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
    rtd_encoder_layout(&n->enc, &n->params, c, RTD_NET_DISCRIMINATOR, rtd_network_prefix(c), NULL);
    for (int i = 0; i < n->heads; i++)
        used |= uses_pooler(&spec[i]);
    n->has_pooler = rtd_model_type(c) == RTD_BERT && (pooler || used);
    n->pooler_from = n->params.n;
    if (n->has_pooler)
        rtd_pooler_layout(&n->pooler, &n->params, &n->enc, rtd_network_prefix(c));
    n->pooler_to = n->params.n;
    for (int i = 0; i < n->heads; i++) {
        n->head[i].spec = spec[i];
        layout_head(n, i);
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
    rtd_encoder_layout(&enc, &params, c, RTD_NET_DISCRIMINATOR, rtd_network_prefix(c), NULL);
    rtd_params_check(&params, enc.net, st, err);
    rtd_params_free(&params);
    return err->status;
}

/* A language model's output layer is the word table: one of its own would mean other numbers. */
static int check_ties(const struct rtd_network *n, const struct rtd_st *st, struct rtd_err *err)
{
    static const char *const own[] = {"generator_lm_head.weight", "cls.predictions.decoder.weight"};
    bool writes = false;
    for (int i = 0; i < n->heads; i++)
        writes |=
            n->head[i].spec.task == RTD_TASK_GENERATE || n->head[i].spec.task == RTD_TASK_FILL;
    if (!writes || !json_is_false(json_object_get(n->config.extra, "tie_word_embeddings")))
        return RTD_OK;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (rtd_st_find(st, own[i]))
            return rtd_fail(err, RTD_EDATA,
                            "%s: tie_word_embeddings false: an output layer of its own, %s, is not "
                            "supported",
                            rtd_st_name(st), own[i]);
    return RTD_OK;
}

int rtd_network_open(struct rtd_network **out, const struct rtd_config *c, const struct rtd_st *st,
                     bool heads, struct rtd_err *err)
{
    struct rtd_network *n;
    *out = NULL;
    if (lay_out(&n, c, heads, false, err))
        return err->status;
    if (rtd_params_check(&n->params, n->enc.net, st, err) || check_ties(n, st, err)) {
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
                                     rtd_task_entry((enum rtd_task)i)->name);
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

/* Read the tensors [from, to) of the table, under the names that `names` has for them. */
static int load_range(const struct rtd_network *n, int from, int to, const struct rtd_param *names,
                      const struct rtd_st *st, struct rtd_err *err)
{
    struct rtd_params part = n->params;
    part.n = to - from;
    part.item = calloc((size_t)part.n + 1, sizeof *part.item);
    if (!part.item)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < part.n; i++) {
        part.item[i] = n->params.item[from + i];
        memcpy(part.item[i].name, names[i].name, sizeof names[i].name);
    }
    int status = rtd_params_load(&part, n->enc.net, st, err);
    free(part.item);
    return status;
}

int rtd_network_load_encoder(struct rtd_network *n, const struct rtd_st *st, struct rtd_err *err)
{
    bool pooler = false;
    for (int i = n->pooler_from; i < n->pooler_to; i++)
        pooler |= rtd_params_tensor(&n->params.item[i], st) != NULL;
    return load_range(n, 0, pooler ? n->pooler_to : n->pooler_from, n->params.item, st, err);
}

int rtd_network_load_head(struct rtd_network *n, int i, const struct rtd_network *source, int k,
                          const struct rtd_st *st, struct rtd_err *err)
{
    const struct rtd_head_shape *head = &n->head[i].shape, *as = &source->head[k].shape;
    if (uses_pooler(&n->head[i].spec) &&
        load_range(n, n->pooler_from, n->pooler_to, n->params.item + n->pooler_from, st, err))
        return err->status;
    if (head->to - head->from != as->to - as->from)
        return rtd_fail(err, RTD_EDATA, "%s: a head of another shape", rtd_st_name(st));
    return load_range(n, head->from, head->to, source->params.item + as->from, st, err);
}

/* --- running a head --- */

bool rtd_head_is_language(const struct rtd_head *head)
{
    return head->shape.form == &rtd_language_form;
}

size_t rtd_head_rows(const struct rtd_head *head, const struct rtd_tokens *t)
{
    return head->shape.form->per_sequence ? t->nseq : t->start[t->nseq] - t->start[0];
}

void rtd_head_scratch(struct rtd_arena *arena, const struct rtd_head *head,
                      const struct rtd_tokens *t, bool train)
{
    const struct rtd_head_form *form = head->shape.form;
    struct rtd_head_acts none = {0};
    form->forward(&head->shape, NULL, NULL, &none, t, NULL, arena, false, 0);
    if (train)
        form->backward(&head->shape, NULL, NULL, NULL, NULL, &none, t, NULL, arena, false, 0);
}
