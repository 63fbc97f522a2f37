/* rtdtools - MIT licence
 *
 * Crawls: the records of a WARC file, any 0.17 to 1.1 (ISO 28500), packed as a whole or record by
 * record, which is the same to who reads the unpacked bytes.  Texts are the records conversion (of
 * a WET), resource and response, a response without its HTTP header; their names are URIs. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/archive_internal.h"

struct warc {
    struct rtd_members base;
    const struct rtd_container *c;
    uint64_t left;    /* bytes of the present record's block that were not taken */
    uint64_t records; /* begun */
    char type[32], content[64], uri[4096], what[64];
};

static int damaged(const struct warc *w, const char *why, struct rtd_err *err)
{
    return rtd_fail(err, RTD_EDATA, "%s: damaged or truncated warc archive: record %llu: %s",
                    w->c->where, (unsigned long long)w->records, why);
}

/* Take n bytes of those that were looked at. */
static void consume(struct warc *w, size_t n)
{
    w->c->bytes->pos += n;
}

/* The length of a header in its first n bytes, the empty line at its end included; 0: no end. */
static size_t header_length(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\n')
            continue;
        size_t k = i + 1 + (i + 1 < n && p[i + 1] == '\r');
        if (k < n && p[k] == '\n')
            return k + 1;
    }
    return 0;
}

/* The value of a field in a header, without blanks around it; it goes on in lines that begin with a
 * blank.  false: there is none. */
static bool field(const unsigned char *header, size_t n, const char *name, char *out, size_t size)
{
    const char *p = (const char *)header, *end = p + n;
    size_t len = strlen(name), o = 0;
    bool found = false;
    for (const char *line = p; line < end;) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        const char *stop = nl ? nl : end, *v = line;
        if (found && *line != ' ' && *line != '\t')
            break;
        if (!found && (size_t)(stop - line) > len && line[len] == ':' &&
            !strncasecmp(line, name, len)) {
            found = true;
            v = line + len + 1;
        }
        for (; found && v < stop && o + 1 < size; v++)
            if (o || !isspace((unsigned char)*v))
                out[o++] = isspace((unsigned char)*v) ? ' ' : *v;
        line = stop + 1;
    }
    while (o && isspace((unsigned char)out[o - 1]))
        o--;
    out[o] = 0;
    return found;
}

/* Look at the header that comes next; few have more than 4 KiB.  *used: its length; 0: it has no
 * end in the *n bytes that are there, at most `most`. */
static int peek_header(struct warc *w, uint64_t most, const unsigned char **p, size_t *n,
                       size_t *used, struct rtd_err *err)
{
    *used = 0;
    for (size_t want = 4096; !*used && want <= RTD_WINDOW; want *= 16) {
        int st = rtd_bytes_peek(w->c->bytes, want < most ? want : (size_t)most, p, n, err);
        if (st)
            return st;
        *used = header_length(*p, *n);
    }
    return RTD_OK;
}

static int read_header(struct warc *w, const unsigned char *p, size_t n, size_t used,
                       struct rtd_err *err)
{
    char length[32];
    w->records++;
    if (n < 5 || memcmp(p, "WARC/", 5) != 0)
        return damaged(w, "it does not begin with WARC/", err);
    if (!used)
        return damaged(w, "its header has no end", err);
    if (!field(p, used, "WARC-Type", w->type, sizeof w->type))
        return damaged(w, "no WARC-Type", err);
    if (!field(p, used, "Content-Length", length, sizeof length) || !*length ||
        length[strspn(length, "0123456789")] || strlen(length) > 18)
        return damaged(w, "no Content-Length", err);
    w->left = strtoull(length, NULL, 10);
    field(p, used, "Content-Type", w->content, sizeof w->content);
    field(p, used, "WARC-Target-URI", w->uri, sizeof w->uri);
    size_t end = strlen(w->uri);
    if (end > 1 && w->uri[0] == '<' && w->uri[end - 1] == '>') { /* as WARC 1.0 prints it */
        memmove(w->uri, w->uri + 1, end - 2);
        w->uri[end - 2] = 0;
    }
    consume(w, used);
    return RTD_OK;
}

/* The block of a response begins with an HTTP header.  NULL: its body follows; else why not. */
static int pass_http(struct warc *w, const char **why, struct rtd_err *err)
{
    const unsigned char *p;
    size_t n;
    char coding[64];
    size_t used;
    int st = peek_header(w, w->left, &p, &n, &used, err);
    if (st)
        return st;
    if (n < 5 || memcmp(p, "HTTP/", 5) != 0 || !used)
        *why = "a response without an HTTP header";
    else if (field(p, used, "Transfer-Encoding", coding, sizeof coding) &&
             strcasecmp(coding, "identity") != 0)
        *why = "a response in chunks";
    else {
        consume(w, used);
        w->left -= used;
    }
    return RTD_OK;
}

static int choose(struct warc *w, struct rtd_member *m, struct rtd_err *err)
{
    m->name = w->uri;
    m->what = NULL;
    m->kind = RTD_MEMBER_DATA;
    if (!strcmp(w->type, "warcinfo")) {
        m->kind = RTD_MEMBER_NONE;
        return RTD_OK;
    }
    if (!strcmp(w->type, "conversion") || !strcmp(w->type, "resource"))
        return RTD_OK;
    if (!strcmp(w->type, "response")) {
        if (strncasecmp(w->content, "application/http", 16) != 0)
            return RTD_OK; /* the answer of another protocol */
        int st = pass_http(w, &m->what, err);
        m->kind = m->what ? RTD_MEMBER_OTHER : RTD_MEMBER_DATA;
        return st;
    }
    char type[32];
    snprintf(w->what, sizeof w->what, "a record of type %s",
             rtd_mask_text(type, sizeof type, w->type, strlen(w->type)));
    m->what = w->what;
    m->kind = RTD_MEMBER_OTHER;
    return RTD_OK;
}

static int read_block(struct rtd_members *m, const void **data, size_t *n, struct rtd_err *err)
{
    struct warc *w = (struct warc *)m;
    const unsigned char *p;
    *data = NULL;
    *n = 0;
    if (w->left == 0)
        return RTD_OK;
    int st = rtd_bytes_take(w->c->bytes, &p, n, err);
    if (st)
        return st;
    if (*n == 0)
        return damaged(w, "it is cut", err);
    if (*n > w->left) { /* give back what is another record's */
        w->c->bytes->pos -= *n - (size_t)w->left;
        *n = (size_t)w->left;
    }
    w->left -= *n;
    *data = p;
    return RTD_OK;
}

/* What is left of the record before, and the line ends after it. */
static int pass(struct warc *w, struct rtd_err *err)
{
    const void *block;
    const unsigned char *p;
    size_t n;
    do {
        int st = read_block(&w->base, &block, &n, err);
        if (st)
            return st;
    } while (n);
    do {
        int st = rtd_bytes_peek(w->c->bytes, 1, &p, &n, err);
        if (st)
            return st;
        n = n && (*p == '\r' || *p == '\n');
        consume(w, n);
    } while (n);
    return RTD_OK;
}

static int next(struct rtd_members *m, struct rtd_member *member, struct rtd_err *err)
{
    struct warc *w = (struct warc *)m;
    const unsigned char *p;
    size_t n, used;
    *member = (struct rtd_member){0};
    if (pass(w, err) || peek_header(w, RTD_WINDOW, &p, &n, &used, err))
        return err->status;
    if (n == 0)
        return RTD_OK;
    int st = read_header(w, p, n, used, err);
    return st ? st : choose(w, member, err);
}

static void close_members(struct rtd_members *m)
{
    free(m);
}

int rtd_members_warc(struct rtd_members **m, const struct rtd_container *c, struct rtd_err *err)
{
    struct warc *w = calloc(1, sizeof *w);
    *m = NULL;
    if (!w)
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", c->where);
    w->base = (struct rtd_members){next, read_block, close_members};
    w->c = c;
    *m = &w->base;
    return RTD_OK;
}
