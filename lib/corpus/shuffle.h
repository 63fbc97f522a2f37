/* rtdtools - MIT licence
 *
 * An exact uniform permutation of records, of any kind, in a memory budget.  Each record gets a
 * 64-bit key, Philox(seed, RTD_RNG_SHUFFLE, index = its index, block = pass), and the output is the
 * records in the order of (key, index).  So the permutation depends on seed, pass and indices
 * alone, never on the budget.  What fits is sorted in memory; more goes through buckets of keys in
 * an unnamed temporary file, split again where a bucket alone is too large.
 *
 * Use: rtd_shuffle_new, rtd_shuffle_add for every record, then rtd_shuffle_next until rec->end. */
#ifndef RTD_CORPUS_SHUFFLE_H
#define RTD_CORPUS_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "stream/stream.h"

enum { RTD_SHUFFLE_MIN_MEMORY = 1 << 20 };

struct rtd_shuffle_options {
    uint64_t seed;
    uint64_t memory;  /* bytes for records; at least RTD_SHUFFLE_MIN_MEMORY */
    const char *dir;  /* of the temporary file; NULL: $TMPDIR, else /tmp; borrowed */
    uint32_t passes;  /* >= 1: how many permutations, one after the other */
    const char *name; /* of the input, for messages; borrowed */
};

struct rtd_shuffle;

/* The fields are taken from the header; it need not live on. */
int rtd_shuffle_new(struct rtd_shuffle **s, const struct rtd_header *h,
                    const struct rtd_shuffle_options *o, struct rtd_err *err);
/* Copy a record in.  RTD_EDATA when the index does not increase. */
int rtd_shuffle_add(struct rtd_shuffle *s, const struct rtd_record *rec, struct rtd_err *err);
/* The next record of the output, numbered from 0 and on through the passes; borrowed until the
 * next call.  RTD_ESYS when one record alone is more than the budget. */
int rtd_shuffle_next(struct rtd_shuffle *s, struct rtd_record *rec, struct rtd_err *err);
uint64_t rtd_shuffle_spilled(const struct rtd_shuffle *s); /* bytes written to disk so far */
void rtd_shuffle_free(struct rtd_shuffle *s);              /* NULL is fine */

/* A memory budget as users write it: bytes, with suffix K, M or G, or a share of this machine's
 * memory (or of the control group's limit, if lower) with %.  RTD_EUSAGE. */
int rtd_memory_budget(const char *text, uint64_t *bytes, struct rtd_err *err);

#endif
