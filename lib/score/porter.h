/* rtdtools - MIT licence
 *
 * Porter's stemmer (M.F. Porter, "An algorithm for suffix stripping", 1980) with the extensions of
 * NLTK's implementation, which ROUGE scores are commonly computed with. */
#ifndef RTD_SCORE_PORTER_H
#define RTD_SCORE_PORTER_H

/* Stem a word of [a-z0-9] in place; it never grows beyond its length. */
void rtd_porter(char *word);

#endif
