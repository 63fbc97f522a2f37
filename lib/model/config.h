/* rtdtools - MIT licence
 *
 * A network's shape, as config.json says it (Hugging Face's keys). */
#ifndef RTD_MODEL_CONFIG_H
#define RTD_MODEL_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

enum rtd_act { RTD_ACT_GELU, RTD_ACT_GELU_NEW, RTD_ACT_RELU };

struct rtd_config {
    char model_type[16];   /* "electra" or "bert"; "": not said, see rtd_config_guess */
    char architecture[64]; /* architectures[0], e.g. "ElectraForPreTraining" */
    int vocab_size, embedding_size, hidden_size;
    int num_hidden_layers, num_attention_heads, intermediate_size;
    int max_position_embeddings, type_vocab_size;
    int pad_token_id;
    enum rtd_act hidden_act;
    double layer_norm_eps, initializer_range;
    double hidden_dropout_prob, attention_probs_dropout_prob;
    double classifier_dropout; /* < 0: null, i.e. hidden_dropout_prob */
    int num_labels;            /* 0 where the model has no label map */
    char **id2label;           /* [num_labels], owned; NULL when num_labels is 0 */
    json_t *extra;             /* object: our own keys ("rtdtools": {...}) and foreign ones, written
                                  back as they came; owned, may be NULL */
};

/* ELECTRA-Small's values with the given shape left at 0. */
void rtd_config_init(struct rtd_config *c);
/* Parse config.json's text.  Keys that change the arithmetic and that we do not implement are
 * refused by name (RTD_EDATA): config_read.c's table says what is done with each.  embedding_size
 * absent: hidden_size.  model_type absent: what architectures says, else "". */
int rtd_config_parse(struct rtd_config *c, const char *text, size_t len, const char *name,
                     struct rtd_err *err);
int rtd_config_load(struct rtd_config *c, const char *dir, struct rtd_err *err);
/* DIR/config.json, or Google's old name, DIR/bert_config.json, where only that is there. */
int rtd_config_path(char path[PATH_MAX], const char *dir, struct rtd_err *err);
/* Take the model_type, where it is not said, from the name of an architecture or of a tensor.
 * False: this name does not tell. */
bool rtd_config_guess(struct rtd_config *c, const char *name);
/* DIR/config.json with Hugging Face's keys, sorted, indented by 2. */
int rtd_config_write(const struct rtd_config *c, const char *dir, struct rtd_err *err);
int rtd_config_copy(struct rtd_config *dst, const struct rtd_config *src, struct rtd_err *err);
/* Replace the label map (copied). */
int rtd_config_set_labels(struct rtd_config *c, const char *const *labels, int n,
                          struct rtd_err *err);
enum rtd_model_type { RTD_ELECTRA, RTD_BERT, RTD_MODEL_TYPES };
enum rtd_model_type rtd_model_type(const struct rtd_config *c);
/* The longest sequence the weights were trained on (extra: rtdtools.trained_length); 0: unknown. */
int rtd_config_trained_length(const struct rtd_config *c);
/* Set rtdtools.KEY in extra; value is stolen. */
int rtd_config_set_own(struct rtd_config *c, const char *key, json_t *value, struct rtd_err *err);
/* Shapes positive, heads divide hidden, sizes under sane limits. */
int rtd_config_check(const struct rtd_config *c, const char *name, struct rtd_err *err);
void rtd_config_free(struct rtd_config *c);

#endif
