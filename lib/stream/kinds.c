/* rtdtools - MIT licence
 *
 * The standard kinds of stream: which fields each has, and which it may have. */
#include <assert.h>
#include <string.h>

#include "stream/format.h"

static const struct {
    const char *kind, *name;
    enum rtd_dtype dtype;
    const char *axis;
    uint32_t dim; /* 0: none */
    int minor;    /* the version of the format that has it */
    bool optional;
} standard[] = {
    {"documents", "text", RTD_U8, "bytes", 0, 0, false},
    {"documents", "source", RTD_U8, "name", 0, 0, true},
    {"documents", "title", RTD_U8, "title", 0, 1, true},
    {"documents", "reason", RTD_U8, "reason", 0, 1, true},
    {"tokens", "input_ids", RTD_I32, "tokens", 0, 0, false},
    {"tokens", "sentence_lengths", RTD_I32, "sentences", 0, 0, false},
    {"tokens", "offsets", RTD_I32, "tokens", 2, 1, true},
    {"examples", "input_ids", RTD_I32, "tokens", 0, 0, false},
    {"examples", "token_type_ids", RTD_U8, "tokens", 0, 0, false},
    {"masked", "input_ids", RTD_I32, "tokens", 0, 0, false},
    {"masked", "token_type_ids", RTD_U8, "tokens", 0, 0, false},
    {"masked", "masked_lm_positions", RTD_I32, "masked", 0, 0, false},
    {"masked", "masked_lm_ids", RTD_I32, "masked", 0, 0, false},
    {"masked", "sampled_ids", RTD_I32, "masked", 0, 1, true},
};
enum { STANDARD = sizeof standard / sizeof *standard };

static void add(struct rtd_header *h, int i)
{
    rtd_header_add_field(h, standard[i].name, standard[i].dtype, standard[i].axis,
                         standard[i].dim != 0, &standard[i].dim);
}

static void start_kind(struct rtd_header *h, const char *kind)
{
    assert(strlen(kind) < sizeof h->kind);
    memset(h->kind, 0, sizeof h->kind);
    strcpy(h->kind, kind);
    h->nfields = h->naxes = 0;
}

bool rtd_header_standard(struct rtd_header *h, const char *kind)
{
    int i = 0;
    while (i < STANDARD && strcmp(standard[i].kind, kind))
        i++;
    if (i == STANDARD)
        return false;
    start_kind(h, kind);
    for (; i < STANDARD && !strcmp(standard[i].kind, kind); i++)
        if (!standard[i].optional)
            add(h, i);
    return true;
}

void rtd_header_become(struct rtd_header *h, const char *kind)
{
    if (!rtd_header_standard(h, kind))
        start_kind(h, kind);
}

const char *rtd_kind_optional(const char *kind, int n)
{
    for (int i = 0; i < STANDARD; i++)
        if (standard[i].optional && !strcmp(standard[i].kind, kind) && n-- == 0)
            return standard[i].name;
    return NULL;
}

void rtd_header_add_optional(struct rtd_header *h, const char *name)
{
    int i = 0;
    while (i < STANDARD && (!standard[i].optional || strcmp(standard[i].kind, h->kind) ||
                            strcmp(standard[i].name, name)))
        i++;
    assert(i < STANDARD);
    add(h, i);
}

int rtd_header_minor(const struct rtd_header *h)
{
    int minor = 0;
    for (int i = 0; i < STANDARD; i++)
        if (standard[i].minor > minor && !strcmp(standard[i].kind, h->kind) &&
            rtd_header_field(h, standard[i].name) >= 0)
            minor = standard[i].minor;
    return minor;
}

static bool fits(const struct rtd_header *h, const struct rtd_field *f, int i)
{
    uint32_t width = standard[i].dim ? standard[i].dim : 1;
    return f->dtype == standard[i].dtype && f->ndim == (standard[i].dim != 0) &&
           f->width == width && f->axis >= 0 && !strcmp(h->axes[f->axis], standard[i].axis);
}

int rtd_header_expect(const struct rtd_header *h, const char *kind, const char *name,
                      struct rtd_err *err)
{
    if (strcmp(h->kind, kind))
        return rtd_fail(err, RTD_EDATA, "%s: stream holds %s, wants %s", name, h->kind, kind);
    bool seen[RTD_MAX_FIELDS] = {false}, known = false;
    for (int i = 0; i < STANDARD; i++) {
        if (strcmp(standard[i].kind, kind))
            continue;
        int at = rtd_header_field(h, standard[i].name);
        known = true;
        if (at >= 0 ? !fits(h, &h->fields[at], i) : !standard[i].optional)
            return rtd_fail(err, RTD_EDATA, "%s: stream of %s: the field %s is %s", name, kind,
                            standard[i].name, at < 0 ? "missing" : "of another type or shape");
        if (at >= 0)
            seen[at] = true;
    }
    for (int at = 0; known && at < h->nfields; at++)
        if (!seen[at])
            return rtd_fail(err, RTD_EDATA, "%s: stream of %s: %s is no field of this kind", name,
                            kind, h->fields[at].name);
    return RTD_OK;
}
