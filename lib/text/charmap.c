/* rtdtools - MIT licence */
#include "text/charmap.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/hash.h"

bool rtd_is_white_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

bool rtd_is_word_letter(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default: /* joiners, and letters in circles and squares */
        return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) ||
               (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
               (c >= 0x1F170 && c <= 0x1F189);
    }
}

/* Dropped by cleaning.  Unassigned code points are not: the reference keeps them. */
static bool is_dropped(const struct rtd_tok_settings *s, uint32_t c, int category)
{
    if (s->keep_controls || c == '\t' || c == '\n' || c == '\r')
        return false;
    return c == 0 || c == 0xFFFD || category == UTF8PROC_CATEGORY_CC ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CO;
}

/* The blocks that BERT sets off by blanks.  2B920 is the reference's start of the sixth (BERT's
 * own code has 2B820). */
static bool is_cjk(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static bool is_punct(uint32_t c, int category)
{
    if (c < 0x80)
        return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
               (c >= 123 && c <= 126);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

static uint8_t kind_of(const struct rtd_tok_settings *s, uint32_t c)
{
    if (s->split == RTD_SPLIT_NEVER)
        return RTD_CH_KEEP;
    if (rtd_is_white_space(c))
        return RTD_CH_SPACE;
    bool punct =
        s->split == RTD_SPLIT_RUNS
            ? !rtd_is_word_letter(c)
            : s->split == RTD_SPLIT_BERT && is_punct(c, utf8proc_category((utf8proc_int32_t)c));
    return punct ? RTD_CH_PUNCT : RTD_CH_KEEP;
}

/* The parts that a cleaned code point becomes: decomposition, accents away, lower case, in the
 * reference's order.  Returns their number. */
static int parts_of(const struct rtd_tok_settings *s, uint32_t cp, struct rtd_char_part *part)
{
    utf8proc_int32_t d[32];
    int nd = 1, n = 0, last = 0;
    d[0] = (utf8proc_int32_t)cp;
    if (s->strip_accents)
        nd = (int)utf8proc_decompose_char(d[0], d, 32, UTF8PROC_DECOMPOSE, &last);
    for (int i = 0; i < nd; i++) {
        const utf8proc_property_t *p = utf8proc_get_property(d[i]);
        uint8_t ccc = s->strip_accents ? (uint8_t)p->combining_class : 0;
        if (s->strip_accents && p->category == UTF8PROC_CATEGORY_MN) {
            part[n++] = (struct rtd_char_part){(uint32_t)d[i], RTD_CH_MARK, ccc, 0};
        } else if (s->lower_case && d[i] == 0x130) { /* the only lower case of two characters */
            part[n++] = (struct rtd_char_part){'i', RTD_CH_KEEP, 0, 0};
            part[n++] = (struct rtd_char_part){0x307, RTD_CH_KEEP, 0, 0};
        } else {
            uint32_t c = (uint32_t)(s->lower_case ? utf8proc_tolower(d[i]) : d[i]);
            part[n++] = (struct rtd_char_part){c, kind_of(s, c), ccc, 0};
        }
    }
    for (int i = 0; i < n; i++)
        part[i].left = (uint8_t)(n - 1 - i);
    return n;
}

static int add_sequence(struct rtd_charmap *m, const struct rtd_char_part *part, int n,
                        uint32_t *entry, struct rtd_err *err)
{
    if (m->nseq + (uint32_t)n > m->seq_cap) {
        size_t cap = m->seq_cap * 2 + 1024;
        struct rtd_char_part *seq = realloc(m->seq, cap * sizeof *seq);
        if (!seq)
            return rtd_fail_sys(err, "character table");
        m->seq = seq;
        m->seq_cap = (uint32_t)cap;
    }
    memcpy(m->seq + m->nseq, part, (size_t)n * sizeof *part);
    *entry = m->nseq << RTD_CH_SHIFT | RTD_CH_SEQ;
    m->nseq += (uint32_t)n;
    return RTD_OK;
}

static int entry_of(struct rtd_charmap *m, uint32_t cp, uint32_t *entry, struct rtd_err *err)
{
    const struct rtd_tok_settings *s = &m->set;
    struct rtd_char_part part[64];
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    int category = p->category, n;
    uint32_t cjk = s->chinese && is_cjk(cp) ? RTD_CH_CJK : 0;

    if (is_dropped(s, cp, category)) {
        *entry = RTD_CH_DROP;
        return RTD_OK;
    }
    if (rtd_is_white_space(cp) && s->split != RTD_SPLIT_NEVER) {
        *entry = RTD_CH_SPACE;
        return RTD_OK;
    }
    if (rtd_is_white_space(cp) && !s->keep_controls) { /* cleaning makes every blank the same */
        *entry = cp == ' ' ? RTD_CH_KEEP : ' ' << RTD_CH_SHIFT | RTD_CH_MAP;
        return RTD_OK;
    }
    if (s->strip_accents && cp >= 0xAC00 && cp <= 0xD7A3) {
        *entry = RTD_CH_HANGUL;
        return RTD_OK;
    }
    bool letter = category == UTF8PROC_CATEGORY_LO ||
                  (category == UTF8PROC_CATEGORY_CN && s->split != RTD_SPLIT_RUNS);
    if (letter && p->decomp_seqindex == UINT16_MAX && p->lowercase_seqindex == UINT16_MAX &&
        !(cjk && s->split == RTD_SPLIT_NEVER)) {
        *entry = RTD_CH_KEEP | cjk; /* most of all code points, so that a table is made soon */
        return RTD_OK;
    }
    n = parts_of(s, cp, part);
    if (cjk && s->split == RTD_SPLIT_NEVER) { /* the blanks stay in the word */
        const struct rtd_char_part blank = {' ', RTD_CH_KEEP, 0, 0};
        memmove(part + 1, part, (size_t)n * sizeof *part);
        part[0] = part[n + 1] = blank;
        n += 2;
        cjk = 0;
    }
    /* An accent that reorders nothing: its own place in the order does not matter once it is
     * gone.  (A mark of class 0 ends a run, so it stays visible as a sequence.) */
    while (n > 1 && part[n - 1].kind == RTD_CH_MARK && part[n - 1].ccc)
        n--;
    for (int i = 0; i < n; i++)
        part[i].left = (uint8_t)(n - 1 - i);
    if (n == 1 && part[0].kind == RTD_CH_MARK && part[0].ccc)
        *entry = RTD_CH_MARK;
    else if (n == 1 && !part[0].ccc && part[0].kind == RTD_CH_KEEP)
        *entry = part[0].cp == cp ? RTD_CH_KEEP : part[0].cp << RTD_CH_SHIFT | RTD_CH_MAP;
    else if (n == 1 && part[0].kind == RTD_CH_PUNCT)
        *entry = part[0].cp == cp ? RTD_CH_PUNCT : part[0].cp << RTD_CH_SHIFT | RTD_CH_PUNCT;
    else if (add_sequence(m, part, n, entry, err))
        return err->status;
    *entry |= cjk;
    return RTD_OK;
}

/* Blocks that are equal are stored once: ideographs, syllables and the unassigned are most. */
static int add_block(struct rtd_charmap *m, uint32_t hi, const uint32_t *block, uint64_t *hashes,
                     struct rtd_err *err)
{
    uint64_t h = rtd_hash64(block, 256 * sizeof *block);
    for (uint32_t i = 0; i < m->nblocks; i++)
        if (hashes[i] == h && !memcmp(m->block[i], block, 256 * sizeof *block)) {
            m->index[hi] = (uint16_t)i;
            return RTD_OK;
        }
    if (!(m->nblocks & (m->nblocks - 1))) {
        size_t cap = m->nblocks ? m->nblocks * 2 : 1;
        void *p = realloc(m->block, cap * sizeof *m->block);
        if (!p)
            return rtd_fail_sys(err, "character table");
        m->block = p;
    }
    hashes[m->nblocks] = h;
    memcpy(m->block[m->nblocks], block, 256 * sizeof *block);
    m->index[hi] = (uint16_t)m->nblocks++;
    return RTD_OK;
}

int rtd_charmap_new(struct rtd_charmap **out, const struct rtd_tok_settings *s, struct rtd_err *err)
{
    struct rtd_charmap *m = calloc(1, sizeof *m);
    uint64_t *hashes = calloc(0x1100, sizeof *hashes);
    uint32_t block[256];

    *out = NULL;
    if (!m || !hashes) {
        rtd_fail_sys(err, "character table");
        goto fail;
    }
    m->set = *s;
    for (uint32_t hi = 0; hi < 0x1100; hi++) {
        /* Planes 4 to 13 are unassigned, 15 and 16 private: each alike throughout. */
        if ((hi > 0x400 && hi < 0xE00) || hi > 0xF00) {
            m->index[hi] = m->index[hi < 0xE00 ? 0x400 : 0xF00];
            if ((hi & 255) != 255)
                continue;
        }
        for (uint32_t lo = 0; lo < 256; lo++)
            if (entry_of(m, hi << 8 | lo, &block[lo], err))
                goto fail;
        if (add_block(m, hi, block, hashes, err))
            goto fail;
    }
    for (uint32_t c = 0; c < 128; c++) {
        uint32_t e = rtd_charmap_entry(m, c);
        m->ascii[c] = (uint8_t)(e & RTD_CH_KIND);
        if (s->split == RTD_SPLIT_RUNS && m->ascii[c] != RTD_CH_DROP)
            m->ascii[c] = RTD_CH_SEQ; /* the way of all other characters: only it knows runs */
        m->lower[c] = (char)((e & RTD_CH_KIND) == RTD_CH_MAP ? e >> RTD_CH_SHIFT : c);
    }
    free(hashes);
    *out = m;
    return RTD_OK;
fail:
    free(hashes);
    rtd_charmap_free(m);
    return err->status;
}

void rtd_charmap_free(struct rtd_charmap *m)
{
    if (!m)
        return;
    free(m->block);
    free(m->seq);
    free(m);
}
