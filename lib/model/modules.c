/* rtdtools - MIT licence
 *
 * modules.json: which modules there are, and where their files lie. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "model/embedding.h"

enum { FILE_MAX = 16 << 20, MODULES_MAX = 64 };

const char *rtd_module_name(const struct rtd_module *m)
{
    static const char package[] = "sentence_transformers.";
    bool ours = strncmp(m->type, package, sizeof package - 1) == 0;
    return ours ? strrchr(m->type, '.') + 1 : m->type;
}

void rtd_modules_free(struct rtd_modules *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->module[i].type);
        free(m->module[i].path);
    }
    free(m->module);
    *m = (struct rtd_modules){0};
}

/* A folder inside the directory. */
static bool inside(const char *path)
{
    size_t n = strlen(path);
    return path[0] != '/' && strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 &&
           !strstr(path, "/../") && (n < 3 || strcmp(path + n - 3, "/..") != 0);
}

static int read_module(struct rtd_modules *m, const struct rtd_json *v, const char *name,
                       struct rtd_err *err)
{
    const struct rtd_json *type, *path;
    if (rtd_json_want(v, "type", RTD_JSON_TEXT, &type, name, 0, err) ||
        rtd_json_want(v, "path", RTD_JSON_TEXT, &path, name, 0, err))
        return err->status;
    if (strlen(path->text) != path->n || !inside(path->text))
        return rtd_fail(err, RTD_EDATA, "%s: a module's path leads out of the directory", name);
    struct rtd_module *to = &m->module[m->n++];
    *to = (struct rtd_module){.type = rtd_json_copy(type), .path = rtd_json_copy(path)};
    return to->type && to->path ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
}

static int read_modules(struct rtd_modules *m, const struct rtd_json *root, const char *name,
                        struct rtd_err *err)
{
    if (root->kind != RTD_JSON_LIST || root->n == 0 || root->n > MODULES_MAX)
        return rtd_fail(err, RTD_EDATA, "%s: want a list of 1 to %d modules", name, MODULES_MAX);
    m->module = calloc(root->n, sizeof *m->module);
    if (!m->module)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", name);
    struct rtd_json_walk w = rtd_json_walk(root);
    while (!err->status && rtd_json_step(&w))
        read_module(m, w.value, name, err);
    return err->status;
}

int rtd_modules_read(struct rtd_modules *m, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    struct rtd_json_doc doc = {0};
    *m = (struct rtd_modules){0};
    if (snprintf(path, sizeof path, "%s/modules.json", dir) >= (int)sizeof path)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    if (!rtd_exists(path))
        return RTD_OK;
    if (rtd_read_file(path, FILE_MAX, &text, &len, err))
        return err->status;
    int st = rtd_json_read(&doc, text, len, path, 0, err);
    if (!st)
        st = read_modules(m, doc.root, path, err);
    rtd_json_free(&doc);
    free(text);
    if (st)
        rtd_modules_free(m);
    return st;
}

int rtd_transformer_dir(char path[PATH_MAX], const char *dir, struct rtd_err *err)
{
    struct rtd_modules m;
    if (rtd_modules_read(&m, dir, err))
        return err->status;
    bool below = m.n && m.module[0].path[0];
    if (snprintf(path, PATH_MAX, below ? "%s/%s" : "%s", dir, below ? m.module[0].path : "") >=
        PATH_MAX)
        rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    rtd_modules_free(&m);
    return err->status;
}

int rtd_modules_write(const struct rtd_modules *m, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], name[24];
    json_t *list = json_array();
    int bad = list == NULL;
    for (size_t i = 0; i < m->n; i++) {
        snprintf(name, sizeof name, "%zu", i);
        bad |= json_array_append_new(
            list, json_pack("{s:I, s:s, s:s, s:s}", "idx", (json_int_t)i, "name", name, "path",
                            i ? m->module[i].path : "", "type", m->module[i].type));
    }
    char *text = bad ? NULL : json_dumps(list, JSON_INDENT(2));
    json_decref(list);
    if (!text)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", dir);
    if (snprintf(path, sizeof path, "%s/modules.json", dir) >= (int)sizeof path)
        rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    else
        rtd_write_file(path, text, strlen(text), err);
    free(text);
    return err->status;
}
