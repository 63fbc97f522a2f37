/* rtdtools - MIT licence
 *
 * Manifests: text in a fixed form, with a digest of itself in its last line. */
#include "corpus/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/hash.h"
#include "base/io.h"
#include "stream/stream.h"

#define CHECK ",\n\"check\": \""

void rtd_total_add(struct rtd_total *t, const void *text, size_t len)
{
    XXH128_hash_t h = XXH3_128bits(text, len);
    struct rtd_total one = {1, len, h.low64, h.high64};
    rtd_total_join(t, &one);
}

void rtd_total_join(struct rtd_total *t, const struct rtd_total *part)
{
    t->documents += part->documents;
    t->bytes += part->bytes;
    t->low += part->low;
    t->high += part->high + (t->low < part->low);
}

void rtd_total_digest(const struct rtd_total *t, char out[33])
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, t->high, t->low);
}

int rtd_manifest_append(struct rtd_manifest *m, const char *name, const struct rtd_total *t,
                        struct rtd_err *err)
{
    if ((m->n & (m->n - 1)) == 0) { /* full at the powers of two */
        struct rtd_manifest_shard *s = realloc(m->shards, (m->n ? 2 * m->n : 1) * sizeof *s);
        if (!s)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        m->shards = s;
    }
    snprintf(m->shards[m->n].name, sizeof m->shards[m->n].name, "%s", name);
    m->shards[m->n].total = *t;
    m->n++;
    rtd_total_join(&m->total, t);
    return RTD_OK;
}

/* `"documents": N, "bytes": N, "digest": "..."` */
static int append_total(struct rtd_buf *b, const struct rtd_total *t, struct rtd_err *err)
{
    char text[160], digest[33];
    rtd_total_digest(t, digest);
    int n = snprintf(text, sizeof text,
                     "\"documents\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"digest\": \"%s\"",
                     t->documents, t->bytes, digest);
    return rtd_buf_append(b, text, (size_t)n, err);
}

static int append_text(struct rtd_buf *b, const char *text, struct rtd_err *err)
{
    return rtd_buf_append(b, text, strlen(text), err);
}

static int format(const struct rtd_manifest *m, struct rtd_buf *b, struct rtd_err *err)
{
    char digest[33];
    int st = append_text(b, "{\"manifest\": 1, \"kind\": \"documents\",\n", err);
    if (!st)
        st = append_total(b, &m->total, err);
    if (!st)
        st = append_text(b, ",\n\"shards\": [", err);
    for (size_t i = 0; !st && i < m->n; i++) {
        st = append_text(b, i ? ",\n{\"name\": \"" : "\n{\"name\": \"", err);
        if (!st)
            st = append_text(b, m->shards[i].name, err);
        if (!st)
            st = append_text(b, "\", ", err);
        if (!st)
            st = append_total(b, &m->shards[i].total, err);
        if (!st)
            st = append_text(b, "}", err);
    }
    if (!st)
        st = append_text(b, "]", err);
    if (st)
        return st;
    rtd_digest_hex(digest, b->data, b->len);
    st = append_text(b, CHECK, err);
    if (!st)
        st = append_text(b, digest, err);
    return st ? st : append_text(b, "\"}\n", err);
}

int rtd_manifest_write(const struct rtd_manifest *m, const char *path, struct rtd_err *err)
{
    struct rtd_buf b = {0};
    int st = format(m, &b, err);
    if (!st)
        st = rtd_write_file(path, b.data, b.len, err);
    rtd_buf_free(&b);
    return st;
}

static bool get_total(json_t *o, struct rtd_total *t)
{
    json_t *documents = json_object_get(o, "documents"), *bytes = json_object_get(o, "bytes");
    const char *digest = json_string_value(json_object_get(o, "digest"));
    if (!json_is_integer(documents) || !json_is_integer(bytes) || !digest || strlen(digest) != 32 ||
        strspn(digest, "0123456789abcdef") != 32)
        return false;
    char high[17];
    memcpy(high, digest, 16);
    high[16] = 0;
    t->documents = (uint64_t)json_integer_value(documents);
    t->bytes = (uint64_t)json_integer_value(bytes);
    t->high = strtoull(high, NULL, 16);
    t->low = strtoull(digest + 16, NULL, 16);
    return true;
}

/* A shard is a file in the manifest's own directory, never a path. */
static bool good_name(const char *s)
{
    return s && *s && strlen(s) < sizeof((struct rtd_manifest_shard *)0)->name && *s != '.' &&
           !strpbrk(s, "/\"\\") && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(s);
}

static int parse(struct rtd_manifest *m, json_t *root, const char *path, struct rtd_err *err)
{
    json_t *version = json_object_get(root, "manifest");
    json_t *shards = json_object_get(root, "shards");
    struct rtd_total total;
    if (!json_is_integer(version))
        return rtd_fail(err, RTD_EDATA, "%s: no manifest", path);
    if (json_integer_value(version) != 1)
        return rtd_fail(err, RTD_EDATA,
                        "%s: manifest of version %" JSON_INTEGER_FORMAT ", version 1 can be read",
                        path, json_integer_value(version));
    bool good = get_total(root, &total) && json_is_array(shards) &&
                json_array_size(shards) <= RTD_MAX_SHARDS;
    for (size_t i = 0; good && i < json_array_size(shards); i++) {
        json_t *o = json_array_get(shards, i);
        const char *name = json_string_value(json_object_get(o, "name"));
        struct rtd_total t;
        good = good_name(name) && get_total(o, &t);
        int st = good ? rtd_manifest_append(m, name, &t, err) : RTD_OK;
        if (st)
            return st;
    }
    if (!good || memcmp(&total, &m->total, sizeof total))
        return rtd_fail(err, RTD_EDATA, "%s: manifest damaged: totals do not fit", path);
    return RTD_OK;
}

int rtd_manifest_read(struct rtd_manifest *m, const char *path, struct rtd_err *err)
{
    char *text, digest[33], end[sizeof CHECK + 40];
    size_t len;
    *m = (struct rtd_manifest){0};
    int st = rtd_read_file(path, 64 << 20, &text, &len, err);
    if (st)
        return st;
    size_t tail = strlen(CHECK) + 32 + strlen("\"}\n");
    if (len > tail) {
        rtd_digest_hex(digest, text, len - tail);
        snprintf(end, sizeof end, CHECK "%s\"}\n", digest);
    }
    if (len <= tail || memcmp(text + len - tail, end, tail))
        st = rtd_fail(err, RTD_EDATA, "%s: manifest damaged or truncated: its digest does not fit",
                      path);
    json_error_t why;
    json_t *root = st ? NULL : json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (!st)
        st = root ? parse(m, root, path, err)
                  : rtd_fail(err, RTD_EDATA, "%s: no manifest: not JSON", path);
    json_decref(root);
    free(text);
    if (st)
        rtd_manifest_free(m);
    return st;
}

void rtd_manifest_free(struct rtd_manifest *m)
{
    free(m->shards);
    *m = (struct rtd_manifest){0};
}

int rtd_total_compare(const struct rtd_total *want, const char *manifest,
                      const struct rtd_total *found, const char *name, struct rtd_err *err)
{
    if (found->documents != want->documents)
        return rtd_fail(err, RTD_EDATA, "%s: %" PRIu64 " documents, %s says %" PRIu64, name,
                        found->documents, manifest, want->documents);
    if (found->bytes != want->bytes)
        return rtd_fail(err, RTD_EDATA, "%s: %" PRIu64 " bytes of text, %s says %" PRIu64, name,
                        found->bytes, manifest, want->bytes);
    if (found->low != want->low || found->high != want->high)
        return rtd_fail(err, RTD_EDATA, "%s: digest of the documents is not the one in %s", name,
                        manifest);
    return RTD_OK;
}

static int read_shard(const char *path, struct rtd_total *t, struct rtd_err *err)
{
    struct rtd_reader *r;
    struct rtd_record rec;
    *t = (struct rtd_total){0};
    int st = rtd_reader_open(&r, path, err);
    if (st)
        return st;
    st = rtd_header_expect(rtd_reader_header(r), "documents", path, err);
    int text = st ? 0 : rtd_header_field(rtd_reader_header(r), "text");
    int axis = st ? 0 : rtd_header_axis(rtd_reader_header(r), "bytes");
    while (!st) {
        st = rtd_reader_next(r, &rec, err);
        if (st || rec.end)
            break;
        rtd_total_add(t, rec.data[text], rec.lengths[axis]);
    }
    rtd_reader_close(r);
    return st;
}

/* The files of the directory and no others? */
static int check_names(const struct rtd_manifest *m, const char *dir, struct rtd_err *err)
{
    DIR *d = opendir(dir);
    if (!d)
        return rtd_fail_sys(err, "%s: cannot open", dir);
    int st = RTD_OK;
    for (struct dirent *e; !st && (e = readdir(d));) {
        bool known = !strcmp(e->d_name, "manifest.json") || e->d_name[0] == '.';
        for (size_t i = 0; !known && i < m->n; i++)
            known = !strcmp(e->d_name, m->shards[i].name);
        char name[300];
        if (!known)
            st = rtd_fail(err, RTD_EDATA, "%s: %s is not in the manifest", dir,
                          rtd_mask_text(name, sizeof name, e->d_name, strlen(e->d_name)));
    }
    closedir(d);
    return st;
}

int rtd_manifest_check(const char *dir, struct rtd_total *total, struct rtd_err *err)
{
    char path[4096];
    struct rtd_manifest m;
    *total = (struct rtd_total){0};
    if (snprintf(path, sizeof path, "%s/manifest.json", dir) >= (int)sizeof path - 32)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    int st = rtd_manifest_read(&m, path, err);
    if (st)
        return st;
    st = check_names(&m, dir, err);
    for (size_t i = 0; !st && i < m.n; i++) {
        struct rtd_total t;
        snprintf(path, sizeof path, "%s/%s", dir, m.shards[i].name);
        if (!rtd_exists(path))
            st = rtd_fail(err, RTD_EDATA, "%s: missing, the manifest names it", path);
        else if (!(st = read_shard(path, &t, err)))
            st = rtd_total_compare(&m.shards[i].total, "the manifest", &t, path, err);
    }
    *total = m.total;
    rtd_manifest_free(&m);
    return st;
}
