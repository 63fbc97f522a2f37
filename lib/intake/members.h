/* rtdtools - MIT licence
 *
 * What every reader of a container gives: its members, one after another, each a name and bytes.
 * A container is anything that holds several texts: an archive, a crawl, a dump.  A new kind is one
 * file that makes a struct rtd_members, and a row in archive_format.c that recognises it.
 *
 *     next until member.name is NULL: the end, verified; after each of them, where its bytes are
 *     wanted, read until *n is 0: its verified end; close */
#ifndef RTD_INTAKE_MEMBERS_H
#define RTD_INTAKE_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum rtd_member_kind {
    RTD_MEMBER_DATA, /* bytes that may be a text */
    RTD_MEMBER_NONE, /* holds nothing by itself: a folder, a second name, what describes the rest */
    RTD_MEMBER_OTHER, /* holds something that is not read: a link, a device, a request */
};

struct rtd_member {
    const char *name; /* any bytes; borrowed until the next call; NULL: there are no more */
    enum rtd_member_kind kind;
    const char *what; /* OTHER: "a symbolic link" */
    bool encrypted;
};

struct rtd_members {
    /* Passes over what was not read of the member before. */
    int (*next)(struct rtd_members *m, struct rtd_member *member, struct rtd_err *err);
    /* The next bytes of a member of kind DATA, borrowed until the next call. */
    int (*read)(struct rtd_members *m, const void **data, size_t *n, struct rtd_err *err);
    void (*close)(struct rtd_members *m); /* frees m; not the input */
};

struct rtd_bytes;
struct rtd_format;
/* What a container is read from.  All of it is borrowed until the close. */
struct rtd_container {
    struct rtd_bytes *bytes; /* unpacked, from its beginning */
    const char *path;        /* not NULL: the same bytes as a file to seek in */
    const char *tmpdir;      /* for a copy where there is none; NULL: $TMPDIR, or /tmp */
    const char *where; /* for messages: its name, and the present member's, set by the caller */
    const struct rtd_format *format;
};
/* On failure nothing needs to be released. */
int rtd_members_libarchive(struct rtd_members **m, const struct rtd_container *c,
                           struct rtd_err *err);
int rtd_members_warc(struct rtd_members **m, const struct rtd_container *c, struct rtd_err *err);

#endif
