/* rtdtools - MIT licence
 *
 * model-info: what a model directory holds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "model/directory.h"
#include "model/flops.h"
#include "model/network.h"

struct opts {
    bool tensors, json, accept, force;
    int64_t length;
    const char *out;
};

static const struct rtd_usage usage = {
    "[-f] [-o FILE] [--tensors] [--length N] [--json] DIR...\n--accept DIR...",
    "print shape, size, vocabulary, labels and cost of models, and verify their digests",
    "Prints NAME TAB VALUE lines; several directories are told apart by their directory lines.\n"
    "Costs count matrix products only, at sequences of --length tokens."};

/* Tensors that are no parameters of their own: a buffer, and copies of the word embeddings. */
static bool is_parameter(const char *name)
{
    static const char *const no[] = {"position_ids", "generator_lm_head.weight",
                                     "cls.predictions.decoder.weight"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        size_t n = strlen(no[i]);
        if (len >= n && strcmp(name + len - n, no[i]) == 0)
            return false;
    }
    return true;
}

static json_t *tensor_list(const struct rtd_st *st)
{
    json_t *list = json_array();
    for (int i = 0; i < rtd_st_count(st); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        json_t *shape = json_array();
        for (int d = 0; d < t->ndim; d++)
            json_array_append_new(shape, json_integer((json_int_t)t->dims[d]));
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", t->name, "dtype",
                                              rtd_st_dtype_name(t->dtype), "shape", shape));
    }
    return list;
}

static void add_shape(json_t *o, const struct rtd_config *c)
{
    static const char *const acts[] = {"gelu", "gelu_new", "relu"};
    json_object_set_new(o, "model_type", json_string(c->model_type));
    json_object_set_new(o, "architecture", json_string(c->architecture));
    json_object_set_new(o, "layers", json_integer(c->num_hidden_layers));
    json_object_set_new(o, "hidden", json_integer(c->hidden_size));
    json_object_set_new(o, "heads", json_integer(c->num_attention_heads));
    json_object_set_new(o, "ffn", json_integer(c->intermediate_size));
    json_object_set_new(o, "embedding", json_integer(c->embedding_size));
    json_object_set_new(o, "activation", json_string(acts[c->hidden_act]));
    json_object_set_new(o, "positions", json_integer(c->max_position_embeddings));
    if (rtd_config_trained_length(c))
        json_object_set_new(o, "trained_length", json_integer(rtd_config_trained_length(c)));
    json_object_set_new(o, "vocab_size", json_integer(c->vocab_size));
}

static void add_weights(json_t *o, const struct rtd_st *st)
{
    json_int_t parameters = 0, bytes = 0;
    char dtypes[80] = "";
    for (int i = 0; i < rtd_st_count(st); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(st, i);
        const char *dtype = rtd_st_dtype_name(t->dtype);
        bytes += (json_int_t)t->bytes;
        if (!is_parameter(t->name))
            continue;
        parameters += (json_int_t)t->count;
        if (!strstr(dtypes, dtype))
            snprintf(dtypes + strlen(dtypes), sizeof dtypes - strlen(dtypes), "%s%s",
                     dtypes[0] ? "," : "", dtype);
    }
    json_object_set_new(o, "tensors", json_integer(rtd_st_count(st)));
    json_object_set_new(o, "parameters", json_integer(parameters));
    json_object_set_new(o, "dtype", json_string(dtypes));
    json_object_set_new(o, "bytes", json_integer(bytes));
    json_object_set_new(o, "digest", json_string(rtd_st_verified(st) ? "verified" : "none"));
}

static void add_cost(json_t *o, const struct rtd_config *c, double n)
{
    double mflop = (rtd_flops_encoder(c, n) + rtd_flops_head(c, n)) / n / 1e6;
    json_object_set_new(o, "length", json_integer((json_int_t)n));
    json_object_set_new(o, "mflop_token_inference", json_real(mflop));
    json_object_set_new(o, "mflop_token_training", json_real(3 * mflop));
}

/* What it was fine-tuned for, or pre-trained as. */
static void add_tasks(json_t *o, const struct rtd_config *c)
{
    struct rtd_head_spec spec[RTD_MAX_HEADS];
    struct rtd_err none = {0};
    int n;
    json_t *list = json_array();
    if (!rtd_head_specs(spec, &n, c, &none)) {
        for (int i = 0; i < n; i++) {
            json_t *labels = json_array();
            for (int k = 0; spec[i].label && k < spec[i].outputs; k++)
                json_array_append_new(labels, json_string(spec[i].label[k]));
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:o}", "name", spec[i].name, "task",
                                            rtd_task_entry(spec[i].task)->name, "labels", labels));
        }
        rtd_head_specs_free(spec, n);
    }
    json_object_set_new(o, "tasks", list);
}

static json_t *describe(const struct rtd_model_dir *m, const struct opts *opt)
{
    const struct rtd_config *c = &m->config;
    json_t *o = json_object();
    json_object_set_new(o, "directory", json_string(m->path));
    add_shape(o, c);
    if (m->tok) {
        const struct rtd_tok_settings *s = rtd_tokenizer_settings(m->tok);
        json_object_set_new(o, "lower_case", json_boolean(s->lower_case));
        json_object_set_new(o, "strip_accents", json_boolean(s->strip_accents));
    }
    add_weights(o, m->weights);
    add_cost(o, c, opt->length ? (double)opt->length : fmin(128, c->max_position_embeddings));
    if (c->num_labels) {
        json_t *labels = json_array();
        for (int i = 0; i < c->num_labels; i++)
            json_array_append_new(labels, json_string(c->id2label[i]));
        json_object_set_new(o, "labels", labels);
    }
    add_tasks(o, c);
    if (opt->tensors)
        json_object_set_new(o, "tensor", tensor_list(m->weights));
    return o;
}

/* before, the text, after */
static int print_field(struct rtd_out *out, const char *before, const json_t *text,
                       const char *after, struct rtd_err *err)
{
    int st = rtd_out_printf(out, err, "%s", before);
    if (!st)
        st = rtd_out_field(out, json_string_value(text), "", err);
    return st ? st : rtd_out_printf(out, err, "%s", after);
}

static int print_value(struct rtd_out *out, const char *key, const json_t *v, struct rtd_err *err)
{
    if (json_is_string(v)) {
        int st = rtd_out_printf(out, err, "%s", key);
        return st ? st : print_field(out, "\t", v, "\n", err);
    }
    if (json_is_real(v))
        return rtd_out_printf(out, err, "%s\t%.6g\n", key, json_real_value(v));
    if (json_is_boolean(v))
        return rtd_out_printf(out, err, "%s\t%s\n", key, json_is_true(v) ? "yes" : "no");
    return rtd_out_printf(out, err, "%s\t%lld\n", key, (long long)json_integer_value(v));
}

/* task TAB TASK; of several heads also TAB NAME TAB LABEL,LABEL,... */
static int print_task(struct rtd_out *out, const json_t *e, struct rtd_err *err)
{
    const json_t *labels = json_object_get(e, "labels");
    const char *name = json_string_value(json_object_get(e, "name"));
    int st = rtd_out_printf(out, err, "task\t%s", json_string_value(json_object_get(e, "task")));
    if (!st && name[0])
        st = rtd_out_printf(out, err, "\t%s\t", name);
    for (size_t i = 0; !st && name[0] && i < json_array_size(labels); i++)
        st = print_field(out, i ? "," : "", json_array_get(labels, i), "", err);
    return st ? st : rtd_out_printf(out, err, "\n");
}

/* label TAB id TAB name; tensor TAB name TAB dtype TAB shape */
static int print_list(struct rtd_out *out, const json_t *list, struct rtd_err *err)
{
    int st = RTD_OK;
    for (size_t i = 0; !st && i < json_array_size(list); i++) {
        const json_t *e = json_array_get(list, i);
        if (json_is_string(e)) {
            st = rtd_out_printf(out, err, "label\t%zu", i);
            st = st ? st : print_field(out, "\t", e, "\n", err);
            continue;
        }
        if (json_object_get(e, "task")) {
            st = print_task(out, e, err);
            continue;
        }
        char *shape = json_dumps(json_object_get(e, "shape"), JSON_COMPACT);
        st = print_field(out, "tensor\t", json_object_get(e, "name"), "", err);
        if (!st)
            st = rtd_out_printf(out, err, "\t%s\t%s\n",
                                json_string_value(json_object_get(e, "dtype")), shape ? shape : "");
        free(shape);
    }
    return st;
}

static int print_text(struct rtd_out *out, json_t *o, struct rtd_err *err)
{
    const char *key;
    json_t *v;
    int st = RTD_OK;
    json_object_foreach(o, key, v) if (!st) st =
        json_is_array(v) ? print_list(out, v, err) : print_value(out, key, v, err);
    return st;
}

static int show(const char *dir, struct rtd_out *out, const struct opts *opt, struct rtd_err *err)
{
    struct rtd_model_dir m;
    int st = rtd_model_dir_open(&m, dir, 0, err);
    if (st)
        return st;
    json_t *o = describe(&m, opt);
    if (opt->json) {
        char *line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
        st = line ? rtd_out_printf(out, err, "%s\n", line)
                  : rtd_fail(err, RTD_ESYS, "%s: no memory", dir);
        free(line);
    } else {
        st = print_text(out, o, err);
    }
    json_decref(o);
    rtd_model_dir_close(&m);
    return st;
}

static int run(char **dirs, int n, const struct opts *opt, struct rtd_err *err)
{
    struct rtd_out *out;
    int st = RTD_OK;
    if (opt->accept) {
        for (int i = 0; i < n && !st; i++)
            st = rtd_model_dir_accept(dirs[i], err);
        return st;
    }
    st = rtd_out_open(&out, opt->out, opt->force ? RTD_OUT_FORCE : 0, err);
    if (st)
        return st;
    for (int i = 0; i < n && !st; i++)
        st = show(dirs[i], out, opt, err);
    if (!st)
        return rtd_out_commit(out, err);
    rtd_out_abort(out);
    return st;
}

int main(int argc, char **argv)
{
    struct opts opt = {.out = "-"};
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'o', "output", "FILE", &opt.out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &opt.force, 0, 0, "overwrite FILE", 0},
        {RTD_OPT_FLAG, 0, "tensors", NULL, &opt.tensors, 0, 0, "list every tensor", 0},
        {RTD_OPT_INT, 0, "length", "N", &opt.length, 1, 1 << 20,
         "sequence length for the costs (default: 128)", 0},
        {RTD_OPT_FLAG, 0, "json", NULL, &opt.json, 0, 0, "one JSON object a directory", 0},
        {RTD_OPT_FLAG, 0, "accept", NULL, &opt.accept, 0, 0,
         "seal again after config.json or the vocabulary was changed on purpose", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("model-info", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st && first == argc)
        st = rtd_fail(&err, RTD_EUSAGE, "want a model directory");
    if (!st)
        st = run(argv + first, argc - first, &opt, &err);
    return rtd_tool_end(&err, st);
}
