/* rtdtools - MIT licence
 *
 * What is true of every record with standard fields, whoever wrote it. */
#include "stream/format.h"

static int find(const struct rtd_header *h, const char *name, int axis, size_t width)
{
    int i = rtd_header_field(h, name);
    const struct rtd_field *f = i < 0 ? NULL : &h->fields[i];
    return f && f->dtype == RTD_I32 && f->width == width && axis >= 0 && f->axis == axis ? i : -1;
}

void rtd_checks_init(struct rtd_checks *c, const struct rtd_header *h)
{
    c->tokens = rtd_header_axis(h, "tokens");
    c->sentences = rtd_header_axis(h, "sentences");
    c->masked = rtd_header_axis(h, "masked");
    c->input_ids = find(h, "input_ids", c->tokens, 1);
    c->sentence_lengths = c->tokens < 0 ? -1 : find(h, "sentence_lengths", c->sentences, 1);
    c->positions = c->tokens < 0 ? -1 : find(h, "masked_lm_positions", c->masked, 1);
    c->masked_ids = find(h, "masked_lm_ids", c->masked, 1);
    c->sampled_ids = find(h, "sampled_ids", c->masked, 1);
    c->offsets = strcmp(h->kind, "tokens") ? -1 : find(h, "offsets", c->tokens, 2);
    c->vocab_size = h->tok.vocab_size;
    c->max_length = c->tokens < 0 ? 0 : h->max_length;
}

static int check_ids(const int32_t *ids, uint32_t n, uint32_t vocab_size, const char *field,
                     struct rtd_err *err)
{
    /* Without a vocabulary only negative ids are wrong. */
    uint32_t limit = vocab_size ? vocab_size : (uint32_t)INT32_MAX + 1;
    uint32_t bad = 0;
    for (uint32_t i = 0; i < n; i++)
        bad |= (uint32_t)ids[i] >= limit;
    if (!bad)
        return RTD_OK;
    uint32_t i = 0;
    while ((uint32_t)ids[i] < limit)
        i++;
    if (!vocab_size)
        return rtd_fail(err, RTD_EDATA, "%s: negative id %d", field, (int)ids[i]);
    return rtd_fail(err, RTD_EDATA, "%s: id %d outside the vocabulary of %u", field, (int)ids[i],
                    vocab_size);
}

static int check_sentences(const int32_t *len, uint32_t n, uint32_t tokens, struct rtd_err *err)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (len[i] < 1)
            return rtd_fail(err, RTD_EDATA, "sentence_lengths: a sentence of %d tokens",
                            (int)len[i]);
        sum += (uint64_t)len[i];
    }
    if (sum != tokens)
        return rtd_fail(err, RTD_EDATA, "sentence_lengths: sum is %llu, not the %u tokens",
                        (unsigned long long)sum, tokens);
    return RTD_OK;
}

static int check_positions(const int32_t *pos, uint32_t n, uint32_t tokens, struct rtd_err *err)
{
    int64_t last = -1;
    for (uint32_t i = 0; i < n; i++) {
        if (pos[i] <= last)
            return rtd_fail(err, RTD_EDATA, "masked_lm_positions: %d does not increase",
                            (int)pos[i]);
        last = pos[i];
    }
    if (n && last >= tokens)
        return rtd_fail(err, RTD_EDATA, "masked_lm_positions: %d outside the sequence of %u",
                        (int)last, tokens);
    return RTD_OK;
}

static int check_offsets(const int32_t (*span)[2], uint32_t n, struct rtd_err *err)
{
    for (uint32_t i = 0; i < n; i++)
        if (span[i][0] < 0 || span[i][1] < span[i][0])
            return rtd_fail(err, RTD_EDATA, "offsets: %d to %d", (int)span[i][0], (int)span[i][1]);
    return RTD_OK;
}

int rtd_checks_record(const struct rtd_checks *c, const void *const *data, const uint32_t *lengths,
                      struct rtd_err *err)
{
    int st = RTD_OK;
    if (c->max_length && lengths[c->tokens] > c->max_length)
        return rtd_fail(err, RTD_EDATA, "%u tokens, the header's max_length is %u",
                        lengths[c->tokens], c->max_length);
    if (c->input_ids >= 0)
        st = check_ids(data[c->input_ids], lengths[c->tokens], c->vocab_size, "input_ids", err);
    if (!st && c->sentence_lengths >= 0)
        st = check_sentences(data[c->sentence_lengths], lengths[c->sentences], lengths[c->tokens],
                             err);
    if (!st && c->positions >= 0)
        st = check_positions(data[c->positions], lengths[c->masked], lengths[c->tokens], err);
    if (!st && c->masked_ids >= 0)
        st =
            check_ids(data[c->masked_ids], lengths[c->masked], c->vocab_size, "masked_lm_ids", err);
    if (!st && c->sampled_ids >= 0)
        st = check_ids(data[c->sampled_ids], lengths[c->masked], c->vocab_size, "sampled_ids", err);
    if (!st && c->offsets >= 0)
        st = check_offsets(data[c->offsets], lengths[c->tokens], err);
    return st;
}
