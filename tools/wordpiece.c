/* rtdtools - MIT licence
 *
 * wordpiece: documents (a stream or plain text) -> tokens.  BERT's tokenisation with a vocabulary
 * that the stream then carries; and back again with --decode. */
#include <string.h>

#include "base/io.h"
#include "base/pool.h"
#include "cli/tool.h"
#include "corpus/tokenise.h"
#include "stream/stream.h"
#include "text/doc_lines.h"
#include "text/reach.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

static const struct rtd_usage usage = {
    .synopsis = "--vocab FILE [--cased] [-j N] [-o FILE] [FILE...]\n--decode [-o FILE] [FILE]",
    .purpose = "Turn documents into the ids of WordPiece tokens.",
    .notes = "Input is a stream of documents, or plain text with a line for each sentence and a\n"
             "blank line between documents.\n",
};

struct opts {
    char **in;
    int n;
    const char *out, *vocab;
    bool force, cased, keep_accents, no_chinese, special, decode;
    int64_t max_word, threads;
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 0, "vocab", "FILE", &o->vocab, 0, 0,
         "the vocabulary, one piece a line; required", 0},
        {RTD_OPT_FLAG, 0, "cased", NULL, &o->cased, 0, 0,
         "keep case and accents (default: lower-case, strip accents)", 0},
        {RTD_OPT_FLAG, 0, "no-strip-accents", NULL, &o->keep_accents, 0, 0,
         "lower-case, but keep accents", 0},
        {RTD_OPT_FLAG, 0, "no-chinese", NULL, &o->no_chinese, 0, 0,
         "do not make each ideograph a word", 0},
        {RTD_OPT_FLAG, 0, "special-tokens", NULL, &o->special, 0, 0,
         "read [SEP] and its like in the text as these tokens", 0},
        {RTD_OPT_INT, 0, "max-word", "N", &o->max_word, 1, 1 << 20,
         "a word of more characters is [UNK] (default: 100)", 0},
        {RTD_OPT_FLAG, 0, "decode", NULL, &o->decode, 0, 0, "tokens back to text", 0},
        {RTD_OPT_INT, 'j', "threads", "N", &o->threads, 1, 1024,
         "worker threads (default: all CPUs)", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE; write to a terminal",
         0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    if (rtd_parse(argc, argv, table, &usage, &first, err))
        return err->status;
    o->in = argv + first;
    o->n = argc - first;
    if (o->decode) {
        static const char *const other[] = {"vocab",      "cased",          "no-strip-accents",
                                            "no-chinese", "special-tokens", "max-word"};
        for (size_t i = 0; i < sizeof other / sizeof *other; i++)
            if (rtd_opt_seen(table, other[i]))
                return rtd_fail(err, RTD_EUSAGE,
                                "--decode takes everything from the stream: no --%s", other[i]);
        if (o->n > 1)
            return rtd_fail(err, RTD_EUSAGE, "more than one input: join them with ts-cat");
    } else if (!o->vocab) {
        return rtd_fail(err, RTD_EUSAGE, "--vocab FILE is required (vocab-train makes one)");
    }
    return o->n ? RTD_OK : rtd_refuse_tty_stdin(err);
}

/* --- encoding ------------------------------------------------------------------------------- */

static int open_output(struct rtd_writer **w, const struct opts *o, const struct rtd_doc_lines *in,
                       const struct rtd_tokenizer *t, struct rtd_err *err)
{
    const struct rtd_tok_settings *s = rtd_tokenizer_settings(t);
    const struct rtd_header *from = rtd_doc_lines_header(in);
    struct rtd_header h;
    size_t len;
    const char *vocab = rtd_tokenizer_vocab(t, &len);

    if (from) {
        if (rtd_header_copy(&h, from, err))
            return err->status;
    } else {
        rtd_header_init(&h, "documents");
    }
    rtd_header_become(&h, "tokens");
    if (rtd_header_set_vocab(&h, vocab, len, o->vocab, err))
        goto out;
    h.tok.lower_case = s->lower_case;
    h.tok.strip_accents = s->strip_accents;
    h.tok.chinese = s->chinese;
    h.tok.max_word = s->max_word;
    json_t *options = json_pack(
        "{s:s, s:s, s:b, s:b, s:b, s:b, s:i}", "input", from ? "documents" : "text", "vocab",
        h.tok.digest, "lower_case", s->lower_case, "strip_accents", s->strip_accents, "chinese",
        s->chinese, "special_tokens", s->special_tokens, "max_word", (int)s->max_word);
    if (!rtd_header_provenance(&h, "wordpiece", options, err))
        rtd_writer_open(w, o->out, o->force ? RTD_OUT_FORCE : 0, &h, 1, err);
out:
    rtd_header_free(&h);
    return err->status;
}

static void watch(const struct rtd_tokenise_counts *c)
{
    if (rtd_take_usr1())
        rtd_warn("%llu documents, %llu tokens", (unsigned long long)c->documents,
                 (unsigned long long)c->tokens);
    rtd_progress(c->documents, 0, "documents", "(%llu tokens)", (unsigned long long)c->tokens);
}

static void report(const struct opts *o, const struct rtd_reach *r,
                   const struct rtd_tokenise_counts *c)
{
    if (c->split)
        rtd_warn("documents of over %d tokens, split: %llu", RTD_MAX_DOCUMENT,
                 (unsigned long long)c->split);
    rtd_say_loss(c->empty_lines, c->lines, "lines have no tokens and were dropped");
    rtd_read_counts_say(
        &c->read, "",
        o->cased && !r->capitals ? ": --cased, but the vocabulary has no capital letter" : "");
    rtd_info(1, "%llu documents, %llu records, %llu sentences, %llu tokens",
             (unsigned long long)c->documents, (unsigned long long)c->records,
             (unsigned long long)c->sentences, (unsigned long long)c->tokens);
}

static int encode(const struct opts *o, struct rtd_err *err)
{
    struct rtd_tok_settings s;
    struct rtd_tokenizer *t = NULL;
    struct rtd_doc_lines *in = NULL;
    struct rtd_writer *out = NULL;
    struct rtd_pool *pool = NULL;
    struct rtd_tokenise_counts counts;
    struct rtd_reach reach;

    rtd_tok_settings_default(&s, o->cased);
    if (o->keep_accents)
        s.strip_accents = false;
    s.chinese = !o->no_chinese;
    s.special_tokens = o->special;
    s.max_word = (uint32_t)o->max_word;
    int st = rtd_tokenizer_load(&t, o->vocab, &s, err);
    if (!st)
        st = rtd_reach(t, o->vocab, &reach, err); /* before a corpus is tokenised for nothing */
    if (!st)
        st = rtd_doc_lines_open(&in, o->in, o->n, err);
    if (!st)
        st = rtd_pool_new(&pool, (int)o->threads, err);
    if (!st)
        st = open_output(&out, o, in, t, err);
    if (!st)
        st = rtd_tokenise(in, out, t, pool, RTD_MAX_DOCUMENT, watch, &counts, err);
    rtd_progress_end();
    if (!st)
        st = rtd_writer_end(out, err);
    else
        rtd_writer_abort(out, err);
    if (!st)
        report(o, &reach, &counts);
    rtd_pool_free(pool);
    rtd_doc_lines_close(in);
    rtd_tokenizer_free(t);
    return st;
}

/* --- decoding ------------------------------------------------------------------------------- */

static int decode_record(struct rtd_out *out, const struct rtd_vocab *v, const int32_t *ids,
                         const int32_t *lengths, uint32_t sentences, struct rtd_buf *line,
                         struct rtd_err *err)
{
    line->len = 0;
    for (uint32_t i = 0; i < sentences; ids += lengths[i++])
        if (rtd_decode(v, ids, (size_t)lengths[i], line, err) || rtd_buf_append(line, "\n", 1, err))
            return err->status;
    return rtd_out_write(out, line->data, line->len, err);
}

static int decode_stream(struct rtd_reader *in, struct rtd_out *out, const struct rtd_vocab *v,
                         struct rtd_err *err)
{
    const struct rtd_header *h = rtd_reader_header(in);
    int ids = rtd_header_field(h, "input_ids"), lengths = rtd_header_field(h, "sentence_lengths");
    int sentences = rtd_header_axis(h, "sentences");
    struct rtd_buf line = {0};
    struct rtd_record rec;
    while (!rtd_reader_next(in, &rec, err) && !rec.end) {
        if (rtd_reader_totals(in)->records > 1 && rtd_out_write(out, "\n", 1, err))
            break;
        if (decode_record(out, v, rec.data[ids], rec.data[lengths], rec.lengths[sentences], &line,
                          err))
            break;
    }
    rtd_buf_free(&line);
    return err->status;
}

static int decode(const struct opts *o, struct rtd_err *err)
{
    struct rtd_reader *in = NULL;
    struct rtd_out *out = NULL;
    struct rtd_vocab v = {0};
    const char *path = o->n ? o->in[0] : "-";

    int st = rtd_reader_open(&in, path, err);
    if (!st) {
        const struct rtd_header *h = rtd_reader_header(in);
        const char *name = rtd_reader_name(in);
        st = rtd_header_expect(h, "tokens", name, err);
        if (!st && !h->tok.vocab)
            st = rtd_fail(err, RTD_EDATA, "%s: the stream carries no vocabulary", name);
        if (!st)
            st = rtd_vocab_init(&v, h->tok.vocab, h->tok.vocab_len, name, err);
    }
    if (!st)
        st = rtd_out_open(&out, o->out, o->force ? RTD_OUT_FORCE : 0, err);
    if (!st)
        st = decode_stream(in, out, &v, err);
    if (!st)
        st = rtd_out_commit(out, err);
    else
        rtd_out_abort(out);
    rtd_vocab_fini(&v);
    rtd_reader_close(in);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-", .max_word = 100, .threads = rtd_cpu_count()};
    struct rtd_err err = {0};
    rtd_tool_begin("wordpiece", argc, argv);
    if (parse(&o, argc, argv, &err))
        return rtd_tool_end(&err, err.status);
    return rtd_tool_end(&err, o.decode ? decode(&o, &err) : encode(&o, &err));
}
