/* rtdtools - MIT licence
 *
 * Bytes in and out.  Reads and writes loop over short counts and EINTR.  Inputs compressed with
 * zstd are recognised by their magic and decompressed here and nowhere else; a zstd file that is
 * cut or damaged is an error.  Outputs to files are written to a temporary beside the target and
 * renamed when committed, so nothing half-written keeps a final name. */
#ifndef RTD_BASE_IO_H
#define RTD_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* open(2), which may wait for the other end of a named pipe; close-on-exec. */
int rtd_open(const char *path, int flags, int *fd, struct rtd_err *err);

/* --- input --- */
struct rtd_in;

/* No operand and standard input a terminal: RTD_EUSAGE. */
int rtd_refuse_tty_stdin(struct rtd_err *err);
/* path "-" or NULL: standard input.  Decompresses zstd (several frames, skippable frames) by
 * magic; window at most 128 MiB.  A Git LFS pointer in the place of a file is RTD_EDATA. */
int rtd_in_open(struct rtd_in **in, const char *path, struct rtd_err *err);
/* Up to n bytes into buf, fewer only at end of input: *got = 0 is the verified end.  A signal that
 * asked the tool to stop gives RTD_ESIGNAL. */
int rtd_in_read(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err);
/* At least 1 byte when there is any, without waiting for n (for line-wise tools). */
int rtd_in_read_some(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err);
/* Look at the first bytes (n <= 64) without consuming them. */
int rtd_in_peek(struct rtd_in *in, void *buf, size_t n, size_t *got, struct rtd_err *err);
const char *rtd_in_name(const struct rtd_in *in); /* for messages; "-" for standard input */
bool rtd_in_seekable(const struct rtd_in *in);    /* a regular file: can be opened again */
bool rtd_in_zstd(const struct rtd_in *in);        /* it is decompressed on the way */
/* Do these first bytes (8 or more, but for a shorter file) begin a zstd file? */
bool rtd_is_zstd(const void *bytes, size_t n);
void rtd_in_close(struct rtd_in *in);

/* A line reader over rtd_in.  *line (borrowed until the next call; without '\n' and a '\r' before
 * it; NUL-terminated) is NULL at the end.  `number` counts from 1.  A line over `max` bytes is
 * RTD_EDATA and too_long; the next call gives the line after it. */
struct rtd_lines {
    struct rtd_in *in;
    struct rtd_buf buf;
    size_t pos, max;
    uint64_t number;
    bool eof;
    bool too_long;  /* why the last call failed */
    bool skip_mark; /* set after opening: a byte order mark is no part of the first line */
};
int rtd_lines_open(struct rtd_lines *l, const char *path, size_t max, struct rtd_err *err);
int rtd_lines_next(struct rtd_lines *l, char **line, size_t *len, struct rtd_err *err);
void rtd_lines_close(struct rtd_lines *l);

/* The whole of a (possibly zstd) file, at most max bytes, with a NUL after it; free() it. */
int rtd_read_file(const char *path, size_t max, char **data, size_t *len, struct rtd_err *err);

/* --- output --- */
struct rtd_out;

enum {
    RTD_OUT_BINARY = 1, /* refuse a terminal (RTD_EUSAGE) */
    RTD_OUT_FORCE = 2,  /* overwrite an existing file; binary to a terminal */
    RTD_OUT_ZSTD = 4,   /* compress (with checksum) whatever the name; ".zst" names always are */
};
/* path "-" or NULL: standard output.  An existing file is RTD_EUSAGE without RTD_OUT_FORCE; one
 * that is replaced keeps its mode, and links are followed. */
int rtd_out_open(struct rtd_out **out, const char *path, int flags, struct rtd_err *err);
int rtd_out_write(struct rtd_out *out, const void *data, size_t len, struct rtd_err *err);
int rtd_out_printf(struct rtd_out *out, struct rtd_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int rtd_out_flush(struct rtd_out *out, struct rtd_err *err); /* down to the descriptor */
const char *rtd_out_name(const struct rtd_out *out);
/* Flush, fsync and rename (file), or flush and close (standard output); frees out also when it
 * fails.  The only way an output comes into being. */
int rtd_out_commit(struct rtd_out *out, struct rtd_err *err);
/* Remove the temporary; free.  NULL is fine.  Bytes already in a pipe stay there. */
void rtd_out_abort(struct rtd_out *out);

/* Text of others as a field of a line: labels of published models, pieces of vocabularies, names of
 * tensors may hold tabs and line breaks, which a line has another use for.  Control characters
 * (Unicode's line separators among them), and those ASCII characters that `others` names, are
 * written as C writes them: \t, \n, \r, \x2c, \u2028.  Owned by the caller; NULL: no memory. */
char *rtd_field(const char *text, const char *others);
int rtd_out_field(struct rtd_out *out, const char *text, const char *others, struct rtd_err *err);

/* Write a whole small file atomically (temporary, fsync, rename, fsync of the directory). */
int rtd_write_file(const char *path, const void *data, size_t len, struct rtd_err *err);

/* --- directories --- */
enum { RTD_PATH_MAX = 4096 };
int rtd_mkdirs(const char *path, struct rtd_err *err); /* like mkdir -p */
bool rtd_exists(const char *path);                     /* a link to nothing is nothing */
/* Where a file or directory written to path comes to lie: links at its end are followed, also where
 * they lead to nothing yet. */
int rtd_follow(const char *path, char target[RTD_PATH_MAX], struct rtd_err *err);
/* Create a fresh directory beside what path leads to; name into tmp (size bytes). */
int rtd_tmpdir(const char *path, char *tmp, size_t size, struct rtd_err *err);
/* fsync all files of tmp, and give it the name path.  What has that name is replaced when replace
 * is set, else RTD_EUSAGE: the two change places in one step (where the file system cannot do that,
 * in three), the mode is kept, links are followed.  After a failure all is as before, and tmp the
 * caller's to remove. */
int rtd_commit_dir(const char *tmp, const char *path, bool replace, struct rtd_err *err);
/* Give the file or directory tmp the name target, and sync the directory they are in.  What had the
 * name has tmp's then, if it is still there; the caller removes it.  After a failure all is as
 * before, but for a file that was replaced where the file system cannot exchange names.  name: what
 * messages call it. */
int rtd_take_name(const char *tmp, const char *target, const char *name, struct rtd_err *err);
int rtd_remove_tree(const char *path, struct rtd_err *err);
/* Copy a file's bytes as they are. */
int rtd_copy_file(const char *from, const char *to, struct rtd_err *err);
/* Take "<dir>/.lock" (flock, released by close or exit).  RTD_ESYS when another process holds it.
 */
int rtd_lock_dir(const char *dir, int *fd, struct rtd_err *err);

#endif
