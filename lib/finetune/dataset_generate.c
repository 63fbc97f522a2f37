/* rtdtools - MIT licence
 *
 * Data sets of sources and targets: [CLS] source [SEP] target [SEP], each token of the target and
 * the last [SEP] predicted by the token before it.  A target that was cut does not end there: its
 * last [SEP] is not to be learnt (causal attention hides it from everything else). */
#include <stdlib.h>
#include <string.h>

#include "finetune/dataset.h"

/* One pair; the target keeps at most o->target pieces, the source what is left.  *whole: all of
 * the target is there. */
static int add_pair(struct rtd_examples *e, struct rtd_encoding enc[2], const char *source,
                    const char *target, const struct rtd_dataset_options *o, bool *whole,
                    struct rtd_err *err)
{
    if (o->length < 4) /* [CLS], two [SEP], and one piece to learn */
        return rtd_fail(err, RTD_EUSAGE, "%zu tokens have no room for a source and its target",
                        o->length);
    if (rtd_tokenizer_encode(o->tok, &enc[0], source, strlen(source), err) ||
        rtd_tokenizer_encode(o->tok, &enc[1], target, strlen(target), err))
        return err->status;
    rtd_sequences_count(&e->seq, &enc[0]);
    rtd_sequences_count(&e->seq, &enc[1]);
    size_t most = o->target < o->length - 4 ? o->target : o->length - 4;
    size_t nb = enc[1].n < most ? enc[1].n : most, room = o->length - 3 - nb;
    size_t na = enc[0].n < room ? enc[0].n : room;
    static const int32_t none;
    *whole = nb == enc[1].n;
    e->seq.cut += na < enc[0].n || !*whole;
    e->prefix[e->seq.n] = (uint32_t)na + 2;
    return rtd_sequences_add_ids(&e->seq, enc[0].ids, na, nb ? enc[1].ids : &none, nb, err);
}

static int build(struct rtd_examples *e, const struct rtd_table *t,
                 const struct rtd_dataset_options *o, struct rtd_err *err)
{
    struct rtd_encoding enc[2] = {{0}, {.special = RTD_READ_NONE}};
    struct rtd_example_targets *a = &e->target[0];
    *e = (struct rtd_examples){.name = strdup(t->name), .targets = 1};
    *a = (struct rtd_example_targets){.head = o->first_head, .task = RTD_TASK_GENERATE};
    e->prefix = malloc((t->rows + 1) * sizeof *e->prefix);
    bool *whole = malloc(t->rows + 1);
    int st = e->name && e->prefix && whole ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    if (!st)
        st = rtd_sequences_init(&e->seq, o->tok, o->length, o->type_vocab_size, err);
    for (size_t r = 0; r < t->rows && !st; r++) {
        rtd_count_row(&e->empty, &e->empty_line, !t->text[0][r][0] || !t->text[1][r][0],
                      rtd_table_line(t, r));
        st = add_pair(e, enc, t->text[0][r], t->text[1][r], o, &whole[r], err);
    }
    rtd_encoding_free(&enc[0]);
    rtd_encoding_free(&enc[1]);
    e->units = e->seq.n;
    if (!st && !(a->token = malloc((e->seq.start[e->seq.n] + 1) * sizeof *a->token)))
        st = rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t s = 0; s < e->seq.n && !st; s++) {
        size_t end = e->seq.start[s + 1] - !whole[s];
        for (size_t i = e->seq.start[s]; i < e->seq.start[s + 1]; i++) {
            bool speaks = i + 1 >= e->seq.start[s] + e->prefix[s] && i + 1 < end;
            a->token[i] = speaks ? e->seq.ids[i + 1] : -1;
        }
    }
    free(whole);
    return st;
}

int rtd_dataset_load_generate(struct rtd_dataset *d, const struct rtd_dataset_options *o,
                              struct rtd_err *err)
{
    struct rtd_columns_spec columns = {.text = o->text ? o->text : "source,target",
                                       .want_text = true,
                                       .header = o->header ? RTD_HEADER_YES : RTD_HEADER_GUESS};
    struct rtd_table t;
    struct rtd_bad_rows bad = {.skip = o->skip_bad};
    int st = rtd_table_load(&t, o->train, &columns, &bad, err);
    if (!st) {
        st = build(&d->train, &t, o, err);
        rtd_table_free(&t);
    }
    d->specs = 1;
    if (!st)
        st = rtd_dataset_spec(&d->spec[0], RTD_TASK_GENERATE, o->name[0] ? o->name : "generate",
                              NULL, 1, err);
    d->spec[0].outputs = 0;
    if (!st && o->dev) {
        st = rtd_table_load(&t, o->dev, &columns, &bad, err);
        if (!st) {
            st = build(&d->dev.e, &t, o, err);
            rtd_table_free(&t);
        }
        d->dev.column[0] = "token_probability";
        d->dev.columns = 1;
    }
    rtd_bad_rows_free(&bad);
    return st;
}
