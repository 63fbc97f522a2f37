/* rtdtools - MIT licence
 *
 * Writing documents: a stream, plain text, or shards. */
#include "corpus/shard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "stream/stream.h"

struct shard {
    struct rtd_writer *w;
    struct rtd_total total;
};

struct rtd_shards {
    struct rtd_shard_opts opts;
    struct rtd_header header;
    struct rtd_out *text;
    struct shard *open; /* [1], or [opts.shards] */
    int nopen;
    char dir[4000]; /* opts.dir without slashes at its end, */
    char tmp[4096]; /* and what it is called before it gets this name */
    struct rtd_manifest manifest;
    struct rtd_total total;
    size_t started; /* shards begun in the directory */
};

static void release(struct rtd_shards *s)
{
    rtd_header_free(&s->header);
    rtd_manifest_free(&s->manifest);
    free(s->open);
    free(s);
}

static void shard_name(char name[32], size_t number)
{
    snprintf(name, 32, "shard-%05zu.ts.zst", number);
}

static int open_shard(struct rtd_shards *s, struct shard *shard, struct rtd_err *err)
{
    char path[4096 + 40], name[32];
    if (s->started == RTD_MAX_SHARDS)
        return rtd_fail(err, RTD_EUSAGE, "%s: more than %d shards: use a larger --shard-size",
                        s->dir, RTD_MAX_SHARDS);
    shard_name(name, s->started++);
    snprintf(path, sizeof path, "%s/%s", s->tmp, name);
    shard->total = (struct rtd_total){0};
    return rtd_writer_open(&shard->w, path, RTD_OUT_ZSTD, &s->header, 1, err);
}

static int end_shard(struct rtd_shards *s, struct shard *shard, struct rtd_err *err)
{
    char name[32];
    shard_name(name, s->manifest.n);
    struct rtd_writer *w = shard->w;
    shard->w = NULL;
    int st = rtd_writer_end(w, err);
    return st ? st : rtd_manifest_append(&s->manifest, name, &shard->total, err);
}

static int open_dir(struct rtd_shards *s, struct rtd_err *err)
{
    size_t n = strlen(s->opts.dir);
    while (n > 1 && s->opts.dir[n - 1] == '/')
        n--;
    if (n >= sizeof s->dir)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", s->opts.dir);
    memcpy(s->dir, s->opts.dir, n);
    if (rtd_exists(s->dir)) {
        if (!s->opts.force)
            return rtd_fail(err, RTD_EUSAGE, "%s: exists already: use -f to overwrite", s->dir);
        char manifest[sizeof s->dir + 16];
        snprintf(manifest, sizeof manifest, "%s/manifest.json", s->dir);
        if (!rtd_exists(manifest)) /* -f is not for somebody's home directory */
            return rtd_fail(err, RTD_EUSAGE, "%s: exists already, and is no directory of shards",
                            s->dir);
    }
    int st = rtd_tmpdir(s->dir, s->tmp, sizeof s->tmp, err);
    if (st) {
        s->tmp[0] = 0;
        return st;
    }
    int now = s->opts.shard_bytes ? 1 : s->opts.shards;
    for (int i = 0; !st && i < now; i++)
        st = open_shard(s, &s->open[i], err);
    return st;
}

int rtd_shards_open(struct rtd_shards **out, const struct rtd_shard_opts *opts, struct rtd_err *err)
{
    *out = NULL;
    struct rtd_shards *s = calloc(1, sizeof *s);
    if (!s)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    s->opts = *opts;
    s->nopen = opts->dir && !opts->shard_bytes ? opts->shards : 1;
    s->open = calloc((size_t)s->nopen, sizeof *s->open);
    rtd_header_init(&s->header, "documents");
    rtd_header_standard(&s->header, "documents");
    if (opts->with_source)
        rtd_header_add_optional(&s->header, "source");
    if (opts->max_bytes > (8u << 20)) /* the default frame holds documents up to here */
        s->header.max_frame = opts->max_bytes + (8u << 20);
    int st = s->open ? rtd_header_provenance(&s->header, "corpus-shard",
                                             json_incref(opts->provenance), err)
                     : rtd_fail(err, RTD_ESYS, "not enough memory");
    int force = opts->force ? RTD_OUT_FORCE : 0;
    if (st)
        ;
    else if (opts->dir)
        st = open_dir(s, err);
    else if (opts->text)
        st = rtd_out_open(&s->text, opts->path, force, err);
    else
        st = rtd_writer_open(&s->open[0].w, opts->path, force, &s->header, 1, err);
    if (st) {
        rtd_shards_abort(s, err);
        return st;
    }
    *out = s;
    return RTD_OK;
}

int rtd_shards_add(struct rtd_shards *s, const struct rtd_document *doc, struct rtd_err *err)
{
    struct shard *shard = s->open;
    int st = RTD_OK;
    if (s->opts.dir && !s->opts.shard_bytes) {
        shard = &s->open[s->total.documents % (uint64_t)s->nopen];
    } else if (s->opts.dir && shard->total.bytes >= s->opts.shard_bytes) {
        st = end_shard(s, shard, err);
        if (!st)
            st = open_shard(s, shard, err);
    }
    if (st)
        return st;
    uint64_t index = shard->total.documents;
    struct rtd_total one = {0};
    rtd_total_add(&one, doc->text, doc->len);
    rtd_total_join(&shard->total, &one);
    rtd_total_join(&s->total, &one);
    if (s->text) {
        st = index ? rtd_out_write(s->text, "\n", 1, err) : RTD_OK;
        if (!st)
            st = rtd_out_write(s->text, doc->text, doc->len, err);
        return st ? st : rtd_out_write(s->text, "\n", 1, err);
    }
    const void *data[RTD_MAX_FIELDS] = {doc->text, doc->source};
    uint32_t lengths[RTD_MAX_AXES] = {(uint32_t)doc->len, (uint32_t)strlen(doc->source)};
    return rtd_writer_append(shard->w, index, data, lengths, err);
}

const struct rtd_total *rtd_shards_total(const struct rtd_shards *s)
{
    return &s->total;
}

int rtd_shards_end(struct rtd_shards *s, struct rtd_err *err)
{
    int st = RTD_OK;
    char path[4096 + 40];
    if (s->text) {
        struct rtd_out *text = s->text;
        s->text = NULL;
        st = rtd_out_commit(text, err);
    } else if (!s->opts.dir) {
        struct rtd_writer *w = s->open[0].w;
        s->open[0].w = NULL;
        st = rtd_writer_end(w, err);
    } else {
        for (int i = 0; !st && i < s->nopen; i++)
            st = end_shard(s, &s->open[i], err);
        snprintf(path, sizeof path, "%s/manifest.json", s->tmp);
        if (!st)
            st = rtd_manifest_write(&s->manifest, path, err);
        if (!st)
            st = rtd_commit_dir(s->tmp, s->dir, s->opts.force, err);
        if (!st)
            s->tmp[0] = 0;
    }
    if (st)
        rtd_shards_abort(s, err);
    else
        release(s);
    return st;
}

void rtd_shards_abort(struct rtd_shards *s, const struct rtd_err *err)
{
    if (!s)
        return;
    for (int i = 0; s->open && i < s->nopen; i++)
        rtd_writer_abort(s->open[i].w, err);
    rtd_out_abort(s->text);
    if (s->tmp[0]) {
        struct rtd_err ignored = {0}; /* there is a first error to report */
        rtd_remove_tree(s->tmp, &ignored);
    }
    release(s);
}
