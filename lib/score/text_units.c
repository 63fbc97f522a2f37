/* rtdtools - MIT licence */
#include "score/text_units.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

int32_t rtd_code_point(const char *s, size_t *len)
{
    uint32_t c;
    int n = rtd_utf8_step((const unsigned char *)s, 4, &c); /* it stops at the NUL */
    *len = n > 0 ? (size_t)n : 1;
    return n > 0 ? (int32_t)c : (unsigned char)*s;
}

bool rtd_is_space(int32_t c)
{
    if (c < 128)
        return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
    utf8proc_category_t k = utf8proc_category(c);
    return c == 0x85 || k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_ZL ||
           k == UTF8PROC_CATEGORY_ZP;
}

bool rtd_is_word_char(int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

static int put_code_point(struct rtd_buf *b, int32_t c, struct rtd_err *err)
{
    char bytes[4];
    return rtd_buf_append(b, bytes, rtd_utf8_encode(bytes, (uint32_t)c), err);
}

/* Is it among the ranges [n][2]? */
static bool within(int32_t c, const int32_t (*range)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= range[i][0] && c <= range[i][1])
            return true;
    return false;
}
#define WITHIN(c, ranges) within(c, ranges, sizeof(ranges) / sizeof(ranges)[0])

/* Unicode's property Cased, of characters that are not Case_Ignorable. */
static bool is_cased(int32_t c)
{
    static const int32_t other[][2] = {{0xaa, 0xaa},      {0xba, 0xba},       {0x2160, 0x217f},
                                       {0x24b6, 0x24e9},  {0x1f130, 0x1f149}, {0x1f150, 0x1f169},
                                       {0x1f170, 0x1f189}}; /* ordinals, Roman numerals, circled */
    utf8proc_category_t k = utf8proc_category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LT) || WITHIN(c, other);
}

/* Unicode's property Case_Ignorable: marks, modifiers, and what may stand inside a word. */
static bool is_case_ignorable(int32_t c)
{
    static const int32_t inside[][2] = {
        {0x27, 0x27},     {0x2e, 0x2e},     {0x3a, 0x3a},     {0xb7, 0xb7},
        {0x387, 0x387},   {0x55f, 0x55f},   {0x5f4, 0x5f4},   {0x2018, 0x2019},
        {0x2024, 0x2024}, {0x2027, 0x2027}, {0xfe13, 0xfe13}, {0xfe52, 0xfe52},
        {0xfe55, 0xfe55}, {0xff07, 0xff07}, {0xff0e, 0xff0e}, {0xff1a, 0xff1a}};
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return true;
    default:
        return WITHIN(c, inside);
    }
}

/* Does a cased character come next, ignorable ones passed over? */
static bool cased_next(const char *s)
{
    size_t len;
    for (; *s; s += len) {
        int32_t c = rtd_code_point(s, &len);
        if (!is_case_ignorable(c))
            return is_cased(c);
    }
    return false;
}

int rtd_lower_case(struct rtd_buf *b, const char *s, struct rtd_err *err)
{
    enum { CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2, CAPITAL_I_DOT = 0x130, DOT_ABOVE = 0x307 };
    bool cased_before = false;
    size_t len;
    int st = RTD_OK;
    for (; *s && !st; s += len) {
        int32_t c = rtd_code_point(s, &len), lower = utf8proc_tolower(c);
        if (c == CAPITAL_SIGMA && cased_before && !cased_next(s + len))
            lower = FINAL_SIGMA;
        st = put_code_point(b, c == CAPITAL_I_DOT ? 'i' : lower, err);
        if (!st && c == CAPITAL_I_DOT)
            st = put_code_point(b, DOT_ABOVE, err);
        if (!is_case_ignorable(c))
            cased_before = is_cased(c);
    }
    if (!st)
        st = rtd_buf_reserve(b, 1, err);
    if (!st)
        ((char *)b->data)[b->len] = '\0';
    return st;
}

void rtd_word_list_free(struct rtd_word_list *w)
{
    free(w->text);
    free(w->word);
    *w = (struct rtd_word_list){0};
}

int rtd_word_list_split(struct rtd_word_list *w, const char *text, struct rtd_err *err)
{
    size_t len;
    bool inside = false;
    *w = (struct rtd_word_list){.text = strdup(text)};
    w->word = malloc((strlen(text) / 2 + 2) * sizeof *w->word);
    if (!w->text || !w->word) {
        rtd_word_list_free(w);
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    for (char *p = w->text; *p; p += len) {
        bool space = rtd_is_space(rtd_code_point(p, &len));
        if (space)
            memset(p, 0, len);
        else if (!inside)
            w->word[w->n++] = p;
        inside = !space;
    }
    return RTD_OK;
}
