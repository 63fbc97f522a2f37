/* rtdtools - MIT licence
 *
 * A configuration's values: defaults, labels, limits, our own keys; and config.json, written. */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "model/config_internal.h"

const struct rtd_config_key rtd_config_keys[RTD_CONFIG_KEYS] = {
#define INT(f, req, lo, hi)                                   \
    {                                                         \
#f, true, offsetof(struct rtd_config, f), req, lo, hi \
    }
#define REAL(f, lo, hi)                                          \
    {                                                            \
#f, false, offsetof(struct rtd_config, f), false, lo, hi \
    }
    INT(vocab_size, true, 1, 1 << 24),
    INT(embedding_size, false, 1, 1 << 16),
    INT(hidden_size, true, 1, 1 << 16),
    INT(num_hidden_layers, true, 1, 128),
    INT(num_attention_heads, true, 1, 1 << 12),
    INT(intermediate_size, true, 1, 1 << 20),
    INT(max_position_embeddings, false, 1, 1 << 20),
    INT(type_vocab_size, false, 1, 256),
    INT(pad_token_id, false, 0, (1 << 24) - 1),
    REAL(layer_norm_eps, 0, 1),
    REAL(initializer_range, 0, 100),
    REAL(hidden_dropout_prob, 0, 0.999),
    REAL(attention_probs_dropout_prob, 0, 0.999),
#undef INT
#undef REAL
};

const struct rtd_config_act rtd_config_acts[RTD_CONFIG_ACTS] = {
    {"gelu", RTD_ACT_GELU},
    {"gelu_new", RTD_ACT_GELU_NEW},
    {"relu", RTD_ACT_RELU},
    {"gelu_python", RTD_ACT_GELU}, /* the same functions under other names */
    {"gelu_pytorch_tanh", RTD_ACT_GELU_NEW},
};

static double number_of(const struct rtd_config *c, const struct rtd_config_key *key)
{
    const char *at = (const char *)c + key->offset;
    return key->whole ? *(const int *)at : *(const double *)at;
}

void rtd_config_set_number(struct rtd_config *c, const struct rtd_config_key *key, double x)
{
    char *at = (char *)c + key->offset;
    if (key->whole)
        *(int *)at = (int)x;
    else
        *(double *)at = x;
}

void rtd_config_init(struct rtd_config *c)
{
    *c = (struct rtd_config){
        .model_type = "electra",
        .max_position_embeddings = 512,
        .type_vocab_size = 2,
        .hidden_act = RTD_ACT_GELU,
        .layer_norm_eps = 1e-12,
        .initializer_range = 0.02,
        .hidden_dropout_prob = 0.1,
        .attention_probs_dropout_prob = 0.1,
        .classifier_dropout = -1,
    };
}

static void free_labels(struct rtd_config *c)
{
    for (int i = 0; i < c->num_labels; i++)
        free(c->id2label ? c->id2label[i] : NULL);
    free(c->id2label);
    c->id2label = NULL;
    c->num_labels = 0;
}

void rtd_config_free(struct rtd_config *c)
{
    if (!c)
        return;
    free_labels(c);
    json_decref(c->extra);
    c->extra = NULL;
}

int rtd_config_set_labels(struct rtd_config *c, const char *const *labels, int n,
                          struct rtd_err *err)
{
    char **copy = calloc((size_t)n + 1, sizeof *copy);
    if (!copy)
        return rtd_fail(err, RTD_ESYS, "label map: no memory");
    for (int i = 0; i < n; i++) {
        copy[i] = strdup(labels[i]);
        if (!copy[i]) {
            while (i--)
                free(copy[i]);
            free(copy);
            return rtd_fail(err, RTD_ESYS, "label map: no memory");
        }
    }
    free_labels(c);
    if (n == 0) {
        free(copy);
        return RTD_OK;
    }
    c->id2label = copy;
    c->num_labels = n;
    return RTD_OK;
}

int rtd_config_copy(struct rtd_config *dst, const struct rtd_config *src, struct rtd_err *err)
{
    *dst = *src;
    dst->id2label = NULL;
    dst->num_labels = 0;
    dst->extra = NULL;
    if (src->extra) {
        dst->extra = json_deep_copy(src->extra);
        if (!dst->extra)
            return rtd_fail(err, RTD_ESYS, "config.json: no memory");
    }
    int st = rtd_config_set_labels(dst, (const char *const *)src->id2label, src->num_labels, err);
    if (st)
        rtd_config_free(dst);
    return st;
}

int rtd_config_path(char path[PATH_MAX], const char *dir, struct rtd_err *err)
{
    static const char *const names[] = {"bert_config.json", "config.json"};
    for (int i = 2; i-- > 0;) {
        if (snprintf(path, PATH_MAX, "%s/%s", dir, names[i]) >= PATH_MAX)
            return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
        if (rtd_exists(path))
            return RTD_OK;
    }
    snprintf(path, PATH_MAX, "%s/%s", dir, names[1]);
    return RTD_OK;
}

bool rtd_config_guess(struct rtd_config *c, const char *name)
{
    static const struct {
        const char *begin, *type;
    } hints[] = {
        {"Bert", "bert"},
        {"Electra", "electra"},
        {"bert.", "bert"},
        {"electra.", "electra"},
        {"pooler.", "bert"}, /* an electra has none */
        {"cls.", "bert"},
        {"embeddings_project.", "electra"},
        {"discriminator_predictions.", "electra"},
        {"generator_predictions.", "electra"},
    };
    static const char wrapper[] = "module."; /* of PyTorch's DataParallel */
    if (strncmp(name, wrapper, sizeof wrapper - 1) == 0)
        name += sizeof wrapper - 1;
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
        if (strncmp(name, hints[i].begin, strlen(hints[i].begin)) == 0) {
            strcpy(c->model_type, hints[i].type);
            if (strcmp(c->model_type, "bert") == 0)
                c->embedding_size = c->hidden_size;
            return true;
        }
    return false;
}

int rtd_config_check(const struct rtd_config *c, const char *name, struct rtd_err *err)
{
    for (int i = 0; i < RTD_CONFIG_KEYS; i++) {
        const struct rtd_config_key *k = &rtd_config_keys[i];
        double x = number_of(c, k);
        if (!(x >= k->min && x <= k->max))
            return rtd_fail(err, RTD_EDATA, "%s: %s is %g, want %g to %g", name, k->name, x, k->min,
                            k->max);
    }
    if (c->hidden_size % c->num_attention_heads)
        return rtd_fail(err, RTD_EDATA,
                        "%s: hidden_size %d is not a multiple of num_attention_heads %d", name,
                        c->hidden_size, c->num_attention_heads);
    if (c->pad_token_id >= c->vocab_size)
        return rtd_fail(err, RTD_EDATA, "%s: pad_token_id %d is outside the vocabulary of %d", name,
                        c->pad_token_id, c->vocab_size);
    if (strcmp(c->model_type, "bert") == 0 && c->embedding_size != c->hidden_size)
        return rtd_fail(err, RTD_EDATA, "%s: a bert's embedding_size %d must be its hidden_size %d",
                        name, c->embedding_size, c->hidden_size);
    return RTD_OK;
}

enum rtd_model_type rtd_model_type(const struct rtd_config *c)
{
    return strcmp(c->model_type, "bert") == 0 ? RTD_BERT : RTD_ELECTRA;
}

int rtd_config_trained_length(const struct rtd_config *c)
{
    const json_t *v = json_object_get(json_object_get(c->extra, "rtdtools"), "trained_length");
    json_int_t n = json_integer_value(v);
    return n > 0 && n <= INT_MAX ? (int)n : 0;
}

int rtd_config_set_own(struct rtd_config *c, const char *key, json_t *value, struct rtd_err *err)
{
    if (!c->extra)
        c->extra = json_object();
    json_t *own = json_object_get(c->extra, "rtdtools");
    if (!json_is_object(own)) {
        own = json_object();
        if (json_object_set_new(c->extra, "rtdtools", own)) {
            json_decref(value);
            return rtd_fail(err, RTD_ESYS, "config.json: no memory");
        }
    }
    if (json_object_set_new(own, key, value))
        return rtd_fail(err, RTD_ESYS, "config.json: %s: cannot be stored", key);
    return RTD_OK;
}

/* --- writing --- */

/* The fewest significant digits that give every real in v back exactly (0.1 stays 0.1). */
static int digits_for(const json_t *v, int least)
{
    if (json_is_real(v)) {
        char s[40];
        double x = json_real_value(v);
        for (int p = least; p < 17; p++) {
            snprintf(s, sizeof s, "%.*g", p, x);
            if (strtod(s, NULL) == x)
                return p;
        }
        return 17;
    }
    if (json_is_object(v)) {
        const char *key;
        json_t *e;
        json_object_foreach((json_t *)v, key, e) least = digits_for(e, least);
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++)
            least = digits_for(json_array_get(v, i), least);
    }
    return least;
}

static int put_labels(const struct rtd_config *c, json_t *root)
{
    json_t *map = json_object(), *back = json_object();
    int bad = json_object_set_new(root, "id2label", map);
    bad |= json_object_set_new(root, "label2id", back);
    for (int i = 0; i < c->num_labels; i++) {
        char key[24];
        snprintf(key, sizeof key, "%d", i);
        bad |= json_object_set_new(map, key, json_string(c->id2label[i]));
        bad |= json_object_set_new(back, c->id2label[i], json_integer(i));
    }
    return bad;
}

int rtd_config_write(const struct rtd_config *c, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/config.json", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    json_t *root = c->extra ? json_copy(c->extra) : json_object();
    bool bert = strcmp(c->model_type, "bert") == 0;
    int bad = json_object_set_new(root, "model_type", json_string(c->model_type));
    if (c->architecture[0])
        bad |= json_object_set_new(root, "architectures", json_pack("[s]", c->architecture));
    for (int i = 0; i < RTD_CONFIG_KEYS; i++) {
        const struct rtd_config_key *k = &rtd_config_keys[i];
        double x = number_of(c, k);
        if (!bert || strcmp(k->name, "embedding_size") != 0)
            bad |= json_object_set_new(root, k->name,
                                       k->whole ? json_integer((json_int_t)x) : json_real(x));
    }
    bad |=
        json_object_set_new(root, "hidden_act", json_string(rtd_config_acts[c->hidden_act].name));
    bad |= json_object_set_new(root, "classifier_dropout",
                               c->classifier_dropout < 0 ? json_null()
                                                         : json_real(c->classifier_dropout));
    bad |= json_object_set_new(root, "position_embedding_type", json_string("absolute"));
    bad |= json_object_set_new(root, "torch_dtype", json_string("float32"));
    if (c->num_labels)
        bad |= put_labels(c, root);
    char *text = bad ? NULL
                     : json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(2) |
                                            JSON_REAL_PRECISION(digits_for(root, 1)));
    json_decref(root);
    if (!text)
        return rtd_fail(err, RTD_EDATA, "%s: cannot be written: a label is not UTF-8, or no memory",
                        path);
    size_t len = strlen(text);
    text[len] = '\n'; /* rtd_write_file takes a length: the NUL is not needed */
    int st = rtd_write_file(path, text, len + 1, err);
    free(text);
    return st;
}
