/* rtdtools - MIT licence
 *
 * The texts of one input: a plain or compressed text, or the members of an archive, compressed
 * or not.  What an input is gets decided by its first bytes, never by where it comes from, so a
 * file and a pipe give the same texts.
 *
 *     rtd_archive_open, then rtd_archive_next until *source is NULL; after each of them
 *     rtd_archive_read until *got is 0; rtd_archive_close
 *
 * Compression: gzip, bzip2, xz, lzma, lzip, zstd, lz4, compress, also several layers, also around
 * single members.  Archives and crawls: see the table in archive_format.c.  Regular files only, in
 * the archive's order; a member that is not text is left out and counted; an input that is not text
 * is RTD_EDATA.  Standard input is never seeked; zip and 7z need to be, so from a pipe they go
 * through an unlinked temporary file.
 *
 * A cut input is RTD_EDATA.  In a tar that needs care: libarchive takes any 512-byte boundary for
 * an end, so the two zero blocks are looked for here. */
#ifndef RTD_INTAKE_ARCHIVE_H
#define RTD_INTAKE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct rtd_archive_opts {
    /* Shell patterns on member names (the whole name or its last part): a member is read when it
     * matches one of include (or include is empty) and none of exclude. */
    const struct rtd_strlist *include, *exclude; /* NULL: none */
    const char *tmpdir;                          /* NULL: $TMPDIR, or /tmp */
    /* Told of each member left out because it is not text, or of another kind; may be NULL. */
    void (*skipped)(const char *where, const char *why);
};

struct rtd_archive_counts {
    uint64_t texts;    /* given by rtd_archive_next */
    uint64_t binary;   /* members that are not text */
    uint64_t excluded; /* members that the patterns leave out */
    uint64_t other;    /* links, devices, a crawl's requests: what is not read */
};

struct rtd_archive;

/* path "-" or NULL: standard input.  opts is borrowed until the close.  A name ending in .gz,
 * .tar, .zip and so on whose content is something else is RTD_EDATA. */
int rtd_archive_open(struct rtd_archive **a, const char *path, const struct rtd_archive_opts *opts,
                     struct rtd_err *err);
/* The next text.  *source: the member's name, or the last part of path ("" for standard input);
 * valid UTF-8, borrowed until the next call; NULL after the last one, when the end of the input
 * has been verified.  What was not read of the text before is skipped. */
int rtd_archive_next(struct rtd_archive *a, const char **source, struct rtd_err *err);
/* "archive" or "archive: member": for messages about the present text. */
const char *rtd_archive_where(const struct rtd_archive *a);
/* The next bytes of the text, borrowed until the next call; *got = 0 at its verified end. */
int rtd_archive_read(struct rtd_archive *a, const void **data, size_t *got, struct rtd_err *err);
const struct rtd_archive_counts *rtd_archive_counts(const struct rtd_archive *a);
void rtd_archive_close(struct rtd_archive *a); /* NULL is fine */

#endif
