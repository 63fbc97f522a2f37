/* rtdtools - MIT licence
 *
 * What config.json says about heads, read and written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "model/network.h"

/* How many outputs a task has for so many labels. */
static int outputs_of(enum rtd_task task, int labels)
{
    const struct rtd_task_entry *e = rtd_task_entry(task);
    return e->labels ? labels : e->outputs;
}

void rtd_head_specs_free(struct rtd_head_spec *spec, int n)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; spec[i].label && k < spec[i].outputs; k++)
            free(spec[i].label[k]);
        free(spec[i].label);
        spec[i].label = NULL;
    }
}

/* They stand in lines and columns of output, of several labels joined by commas. */
static int set_labels(struct rtd_head_spec *s, char *const *label, int n, struct rtd_err *err)
{
    const char *joint = s->task == RTD_TASK_MULTILABEL ? "," : "";
    s->label = calloc((size_t)n + 1, sizeof *s->label);
    bool ok = s->label != NULL;
    s->outputs = n;
    for (int i = 0; i < n && ok; i++)
        ok = (s->label[i] = rtd_field(label[i], joint)) != NULL;
    return ok ? RTD_OK : rtd_fail(err, RTD_ESYS, "labels: not enough memory");
}

static double number(const json_t *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

/* What both forms keep under the same keys of object o. */
static void read_numbers(struct rtd_head_spec *s, const json_t *o)
{
    s->texts = json_integer_value(json_object_get(o, "texts")) == 2 ? 2 : 1;
    s->low = number(o, "low", 0);
    s->range = number(o, "range", 1);
    s->threshold = number(o, "threshold", 0.5);
}

static int write_numbers(json_t *o, const struct rtd_head_spec *s)
{
    int bad = json_object_set_new(o, "task", json_string(rtd_task_entry(s->task)->name));
    bad |= json_object_set_new(o, "texts", json_integer(s->texts));
    if (s->task == RTD_TASK_REGRESS) {
        bad |= json_object_set_new(o, "low", json_real(s->low));
        bad |= json_object_set_new(o, "range", json_real(s->range));
    }
    if (s->task == RTD_TASK_MULTILABEL || s->task == RTD_TASK_ANSWER)
        bad |= json_object_set_new(o, "threshold", json_real(s->threshold));
    return bad;
}

/* Does the class of c have a head for this task? */
static bool has_class(const struct rtd_config *c, enum rtd_task task)
{
    const char *class = rtd_task_entry(task)->of[rtd_model_type(c)].class;
    return class && strstr(c->architecture, class);
}

/* The task of a directory with one head; -1: no head.  Of those whose class is the same rank is
 * what our own key says, and the others go by problem and labels. */
static int only_task(const struct rtd_config *c)
{
    const char *own =
        json_string_value(json_object_get(json_object_get(c->extra, "rtdtools"), "task"));
    const char *problem = json_string_value(json_object_get(c->extra, "problem_type"));
    const char *several = rtd_task_entry(RTD_TASK_MULTILABEL)->problem;
    if (has_class(c, RTD_TASK_CLASSIFY)) {
        if (own && rtd_task_number(own) == RTD_TASK_RANK)
            return RTD_TASK_RANK;
        if (problem && strcmp(problem, several) == 0)
            return RTD_TASK_MULTILABEL;
        return c->num_labels == 1 ? RTD_TASK_REGRESS : RTD_TASK_CLASSIFY;
    }
    for (int i = 0; i < RTD_TASKS; i++)
        if (has_class(c, (enum rtd_task)i))
            return i;
    return -1;
}

static int read_listed(struct rtd_head_spec *s, const json_t *o, int i, struct rtd_err *err)
{
    const char *name = json_string_value(json_object_get(o, "name"));
    const json_t *labels = json_object_get(o, "labels");
    int task = rtd_task_number(json_string_value(json_object_get(o, "task")));
    size_t n = json_array_size(labels);
    if (!name || !name[0] || strlen(name) >= sizeof s->name || strpbrk(name, "./ ") || task < 0 ||
        n > 1 << 20 || (rtd_task_entry((enum rtd_task)task)->labels && n == 0))
        return rtd_fail(err, RTD_EDATA, "config.json: rtdtools.heads: entry %d is damaged", i);
    *s = (struct rtd_head_spec){.task = (enum rtd_task)task,
                                .outputs = outputs_of((enum rtd_task)task, (int)n)};
    memcpy(s->name, name, strlen(name) + 1);
    read_numbers(s, o);
    if (!rtd_task_entry(s->task)->labels)
        return RTD_OK;
    char **label = calloc(n, sizeof *label);
    bool ok = label != NULL;
    for (size_t k = 0; k < n && ok; k++)
        ok = (label[k] = (char *)json_string_value(json_array_get(labels, k))) != NULL;
    int st = ok ? set_labels(s, label, (int)n, err)
                : rtd_fail(err, RTD_EDATA, "config.json: rtdtools.heads: labels of entry %d", i);
    free(label);
    return st;
}

int rtd_head_specs(struct rtd_head_spec spec[RTD_MAX_HEADS], int *n, const struct rtd_config *c,
                   struct rtd_err *err)
{
    const json_t *own = json_object_get(c->extra, "rtdtools"), *o;
    const json_t *list = json_object_get(own, "heads");
    size_t i;
    *n = 0;
    if (list && (!json_is_array(list) || json_array_size(list) > RTD_MAX_HEADS))
        return rtd_fail(err, RTD_EDATA, "config.json: rtdtools.heads: want a list of at most %d",
                        RTD_MAX_HEADS);
    json_array_foreach(list, i, o)
    {
        spec[i] = (struct rtd_head_spec){0};
        ++*n;
        if (read_listed(&spec[i], o, (int)i, err)) {
            rtd_head_specs_free(spec, *n);
            return err->status;
        }
    }
    int task = list ? -1 : only_task(c);
    if (task < 0)
        return RTD_OK;
    *n = 1;
    spec[0] = (struct rtd_head_spec){.task = (enum rtd_task)task,
                                     .outputs = outputs_of((enum rtd_task)task, c->num_labels)};
    read_numbers(&spec[0], own);
    if (!rtd_task_entry(spec[0].task)->labels)
        return RTD_OK;
    int st = set_labels(&spec[0], c->id2label, c->num_labels, err);
    if (st)
        rtd_head_specs_free(spec, 1);
    return st;
}

/* --- writing --- */

static json_t *listed(const struct rtd_head_spec *s)
{
    json_t *o = json_object();
    int bad = write_numbers(o, s) | json_object_set_new(o, "name", json_string(s->name));
    json_t *labels = json_array();
    for (int i = 0; s->label && i < s->outputs; i++)
        bad |= json_array_append_new(labels, json_string(s->label[i]));
    bad |= s->label ? json_object_set(o, "labels", labels) : 0;
    json_decref(labels);
    if (bad) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static int store_list(struct rtd_config *c, const struct rtd_head_spec *spec, int n,
                      struct rtd_err *err)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        if (json_array_append_new(list, listed(&spec[i]))) {
            json_decref(list);
            return rtd_fail(err, RTD_EDATA, "config.json: a label is not UTF-8, or no memory");
        }
    snprintf(c->architecture, sizeof c->architecture, "%s",
             rtd_model_type(c) == RTD_BERT ? "BertModel" : "ElectraModel");
    return rtd_config_set_own(c, "heads", list, err);
}

static int store_only(struct rtd_config *c, const struct rtd_head_spec *s, struct rtd_err *err)
{
    static const char *const one[] = {"LABEL_0"};
    const struct rtd_task_entry *task = rtd_task_entry(s->task);
    enum rtd_model_type type = rtd_model_type(c);
    snprintf(c->architecture, sizeof c->architecture, "%s%s", type == RTD_BERT ? "Bert" : "Electra",
             task->of[type].class);
    int st = task->labels ? rtd_config_set_labels(c, (const char *const *)s->label, s->outputs, err)
                          : rtd_config_set_labels(c, one, task->problem ? 1 : 0, err);
    json_t *own = json_object();
    if (!st && (!own || write_numbers(own, s)))
        st = rtd_fail(err, RTD_ESYS, "config.json: no memory");
    const char *key;
    json_t *value;
    json_object_foreach(own, key, value)
    {
        if (!st)
            st = rtd_config_set_own(c, key, json_incref(value), err);
    }
    json_decref(own);
    if (!st && task->problem &&
        json_object_set_new(c->extra, "problem_type", json_string(task->problem)))
        st = rtd_fail(err, RTD_ESYS, "config.json: no memory");
    return st;
}

int rtd_head_specs_store(struct rtd_config *c, const struct rtd_head_spec *spec, int n,
                         struct rtd_err *err)
{
    static const char *const keys[] = {"task", "texts", "low", "range", "threshold", "heads"};
    json_t *own = json_object_get(c->extra, "rtdtools");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        json_object_del(own, keys[i]);
    json_object_del(c->extra, "problem_type");
    int st = rtd_config_set_labels(c, NULL, 0, err);
    if (st)
        return st;
    bool class = n == 1 && rtd_task_entry(spec[0].task)->of[rtd_model_type(c)].class;
    return class && !spec[0].name[0] ? store_only(c, &spec[0], err) : store_list(c, spec, n, err);
}
