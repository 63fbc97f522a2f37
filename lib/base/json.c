/* rtdtools - MIT licence
 *
 * JSON, read by recursive descent into one array of nodes: a value, then what it holds. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/utf8.h"

enum { DEPTH_MAX = 1000 };

struct parser {
    const char *begin, *p, *end;
    struct rtd_json_doc *doc;
    int depth;
    size_t replaced; /* U+FFFD put for what is no character */
    const char *why; /* what is wrong at p; NULL: no memory */
};

static int wrong(struct parser *s, const char *why)
{
    s->why = why;
    return -1;
}

static void skip_blanks(struct parser *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

/* A new node; *at: its number (the array moves as it grows). */
static int add_node(struct parser *s, enum rtd_json_kind kind, size_t *at)
{
    struct rtd_json_doc *d = s->doc;
    if (d->n == d->cap) {
        size_t cap = 2 * d->cap + 64;
        struct rtd_json *list = realloc(d->node, cap * sizeof *list);
        if (!list)
            return wrong(s, NULL);
        d->node = list;
        d->cap = cap;
    }
    *at = d->n;
    d->node[d->n++] = (struct rtd_json){.kind = kind, .at = d->chars.len, .nodes = 1};
    return 0;
}

static int put(struct parser *s, const void *bytes, size_t n)
{
    struct rtd_err none = {0};
    return rtd_buf_append(&s->doc->chars, bytes, n, &none) ? wrong(s, NULL) : 0;
}

static int put_code_point(struct parser *s, uint32_t c)
{
    char b[4];
    return put(s, b, rtd_utf8_encode(b, c));
}

/* Four hexadecimal digits at p; -1: they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t c = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int x = p[i] >= '0' && p[i] <= '9'   ? p[i] - '0'
                : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
                : p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 10
                                             : -1;
        if (x < 0)
            return -1;
        c = c << 4 | x;
    }
    return c;
}

/* Behind "\u". */
static int take_unicode(struct parser *s)
{
    int32_t c = hex4(s->p, s->end), low;
    if (c < 0)
        return wrong(s, "\\u without four hexadecimal digits");
    s->p += 4;
    if (c >= 0xd800 && c <= 0xdbff && s->end - s->p > 2 && s->p[0] == '\\' && s->p[1] == 'u') {
        low = hex4(s->p + 2, s->end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            s->p += 6;
            return put_code_point(s, 0x10000u + ((uint32_t)(c - 0xd800) << 10) +
                                         (uint32_t)(low - 0xdc00));
        }
    }
    bool half = c >= 0xd800 && c <= 0xdfff;
    s->replaced += half;
    return put_code_point(s, half ? 0xfffd : (uint32_t)c);
}

static int take_escape(struct parser *s)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *k = s->p < s->end && *s->p ? strchr(names, *s->p) : NULL;
    if (s->p < s->end && *s->p == 'u') {
        s->p++;
        return take_unicode(s);
    }
    if (!k)
        return wrong(s, "an unknown escape");
    s->p++;
    return put(s, &values[k - names], 1);
}

/* Bytes beyond ASCII at p. */
static int take_bytes(struct parser *s)
{
    uint32_t c;
    int n = rtd_utf8_step((const unsigned char *)s->p, (size_t)(s->end - s->p), &c);
    int st = n > 0 ? put(s, s->p, (size_t)n) : put_code_point(s, 0xfffd);
    s->replaced += n <= 0;
    s->p += n > 0 ? n : n < 0 ? -n : s->end - s->p;
    return st;
}

static int take_text(struct parser *s)
{
    size_t at, before = s->replaced;
    if (s->p == s->end || *s->p != '"')
        return wrong(s, "no string where one has to be");
    if (add_node(s, RTD_JSON_TEXT, &at))
        return -1;
    s->p++;
    for (;;) {
        const char *run = s->p;
        while (s->p < s->end && *s->p != '"' && *s->p != '\\' && !(*s->p & 0x80))
            s->p++;
        if (s->p > run && put(s, run, (size_t)(s->p - run)))
            return -1;
        if (s->p == s->end)
            return wrong(s, "a string without its end");
        if (*s->p == '"')
            break;
        bool escape = *s->p == '\\';
        s->p += escape;
        if (escape ? take_escape(s) : take_bytes(s))
            return -1;
    }
    s->p++;
    s->doc->node[at].n = s->doc->chars.len - s->doc->node[at].at;
    s->doc->node[at].replaced = s->replaced - before;
    return put(s, "", 1);
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of the number at p; p itself: it is none. */
static const char *number_end(const char *p, const char *end)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0)
            return p + n;
    }
    const char *q = p + (*p == '-'), *r = digits(q, end);
    if (r == q || (*q == '0' && r - q > 1))
        return p;
    if (r < end && *r == '.') {
        q = r + 1;
        r = digits(q, end);
        if (r == q)
            return p;
    }
    if (r < end && (*r == 'e' || *r == 'E')) {
        q = r + 1;
        q += q < end && (*q == '+' || *q == '-');
        r = digits(q, end);
        if (r == q)
            return p;
    }
    return r;
}

static int take_number(struct parser *s)
{
    const char *end = number_end(s->p, s->end);
    size_t at, n = (size_t)(end - s->p);
    if (n == 0)
        return wrong(s, "no value where one has to be");
    if (add_node(s, RTD_JSON_NUMBER, &at) || put(s, s->p, n))
        return -1;
    s->doc->node[at].n = n;
    s->p = end;
    return put(s, "", 1);
}

static int take_word(struct parser *s, const char *word, enum rtd_json_kind kind)
{
    size_t n = strlen(word), at;
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return wrong(s, "no value where one has to be");
    s->p += n;
    return add_node(s, kind, &at);
}

static int take_value(struct parser *s);

static int take_member(struct parser *s, bool keyed)
{
    if (keyed) {
        skip_blanks(s);
        if (take_text(s))
            return -1;
        skip_blanks(s);
        if (s->p == s->end || *s->p != ':')
            return wrong(s, "no ':' behind a key");
        s->p++;
    }
    return take_value(s);
}

/* Behind '[' or '{'. */
static int take_members(struct parser *s, bool keyed)
{
    const char close = keyed ? '}' : ']';
    size_t at;
    if (s->depth == DEPTH_MAX)
        return wrong(s, "nested too deeply");
    if (add_node(s, keyed ? RTD_JSON_OBJECT : RTD_JSON_LIST, &at))
        return -1;
    s->depth++;
    skip_blanks(s);
    bool more = s->p == s->end || *s->p != close;
    s->p += !more;
    while (more) {
        if (take_member(s, keyed))
            return -1;
        s->doc->node[at].n++;
        skip_blanks(s);
        if (s->p == s->end || (*s->p != ',' && *s->p != close))
            return wrong(s, keyed ? "no ',' or '}' in an object" : "no ',' or ']' in a list");
        more = *s->p++ == ',';
    }
    s->depth--;
    s->doc->node[at].nodes = s->doc->n - at;
    return 0;
}

static int take_value(struct parser *s)
{
    skip_blanks(s);
    switch (s->p < s->end ? *s->p : 0) {
    case '{':
    case '[':
        return take_members(s, *s->p++ == '{');
    case '"':
        return take_text(s);
    case 'n':
        return take_word(s, "null", RTD_JSON_NULL);
    case 't':
        return take_word(s, "true", RTD_JSON_TRUE);
    case 'f':
        return take_word(s, "false", RTD_JSON_FALSE);
    default:
        return s->p < s->end ? take_number(s) : wrong(s, "it ends where a value has to be");
    }
}

/* "NAME: line N", or "NAME" */
static const char *place(char *buf, size_t size, const char *name, uint64_t line)
{
    if (line)
        snprintf(buf, size, "%s: line %llu", name, (unsigned long long)line);
    else
        snprintf(buf, size, "%s", name);
    return buf;
}

int rtd_json_read(struct rtd_json_doc *d, const char *text, size_t len, const char *name,
                  uint64_t line, struct rtd_err *err)
{
    bool mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    struct parser s = {.begin = text, .p = text + 3 * mark, .end = text + len, .doc = d};
    char where[RTD_PATH_MAX + 64];
    d->root = NULL;
    d->n = d->chars.len = 0;
    int st = take_value(&s);
    skip_blanks(&s);
    if (!st && s.p < s.end)
        st = wrong(&s, "more behind the value");
    if (st && !s.why)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory",
                        place(where, sizeof where, name, line));
    if (st)
        return rtd_fail(err, RTD_EDATA, "%s: not JSON: %s, byte %zu",
                        place(where, sizeof where, name, line), s.why, (size_t)(s.p - s.begin) + 1);
    for (size_t i = 0; i < d->n; i++)
        if (d->node[i].kind & (RTD_JSON_TEXT | RTD_JSON_NUMBER))
            d->node[i].text = (const char *)d->chars.data + d->node[i].at;
    d->root = d->node;
    return RTD_OK;
}

void rtd_json_free(struct rtd_json_doc *d)
{
    free(d->node);
    rtd_buf_free(&d->chars);
    *d = (struct rtd_json_doc){0};
}

struct rtd_json_walk rtd_json_walk(const struct rtd_json *v)
{
    bool keyed = v && v->kind == RTD_JSON_OBJECT, list = v && v->kind == RTD_JSON_LIST;
    return (struct rtd_json_walk){
        .next = keyed || list ? v + 1 : NULL, .left = keyed || list ? v->n : 0, .keyed = keyed};
}

bool rtd_json_step(struct rtd_json_walk *w)
{
    w->key = w->value = NULL;
    if (w->left == 0)
        return false;
    w->left--;
    if (w->keyed)
        w->key = w->next++;
    w->value = w->next;
    w->next += w->value->nodes;
    return true;
}

enum rtd_json_found rtd_json_member(const struct rtd_json *object, const char *key, unsigned kinds,
                                    const struct rtd_json **v)
{
    size_t len = strlen(key), times = 0;
    *v = NULL;
    if (!object || object->kind != RTD_JSON_OBJECT)
        return RTD_JSON_ABSENT;
    struct rtd_json_walk w = rtd_json_walk(object);
    const struct rtd_json *found = NULL;
    while (rtd_json_step(&w))
        if (w.key->n == len && memcmp(w.key->text, key, len) == 0) {
            found = w.value;
            times++;
        }
    if (!found || (times == 1 && found->kind == RTD_JSON_NULL && !(kinds & RTD_JSON_NULL)))
        return RTD_JSON_ABSENT;
    if (times > 1 || !(found->kind & kinds))
        return RTD_JSON_WRONG;
    *v = found;
    return RTD_JSON_PRESENT;
}

/* What a member shall hold, for messages. */
static const char *kind_name(unsigned kinds)
{
    switch (kinds) {
    case RTD_JSON_TEXT:
        return "text";
    case RTD_JSON_NUMBER:
        return "a number";
    case RTD_JSON_LIST:
        return "a list";
    case RTD_JSON_OBJECT:
        return "an object";
    default:
        return "what it shall";
    }
}

int rtd_json_want(const struct rtd_json *object, const char *key, unsigned kinds,
                  const struct rtd_json **v, const char *name, uint64_t line, struct rtd_err *err)
{
    char where[RTD_PATH_MAX + 64], shown[80];
    const struct rtd_json *any;
    enum rtd_json_found found = rtd_json_member(object, key, kinds, v);
    if (found == RTD_JSON_PRESENT)
        return RTD_OK;
    bool twice = found == RTD_JSON_WRONG && rtd_json_member(object, key, ~0u, &any) == found;
    rtd_mask_text(shown, sizeof shown, key, strlen(key));
    place(where, sizeof where, name, line);
    if (!object || object->kind != RTD_JSON_OBJECT)
        return rtd_fail(err, RTD_EDATA, "%s: not a JSON object", where);
    if (found == RTD_JSON_WRONG && !twice)
        return rtd_fail(err, RTD_EDATA, "%s: \"%s\" does not hold %s", where, shown,
                        kind_name(kinds));
    return rtd_fail(err, RTD_EDATA, "%s: \"%s\" is %s", where, shown,
                    twice ? "there twice" : "not there");
}

bool rtd_json_real(const struct rtd_json *v, double *x)
{
    *x = 0;
    if (!v || v->kind != RTD_JSON_NUMBER)
        return false;
    *x = strtod(v->text, NULL);
    return isfinite(*x);
}

bool rtd_json_whole(const struct rtd_json *v, int64_t *x)
{
    double real;
    *x = 0;
    if (!rtd_json_real(v, &real))
        return false;
    if (v->text[strspn(v->text, "-0123456789")] == '\0') {
        errno = 0;
        *x = strtoll(v->text, NULL, 10);
        return errno == 0;
    }
    if (real != floor(real) || real < -9223372036854775808.0 || real >= 9223372036854775808.0)
        return false;
    *x = (int64_t)real;
    return true;
}

char *rtd_json_copy(const struct rtd_json *v)
{
    size_t zeros = 0;
    for (size_t i = 0; i < v->n; i++)
        zeros += v->text[i] == '\0';
    char *copy = malloc(v->n + 2 * zeros + 1), *to = copy;
    if (!copy)
        return NULL;
    for (size_t i = 0; i < v->n; i++)
        if (v->text[i])
            *to++ = v->text[i];
        else
            to = stpcpy(to, "\xef\xbf\xbd");
    *to = '\0';
    return copy;
}
