/* rtdtools - MIT licence */
#include "gold/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a label --- */

/* The place that a letter stands for; OUTSIDE: none. */
static enum rtd_tag_place place_of(char letter)
{
    switch (letter) {
    case 'B':
        return RTD_TAG_BEGIN;
    case 'I':
    case 'M':
        return RTD_TAG_INSIDE;
    case 'E':
    case 'L':
        return RTD_TAG_END;
    case 'S':
    case 'U':
        return RTD_TAG_SINGLE;
    default:
        return RTD_TAG_OUTSIDE;
    }
}

static bool is_outside(const char *label)
{
    return strcmp(label, "O") == 0;
}

static bool is_prefixed(const char *label)
{
    return place_of(label[0]) != RTD_TAG_OUTSIDE && label[1] == '-' && label[2];
}

static bool is_letter(const char *label)
{
    return place_of(label[0]) != RTD_TAG_OUTSIDE && (!label[1] || strcmp(label + 1, "-") == 0);
}

struct rtd_tag rtd_tag_parse(const struct rtd_tag_scheme *s, const char *label)
{
    struct rtd_tag tag = {RTD_TAG_RUN, label};
    if (is_outside(label))
        return (struct rtd_tag){RTD_TAG_OUTSIDE, ""};
    if (s->form == RTD_TAGS_PREFIXED && is_prefixed(label))
        tag = (struct rtd_tag){place_of(label[0]), label + 2};
    else if (s->form == RTD_TAGS_LETTERS && is_letter(label))
        tag = (struct rtd_tag){place_of(label[0]), ""};
    if (tag.place == RTD_TAG_INSIDE && s->iob1)
        tag.place = RTD_TAG_RUN;
    return tag;
}

/* --- the set --- */

static int by_type(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int c = strcmp(x + 2, y + 2);
    return c ? c : (unsigned char)x[0] - (unsigned char)y[0];
}

/* What stands before one type, or of what all letters are. */
struct places {
    bool has[RTD_TAG_RUN];
};

static int count_places(const struct places *p)
{
    int n = 0;
    for (int i = 0; i < RTD_TAG_RUN; i++)
        n += p->has[i];
    return n;
}

/* What the types say together. */
struct evidence {
    bool twice;    /* a type behind two prefixes */
    bool broken;   /* an end without a beginning */
    bool no_begin; /* an inside without a beginning */
    bool closed;   /* a beginning that has an end */
};

static void add_evidence(struct evidence *e, const struct places *p)
{
    e->twice |= count_places(p) > 1;
    e->broken |= p->has[RTD_TAG_END] && !p->has[RTD_TAG_BEGIN];
    e->no_begin |= p->has[RTD_TAG_INSIDE] && !p->has[RTD_TAG_BEGIN];
    e->closed |= p->has[RTD_TAG_END] && p->has[RTD_TAG_BEGIN];
}

/* label[n] has prefixes: type by type. */
static struct evidence look_at_types(char **label, size_t n)
{
    struct evidence e = {0};
    qsort(label, n, sizeof *label, by_type);
    for (size_t i = 0, k; i < n; i = k) {
        struct places p = {{0}};
        for (k = i; k < n && strcmp(label[k] + 2, label[i] + 2) == 0; k++)
            p.has[place_of(label[k][0])] = true;
        add_evidence(&e, &p);
    }
    return e;
}

/* What the user says of it. */
static int apply_stated(struct rtd_tag_scheme *s, const char *stated, bool letters,
                        struct rtd_err *err)
{
    static const struct {
        const char *name;
        bool plain, iob1, closed;
    } known[] = {
        {"iob1", false, true, false},  {"iob2", false, false, false}, {"bioes", false, false, true},
        {"bilou", false, false, true}, {"plain", true, false, false},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(stated, known[i].name) == 0) {
            s->form = known[i].plain ? RTD_TAGS_PLAIN
                      : letters      ? RTD_TAGS_LETTERS
                                     : RTD_TAGS_PREFIXED;
            s->iob1 = known[i].iob1;
            s->closed = known[i].closed;
            return RTD_OK;
        }
    return rtd_fail(err, RTD_EUSAGE, "--scheme %s: want " RTD_TAG_SCHEMES, stated);
}

int rtd_tag_scheme_of(struct rtd_tag_scheme *s, char *const *label, size_t n, const char *stated,
                      struct rtd_err *err)
{
    char **prefixed = malloc((n + 1) * sizeof *prefixed);
    struct places letter = {{0}};
    size_t nprefixed = 0, letters = 0, others = 0;
    bool told = false; /* by B or I, which other letters are no places without */
    *s = (struct rtd_tag_scheme){.form = RTD_TAGS_PLAIN};
    if (!prefixed)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < n; i++) {
        if (is_outside(label[i]))
            continue;
        if (is_prefixed(label[i])) {
            prefixed[nprefixed++] = label[i];
        } else if (is_letter(label[i])) {
            letter.has[place_of(label[i][0])] = true;
            told |= strchr("BI", label[i][0]) != NULL;
            letters++;
        } else {
            others++;
        }
    }
    struct evidence e = look_at_types(prefixed, nprefixed);
    free(prefixed);
    bool alone = letters && !nprefixed && !others && told;
    if (stated)
        return apply_stated(s, stated, alone, err);
    if (alone) {
        e = (struct evidence){0};
        add_evidence(&e, &letter);
        s->form = RTD_TAGS_LETTERS;
    } else if (e.twice || (nprefixed && !letters && !others && !e.broken)) {
        s->form = RTD_TAGS_PREFIXED;
    }
    s->closed = s->form != RTD_TAGS_PLAIN && e.closed;
    s->iob1 = s->form != RTD_TAGS_PLAIN && e.no_begin && !e.closed;
    return RTD_OK;
}

int rtd_tag_set_new(struct rtd_tag_set *s, char *const *label, int n, const char *stated,
                    struct rtd_err *err)
{
    *s = (struct rtd_tag_set){.n = n};
    if (rtd_tag_scheme_of(&s->scheme, label, (size_t)n, stated, err))
        return err->status;
    s->tag = malloc(((size_t)n + 1) * sizeof *s->tag);
    if (!s->tag)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < n; i++)
        s->tag[i] = rtd_tag_parse(&s->scheme, label[i]);
    return RTD_OK;
}

void rtd_tag_set_free(struct rtd_tag_set *s)
{
    free(s->tag);
    *s = (struct rtd_tag_set){0};
}

/* --- sequences --- */

static bool outside(const struct rtd_tag *t)
{
    return !t || t->place == RTD_TAG_OUTSIDE;
}

/* Is an entity of b's type open behind a? */
static bool open_for(const struct rtd_tag *a, const struct rtd_tag *b)
{
    return !outside(a) && a->place != RTD_TAG_END && a->place != RTD_TAG_SINGLE &&
           strcmp(a->type, b->type) == 0;
}

bool rtd_tag_follows(const struct rtd_tag *a, const struct rtd_tag *b, bool closed)
{
    if (b && (b->place == RTD_TAG_INSIDE || b->place == RTD_TAG_END))
        return open_for(a, b);
    return !(closed && a && (a->place == RTD_TAG_BEGIN || a->place == RTD_TAG_INSIDE));
}

/* Does an entity begin with tag `now`, behind `before`? */
static bool begins(const struct rtd_tag *before, const struct rtd_tag *now)
{
    return !outside(now) &&
           (now->place == RTD_TAG_BEGIN || now->place == RTD_TAG_SINGLE || !open_for(before, now));
}

size_t rtd_entities(struct rtd_entity *entity, const struct rtd_tag *tag, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (begins(i ? &tag[i - 1] : NULL, &tag[i]))
            entity[count++] = (struct rtd_entity){tag[i].type, i, i};
        else if (!outside(&tag[i]))
            entity[count - 1].last = i;
    }
    return count;
}

/* --- other labels for the same entities --- */

static enum rtd_tag_place as_iob2(const struct rtd_tag *tag, size_t i)
{
    if (tag[i].place != RTD_TAG_INSIDE && tag[i].place != RTD_TAG_RUN)
        return tag[i].place;
    return begins(i ? &tag[i - 1] : NULL, &tag[i]) ? RTD_TAG_BEGIN : RTD_TAG_INSIDE;
}

static enum rtd_tag_place as_bioes(const struct rtd_tag *tag, size_t n, size_t i)
{
    if (outside(&tag[i]))
        return RTD_TAG_OUTSIDE;
    bool first = begins(i ? &tag[i - 1] : NULL, &tag[i]);
    bool last = i + 1 == n || outside(&tag[i + 1]) || begins(&tag[i], &tag[i + 1]);
    return first ? (last ? RTD_TAG_SINGLE : RTD_TAG_BEGIN) : (last ? RTD_TAG_END : RTD_TAG_INSIDE);
}

/* Replace a label by the one for this place. */
static int rewrite(char **label, enum rtd_tag_place place, const char *type)
{
    static const char letter[] = {
        [RTD_TAG_BEGIN] = 'B', [RTD_TAG_INSIDE] = 'I', [RTD_TAG_END] = 'E', [RTD_TAG_SINGLE] = 'S'};
    char *made = malloc(strlen(type) + 3);
    if (!made)
        return -1;
    sprintf(made, "%c%s%s", letter[place], type[0] ? "-" : "", type);
    free(*label);
    *label = made;
    return 0;
}

int rtd_tags_convert(char **label, size_t n, const struct rtd_tag_scheme *s, bool bioes,
                     size_t *begun, struct rtd_err *err)
{
    struct rtd_tag *tag = malloc((n + 1) * sizeof *tag);
    enum rtd_tag_place *place = malloc((n + 1) * sizeof *place);
    int st = tag && place ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (size_t i = 0; i < n && !st; i++)
        tag[i] = rtd_tag_parse(s, label[i]);
    for (size_t i = 0; i < n && !st; i++)
        place[i] = bioes ? as_bioes(tag, n, i) : as_iob2(tag, i);
    for (size_t i = 0; i < n && !st; i++) {
        bool own_type =
            tag[i].type == label[i]; /* of a label without a place: only bioes gives it one */
        bool changes = bioes ? place[i] != RTD_TAG_OUTSIDE
                             : place[i] == RTD_TAG_BEGIN && tag[i].place != place[i] && !own_type;
        *begun += changes && !bioes;
        if (changes && rewrite(&label[i], place[i], tag[i].type))
            st = rtd_fail(err, RTD_ESYS, "not enough memory");
    }
    free(tag);
    free(place);
    return st;
}
