/* rtdtools - MIT licence */
#include "text/reach.h"

#include <string.h>
#include <utf8proc.h>

#include "base/say.h"
#include "base/utf8.h"
#include "text/words.h"

static bool has_capital(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int k = rtd_utf8_step((const unsigned char *)s + i, n - i, &c);
        if (k > 0 && utf8proc_tolower((utf8proc_int32_t)c) != (utf8proc_int32_t)c)
            return true;
        i += k > 0 ? (size_t)k : k < 0 ? (size_t)-k : n - i;
    }
    return false;
}

/* Is the text what normalising makes of it, but for where words are parted? */
static int changed(const struct rtd_charmap *map, struct rtd_words *w, const char *s, size_t n,
                   bool *yes, struct rtd_err *err)
{
    size_t same = 0;
    *yes = false;
    for (size_t pos = 0; !rtd_words_next(map, w, s, n, &pos, err) && w->n;)
        for (size_t i = 0; i < w->n && !*yes; i++) {
            size_t len = w->word[i].len;
            *yes = len > n - same || memcmp(w->bytes + w->word[i].off, s + same, len) != 0;
            same += len;
        }
    *yes = *yes || same < n;
    return err->status;
}

static void warn(const struct rtd_reach *r, const struct rtd_tok_settings *set, const char *name)
{
    char piece[40];
    rtd_warn("warning: %s: %u of %u pieces are never used, since text is lower-cased%s: \"%s\" is "
             "one; --cased%s is missing, or this is another vocabulary",
             name, r->lost, r->pieces, set->strip_accents ? " and loses its accents" : "",
             rtd_mask_text(piece, sizeof piece, r->first, strlen(r->first)),
             r->capitals || !set->strip_accents ? "" : " or --no-strip-accents");
}

int rtd_reach(const struct rtd_tokenizer *t, const char *name, struct rtd_reach *r,
              struct rtd_err *err)
{
    struct rtd_charmap *map;
    struct rtd_words w = {0};
    const struct rtd_tok_settings *set = rtd_tokenizer_settings(t);
    size_t prefix = strlen(set->prefix);
    *r = (struct rtd_reach){0};
    if (rtd_charmap_new(&map, set, err))
        return err->status;
    for (uint32_t id = 0; !err->status && id < rtd_tokenizer_size(t); id++) {
        const char *piece = rtd_tokenizer_piece(t, (int32_t)id);
        size_t n = piece ? strlen(piece) : 0;
        bool lost;
        if (n == 0 || (n > 2 && piece[0] == '[' && piece[n - 1] == ']'))
            continue;
        size_t skip = n > prefix && !strncmp(piece, set->prefix, prefix) ? prefix : 0;
        r->pieces++;
        r->capitals += has_capital(piece + skip, n - skip);
        if (changed(map, &w, piece + skip, n - skip, &lost, err))
            break;
        if (lost && !r->lost++)
            r->first = piece;
    }
    rtd_words_free(&w);
    rtd_charmap_free(map);
    if (!err->status && r->lost > r->pieces / 100)
        warn(r, set, name);
    return err->status;
}
