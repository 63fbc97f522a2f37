/* rtdtools - MIT licence */
#include "predict/detokenise.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool letter(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 128;
}

char *rtd_text_of_pieces(const struct rtd_tokenizer *tok, const int32_t *ids, size_t n)
{
    size_t size = 1, at = 0;
    for (size_t i = 0; i < n; i++)
        size += strlen(rtd_tokenizer_piece(tok, ids[i])) + 1;
    char *text = malloc(size);
    for (size_t i = 0; text && i < n; i++) {
        const char *p = rtd_tokenizer_piece(tok, ids[i]);
        const char *inside = rtd_tokenizer_inside(tok, p);
        char last = at ? text[at - 1] : ' ', before = at > 1 ? text[at - 2] : ' ';
        bool joint = strchr("-/'", p[0]) && !p[1]; /* joins what stands around it */
        bool next = i + 1 < n && letter(rtd_tokenizer_piece(tok, ids[i + 1])[0]);
        bool tight = at == 0 || inside || (strchr(".,!?;:)]}%", p[0]) && !p[1]) ||
                     strchr("([{", last) || (joint && letter(last) && next) ||
                     (strchr("-/'", last) && letter(before) && letter(p[0]));
        if (!tight)
            text[at++] = ' ';
        at = (size_t)(stpcpy(text + at, inside ? inside : p) - text);
    }
    if (text)
        text[at] = '\0';
    return text;
}
