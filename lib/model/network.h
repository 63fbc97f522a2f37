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
#include "model/tasks.h"

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

struct rtd_head {
    struct rtd_head_spec spec;
    const struct rtd_task_entry *task; /* the spec's */
    struct rtd_head_shape shape;
};

struct rtd_network {
    struct rtd_config config; /* an owned copy */
    struct rtd_params params;
    struct rtd_encoder enc;
    struct rtd_pooler pooler; /* a bert's, where a head or an embedding uses it */
    bool has_pooler;
    int pooler_from, pooler_to; /* its entries of params */
    struct rtd_head head[RTD_MAX_HEADS];
    int heads;
};

/* What the names of an encoder's tensors begin with: "bert." or "electra.". */
const char *rtd_network_prefix(const struct rtd_config *c);

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
/* Read the encoder, and the pooler if it is there. */
int rtd_network_load_encoder(struct rtd_network *net, const struct rtd_st *st, struct rtd_err *err);
/* Read head number i from a file in which it stands as head k of `from`, whose shape it has.  All
 * of it must be there, RTD_EDATA, and the pooler if it uses one. */
int rtd_network_load_head(struct rtd_network *net, int i, const struct rtd_network *from, int k,
                          const struct rtd_st *st, struct rtd_err *err);

/* Is it a language model, whose logits are never in memory as a whole (rtd_lm_head_run)? */
bool rtd_head_is_language(const struct rtd_head *head);
/* Rows of logits of a micro-batch: its sequences, or its tokens. */
size_t rtd_head_rows(const struct rtd_head *head, const struct rtd_tokens *t);
/* Count what forward, and with train backward, take from an arena and give back. */
void rtd_head_scratch(struct rtd_arena *arena, const struct rtd_head *head,
                      const struct rtd_tokens *t, bool train);

#endif
