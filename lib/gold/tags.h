/* rtdtools - MIT licence
 *
 * Tags of entities: B-X begins one of type X, I-X goes on (IOB2), E-X ends and S-X is one of a
 * single token (BIOES); O is outside.  Which tag may follow which, the best sequence that breaks no
 * rule, and what entities a sequence names. */
#ifndef RTD_GOLD_TAGS_H
#define RTD_GOLD_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* May tag b follow tag a?  a NULL: b begins the sequence; b NULL: a ends it.  With bioes an entity
 * must be closed by E- or S-. */
bool rtd_tag_follows(const char *a, const char *b, bool bioes);
/* Do the labels hold E- or S- tags? */
bool rtd_tags_are_bioes(char *const *label, int n);

/* Viterbi (Forney 1973) over log-probabilities and the rules. */
struct rtd_viterbi {
    int n;
    bool *begin, *end; /* [n] may begin, may end a sequence */
    int *before;       /* [n, n]: the tags that may stand before tag j ... */
    int *nbefore;      /* [n]: ... and how many */
    double *score;     /* [2, n] */
    int *back;         /* [words, n] */
    size_t cap;
};
int rtd_viterbi_new(struct rtd_viterbi *v, char *const *label, int n, struct rtd_err *err);
void rtd_viterbi_free(struct rtd_viterbi *v);
/* row[w]: logits (n) of word w; tag[w]: the best sequence's.  Where the labels allow no valid
 * sequence at all: each word's best tag. */
int rtd_viterbi_run(struct rtd_viterbi *v, const float *const *row, size_t words, int *tag,
                    struct rtd_err *err);

struct rtd_entity {
    const char *type; /* borrowed from the tag, behind the "B-" */
    size_t first, last;
};
/* Entities of a sequence of any scheme, as conlleval finds them: B- and S- begin one, I- and E- too
 * where the tag before is O, ended by E- or S-, or of another type.  entity: room for n.  Returns
 * how many. */
size_t rtd_entities(struct rtd_entity *entity, const char *const *tag, size_t n);

/* IOB1 to IOB2: the new prefix of tag i, B where an entity begins with I; others keep theirs. */
char rtd_iob2_prefix(const char *const *tag, size_t i);
/* IOB to BIOES: the new prefix of tag i; others keep theirs. */
char rtd_bioes_prefix(const char *const *tag, size_t n, size_t i);

#endif
