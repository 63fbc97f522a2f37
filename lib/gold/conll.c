/* rtdtools - MIT licence */
#include "gold/conll.h"

#include <stdlib.h>
#include <string.h>

#include "gold/columns.h"

void rtd_sentence_free(struct rtd_sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->word[i]);
        free(s->tag[i]);
    }
    free(s->word);
    free(s->tag);
    free(s->intent);
    rtd_buf_free(&s->before);
    *s = (struct rtd_sentence){0};
}

int rtd_conll_open(struct rtd_conll *c, const char *path, bool tags, struct rtd_err *err)
{
    *c = (struct rtd_conll){.name = path, .tags = tags};
    int st = rtd_lines_open(&c->lines, path, RTD_LINE_MAX, err);
    c->lines.skip_mark = true;
    return st;
}

void rtd_conll_close(struct rtd_conll *c)
{
    rtd_lines_close(&c->lines);
}

static bool good_tag(const char *tag)
{
    return strcmp(tag, "O") == 0 || (strchr("BIES", tag[0]) && tag[0] && tag[1] == '-' && tag[2]);
}

/* First and wanted column of a line, cut in place; *tag NULL: only one column. */
static void columns(char *line, int column, char **word, char **tag)
{
    const char *gap = strchr(line, '\t') ? "\t" : " ";
    char *save;
    *word = strtok_r(line, gap, &save);
    *tag = NULL;
    char *field = *word;
    for (int i = 1; field && (field = strtok_r(NULL, gap, &save)) != NULL; i++)
        if (!column || i == column)
            *tag = field;
}

static int add_token(struct rtd_conll *c, struct rtd_sentence *s, const char *word, const char *tag,
                     struct rtd_err *err)
{
    if (s->n == s->cap) {
        size_t cap = 2 * s->cap + 16;
        char **w = realloc(s->word, cap * sizeof *w);
        if (w)
            s->word = w;
        char **t = realloc(s->tag, cap * sizeof *t);
        if (t)
            s->tag = t;
        if (!w || !t)
            return rtd_fail(err, RTD_ESYS, "%s: not enough memory", c->name);
        s->cap = cap;
    }
    s->word[s->n] = strdup(word);
    s->tag[s->n] = c->tags ? strdup(tag) : NULL;
    bool ok = s->word[s->n] && (!c->tags || s->tag[s->n]);
    if (s->n++ == 0)
        s->line = c->lines.number;
    return ok ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: not enough memory", c->name);
}

static int take_line(struct rtd_conll *c, struct rtd_sentence *s, char *line, struct rtd_err *err)
{
    char *word, *tag, shown[64];
    static const char key[] = "# intent = ", docstart[] = "-DOCSTART-\tO\n";
    if (s->n == 0 && strncmp(line, key, sizeof key - 1) == 0 && !strchr(line, '\t')) {
        free(s->intent);
        s->intent = strdup(line + sizeof key - 1);
        return s->intent ? RTD_OK : rtd_fail(err, RTD_ESYS, "%s: not enough memory", c->name);
    }
    columns(line, c->column, &word, &tag);
    if (!word)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: no token", c->name,
                        (unsigned long long)c->lines.number);
    if (strcmp(word, "-DOCSTART-") == 0)
        return rtd_buf_append(&s->before, docstart, sizeof docstart - 1, err);
    if (c->tags && !tag)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: no tag", c->name,
                        (unsigned long long)c->lines.number);
    if (c->tags && !good_tag(tag))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: '%s' is no tag (O, or B-, I-, E-, S-TYPE)",
                        c->name, (unsigned long long)c->lines.number,
                        rtd_mask_text(shown, sizeof shown, tag, strlen(tag)));
    return add_token(c, s, word, tag, err);
}

int rtd_conll_next(struct rtd_conll *c, struct rtd_sentence *s, struct rtd_err *err)
{
    char *line;
    size_t len;
    struct rtd_err first = {0};
    rtd_sentence_free(s);
    for (;;) {
        if (rtd_lines_next(&c->lines, &line, &len, err))
            return err->status;
        if (!line || strspn(line, " \t") == len) {
            if (!line || s->n || first.status)
                break;
            if (rtd_buf_append(&s->before, "\n", 1, &first))
                break;
            continue;
        }
        if (!first.status && memchr(line, 0, len))
            rtd_fail(&first, RTD_EDATA, "%s: line %llu: a NUL byte", c->name,
                     (unsigned long long)c->lines.number);
        if (!first.status && take_line(c, s, line, &first) == RTD_ESYS)
            break;
    }
    return first.status ? rtd_fail(err, first.status, "%s", first.text) : RTD_OK;
}

void rtd_sentences_free(struct rtd_sentences *all)
{
    for (size_t i = 0; i < all->n; i++)
        rtd_sentence_free(&all->s[i]);
    free(all->s);
    *all = (struct rtd_sentences){0};
}

static int add_sentence(struct rtd_sentences *all, size_t *cap, const struct rtd_sentence *s,
                        struct rtd_err *err)
{
    if (all->n == *cap) {
        size_t more = 2 * *cap + 256;
        struct rtd_sentence *list = realloc(all->s, more * sizeof *list);
        if (!list)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        all->s = list;
        *cap = more;
    }
    all->s[all->n++] = *s;
    return RTD_OK;
}

int rtd_sentences_load(struct rtd_sentences *all, const char *path, bool tags, struct rtd_err *err)
{
    struct rtd_conll c;
    struct rtd_sentence s = {0};
    size_t cap = 0;
    *all = (struct rtd_sentences){0};
    int st = rtd_conll_open(&c, path, tags, err);
    if (st)
        return st;
    while (!(st = rtd_conll_next(&c, &s, err)) && s.n) {
        st = add_sentence(all, &cap, &s, err);
        if (st)
            break;
        s = (struct rtd_sentence){0}; /* handed over */
    }
    rtd_sentence_free(&s);
    rtd_conll_close(&c);
    if (!st && all->n == 0)
        st = rtd_fail(err, RTD_EDATA, "%s: no sentences", path);
    if (st)
        rtd_sentences_free(all);
    return st;
}
