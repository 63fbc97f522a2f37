/* rtdtools - MIT licence
 *
 * A network as a model directory describes it: the encoder, a pooler, and heads.  config.json says
 * which heads there are: Hugging Face's architecture names one; directories of our own that hold
 * several, or one that Hugging Face has no class for, list them in rtdtools.heads:
 *   [{"name": "intent", "task": "classify", "labels": ["..."], "texts": 1}, ...]
 * Their tensors are heads.NAME.*; the encoder stays one that Hugging Face's AutoModel loads. */
#ifndef RTD_MODEL_NETWORK_H
#define RTD_MODEL_NETWORK_H

#include <stdbool.h>

#include "model/config.h"
#include "model/encoder.h"
#include "model/heads.h"
#include "model/params.h"

enum rtd_task {
    RTD_TASK_CLASSIFY,   /* one of several labels */
    RTD_TASK_REGRESS,    /* a number */
    RTD_TASK_MULTILABEL, /* any number of labels */
    RTD_TASK_TAG,        /* a label a token */
    RTD_TASK_ANSWER,     /* a span: start and end logits a token */
    RTD_TASK_RANK,       /* a score, compared among the candidates of a query */
    RTD_TASK_GENERATE,   /* text, by a language-model head */
    RTD_TASK_DETECT,     /* replaced or not, a logit a token */
    RTD_TASK_FILL,       /* masked words, by a language-model head */
    RTD_TASKS,
};
/* "classify", ...; and back, -1: no such task. */
const char *rtd_task_name(enum rtd_task task);
int rtd_task_number(const char *name);

enum { RTD_MAX_HEADS = 16, RTD_HEAD_NAME = 48 };

/* What a head is for, as config.json has it. */
struct rtd_head_spec {
    enum rtd_task task;
    char name[RTD_HEAD_NAME]; /* "": the only head, with Hugging Face's tensor names */
    char **label;             /* [outputs], owned; NULL where outputs have no names */
    int outputs;              /* per sequence, or per token; 0 for language models */
    int texts;                /* a row: 1, or 2 for pairs */
    double low, range;        /* regress: answer = low + range * output */
    double threshold;         /* multilabel: of the probability; answer: of no-answer */
};
/* The heads that a configuration describes; *n may be 0 (a bare encoder).  RTD_EDATA:
 * rtdtools.heads is damaged.  Release with rtd_head_specs_free. */
int rtd_head_specs(struct rtd_head_spec spec[RTD_MAX_HEADS], int *n, const struct rtd_config *c,
                   struct rtd_err *err);
void rtd_head_specs_free(struct rtd_head_spec *spec, int n);
/* Describe these heads in c, in place of what it described; architecture, label map, rtdtools.*. */
int rtd_head_specs_store(struct rtd_config *c, const struct rtd_head_spec *spec, int n,
                         struct rtd_err *err);

enum rtd_head_kind { RTD_HEAD_CLASS, RTD_HEAD_TOKEN, RTD_HEAD_DISC, RTD_HEAD_LM };

struct rtd_head {
    struct rtd_head_spec spec;
    enum rtd_head_kind kind;
    union {
        struct rtd_class_head cls;   /* classify, regress, multilabel, rank: outputs a sequence */
        struct rtd_token_head token; /* tag, answer: outputs a token */
        struct rtd_disc_head disc;
        struct rtd_lm_head lm;
    } as;
};

struct rtd_network {
    struct rtd_config config; /* an owned copy */
    struct rtd_params params;
    struct rtd_encoder enc;
    struct rtd_pooler pooler; /* a bert's, where a head or an embedding uses it */
    bool has_pooler;
    struct rtd_head head[RTD_MAX_HEADS];
    int heads;
};

/* Lay out and allocate, weights zero.  pooler: a bert gets one even where no head uses it. */
int rtd_network_new(struct rtd_network **net, const struct rtd_config *c, bool pooler,
                    struct rtd_err *err);
void rtd_network_free(struct rtd_network *net);
/* The only head whose task is in `tasks` (bits 1 << enum rtd_task), or the one of them that is
 * called name; -1 and RTD_EDATA where there is none, or several and no name. */
int rtd_network_head(const struct rtd_network *net, unsigned tasks, const char *name,
                     const char *model, struct rtd_err *err);
/* Hold the configuration against the weights before anything is allocated: the encoder must be
 * there, in its shape. */
int rtd_network_check(const struct rtd_config *c, const struct rtd_st *st, struct rtd_err *err);
/* Check all of it, allocate, read.  heads: else only the encoder, whatever heads the configuration
 * promises. */
int rtd_network_open(struct rtd_network **net, const struct rtd_config *c, const struct rtd_st *st,
                     bool heads, struct rtd_err *err);
/* Read all weights.  rtd_params_load says which names a tensor may have. */
int rtd_network_load(struct rtd_network *net, const struct rtd_st *st, struct rtd_err *err);
/* Read the encoder, the pooler if it is there, and of the heads those for which keep[head] is set;
 * the rest keeps its values. */
int rtd_network_load_encoder(struct rtd_network *net, const struct rtd_st *st, const bool *keep,
                             struct rtd_err *err);

/* Memory of a head for one micro-batch, in the order of use. */
struct rtd_head_acts {
    struct rtd_class_acts cls;
    real *x; /* token heads: (T,h) input after dropout; without dropout not used */
};
/* train: the head's backward pass will follow. */
void rtd_head_acts_take(struct rtd_head_acts *a, struct rtd_arena *arena,
                        const struct rtd_head *head, const struct rtd_tokens *t, bool train);
/* Rows of logits of a micro-batch: sequences for heads of kind CLASS, else tokens. */
size_t rtd_head_rows(const struct rtd_head *head, const struct rtd_tokens *t);
/* Overwrites logits (rows, outputs).  Not for language models: see rtd_lm_head_run. */
void rtd_head_fwd(const struct rtd_head *head, const real *w, real *logits, struct rtd_head_acts *a,
                  const struct rtd_tokens *t, const real *hidden, struct rtd_arena *arena,
                  bool drop, uint64_t seed);
/* dlogits as logits; adds into g and into d (T,h).  Kinds CLASS and TOKEN. */
void rtd_head_bwd(const struct rtd_head *head, const real *w, real *g, real *d, const real *dlogits,
                  const struct rtd_head_acts *a, const struct rtd_tokens *t, const real *hidden,
                  struct rtd_arena *arena, bool drop, uint64_t seed);
/* Count the scratch of both in arena. */
void rtd_head_scratch(struct rtd_arena *arena, const struct rtd_head *head,
                      const struct rtd_tokens *t, bool train);

#endif
