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

int rtd_put_code_point(struct rtd_buf *b, int32_t c, struct rtd_err *err)
{
    char bytes[4];
    return rtd_buf_append(b, bytes, rtd_utf8_encode(bytes, (uint32_t)c), err);
}

int rtd_lower_case(struct rtd_buf *b, const char *s, struct rtd_err *err)
{
    size_t len;
    int st = RTD_OK;
    for (; *s && !st; s += len)
        st = rtd_put_code_point(b, utf8proc_tolower(rtd_code_point(s, &len)), err);
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
