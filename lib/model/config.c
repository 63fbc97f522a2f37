/* rtdtools - MIT licence
 *
 * config.json: one table of keys drives reading and writing. */
#include "model/config.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

enum { CONFIG_MAX = 16 << 20, MAX_LABELS = 1 << 20 };

enum key_type { KEY_INT, KEY_REAL };

static const struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    bool required;
    double min, max;
} keys[] = {
#define INT(f, req, lo, hi)                                      \
    {                                                            \
#f, KEY_INT, offsetof(struct rtd_config, f), req, lo, hi \
    }
#define REAL(f, lo, hi)                                             \
    {                                                               \
#f, KEY_REAL, offsetof(struct rtd_config, f), false, lo, hi \
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
enum { NKEYS = sizeof keys / sizeof keys[0] };

static const struct {
    const char *name;
    enum rtd_act act;
} acts[] = {
    {"gelu", RTD_ACT_GELU},
    {"gelu_new", RTD_ACT_GELU_NEW},
    {"relu", RTD_ACT_RELU},
    {"gelu_python", RTD_ACT_GELU}, /* the same functions under other names */
    {"gelu_pytorch_tanh", RTD_ACT_GELU_NEW},
};

/* Keys that are read or derived here, and so are not carried in `extra`. */
static const char *const own_keys[] = {
    "model_type", "architectures", "hidden_act", "classifier_dropout",     "id2label", "label2id",
    "num_labels", "torch_dtype",   "dtype",      "position_embedding_type"};

static int *int_at(struct rtd_config *c, const struct key *k)
{
    return (int *)((char *)c + k->offset);
}

static double *real_at(struct rtd_config *c, const struct key *k)
{
    return (double *)((char *)c + k->offset);
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

/* --- reading --- */

static int get_number(const json_t *root, const struct key *k, struct rtd_config *c,
                      const char *name, struct rtd_err *err)
{
    const json_t *v = json_object_get(root, k->name);
    if (!v || json_is_null(v)) {
        if (k->required)
            return rtd_fail(err, RTD_EDATA, "%s: %s is missing", name, k->name);
        return RTD_OK;
    }
    bool typed = k->type == KEY_INT ? json_is_integer(v) : json_is_number(v);
    double x = typed ? json_number_value(v) : 0;
    if (!typed || !(x >= k->min && x <= k->max))
        return rtd_fail(err, RTD_EDATA, "%s: %s: want a %s from %g to %g", name, k->name,
                        k->type == KEY_INT ? "whole number" : "number", k->min, k->max);
    if (k->type == KEY_INT)
        *int_at(c, k) = (int)x;
    else
        *real_at(c, k) = x;
    return RTD_OK;
}

/* A short string value into buf; *there says whether the key holds one. */
static int get_string(const json_t *v, const char *key, char *buf, size_t size, const char *name,
                      struct rtd_err *err)
{
    const char *s = json_string_value(v);
    if (!s || strlen(s) >= size || strlen(s) != json_string_length(v))
        return rtd_fail(err, RTD_EDATA, "%s: %s: want a string under %zu bytes", name, key, size);
    memcpy(buf, s, strlen(s) + 1);
    return RTD_OK;
}

/* Keys that change the arithmetic must have the one value that we compute. */
static int refuse_unknown_arithmetic(const json_t *root, const char *name, struct rtd_err *err)
{
    char shown[80];
    const json_t *v = json_object_get(root, "position_embedding_type");
    if (v && !json_is_null(v) &&
        (!json_is_string(v) || strcmp(json_string_value(v), "absolute") != 0))
        return rtd_fail(err, RTD_EDATA, "%s: position_embedding_type %s is not supported", name,
                        json_is_string(v) ? rtd_mask_text(shown, sizeof shown, json_string_value(v),
                                                          json_string_length(v))
                                          : "of this type");
    static const char *const flags[] = {"is_decoder", "is_encoder_decoder", "add_cross_attention"};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (json_is_true(json_object_get(root, flags[i])))
            return rtd_fail(err, RTD_EDATA, "%s: %s is not supported", name, flags[i]);
    if (json_object_size(json_object_get(root, "pruned_heads")) > 0)
        return rtd_fail(err, RTD_EDATA, "%s: pruned_heads is not supported", name);
    v = json_object_get(root, "quantization_config");
    if (v && !json_is_null(v))
        return rtd_fail(err, RTD_EDATA, "%s: quantization_config is not supported", name);
    return RTD_OK;
}

static int get_act(const json_t *root, struct rtd_config *c, const char *name, struct rtd_err *err)
{
    const json_t *v = json_object_get(root, "hidden_act");
    if (!v)
        return RTD_OK;
    char act[32], shown[64];
    if (get_string(v, "hidden_act", act, sizeof act, name, err))
        return err->status;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(act, acts[i].name) == 0) {
            c->hidden_act = acts[i].act;
            return RTD_OK;
        }
    return rtd_fail(err, RTD_EDATA, "%s: hidden_act %s is not supported", name,
                    rtd_mask_text(shown, sizeof shown, act, strlen(act)));
}

static bool labelled_architecture(const char *arch)
{
    return strstr(arch, "ForSequenceClassification") || strstr(arch, "ForTokenClassification");
}

/* id2label {"0": ..., "n-1": ...}; without it num_labels gives LABEL_i; without both a classifier
 * has Hugging Face's default of two, which it leaves out of the file. */
static int get_labels(const json_t *root, struct rtd_config *c, const char *name,
                      struct rtd_err *err)
{
    const json_t *map = json_object_get(root, "id2label");
    const json_t *num = json_object_get(root, "num_labels");
    json_int_t n = labelled_architecture(c->architecture) ? 2 : 0;
    if (num && !json_is_null(num)) {
        n = json_integer_value(num);
        if (!json_is_integer(num) || n < 1 || n > MAX_LABELS)
            return rtd_fail(err, RTD_EDATA, "%s: num_labels: want a whole number from 1 to %d",
                            name, MAX_LABELS);
    }
    bool mapped = map && !json_is_null(map);
    if (mapped) {
        size_t size = json_object_size(map);
        if (!json_is_object(map) || size < 1 || size > MAX_LABELS)
            return rtd_fail(err, RTD_EDATA, "%s: id2label: want an object of 1 to %d labels", name,
                            MAX_LABELS);
        if (num && !json_is_null(num) && (json_int_t)size != n)
            return rtd_fail(err, RTD_EDATA, "%s: num_labels is %d but id2label holds %zu", name,
                            (int)n, size);
        n = (json_int_t)size;
    }
    if (n == 0)
        return RTD_OK;
    c->id2label = calloc((size_t)n, sizeof *c->id2label);
    if (!c->id2label)
        return rtd_fail(err, RTD_ESYS, "%s: no memory", name);
    c->num_labels = (int)n;
    for (int i = 0; i < c->num_labels; i++) {
        char key[24], plain[32];
        snprintf(key, sizeof key, "%d", i);
        snprintf(plain, sizeof plain, "LABEL_%d", i);
        const char *s = plain;
        if (mapped) {
            const json_t *v = json_object_get(map, key);
            s = json_string_value(v);
            if (!s || strlen(s) != json_string_length(v))
                return rtd_fail(err, RTD_EDATA, "%s: id2label holds %d entries but no label \"%d\"",
                                name, c->num_labels, i);
        }
        c->id2label[i] = strdup(s);
        if (!c->id2label[i])
            return rtd_fail(err, RTD_ESYS, "%s: no memory", name);
    }
    return RTD_OK;
}

static bool known_key(const char *key)
{
    for (int i = 0; i < NKEYS; i++)
        if (strcmp(key, keys[i].name) == 0)
            return true;
    for (size_t i = 0; i < sizeof own_keys / sizeof own_keys[0]; i++)
        if (strcmp(key, own_keys[i]) == 0)
            return true;
    return false;
}

static int read_object(struct rtd_config *c, json_t *root, const char *name, struct rtd_err *err)
{
    const json_t *v = json_object_get(root, "model_type");
    if (v && get_string(v, "model_type", c->model_type, sizeof c->model_type, name, err))
        return err->status;
    if (strcmp(c->model_type, "electra") != 0 && strcmp(c->model_type, "bert") != 0) {
        char shown[32];
        return rtd_fail(err, RTD_EDATA, "%s: model_type %s is not supported (electra, bert)", name,
                        rtd_mask_text(shown, sizeof shown, c->model_type, strlen(c->model_type)));
    }
    v = json_array_get(json_object_get(root, "architectures"), 0);
    if (v && get_string(v, "architectures", c->architecture, sizeof c->architecture, name, err))
        return err->status;
    for (int i = 0; i < NKEYS; i++)
        if (get_number(root, &keys[i], c, name, err))
            return err->status;
    if (!c->embedding_size)
        c->embedding_size = c->hidden_size;
    v = json_object_get(root, "classifier_dropout");
    if (v && !json_is_null(v)) {
        double p = json_number_value(v);
        if (!json_is_number(v) || !(p >= 0 && p < 1))
            return rtd_fail(err, RTD_EDATA, "%s: classifier_dropout: want a number from 0 to 1",
                            name);
        c->classifier_dropout = p;
    }
    if (get_act(root, c, name, err) || refuse_unknown_arithmetic(root, name, err) ||
        get_labels(root, c, name, err))
        return err->status;

    c->extra = json_object();
    const char *key;
    json_t *value;
    json_object_foreach(
        root, key,
        value) if (!known_key(key) &&
                   json_object_set(c->extra, key, value)) return rtd_fail(err, RTD_ESYS,
                                                                          "%s: no memory", name);
    return rtd_config_check(c, name, err);
}

int rtd_config_parse(struct rtd_config *c, const char *text, size_t len, const char *name,
                     struct rtd_err *err)
{
    rtd_config_init(c);
    json_error_t je;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!root) {
        char why[JSON_ERROR_TEXT_LENGTH];
        return rtd_fail(err, RTD_EDATA, "%s: line %d: not JSON: %s", name, je.line,
                        rtd_mask_text(why, sizeof why, je.text, strlen(je.text)));
    }
    int st = json_is_object(root) ? read_object(c, root, name, err)
                                  : rtd_fail(err, RTD_EDATA, "%s: not a JSON object", name);
    json_decref(root);
    if (st)
        rtd_config_free(c);
    return st;
}

int rtd_config_load(struct rtd_config *c, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    if (snprintf(path, sizeof path, "%s/config.json", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    int st = rtd_read_file(path, CONFIG_MAX, &text, &len, err);
    if (st)
        return st;
    st = rtd_config_parse(c, text, len, path, err);
    free(text);
    return st;
}

int rtd_config_check(const struct rtd_config *c, const char *name, struct rtd_err *err)
{
    struct rtd_config v = *c; /* for int_at's and real_at's plain pointers */
    for (int i = 0; i < NKEYS; i++) {
        double x = keys[i].type == KEY_INT ? *int_at(&v, &keys[i]) : *real_at(&v, &keys[i]);
        if (!(x >= keys[i].min && x <= keys[i].max))
            return rtd_fail(err, RTD_EDATA, "%s: %s is %g, want %g to %g", name, keys[i].name, x,
                            keys[i].min, keys[i].max);
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

/* --- our own keys --- */

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
    struct rtd_config v = *c;
    bool bert = strcmp(c->model_type, "bert") == 0;
    int bad = json_object_set_new(root, "model_type", json_string(c->model_type));
    if (c->architecture[0])
        bad |= json_object_set_new(root, "architectures", json_pack("[s]", c->architecture));
    for (int i = 0; i < NKEYS; i++) {
        if (bert && strcmp(keys[i].name, "embedding_size") == 0)
            continue;
        json_t *num = keys[i].type == KEY_INT ? json_integer(*int_at(&v, &keys[i]))
                                              : json_real(*real_at(&v, &keys[i]));
        bad |= json_object_set_new(root, keys[i].name, num);
    }
    bad |= json_object_set_new(root, "hidden_act", json_string(acts[c->hidden_act].name));
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
