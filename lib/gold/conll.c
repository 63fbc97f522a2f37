/* rtdtools - MIT licence */
#include "gold/conll.h"

#include <stdlib.h>
#include <string.h>

#include "base/say.h"
#include "gold/columns.h"
#include "gold/labels.h"

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

static int column_number(int *number, const char *text, const char *option, struct rtd_err *err)
{
    char *end;
    long n = text ? strtol(text, &end, 10) : 0;
    *number = (int)n;
    if (text && (*end || text[0] < '0' || text[0] > '9' || n < 1 || n > 1000))
        return rtd_fail(err, RTD_EUSAGE, "--%s %s: columns of CoNLL go by their number, from 1",
                        option, text);
    return RTD_OK;
}

int rtd_conll_columns(struct rtd_conll_columns *c, const char *word, const char *tag,
                      struct rtd_err *err)
{
    int st = column_number(&c->word, word, "text", err);
    return st ? st : column_number(&c->tag, tag, "label", err);
}

void rtd_conll_close(struct rtd_conll *c)
{
    rtd_lines_close(&c->lines);
    rtd_buf_free(&c->pending);
}

static int no_memory(const struct rtd_conll *c, struct rtd_err *err)
{
    return rtd_fail(err, RTD_ESYS, "%s: not enough memory", c->name);
}

static bool has_tabs(const char *line)
{
    return strchr(line, '\t') != NULL;
}

/* Cut a line in place; returns how many columns it has.  *word, *tag: the wanted ones, NULL where
 * they are not there. */
static int cut(const struct rtd_conll *c, char *line, char **word, char **tag)
{
    size_t len = strlen(line);
    while (len && strchr(" \t", line[len - 1]))
        line[--len] = '\0';
    const char *gap = has_tabs(line) ? "\t" : " ";
    int n = 0, first = c->wanted.word ? c->wanted.word : 1;
    char *p = line + (*gap == ' ' ? strspn(line, " ") : 0);
    *word = *tag = NULL;
    while (p) {
        char *end = strpbrk(p, gap);
        n++;
        if (n == first)
            *word = p;
        else if (!c->wanted.tag)
            *tag = p;
        if (n == c->wanted.tag)
            *tag = p;
        if (end) {
            *end++ = '\0';
            end += *gap == ' ' ? strspn(end, " ") : 0;
        }
        p = end;
    }
    return n;
}

static int count_columns(const char *line)
{
    bool tabs = has_tabs(line);
    int n = 1;
    for (const char *p = line; (p = strpbrk(p, tabs ? "\t" : " ")); n++)
        p += tabs ? 1 : strspn(p, " ");
    return n;
}

static int add_token(struct rtd_conll *c, struct rtd_sentence *s, const char *word, const char *tag,
                     uint64_t number, struct rtd_err *err)
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
            return no_memory(c, err);
        s->cap = cap;
    }
    s->word[s->n] = strdup(word);
    s->tag[s->n] = c->tags ? strdup(tag) : NULL;
    bool ok = s->word[s->n] && (!c->tags || s->tag[s->n]);
    if (s->n++ == 0)
        s->line = number;
    return ok ? RTD_OK : no_memory(c, err);
}

/* A line of a sentence. */
static int take_line(struct rtd_conll *c, struct rtd_sentence *s, char *line, uint64_t number,
                     struct rtd_err *err)
{
    static const char docstart[] = "-DOCSTART-\tO\n";
    unsigned long long at = number;
    char *word, *tag;
    bool tabs = has_tabs(line);
    int n = cut(c, line, &word, &tag);
    const char *wrong = tag ? rtd_label_fault(tag) : NULL;
    if (!word || !word[0])
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: no token", c->name, at);
    if (strcmp(word, "-DOCSTART-") == 0)
        return rtd_buf_append(&s->before, docstart, sizeof docstart - 1, err);
    if (c->tags && (!tag || !tag[0]))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: no tag", c->name, at);
    if (c->tags && wrong)
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: the tag %s", c->name, at, wrong);
    c->columns = tabs ? n : -n; /* the sign: what parts them */
    return add_token(c, s, word, tag, number, err);
}

/* --- comments --- */

static const char intent_key[] = "# intent = ";

static bool may_be_comment(const char *line)
{
    return line[0] == '#' && (line[1] == ' ' || line[1] == '\t');
}

/* It is one unless it is cut as the sentence's lines are, into as many columns. */
static bool is_comment(const struct rtd_conll *c, const char *line)
{
    if (c->columns == 0 && has_tabs(line)) /* there is no other line to compare with */
        return false;
    return c->columns != (has_tabs(line) ? count_columns(line) : -count_columns(line)) ||
           (!has_tabs(line) && strstr(line, " = "));
}

static int take_comment(const struct rtd_conll *c, struct rtd_sentence *s, const char *line,
                        struct rtd_err *err)
{
    if (strncmp(line, intent_key, sizeof intent_key - 1) != 0) {
        int st = rtd_buf_append(&s->before, line, strlen(line), err);
        return st ? st : rtd_buf_append(&s->before, "\n", 1, err);
    }
    free(s->intent);
    s->intent = strdup(line + sizeof intent_key - 1);
    return s->intent ? RTD_OK : no_memory(c, err);
}

/* What the pending lines are is known now. */
static int settle(struct rtd_conll *c, struct rtd_sentence *s, struct rtd_err *err)
{
    int st = RTD_OK;
    char *line = c->pending.data, *end = line + c->pending.len, *next;
    for (uint64_t number = c->pending_line; line < end && !st; line = next, number++) {
        next = line + strlen(line) + 1;
        bool comment = is_comment(c, line);
        c->comments |= comment && strncmp(line, intent_key, sizeof intent_key - 1) != 0;
        if (c->comments && !comment && !c->doubtful)
            c->doubtful = number;
        st = comment ? take_comment(c, s, line, err) : take_line(c, s, line, number, err);
    }
    c->pending.len = 0;
    return st;
}

/* A line that is not empty. */
static int add_line(struct rtd_conll *c, struct rtd_sentence *s, char *line, size_t len,
                    struct rtd_err *err)
{
    if (memchr(line, 0, len))
        return rtd_fail(err, RTD_EDATA, "%s: line %llu: a NUL byte", c->name,
                        (unsigned long long)c->lines.number);
    if (s->n == 0 && may_be_comment(line)) {
        if (c->pending.len == 0)
            c->pending_line = c->lines.number;
        return rtd_buf_append(&c->pending, line, len + 1, err);
    }
    if (c->pending.len) {
        c->columns = has_tabs(line) ? count_columns(line) : -count_columns(line);
        if (settle(c, s, err))
            return err->status;
    }
    return take_line(c, s, line, c->lines.number, err);
}

/* Do its words count 1, 2, 3? */
static bool counts(const struct rtd_sentence *s)
{
    for (size_t k = 0; k < s->n; k++) {
        char *end;
        if (strtoul(s->word[k], &end, 10) != k + 1 || *end)
            return false;
    }
    return true;
}

int rtd_conll_check_words(const struct rtd_conll *c, struct rtd_err *err)
{
    if (c->wanted.word || abs(c->columns) < 3 || c->words < 2 || c->other_words)
        return RTD_OK;
    return rtd_fail(err, RTD_EDATA,
                    "%s: the first column counts, the words are in another one (--text 2; --text 1 "
                    "takes it for the words)",
                    c->name);
}

int rtd_conll_next(struct rtd_conll *c, struct rtd_sentence *s, struct rtd_err *err)
{
    char *line;
    size_t len;
    struct rtd_err first = {0};
    rtd_sentence_free(s);
    c->damaged = false;
    c->pending.len = 0;
    for (;;) {
        struct rtd_err later = {0};
        int st = rtd_lines_next(&c->lines, &line, &len, &later);
        if (st && !c->lines.too_long)
            return rtd_fail(err, st, "%s", later.text);
        bool ends = !st && (!line || strspn(line, " \t") == len);
        if (!first.status)
            st = st     ? rtd_fail(&first, st, "%s", later.text)
                 : ends ? settle(c, s, &first)
                        : add_line(c, s, line, len, &first);
        if (first.status == RTD_ESYS || (ends && (!line || s->n || first.status)))
            break;
        if (ends && rtd_buf_append(&s->before, "\n", 1, &first))
            break;
    }
    s->number = c->read;
    c->damaged = first.status == RTD_EDATA;
    c->read += s->n || c->damaged;
    c->words += s->n;
    c->other_words |= !counts(s);
    return first.status ? rtd_fail(err, first.status, "%s", first.text) : RTD_OK;
}

/* --- all of them --- */

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

static int read_all(struct rtd_sentences *all, struct rtd_conll *c, struct rtd_sentence *s,
                    struct rtd_bad_rows *bad, struct rtd_err *err)
{
    size_t cap = 0;
    for (;;) {
        int st = rtd_conll_next(c, s, err);
        if (st && (!c->damaged || rtd_bad_row(bad, err)))
            return err->status;
        if (!st && s->n == 0)
            break;
        if (!st) {
            if (add_sentence(all, &cap, s, err))
                return err->status;
            *s = (struct rtd_sentence){0}; /* handed over */
        }
    }
    all->total = c->read;
    all->columns = abs(c->columns);
    if (c->doubtful)
        rtd_warn("%s: line %llu: '#' begins a sentence in a file with comments: taken as a token",
                 c->name, (unsigned long long)c->doubtful);
    if (rtd_conll_check_words(c, err))
        return err->status;
    if (rtd_bad_rows_end(bad, all->total, c->name, "sentence", err))
        return err->status;
    return all->n ? RTD_OK : rtd_fail(err, RTD_EDATA, "%s: no sentences", c->name);
}

int rtd_sentences_read(struct rtd_sentences *all, struct rtd_conll *c, struct rtd_bad_rows *bad,
                       struct rtd_err *err)
{
    struct rtd_sentence s = {0};
    *all = (struct rtd_sentences){0};
    int st = read_all(all, c, &s, bad, err);
    rtd_sentence_free(&s);
    if (st)
        rtd_sentences_free(all);
    return st;
}

int rtd_sentences_load(struct rtd_sentences *all, const char *path,
                       const struct rtd_conll_columns *columns, struct rtd_bad_rows *bad,
                       struct rtd_err *err)
{
    struct rtd_conll c;
    *all = (struct rtd_sentences){0};
    int st = rtd_conll_open(&c, path, true, err);
    if (st)
        return st;
    if (columns)
        c.wanted = *columns;
    st = rtd_sentences_read(all, &c, bad, err);
    rtd_conll_close(&c);
    return st;
}

char **rtd_sentences_tags(const struct rtd_sentences *all, size_t *n)
{
    size_t k = 0;
    *n = 0;
    for (size_t i = 0; i < all->n; i++)
        *n += all->s[i].n;
    char **tag = malloc((*n + 1) * sizeof *tag);
    for (size_t i = 0; tag && i < all->n; i++)
        for (size_t w = 0; w < all->s[i].n; w++)
            tag[k++] = all->s[i].tag[w];
    return tag;
}
