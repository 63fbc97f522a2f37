/* rtdtools - MIT licence
 *
 * The manifest of a directory of shards: how many documents and bytes each holds, and a digest
 * that does not depend on how they are cut into shards.  Format: man/manifest.5. */
#ifndef RTD_CORPUS_MANIFEST_H
#define RTD_CORPUS_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Of a set of documents: the sum of their XXH3-128 digests modulo 2^128, so order does not
 * matter, sums of parts add up, and a document missing, changed or twice shows. */
struct rtd_total {
    uint64_t documents, bytes; /* bytes: of text */
    uint64_t low, high;        /* the digest */
};
void rtd_total_add(struct rtd_total *t, const void *text, size_t len);
void rtd_total_join(struct rtd_total *t, const struct rtd_total *part);
void rtd_total_digest(const struct rtd_total *t, char out[33]);

struct rtd_manifest_shard {
    char name[32]; /* "shard-00000.ts.zst" */
    struct rtd_total total;
};
struct rtd_manifest {
    struct rtd_total total;
    struct rtd_manifest_shard *shards;
    size_t n;
};

enum { RTD_MAX_SHARDS = 100000 };

/* Append a shard, and add it to the total. */
int rtd_manifest_append(struct rtd_manifest *m, const char *name, const struct rtd_total *t,
                        struct rtd_err *err);
int rtd_manifest_write(const struct rtd_manifest *m, const char *path, struct rtd_err *err);
/* Verifies it: any change to the file is RTD_EDATA. */
int rtd_manifest_read(struct rtd_manifest *m, const char *path, struct rtd_err *err);
void rtd_manifest_free(struct rtd_manifest *m);

/* RTD_EDATA unless found is what the manifest of this name wants. */
int rtd_total_compare(const struct rtd_total *want, const char *manifest,
                      const struct rtd_total *found, const char *name, struct rtd_err *err);
/* Read all shards of a directory and compare each with the manifest there; shards missing or
 * not in the manifest are RTD_EDATA.  The totals go to *total. */
int rtd_manifest_check(const char *dir, struct rtd_total *total, struct rtd_err *err);

#endif
