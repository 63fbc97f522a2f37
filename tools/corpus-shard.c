/* rtdtools - MIT licence
 *
 * corpus-shard: text, JSON lines or archives in, clean documents out: as a stream, as plain text,
 * or as a directory of shards with a manifest. */
#include <stdio.h>
#include <string.h>

#include "intake/bad.h"
#include "base/io.h"
#include "cli/tool.h"
#include "intake/archive.h"
#include "refine/document_filter.h"
#include "corpus/shard.h"

static const struct rtd_usage usage = {
    .synopsis = "[OPTIONS] [-o FILE] [FILE...]\n"
                "[OPTIONS] -d DIR [--shards N | --shard-size BYTES] [FILE...]\n"
                "--check DIR",
    .purpose = "Make clean documents from text, JSON lines or archives, compressed or not.",
    .notes = "Without FILE, or where it is -, reads standard input.",
};

struct opts {
    const char *out, *dir, *doc, *json_key, *max_bad, *part, *manifest, *check, *tmpdir;
    bool text, json, source, dedup, force;
    int64_t shard_size, shards, min_chars, max_bytes, limit, seed;
    double holdout;
    struct rtd_strlist include, exclude;
    enum rtd_doc_unit unit;
};

struct job {
    const struct opts *o;
    struct rtd_doc_builder *docs;
    struct rtd_filter *filter;
    struct rtd_shards *out;
    struct rtd_archive_counts members; /* of all inputs */
    struct rtd_bad bad;                /* lines of JSON */
    bool full;                         /* --limit is reached */
};

static bool one_of(const char *s, const char *const *names, int *which)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(s, names[i])) {
            *which = i;
            return true;
        }
    return false;
}

static int parse(struct opts *o, struct rtd_bad *bad, int argc, char **argv, int *first,
                 struct rtd_err *err)
{
    static const char *const units[] = {"blank", "line", "file", NULL};
    static const char *const parts[] = {"train", "test", NULL};
    struct rtd_opt table[] = {
        {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Input", 0},
        {RTD_OPT_STR, 0, "doc", "UNIT", &o->doc, 0, 0,
         "documents are parted by blank lines (blank, the default), or are lines or files", 0},
        {RTD_OPT_FLAG, 0, "json", NULL, &o->json, 0, 0,
         "JSON lines: the string \"text\" of each object is a document", 0},
        {RTD_OPT_STR, 0, "json-key", "KEY", &o->json_key, 0, 0, "the same, of another KEY", 0},
        {RTD_OPT_STR, 0, "max-bad", "N", &o->max_bad, 0, 0,
         "leave out up to N bad lines of JSON, or a share (default: 0.1%, at least 10)", 0},
        {RTD_OPT_FLAG, 0, "strict", NULL, &bad->strict, 0, 0, "end at the first bad line", 0},
        {RTD_OPT_LIST, 0, "include", "GLOB", &o->include, 0, 0,
         "read only members like GLOB of an archive; may be repeated", 0},
        {RTD_OPT_LIST, 0, "exclude", "GLOB", &o->exclude, 0, 0,
         "leave out members like GLOB; may be repeated", 0},
        {RTD_OPT_STR, 'T', "tmpdir", "DIR", &o->tmpdir, 0, 0,
         "for zip and 7z from a pipe (default: $TMPDIR, or /tmp)", 0},
        {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Filters", 0},
        {RTD_OPT_INT, 0, "min-chars", "N", &o->min_chars, 0, 0,
         "drop documents of fewer characters (default 0)", 0},
        {RTD_OPT_BYTES, 0, "max-bytes", "BYTES", &o->max_bytes, 16, 512 << 20,
         "split longer documents (default 8M)", 0},
        {RTD_OPT_FLAG, 0, "dedup", NULL, &o->dedup, 0, 0,
         "drop exact repeats; takes 11 to 22 bytes of memory a document", 0},
        {RTD_OPT_REAL, 0, "holdout", "F", &o->holdout, 0, 1,
         "hold out this share of the documents, chosen by their content", 0},
        {RTD_OPT_STR, 0, "part", "PART", &o->part, 0, 0,
         "with --holdout: write train (the rest) or test (the held out)", 0},
        {RTD_OPT_INT, 0, "seed", "N", &o->seed, 0, 0,
         "another choice of held-out documents (default 1)", 0},
        {RTD_OPT_INT, 'n', "limit", "N", &o->limit, 0, 0, "end properly after N documents", 0},
        {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Output", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0,
         "write to FILE, compressed if it ends in .zst (default: standard output)", 0},
        {RTD_OPT_FLAG, 0, "text", NULL, &o->text, 0, 0,
         "plain text, a blank line between documents, in place of a stream", 0},
        {RTD_OPT_FLAG, 0, "source", NULL, &o->source, 0, 0,
         "add the field source: the name of file or member", 0},
        {RTD_OPT_STR, 'd', "directory", "DIR", &o->dir, 0, 0, "make DIR with shards and a manifest",
         0},
        {RTD_OPT_BYTES, 0, "shard-size", "BYTES", &o->shard_size, 1, 1e15,
         "begin a shard after this much text (default 64M)", 0},
        {RTD_OPT_INT, 0, "shards", "N", &o->shards, 1, RTD_MAX_OPEN_SHARDS,
         "deal the documents to N shards in turn", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0,
         "overwrite; write a stream to a terminal", 0},
        {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Verification", 0},
        {RTD_OPT_STR, 0, "manifest", "FILE", &o->manifest, 0, 0,
         "fail unless the documents are those that this manifest counts", 0},
        {RTD_OPT_STR, 0, "check", "DIR", &o->check, 0, 0,
         "verify a directory of shards, write nothing", 0},
        {RTD_OPT_GROUP, 0, NULL, NULL, NULL, 0, 0, "Other", 0},
        RTD_OPT_COMMON_VERBOSE,
        {.type = RTD_OPT_END},
    };
    int which = 0;
    if (rtd_parse(argc, argv, table, &usage, first, err))
        return err->status;
    if (o->check) {
        for (struct rtd_opt *t = table; t->type != RTD_OPT_END; t++)
            if (t->seen && t->dest != &o->check && t->type != RTD_OPT_COUNT &&
                t->dest != &rtd_tool_quiet)
                return rtd_fail(err, RTD_EUSAGE, "--check and --%s: not together", t->name);
        return *first < argc ? rtd_fail(err, RTD_EUSAGE, "--check DIR takes no operand") : RTD_OK;
    }
    if (o->doc && !one_of(o->doc, units, &which))
        return rtd_fail(err, RTD_EUSAGE, "--doc %s: wants blank, line or file", o->doc);
    o->unit = (enum rtd_doc_unit)which;
    if (o->json && !o->json_key)
        o->json_key = "text";
    if (o->doc && o->json_key)
        return rtd_fail(err, RTD_EUSAGE, "--doc and --json: not together");
    if (o->max_bad && rtd_bad_parse(bad, o->max_bad, err))
        return err->status;
    if (o->min_chars > o->max_bytes / 4)
        return rtd_fail(err, RTD_EUSAGE, "--min-chars: more than a quarter of --max-bytes");
    if (o->part && !one_of(o->part, parts, &which))
        return rtd_fail(err, RTD_EUSAGE, "--part %s: wants train or test", o->part);
    if (!o->part != !rtd_opt_seen(table, "holdout"))
        return rtd_fail(err, RTD_EUSAGE, "--holdout and --part: only together");
    if (rtd_opt_seen(table, "seed") && !o->part)
        return rtd_fail(err, RTD_EUSAGE, "--seed: only with --holdout");
    if (o->dir && (o->text || rtd_opt_seen(table, "output")))
        return rtd_fail(err, RTD_EUSAGE, "-d and --%s: not together", o->text ? "text" : "output");
    if (o->text && o->source)
        return rtd_fail(err, RTD_EUSAGE, "--text and --source: not together");
    if (!o->dir && (o->shards || o->shard_size))
        return rtd_fail(err, RTD_EUSAGE, "--%s: only with -d", o->shards ? "shards" : "shard-size");
    if (o->shards && o->shard_size)
        return rtd_fail(err, RTD_EUSAGE, "--shards and --shard-size: not together");
    return *first == argc ? rtd_refuse_tty_stdin(err) : RTD_OK;
}

/* What decides the bytes of the output; no paths. */
static json_t *provenance(const struct opts *o)
{
    static const char *const units[] = {"blank", "line", "file"};
    json_t *p = json_pack("{s:s, s:I, s:I, s:b, s:b}", "doc", o->json_key ? "json" : units[o->unit],
                          "min_chars", (json_int_t)o->min_chars, "max_bytes",
                          (json_int_t)o->max_bytes, "dedup", o->dedup, "source", o->source);
    if (o->json_key)
        json_object_set_new(p, "json_key", json_string(o->json_key));
    if (o->part) {
        json_object_set_new(p, "part", json_string(o->part));
        json_object_set_new(p, "holdout", json_real(o->holdout));
        json_object_set_new(p, "seed", json_integer(o->seed));
    }
    if (o->limit >= 0)
        json_object_set_new(p, "limit", json_integer(o->limit));
    for (int i = 0; i < 2; i++) {
        const struct rtd_strlist *l = i ? &o->exclude : &o->include;
        json_t *a = l->n ? json_array() : NULL;
        for (int k = 0; k < l->n; k++)
            json_array_append_new(a, json_string(l->item[k]));
        if (a)
            json_object_set_new(p, i ? "exclude" : "include", a);
    }
    return p;
}

static void skipped(const char *where, const char *why)
{
    rtd_info(1, "%s: skipped: %s", where, why);
}

static int keep(void *arg, const struct rtd_document *doc, struct rtd_err *err)
{
    struct job *j = arg;
    bool yes;
    if (j->full)
        return RTD_OK;
    int st = rtd_filter_ask(j->filter, doc, &yes, err);
    if (st || !yes)
        return st;
    st = rtd_shards_add(j->out, doc, err);
    uint64_t n = rtd_shards_total(j->out)->documents;
    j->full = j->o->limit >= 0 && n >= (uint64_t)j->o->limit;
    if (n % 256 == 0)
        rtd_progress(n, 0, "documents", "%s", "");
    if (rtd_take_usr1())
        rtd_warn("%llu documents so far", (unsigned long long)n);
    return st;
}

static int read_input(struct job *j, const char *path, struct rtd_err *err)
{
    struct rtd_archive_opts ao = {&j->o->include, &j->o->exclude, j->o->tmpdir, skipped};
    struct rtd_archive *a;
    const char *source;
    int st = rtd_archive_open(&a, path, &ao, err);
    while (!st && !j->full && !(st = rtd_archive_next(a, &source, err)) && source) {
        const void *data;
        size_t n = 1;
        rtd_doc_builder_begin(j->docs, rtd_archive_where(a), source);
        while (!st && n && !j->full && !(st = rtd_archive_read(a, &data, &n, err)) && n)
            st = rtd_doc_builder_add(j->docs, data, n, err);
        if (!st)
            st = rtd_doc_builder_finish(j->docs, err);
    }
    if (a) {
        const struct rtd_archive_counts *c = rtd_archive_counts(a);
        j->members.texts += c->texts;
        j->members.binary += c->binary;
        j->members.excluded += c->excluded;
        j->members.other += c->other;
    }
    rtd_archive_close(a);
    return st;
}

/* What was left out or changed without being asked for. */
static void say_losses(const struct job *j)
{
    const struct rtd_doc_counts *d = rtd_doc_builder_counts(j->docs);
    const struct rtd_archive_counts *m = &j->members;
    uint64_t members = m->texts + m->binary + m->other;
    rtd_say_loss(d->bad, d->bytes, "byte%s begin wrong UTF-8 sequences, which were replaced",
                 rtd_s(d->bytes));
    rtd_say_loss(d->controls, d->bytes, "byte%s are control characters and were dropped",
                 rtd_s(d->bytes));
    rtd_say_loss(m->binary, members, "member%s skipped that are not text", rtd_s(members));
    rtd_say_loss(m->other, members, "member%s skipped for their kind (-v names them)",
                 rtd_s(members));
    if (d->split)
        rtd_say("%llu document%s split", (unsigned long long)d->split, rtd_s(d->split));
}

static void summary(const struct job *j, const struct rtd_total *t)
{
    const struct rtd_doc_counts *d = rtd_doc_builder_counts(j->docs);
    const struct rtd_filter_counts *f = rtd_filter_counts(j->filter);
    if (t->documents == 0 && j->o->limit != 0)
        rtd_warn("no documents in the %s", d->documents ? "output: all filtered out" : "input");
    say_losses(j);
    rtd_info(1, "%llu text%s in; members left out: %llu by pattern",
             (unsigned long long)j->members.texts, rtd_s(j->members.texts),
             (unsigned long long)j->members.excluded);
    rtd_info(1, "%llu document%s in; dropped: %llu shorter, %llu of the other part, %llu repeated",
             (unsigned long long)d->documents, rtd_s(d->documents), (unsigned long long)f->shorter,
             (unsigned long long)f->other_part, (unsigned long long)f->repeated);
    rtd_info(1, "%llu document%s out, %llu bytes", (unsigned long long)t->documents,
             rtd_s(t->documents), (unsigned long long)t->bytes);
}

static int check(const char *dir, struct rtd_err *err)
{
    struct rtd_total t;
    int st = rtd_manifest_check(dir, &t, err);
    if (!st)
        rtd_info(1, "%s: %llu documents, %llu bytes: verified", dir,
                 (unsigned long long)t.documents, (unsigned long long)t.bytes);
    return st;
}

static int run(const struct opts *o, const struct rtd_bad *bad, char **files, int nfiles,
               struct rtd_err *err)
{
    struct job j = {.o = o, .bad = *bad, .full = o->limit == 0};
    struct rtd_manifest want = {0};
    struct rtd_doc_opts doc = {o->unit, o->json_key, &j.bad, (size_t)o->max_bytes};
    struct rtd_filter_opts filter = {.min_chars = (uint64_t)o->min_chars,
                                     .holdout = o->holdout,
                                     .seed = (uint64_t)o->seed,
                                     .part = !o->part                    ? 0
                                             : !strcmp(o->part, "train") ? 1
                                                                         : 2,
                                     .dedup = o->dedup};
    struct rtd_shard_opts shard = {.path = o->out,
                                   .dir = o->dir,
                                   .shards = (int)o->shards,
                                   .text = o->text,
                                   .shard_bytes = o->shards       ? 0
                                                  : o->shard_size ? (uint64_t)o->shard_size
                                                                  : 64 << 20,
                                   .force = o->force,
                                   .with_source = o->source,
                                   .max_bytes = (size_t)o->max_bytes,
                                   .provenance = provenance(o)};
    int st = o->manifest ? rtd_manifest_read(&want, o->manifest, err) : RTD_OK;
    if (!st && !(st = rtd_doc_builder_new(&j.docs, &doc, keep, &j, err)) &&
        !(st = rtd_filter_new(&j.filter, &filter, err)))
        st = rtd_shards_open(&j.out, &shard, err);
    for (int i = 0; !st && !j.full && i < (nfiles ? nfiles : 1); i++)
        st = read_input(&j, nfiles ? files[i] : "-", err);
    if (!st)
        st = rtd_bad_judge(&j.bad, nfiles > 1 ? "input" : nfiles ? files[0] : "-", err);
    if (!st && o->manifest)
        st = rtd_total_compare(&want.total, o->manifest, rtd_shards_total(j.out), "input", err);
    struct rtd_total total = {0};
    if (!st) {
        total = *rtd_shards_total(j.out);
        st = rtd_shards_end(j.out, err);
    } else {
        rtd_shards_abort(j.out, err);
    }
    if (!st)
        summary(&j, &total);
    rtd_filter_free(j.filter);
    rtd_doc_builder_free(j.docs);
    rtd_manifest_free(&want);
    json_decref(shard.provenance);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.max_bytes = 8 << 20, .limit = -1, .seed = 1};
    struct rtd_bad bad = rtd_bad_default;
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("corpus-shard", argc, argv);
    int st = parse(&o, &bad, argc, argv, &first, &err);
    if (!st)
        st = o.check ? check(o.check, &err) : run(&o, &bad, argv + first, argc - first, &err);
    return rtd_tool_end(&err, st);
}
