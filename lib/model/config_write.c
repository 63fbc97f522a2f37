/* rtdtools - MIT licence
 *
 * config.json, written. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "model/config_internal.h"

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
        double x = rtd_config_number(c, k);
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
