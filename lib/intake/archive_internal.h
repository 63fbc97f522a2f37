/* rtdtools - MIT licence
 *
 * Parts of the archive reader: byte sources with a window to look ahead, unpackers stacked on
 * them, and the tables that recognise formats. */
#ifndef RTD_INTAKE_ARCHIVE_INTERNAL_H
#define RTD_INTAKE_ARCHIVE_INTERNAL_H

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/io.h"
#include "intake/members.h"

enum { RTD_WINDOW = 1 << 16 }; /* bytes of look-ahead, and of one read */

/* A source of bytes.  Made by embedding it as the first member of a larger struct. */
struct rtd_bytes {
    /* At least 1 byte unless at the end (*got = 0, only when the end is verified). */
    int (*read)(struct rtd_bytes *b, void *buf, size_t n, size_t *got, struct rtd_err *err);
    void (*close)(struct rtd_bytes *b); /* frees b itself and what lies below */
    const char *name;                   /* for messages; borrowed */
    unsigned char *window;              /* [RTD_WINDOW] */
    size_t pos, len;                    /* bytes not yet taken */
    bool end;
};

/* The window is allocated here; on failure nothing needs to be released. */
int rtd_bytes_init(struct rtd_bytes *b, const char *name, struct rtd_err *err);
/* Look at the next n <= RTD_WINDOW bytes, fewer only at the end. */
int rtd_bytes_peek(struct rtd_bytes *b, size_t n, const unsigned char **p, size_t *got,
                   struct rtd_err *err);
/* Take what there is, without waiting for more than one byte; borrowed until the next call. */
int rtd_bytes_take(struct rtd_bytes *b, const unsigned char **p, size_t *got, struct rtd_err *err);
void rtd_bytes_close(struct rtd_bytes *b); /* NULL is fine */
/* Takes over `in`, also when it fails. */
int rtd_bytes_from_in(struct rtd_bytes **b, struct rtd_in *in, struct rtd_err *err);

/* One compression: how it begins, and libarchive's filter for it (NULL: gzip, done with zlib,
 * because libarchive checks neither its CRC nor a cut between two of its members). */
struct rtd_packing {
    const char *name;
    bool (*match)(const unsigned char *p, size_t n);
    int (*filter)(struct archive *);
};
const struct rtd_packing *rtd_packing_of(const unsigned char *p, size_t n); /* NULL: none */
/* Put unpackers on *b while it begins like something packed, at most four.  Their names, outermost
 * first, go to packed[4] (NULL: none).  On failure *b is what it was and still to be closed. */
int rtd_bytes_unpack(struct rtd_bytes **b, const char *packed[4], struct rtd_err *err);

/* One kind of container, how it begins, and the reader of its members. */
struct rtd_format {
    const char *name;
    bool (*match)(const unsigned char *p, size_t n); /* its whole head, not a few bytes of it */
    int (*open)(struct rtd_members **m, const struct rtd_container *c, struct rtd_err *err);
    int (*support)(struct archive *); /* libarchive's reader of this format alone, if it is one */
    bool seeks;                       /* and it can only read it from a file */
};
const struct rtd_format *rtd_format_of(const unsigned char *p, size_t n); /* NULL: none */

/* NULL when the first n bytes (all: the whole of it) look like text, else what they look like:
 * "a PDF document", "binary data". */
const char *rtd_not_text(const unsigned char *p, size_t n, bool all);

/* What the name promises: RTD_EDATA unless the packings and the format (NULL: none) found fit. */
int rtd_check_suffix(const char *path, const char *const packed[4], const char *format,
                     struct rtd_err *err);

#endif
