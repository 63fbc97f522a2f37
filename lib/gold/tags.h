/* rtdtools - MIT licence
 *
 * Tags of words.  A label is parsed here, and nowhere else, into the place that its word has in an
 * entity and the entity's type.  What the letters of a label mean is no matter of the label but of
 * the whole set it stands in: I-9 is the inside of an entity beside B-9, and a type beside E-MAIL;
 * B alone is a place beside I and O, and a type beside A and C. */
#ifndef RTD_GOLD_TAGS_H
#define RTD_GOLD_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum rtd_tag_place {
    RTD_TAG_OUTSIDE, /* O */
    RTD_TAG_BEGIN,   /* B: an entity's first word */
    RTD_TAG_INSIDE,  /* I, M: goes on with the entity before, of the same type */
    RTD_TAG_END,     /* E, L: its last word */
    RTD_TAG_SINGLE,  /* S, U: its only word */
    RTD_TAG_RUN,     /* goes on with an entity of its type, or begins one: I of IOB1; a label
                        without prefix, whose equal neighbours are one entity */
};
struct rtd_tag {
    enum rtd_tag_place place;
    const char *type; /* a part of the label, borrowed; "" where there is none */
};

struct rtd_tag_scheme {
    enum rtd_tag_form {
        RTD_TAGS_PLAIN,    /* every label but O is its own type: UPOS, Penn, PER and ORG, LABEL_0 */
        RTD_TAGS_PREFIXED, /* PLACE-TYPE; a label that is not so is its own type */
        RTD_TAGS_LETTERS,  /* B, I, O and the like alone: entities without a type */
    } form;
    bool iob1;   /* B only where two entities of one type touch */
    bool closed; /* an entity of several words ends with E or L (BIOES, BILOU) */
};

/* The scheme of a set of labels (which may repeat).  It is PREFIXED where all labels but O have a
 * prefix and no E or L lacks its B, or where a type stands behind two prefixes; LETTERS where all
 * are such letters, B or I among them; of iob1 where a type has I and no B, and closed where one
 * has B and E.  stated: NULL, or one of RTD_TAG_SCHEMES; RTD_EUSAGE for another word. */
int rtd_tag_scheme_of(struct rtd_tag_scheme *s, char *const *label, size_t n, const char *stated,
                      struct rtd_err *err);
#define RTD_TAG_SCHEMES "iob1, iob2, bioes, bilou or plain"

struct rtd_tag rtd_tag_parse(const struct rtd_tag_scheme *s, const char *label);

/* The labels of a model, parsed. */
struct rtd_tag_set {
    struct rtd_tag_scheme scheme;
    struct rtd_tag *tag; /* [n]; types are borrowed from the labels */
    int n;
};
int rtd_tag_set_new(struct rtd_tag_set *s, char *const *label, int n, const char *stated,
                    struct rtd_err *err);
void rtd_tag_set_free(struct rtd_tag_set *s);

/* May b follow a?  a NULL: b begins the sequence; b NULL: a ends it. */
bool rtd_tag_follows(const struct rtd_tag *a, const struct rtd_tag *b, bool closed);

struct rtd_entity {
    const char *type; /* borrowed */
    size_t first, last;
};
/* The entities of a sequence, as conlleval finds them: B and S begin one, and so does every other
 * word of an entity behind O, behind E or S, or behind another type.  entity: room for n.  Returns
 * how many. */
size_t rtd_entities(struct rtd_entity *entity, const struct rtd_tag *tag, size_t n);

/* Rewrite the labels (owned) of a sentence as a model shall learn them: with bioes as BIOES,
 * whatever they are; else as they are, but with B where an entity begins with I, as in IOB1.
 * *begun grows by how many those are. */
int rtd_tags_convert(char **label, size_t n, const struct rtd_tag_scheme *s, bool bioes,
                     size_t *begun, struct rtd_err *err);

#endif
