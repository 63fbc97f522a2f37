/* rtdtools - MIT licence
 *
 * JSON as others write it: the one reader of the lines and files that users bring.  It takes what
 * RFC 8259 allows, and what is common beside it: numbers of any size, NaN and Infinity, which are
 * kept as they are written, since only who asks for a value needs it to fit; half a surrogate pair
 * or a byte that is no UTF-8, as U+FFFD; U+0000 as a character; control characters in strings; a
 * byte order mark in front.  Members that nobody asks for do not matter, whatever they hold and
 * however often they are there.
 *
 *     struct rtd_json_doc d = {0};
 *     if (!rtd_json_read(&d, line, len, name, number, err) &&
 *         !rtd_json_want(d.root, "text", RTD_JSON_TEXT, &v, name, number, err))
 *         use(v->text, v->n);
 *     rtd_json_free(&d);
 */
#ifndef RTD_BASE_JSON_H
#define RTD_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* Bits, so that several kinds can be asked for. */
enum rtd_json_kind {
    RTD_JSON_NULL = 1,
    RTD_JSON_FALSE = 2,
    RTD_JSON_TRUE = 4,
    RTD_JSON_NUMBER = 8,
    RTD_JSON_TEXT = 16,
    RTD_JSON_LIST = 32,
    RTD_JSON_OBJECT = 64,
    RTD_JSON_BOOL = RTD_JSON_FALSE | RTD_JSON_TRUE,
};

struct rtd_json {
    enum rtd_json_kind kind;
    size_t n;         /* bytes of a text or number, elements of a list, members of an object */
    const char *text; /* the text (UTF-8), or the number as it is written, and a NUL; else NULL */
    size_t replaced;  /* characters of the text that are U+FFFD for want of a right one */
    size_t at, nodes; /* private */
};

/* Zero-initialise; reading reuses the memory. */
struct rtd_json_doc {
    const struct rtd_json *root; /* of the text read last; NULL: it was not JSON */
    struct rtd_json *node;       /* private, like the rest */
    size_t n, cap;
    struct rtd_buf chars;
};

/* One value, and nothing but blanks around it.  RTD_EDATA: not JSON; the message begins with the
 * name and, unless it is 0, the line, and names the byte. */
int rtd_json_read(struct rtd_json_doc *d, const char *text, size_t len, const char *name,
                  uint64_t line, struct rtd_err *err);
void rtd_json_free(struct rtd_json_doc *d);

/* The elements of a list, the members of an object, in their order:
 *     struct rtd_json_walk w = rtd_json_walk(v);
 *     while (rtd_json_step(&w)) ... w.key (NULL in a list), w.value
 * Any other value, and NULL, has none. */
struct rtd_json_walk {
    const struct rtd_json *key, *value;
    const struct rtd_json *next; /* private */
    size_t left;                 /* private */
    bool keyed;                  /* private */
};
struct rtd_json_walk rtd_json_walk(const struct rtd_json *v);
bool rtd_json_step(struct rtd_json_walk *w);

enum rtd_json_found {
    RTD_JSON_ABSENT,  /* no such member, or it is null: nothing was said */
    RTD_JSON_PRESENT, /* once, and of a kind that was asked for */
    RTD_JSON_WRONG,   /* of another kind, or there twice */
};
/* The member of an object.  kinds: bits of enum rtd_json_kind.  *v: the value where it is PRESENT,
 * else NULL.  What is no object has no members: ABSENT. */
enum rtd_json_found rtd_json_member(const struct rtd_json *object, const char *key, unsigned kinds,
                                    const struct rtd_json **v);
/* The same where it has to be there: RTD_EDATA "NAME: line N: "KEY" is not there" (or what else is
 * wrong). */
int rtd_json_want(const struct rtd_json *object, const char *key, unsigned kinds,
                  const struct rtd_json **v, const char *name, uint64_t line, struct rtd_err *err);

/* A number's value: whole, and in 64 bits (17, but also 17.0 and 1e3); finite, as a double. */
bool rtd_json_whole(const struct rtd_json *v, int64_t *x);
bool rtd_json_real(const struct rtd_json *v, double *x);
/* A text, or a number as it is written, as a string for C, owned by the caller: U+0000 is U+FFFD in
 * it, one character as before.  NULL: no memory. */
char *rtd_json_copy(const struct rtd_json *v);

#endif
