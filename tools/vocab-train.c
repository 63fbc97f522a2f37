/* rtdtools - MIT licence
 *
 * vocab-train: documents (a stream or plain text) -> vocab.txt.  Learns the pieces of a WordPiece
 * vocabulary by merging frequent pairs. */
#include "base/io.h"
#include "cli/tool.h"
#include "corpus/shuffle.h"
#include "text/doc_lines.h"
#include "text/learn.h"
#include "text/reach.h"

static const struct rtd_usage usage = {
    .synopsis = "[--size N | --from VOCAB --add N] [--cased] [-o FILE] [FILE...]",
    .purpose = "Learn a WordPiece vocabulary.",
    .notes = "Input is a stream of documents, or plain text.\n",
};

struct opts {
    char **in;
    int n;
    const char *out, *memory, *from;
    bool force, cased, keep_accents, no_chinese, take_unused;
    int64_t size, add, alphabet, frequency, max_word;
    uint64_t budget;
};

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    struct rtd_opt table[] = {
        {RTD_OPT_INT, 0, "size", "N", &o->size, 6, 10000000,
         "pieces, the five special ones included (default: 30522)", 0},
        {RTD_OPT_STR, 0, "from", "VOCAB", &o->from, 0, 0,
         "go on from this vocabulary, none of whose ids moves", 0},
        {RTD_OPT_INT, 0, "add", "N", &o->add, 1, 10000000, "new pieces to learn, with --from", 0},
        {RTD_OPT_FLAG, 0, "take-unused", NULL, &o->take_unused, 0, 0,
         "with --from: put them in the place of [unused0] and its like first", 0},
        {RTD_OPT_FLAG, 0, "cased", NULL, &o->cased, 0, 0,
         "keep case and accents (default: lower-case, strip accents)", 0},
        {RTD_OPT_FLAG, 0, "no-strip-accents", NULL, &o->keep_accents, 0, 0,
         "lower-case, but keep accents", 0},
        {RTD_OPT_FLAG, 0, "no-chinese", NULL, &o->no_chinese, 0, 0,
         "do not make each ideograph a word", 0},
        {RTD_OPT_INT, 0, "min-frequency", "N", &o->frequency, 0, 0,
         "do not join pieces seen together less often (default: 0)", 0},
        {RTD_OPT_INT, 0, "limit-alphabet", "N", &o->alphabet, 1, 0x110000,
         "only the N most frequent characters make pieces (default: 1000)", 0},
        {RTD_OPT_INT, 0, "max-word", "N", &o->max_word, 1, 1 << 20,
         "do not learn from words of more characters (default: 100)", 0},
        {RTD_OPT_STR, 'S', "memory", "MEM", &o->memory, 0, 0,
         "forget rare words rather than take more: K, M, G, or a share (default: 1G)", 0},
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0, "write to FILE (default: -)", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int first;
    struct rtd_err e = {0};
    if (rtd_parse(argc, argv, table, &usage, &first, err))
        return err->status;
    static const char *const anew[] = {"size", "limit-alphabet"};
    for (size_t i = 0; i < 2 && o->from; i++)
        if (rtd_opt_seen(table, anew[i]))
            return rtd_fail(err, RTD_EUSAGE, "--%s: not with --from, which has %s", anew[i],
                            i ? "an alphabet" : "pieces; --add says how many more");
    if (!o->from != !o->add || (o->take_unused && !o->from))
        return rtd_fail(err, RTD_EUSAGE, "--from and --add go together%s",
                        o->take_unused ? ", and --take-unused with them" : "");
    if (rtd_memory_budget(o->memory, &o->budget, &e))
        return rtd_fail(err, e.status, "--memory %s", e.text);
    if (o->budget < 32 << 20)
        return rtd_fail(err, RTD_EUSAGE, "--memory %s: at least 32M", o->memory);
    o->in = argv + first;
    o->n = argc - first;
    return o->n ? RTD_OK : rtd_refuse_tty_stdin(err);
}

static int read_all(struct rtd_doc_lines *in, struct rtd_learner *l, struct rtd_err *err)
{
    enum rtd_doc_event event;
    const char *line;
    size_t len;
    uint64_t documents = 0;
    while (!rtd_doc_lines_next(in, &event, &line, &len, err) && event != RTD_EVENT_FINISHED) {
        if (event == RTD_EVENT_LINE && rtd_learner_add(l, line, len, err))
            break;
        documents += event == RTD_EVENT_END;
        if (rtd_take_usr1())
            rtd_warn("%llu documents, %llu words", (unsigned long long)documents,
                     (unsigned long long)rtd_learner_words(l));
        if (event == RTD_EVENT_END && documents % 64 == 0)
            rtd_progress(documents, 0, "documents", "(%llu words)",
                         (unsigned long long)rtd_learner_words(l));
    }
    rtd_progress_end();
    return err->status;
}

static void report_added(const struct opts *o, const struct rtd_learn_report *r)
{
    rtd_say_loss(r->unspelt, r->words, "words stay [UNK]: %s has not all of their characters",
                 o->from);
    if (r->pieces < o->add)
        rtd_warn("%u new pieces: the text gives no more", r->pieces);
    rtd_say("%u new pieces: the text's words take %llu in place of %llu (%.3g%% fewer)", r->pieces,
            (unsigned long long)r->after, (unsigned long long)r->before,
            r->before ? 100 * (1 - (double)r->after / (double)r->before) : 0);
}

static void report(const struct opts *o, const struct rtd_learn_report *r)
{
    rtd_say_loss(r->broken, r->bytes, "bytes are not UTF-8 and were dropped");
    if (r->forgotten)
        rtd_warn("out of memory for words: those seen %llu times or less may be forgotten "
                 "(more --memory keeps them)",
                 (unsigned long long)r->forgotten);
    rtd_say_loss(r->long_words, r->words + r->long_words,
                 "words have over %lld characters and are not learnt from", (long long)o->max_word);
    if (o->from) {
        report_added(o, r);
        return;
    }
    rtd_say_loss(r->unspelt, r->words,
                 "words will be [UNK]: %u of %u characters are left out, a higher --limit-alphabet "
                 "takes them",
                 r->dropped, r->alphabet + r->dropped);
    if (r->pieces < o->size)
        rtd_warn("%u pieces: the %s no more", r->pieces,
                 r->dropped ? "characters that are taken give" : "text gives");
    rtd_info(1, "%llu words, %llu different; %u characters; %u pieces",
             (unsigned long long)r->words, (unsigned long long)r->different, r->alphabet,
             r->pieces);
}

static int write_vocab(const struct opts *o, const struct rtd_buf *vocab, struct rtd_err *err)
{
    struct rtd_out *out = NULL;
    if (rtd_out_open(&out, o->out, o->force ? RTD_OUT_FORCE : 0, err))
        return err->status;
    if (!rtd_out_write(out, vocab->data, vocab->len, err))
        return rtd_out_commit(out, err);
    rtd_out_abort(out);
    return err->status;
}

int main(int argc, char **argv)
{
    struct opts o = {.out = "-", .memory = "1G", .size = 30522, .alphabet = 1000, .max_word = 100};
    struct rtd_err err = {0};
    struct rtd_doc_lines *in = NULL;
    struct rtd_learner *l = NULL;
    struct rtd_learn_report r;
    struct rtd_buf vocab = {0};
    rtd_tool_begin("vocab-train", argc, argv);
    if (parse(&o, argc, argv, &err))
        return rtd_tool_end(&err, err.status);
    struct rtd_learn_options lo;
    rtd_learn_default(&lo, o.cased);
    if (o.keep_accents)
        lo.set.strip_accents = false;
    lo.set.chinese = !o.no_chinese;
    lo.set.max_word = (uint32_t)o.max_word;
    lo.size = (uint32_t)(o.from ? o.add : o.size);
    lo.take_unused = o.take_unused;
    lo.limit_alphabet = (uint32_t)o.alphabet;
    lo.min_frequency = (uint64_t)o.frequency;
    lo.max_memory = o.budget;
    struct rtd_tokenizer *from = NULL;
    struct rtd_reach reach;
    int st = o.from ? rtd_tokenizer_load(&from, o.from, &lo.set, &err) : RTD_OK;
    if (!st && from)
        st = rtd_reach(from, o.from, &reach, &err);
    lo.from = from;
    if (!st)
        st = rtd_doc_lines_open(&in, o.in, o.n, &err);
    if (!st)
        st = rtd_learner_new(&l, &lo, &err);
    if (!st)
        st = read_all(in, l, &err);
    if (!st)
        st = rtd_learner_finish(l, &vocab, &r, &err);
    if (!st)
        st = write_vocab(&o, &vocab, &err);
    if (!st)
        report(&o, &r);
    rtd_buf_free(&vocab);
    rtd_learner_free(l);
    rtd_tokenizer_free(from);
    rtd_doc_lines_close(in);
    return rtd_tool_end(&err, st);
}
