/* rtdtools - MIT licence
 *
 * Entities found in tagged sentences, counted as conlleval (CoNLL-2000) and seqeval do: an entity
 * is right when type and both ends are. */
#ifndef RTD_SCORE_METRICS_TAGS_H
#define RTD_SCORE_METRICS_TAGS_H

#include <stdint.h>
#include <stddef.h>

#include "base/err.h"
#include "gold/tags.h"

struct rtd_tag_type {
    char *name; /* owned */
    uint64_t gold, found, right;
};
struct rtd_tag_counts {         /* zero-initialise */
    struct rtd_tag_type **type; /* [n], in order of appearance */
    int n, cap;
    void *by_name;               /* private: the same, as a tree */
    uint64_t gold, found, right; /* entities */
    uint64_t tokens, same;       /* tokens, and those with the same tag */
};
int rtd_tag_counts_add(struct rtd_tag_counts *c, const struct rtd_tag *gold,
                       const struct rtd_tag *predicted, size_t n, struct rtd_err *err);
/* The same for entities that were found without tags, in any order; tokens are not counted.  One
 * that begins or ends inside a word has SIZE_MAX for it.  found is sorted. */
int rtd_tag_counts_add_entities(struct rtd_tag_counts *c, const struct rtd_tag *gold, size_t n,
                                struct rtd_entity *found, size_t nfound, struct rtd_err *err);
void rtd_tag_counts_free(struct rtd_tag_counts *c);

struct rtd_tag_scores {
    double precision, recall, f1; /* 0/0 is 0 */
    double token_accuracy;        /* of all types only */
};
/* type NULL: all entities. */
void rtd_tag_scores(const struct rtd_tag_counts *c, const struct rtd_tag_type *type,
                    struct rtd_tag_scores *s);

#endif
