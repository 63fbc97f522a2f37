/* rtdtools - MIT licence
 *
 * Where documents go: one stream, plain text, or a directory of zstd shards with a manifest. */
#ifndef RTD_CORPUS_SHARD_H
#define RTD_CORPUS_SHARD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "intake/document.h"
#include "corpus/manifest.h"

struct rtd_shard_opts {
    const char *path;     /* stream or text: "-" or NULL is standard output */
    const char *dir;      /* not NULL: a directory instead of path */
    uint64_t shard_bytes; /* of text, after which the next shard begins; 0: by number */
    int shards;           /* document i goes to shard i mod shards */
    bool text;            /* plain text, a blank line between documents */
    bool force;           /* overwrite */
    bool with_source;     /* the stream has the field `source` */
    size_t max_bytes;     /* of the longest document */
    json_t *provenance;   /* options for the stream's provenance entry; borrowed */
};

enum { RTD_MAX_OPEN_SHARDS = 256 };

struct rtd_shards;
int rtd_shards_open(struct rtd_shards **s, const struct rtd_shard_opts *opts, struct rtd_err *err);
int rtd_shards_add(struct rtd_shards *s, const struct rtd_document *doc, struct rtd_err *err);
const struct rtd_total *rtd_shards_total(const struct rtd_shards *s);
/* End the streams and give file or directory its name; frees s also when it fails. */
int rtd_shards_end(struct rtd_shards *s, struct rtd_err *err);
/* Leave nothing under a final name; ABORT in the stream.  NULL is fine. */
void rtd_shards_abort(struct rtd_shards *s, const struct rtd_err *err);

#endif
