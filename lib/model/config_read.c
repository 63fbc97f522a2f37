/* rtdtools - MIT licence
 *
 * config.json, read: numbers by config_internal.h's table, every other key by the table here. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/say.h"
#include "model/config_internal.h"

enum { CONFIG_MAX = 16 << 20, LABELS_MAX = 1 << 20 };

/* What is done with a key that is no number of struct rtd_config. */
static const struct rule {
    const char *key;
    enum {
        READ,     /* read here, written anew */
        CARRIED,  /* changes no number that we compute, or is read by who needs it */
        ABSOLUTE, /* changes the arithmetic: the one text is "absolute", the one value false, */
        FALSE,    /* the one list or object an empty one, none at all */
        EMPTY,
        NOTHING,
    } what;
} rules[] = {
    {"model_type", READ},
    {"architectures", READ},
    {"hidden_act", READ},
    {"classifier_dropout", READ},
    {"id2label", READ},
    {"label2id", READ},
    {"num_labels", READ},
    {"torch_dtype", READ}, /* what we write is float32 */
    {"dtype", READ},
    {"position_embedding_type", ABSOLUTE},
    {"is_decoder", FALSE}, /* a mask that looks back only */
    {"is_encoder_decoder", FALSE},
    {"add_cross_attention", FALSE},
    {"pruned_heads", EMPTY},
    {"quantization_config", NOTHING},
    {"auto_map", NOTHING}, /* a network of somebody's own code */
    {"rtdtools", CARRIED},
    {"problem_type", CARRIED},
    {"_name_or_path", CARRIED},
    {"_attn_implementation", CARRIED},
    {"attn_implementation", CARRIED},
    {"_attn_implementation_internal", CARRIED},
    {"bos_token_id", CARRIED},
    {"chunk_size_feed_forward", CARRIED},
    {"cross_attention_hidden_size", CARRIED},
    {"decoder_start_token_id", CARRIED},
    {"directionality", CARRIED}, /* of Google's bert_config.json, like the pooler_* */
    {"eos_token_id", CARRIED},
    {"finetuning_task", CARRIED},
    {"gradient_checkpointing", CARRIED},
    {"model_name", CARRIED},
    {"output_attentions", CARRIED},
    {"output_hidden_states", CARRIED},
    {"output_past", CARRIED},
    {"pooler_fc_size", CARRIED},
    {"pooler_num_attention_heads", CARRIED},
    {"pooler_num_fc_layers", CARRIED},
    {"pooler_size_per_head", CARRIED},
    {"pooler_type", CARRIED},
    {"prefix", CARRIED},
    {"return_dict", CARRIED},
    {"sentence_transformers", CARRIED},
    {"sep_token_id", CARRIED},
    {"summary_activation", CARRIED}, /* multiple choice alone, like the other summary_* */
    {"summary_last_dropout", CARRIED},
    {"summary_type", CARRIED},
    {"summary_use_proj", CARRIED},
    {"task_specific_params", CARRIED},
    {"tie_word_embeddings", CARRIED},
    {"tokenizer_class", CARRIED},
    {"torchscript", CARRIED},
    {"transformers_version", CARRIED},
    {"use_bfloat16", CARRIED},
    {"use_cache", CARRIED},
};
enum { RULES = sizeof rules / sizeof rules[0] };

/* A value as it is named in a message. */
static const char *show(char *buf, size_t size, const struct rtd_json *v)
{
    return v->text ? rtd_mask_text(buf, size, v->text, v->n) : "of this kind";
}

/* A member that may be missing or null; RTD_EDATA: there twice, or of another kind. */
static int get(const struct rtd_json *root, const char *key, unsigned kinds, const char *want,
               const struct rtd_json **v, const char *name, struct rtd_err *err)
{
    if (rtd_json_member(root, key, kinds, v) != RTD_JSON_WRONG)
        return RTD_OK;
    return rtd_fail(err, RTD_EDATA, "%s: %s: want %s, once", name, key, want);
}

static int get_number(struct rtd_config *c, const struct rtd_json *root,
                      const struct rtd_config_key *k, const char *name, struct rtd_err *err)
{
    const struct rtd_json *v;
    int64_t whole;
    double x;
    if (get(root, k->name, RTD_JSON_NUMBER, k->whole ? "a whole number" : "a number", &v, name,
            err))
        return err->status;
    if (!v)
        return k->required ? rtd_fail(err, RTD_EDATA, "%s: %s is missing", name, k->name) : RTD_OK;
    if (!rtd_json_real(v, &x) || (k->whole && !rtd_json_whole(v, &whole)) ||
        !(x >= k->min && x <= k->max))
        return rtd_fail(err, RTD_EDATA, "%s: %s: want a %s from %g to %g", name, k->name,
                        k->whole ? "whole number" : "number", k->min, k->max);
    rtd_config_set_number(c, k, x);
    return RTD_OK;
}

/* A short string into buf, which keeps what it has where there is none. */
static int get_text(const struct rtd_json *v, const char *key, char *buf, size_t size,
                    const char *name, struct rtd_err *err)
{
    if (!v)
        return RTD_OK;
    if (v->kind != RTD_JSON_TEXT || v->n >= size || strlen(v->text) != v->n)
        return rtd_fail(err, RTD_EDATA, "%s: %s: want a text under %zu bytes", name, key, size);
    memcpy(buf, v->text, v->n + 1);
    return RTD_OK;
}

static int check_rules(const struct rtd_json *root, const char *name, struct rtd_err *err)
{
    char shown[80];
    for (int i = 0; i < RULES; i++) {
        const struct rtd_json *v;
        if (rules[i].what <= CARRIED ||
            rtd_json_member(root, rules[i].key, ~0u, &v) == RTD_JSON_ABSENT ||
            (v && v->kind == RTD_JSON_NULL))
            continue;
        bool fits = false;
        if (v && rules[i].what == ABSOLUTE)
            fits = v->kind == RTD_JSON_TEXT && strcmp(v->text, "absolute") == 0;
        else if (v && rules[i].what == FALSE)
            fits = v->kind == RTD_JSON_FALSE;
        else if (v && rules[i].what == EMPTY)
            fits = v->kind & (RTD_JSON_LIST | RTD_JSON_OBJECT) && v->n == 0;
        if (!fits && v && v->kind == RTD_JSON_TEXT)
            return rtd_fail(err, RTD_EDATA, "%s: %s %s is not supported", name, rules[i].key,
                            show(shown, sizeof shown, v));
        if (!fits)
            return rtd_fail(err, RTD_EDATA, "%s: %s is not supported", name, rules[i].key);
    }
    return RTD_OK;
}

static int get_act(struct rtd_config *c, const struct rtd_json *root, const char *name,
                   struct rtd_err *err)
{
    const struct rtd_json *v;
    char act[32] = "", shown[64];
    if (get(root, "hidden_act", RTD_JSON_TEXT, "a text", &v, name, err) ||
        get_text(v, "hidden_act", act, sizeof act, name, err) || !v)
        return err->status;
    for (int i = 0; i < RTD_CONFIG_ACTS; i++)
        if (strcmp(act, rtd_config_acts[i].name) == 0) {
            c->hidden_act = rtd_config_acts[i].act;
            return RTD_OK;
        }
    return rtd_fail(err, RTD_EDATA, "%s: hidden_act %s is not supported", name,
                    show(shown, sizeof shown, v));
}

static int get_dropout(struct rtd_config *c, const struct rtd_json *root, const char *name,
                       struct rtd_err *err)
{
    static const char key[] = "classifier_dropout";
    const struct rtd_json *v;
    double p;
    if (get(root, key, RTD_JSON_NUMBER, "a number from 0 to 1", &v, name, err) || !v)
        return err->status;
    if (!rtd_json_real(v, &p) || !(p >= 0 && p < 1))
        return rtd_fail(err, RTD_EDATA, "%s: %s: want a number from 0 to 1", name, key);
    c->classifier_dropout = p;
    return RTD_OK;
}

/* --- labels --- */

/* id2label: {"0": ..., "n-1": ...} into label [n], owned by it. */
static int read_map(char **label, size_t n, const struct rtd_json *map, const char *name,
                    struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(map);
    while (rtd_json_step(&w)) {
        char *end;
        unsigned long i = strtoul(w.key->text, &end, 10);
        bool plain = w.key->text[0] >= '0' && w.key->text[0] <= '9' && !*end;
        if (!plain || i >= n || label[i] || w.value->kind != RTD_JSON_TEXT ||
            strlen(w.value->text) != w.value->n)
            continue; /* then one is missing */
        label[i] = strdup(w.value->text);
        if (!label[i])
            return rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
    }
    for (size_t i = 0; i < n; i++)
        if (!label[i])
            return rtd_fail(err, RTD_EDATA, "%s: id2label holds %zu entries but no label \"%zu\"",
                            name, n, i);
    return RTD_OK;
}

/* LABEL_0, LABEL_1, ... */
static int make_labels(char **label, size_t n, const char *name, struct rtd_err *err)
{
    for (size_t i = 0; i < n; i++) {
        char plain[32];
        snprintf(plain, sizeof plain, "LABEL_%zu", i);
        label[i] = strdup(plain);
        if (!label[i])
            return rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
    }
    return RTD_OK;
}

/* How many, and the map where there is one.  Without both a classifier has Hugging Face's default
 * of two, which it leaves out of the file. */
static int count_labels(const struct rtd_config *c, const struct rtd_json *root, int64_t *n,
                        const struct rtd_json **map, const char *name, struct rtd_err *err)
{
    const struct rtd_json *num;
    bool classifier = strstr(c->architecture, "ForSequenceClassification") ||
                      strstr(c->architecture, "ForTokenClassification");
    *n = classifier ? 2 : 0;
    if (get(root, "num_labels", RTD_JSON_NUMBER, "a whole number", &num, name, err) ||
        get(root, "id2label", RTD_JSON_OBJECT, "an object", map, name, err))
        return err->status;
    if (num && (!rtd_json_whole(num, n) || *n < 1 || *n > LABELS_MAX))
        return rtd_fail(err, RTD_EDATA, "%s: num_labels: want a whole number from 1 to %d", name,
                        LABELS_MAX);
    if (!*map)
        return RTD_OK;
    if ((*map)->n < 1 || (*map)->n > LABELS_MAX)
        return rtd_fail(err, RTD_EDATA, "%s: id2label: want an object of 1 to %d labels", name,
                        LABELS_MAX);
    if (num && *n != (int64_t)(*map)->n) /* Hugging Face takes the map, too */
        rtd_warn("%s: num_labels is %d but id2label holds %zu, which counts", name, (int)*n,
                 (*map)->n);
    *n = (int64_t)(*map)->n;
    return RTD_OK;
}

static int get_labels(struct rtd_config *c, const struct rtd_json *root, const char *name,
                      struct rtd_err *err)
{
    const struct rtd_json *map;
    int64_t n;
    if (count_labels(c, root, &n, &map, name, err) || n == 0)
        return err->status;
    char **label = calloc((size_t)n, sizeof *label);
    if (!label)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
    c->id2label = label;
    c->num_labels = (int)n;
    return map ? read_map(label, (size_t)n, map, name, err)
               : make_labels(label, (size_t)n, name, err);
}

/* --- what is carried along --- */

static const struct rule *find_rule(const char *key)
{
    for (int i = 0; i < RULES; i++)
        if (strcmp(key, rules[i].key) == 0)
            return &rules[i];
    return NULL;
}

static bool is_number(const char *key)
{
    for (int i = 0; i < RTD_CONFIG_KEYS; i++)
        if (strcmp(key, rtd_config_keys[i].name) == 0)
            return true;
    return false;
}

/* NULL: no memory.  A number that is none (NaN) becomes null. */
static json_t *carry(const struct rtd_json *v)
{
    int64_t whole;
    double real;
    json_t *to;
    struct rtd_json_walk w = rtd_json_walk(v);
    switch (v->kind) {
    case RTD_JSON_FALSE:
    case RTD_JSON_TRUE:
        return json_boolean(v->kind == RTD_JSON_TRUE);
    case RTD_JSON_NUMBER:
        if (!strpbrk(v->text, ".eE") && rtd_json_whole(v, &whole))
            return json_integer(whole);
        return rtd_json_real(v, &real) ? json_real(real) : json_null();
    case RTD_JSON_TEXT:
        return json_stringn(v->text, v->n);
    case RTD_JSON_LIST:
        to = json_array();
        while (to && rtd_json_step(&w))
            if (json_array_append_new(to, carry(w.value))) {
                json_decref(to);
                to = NULL;
            }
        return to;
    case RTD_JSON_OBJECT:
        to = json_object();
        while (to && rtd_json_step(&w))
            if (json_object_set_new(to, w.key->text, carry(w.value))) {
                json_decref(to);
                to = NULL;
            }
        return to;
    default:
        return json_null();
    }
}

static int carry_all(struct rtd_config *c, const struct rtd_json *root, const char *name,
                     struct rtd_err *err)
{
    struct rtd_json_walk w = rtd_json_walk(root);
    int bad = (c->extra = json_object()) == NULL;
    while (!bad && rtd_json_step(&w)) {
        const struct rule *rule = find_rule(w.key->text);
        char shown[80];
        if (is_number(w.key->text) || (rule && rule->what != CARRIED))
            continue;
        if (!rule)
            rtd_info(1, "%s: %s: not a key of Hugging Face's bert or electra", name,
                     show(shown, sizeof shown, w.key));
        bad = json_object_set_new(c->extra, w.key->text, carry(w.value));
    }
    return bad ? rtd_fail(err, RTD_ESYS, "%s: not enough memory", name) : RTD_OK;
}

/* --- the whole --- */

static int get_names(struct rtd_config *c, const struct rtd_json *root, const char *name,
                     struct rtd_err *err)
{
    const struct rtd_json *type, *list;
    c->model_type[0] = '\0';
    if (get(root, "model_type", RTD_JSON_TEXT, "a text", &type, name, err) ||
        get(root, "architectures", RTD_JSON_LIST, "a list", &list, name, err))
        return err->status;
    struct rtd_json_walk w = rtd_json_walk(list);
    rtd_json_step(&w);
    if (get_text(type, "model_type", c->model_type, sizeof c->model_type, name, err) ||
        get_text(w.value, "architectures", c->architecture, sizeof c->architecture, name, err))
        return err->status;
    if (!c->model_type[0])
        rtd_config_guess(c, c->architecture);
    if (!c->model_type[0] || strcmp(c->model_type, "electra") == 0 ||
        strcmp(c->model_type, "bert") == 0)
        return RTD_OK;
    char shown[32];
    return rtd_fail(err, RTD_EDATA, "%s: model_type %s is not supported (electra, bert)", name,
                    show(shown, sizeof shown, type));
}

static int read_object(struct rtd_config *c, const struct rtd_json *root, const char *name,
                       struct rtd_err *err)
{
    if (root->kind != RTD_JSON_OBJECT)
        return rtd_fail(err, RTD_EDATA, "%s: not a JSON object", name);
    if (get_names(c, root, name, err))
        return err->status;
    for (int i = 0; i < RTD_CONFIG_KEYS; i++)
        if (get_number(c, root, &rtd_config_keys[i], name, err))
            return err->status;
    if (!c->embedding_size || strcmp(c->model_type, "bert") == 0) /* a bert's is not looked at */
        c->embedding_size = c->hidden_size;
    if (get_dropout(c, root, name, err) || get_act(c, root, name, err) ||
        check_rules(root, name, err) || get_labels(c, root, name, err) ||
        carry_all(c, root, name, err))
        return err->status;
    return rtd_config_check(c, name, err);
}

int rtd_config_parse(struct rtd_config *c, const char *text, size_t len, const char *name,
                     struct rtd_err *err)
{
    struct rtd_json_doc doc = {0};
    rtd_config_init(c);
    int st = rtd_json_read(&doc, text, len, name, 0, err);
    if (!st)
        st = read_object(c, doc.root, name, err);
    rtd_json_free(&doc);
    if (st)
        rtd_config_free(c);
    return st;
}

/* Hugging Face takes the model that such a file names, and an adapter on top. */
static int check_adapter(const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/adapter_config.json", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return rtd_exists(path)
               ? rtd_fail(
                     err, RTD_EDATA,
                     "%s: adapters are not supported (merge_and_unload makes one model of both)",
                     path)
               : RTD_OK;
}

int rtd_config_load(struct rtd_config *c, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    *c = (struct rtd_config){0};
    if (check_adapter(dir, err) || rtd_config_path(path, dir, err) ||
        rtd_read_file(path, CONFIG_MAX, &text, &len, err))
        return err->status;
    int st = rtd_config_parse(c, text, len, path, err);
    free(text);
    return st;
}
