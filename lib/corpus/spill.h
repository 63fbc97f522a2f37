/* rtdtools - MIT licence
 *
 * Byte sequences ("runs") on disk, many in one temporary file.  The file has no name: it vanishes
 * with the process, however that ends.  A run is a chain of blocks; a block that was read is free
 * for the next writer, so data moved from run to run needs no second helping of disk.
 *
 * Use: rtd_spill_open; give a run a buffer of `block` bytes, rtd_spill_write...,
 * rtd_spill_flush (the buffer may then serve another run); rtd_spill_read until *got = 0;
 * rtd_spill_free.  Not thread-safe. */
#ifndef RTD_CORPUS_SPILL_H
#define RTD_CORPUS_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct rtd_spill;

struct rtd_spill_run {
    struct rtd_buf blocks; /* uint32_t block numbers, in order */
    uint64_t written;      /* bytes */
    uint64_t read;         /* bytes, of those written */
    char *buffer;          /* the caller's, while writing */
};

/* dir NULL: $TMPDIR, else /tmp.  block: bytes. */
int rtd_spill_open(struct rtd_spill **s, const char *dir, size_t block, struct rtd_err *err);
void rtd_spill_close(struct rtd_spill *s); /* NULL is fine */

int rtd_spill_write(struct rtd_spill *s, struct rtd_spill_run *r, const void *data, size_t len,
                    struct rtd_err *err);
int rtd_spill_flush(struct rtd_spill *s, struct rtd_spill_run *r, struct rtd_err *err);
/* The next block of a flushed run into buf (a block's bytes), freeing it on disk.  *got is
 * a whole block except at the end; 0: all was read. */
int rtd_spill_read(struct rtd_spill *s, struct rtd_spill_run *r, void *buf, size_t *got,
                   struct rtd_err *err);
void rtd_spill_free(struct rtd_spill_run *r);

#endif
