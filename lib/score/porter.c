/* rtdtools - MIT licence */
#include "score/porter.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool vowel_letter(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/* y is a consonant at the beginning and behind a vowel. */
static bool consonant(const char *w, size_t i)
{
    bool is = true;
    for (size_t k = 0; k <= i; k++)
        is = w[k] == 'y' ? k == 0 || !is : !vowel_letter(w[k]);
    return is;
}

/* How often a vowel is followed by a consonant in the first n letters. */
static int measure(const char *w, size_t n)
{
    int m = 0;
    for (size_t i = 1; i < n; i++)
        m += consonant(w, i) && !consonant(w, i - 1);
    return m;
}

static bool has_vowel(const char *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!consonant(w, i))
            return true;
    return false;
}

/* Consonant, vowel, consonant other than w, x, y; or the two letters vowel, consonant. */
static bool ends_cvc(const char *w, size_t n)
{
    if (n == 2)
        return !consonant(w, 0) && consonant(w, 1);
    return n >= 3 && consonant(w, n - 3) && !consonant(w, n - 2) && consonant(w, n - 1) &&
           !strchr("wxy", w[n - 1]);
}

static bool ends(const char *w, const char *suffix)
{
    size_t n = strlen(w), k = strlen(suffix);
    return n >= k && strcmp(w + n - k, suffix) == 0;
}

/* Suffixes in the order in which they are tried; the first that fits decides. */
struct rule {
    const char *suffix, *with;
};

/* Replace a suffix whose stem has a measure over `over`.  True: one of the rules fitted. */
static bool apply(char *w, const struct rule *rule, size_t rules, int over)
{
    for (size_t i = 0; i < rules; i++) {
        if (!ends(w, rule[i].suffix))
            continue;
        size_t stem = strlen(w) - strlen(rule[i].suffix);
        if (measure(w, stem) > over)
            strcpy(w + stem, rule[i].with);
        return true;
    }
    return false;
}

#define COUNT(rules) (sizeof(rules) / sizeof(rules)[0])

static void step1a(char *w)
{
    size_t n = strlen(w);
    if (ends(w, "ies"))
        w[n == 4 ? n - 1 : n - 2] = '\0';
    else if (ends(w, "sses"))
        w[n - 2] = '\0';
    else if (ends(w, "s") && !ends(w, "ss"))
        w[n - 1] = '\0';
}

static void step1b(char *w)
{
    size_t n = strlen(w), stem;
    if (ends(w, "ied")) {
        w[n == 4 ? n - 1 : n - 2] = '\0';
        return;
    }
    if (ends(w, "eed")) {
        if (measure(w, n - 3) > 0)
            w[n - 1] = '\0';
        return;
    }
    stem = ends(w, "ed") ? n - 2 : ends(w, "ing") ? n - 3 : 0;
    if (stem == 0 || !has_vowel(w, stem))
        return;
    w[stem] = '\0';
    bool twice = stem > 1 && w[stem - 1] == w[stem - 2] && consonant(w, stem - 1);
    if (ends(w, "at") || ends(w, "bl") || ends(w, "iz"))
        strcpy(w + stem, "e");
    else if (twice && !strchr("lsz", w[stem - 1]))
        w[stem - 1] = '\0';
    else if (!twice && measure(w, stem) == 1 && ends_cvc(w, stem))
        strcpy(w + stem, "e");
}

static void step1c(char *w)
{
    size_t n = strlen(w);
    if (n > 2 && w[n - 1] == 'y' && consonant(w, n - 2))
        w[n - 1] = 'i';
}

static void step2(char *w)
{
    static const struct rule rules[] = {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},
                                        {"anci", "ance"},   {"izer", "ize"},    {"bli", "ble"},
                                        {"alli", "al"},     {"entli", "ent"},   {"eli", "e"},
                                        {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
                                        {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"},
                                        {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},
                                        {"iviti", "ive"},   {"biliti", "ble"},  {"fulli", "ful"}};
    size_t n = strlen(w);
    if (ends(w, "alli") && measure(w, n - 4) > 0)
        w[n - 2] = '\0'; /* and once more */
    if (!apply(w, rules, COUNT(rules), 0) && ends(w, "logi") && measure(w, strlen(w) - 3) > 0)
        w[strlen(w) - 1] = '\0';
}

static void step3(char *w)
{
    static const struct rule rules[] = {{"icate", "ic"}, {"ative", ""},  {"alize", "al"},
                                        {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""},
                                        {"ness", ""}};
    apply(w, rules, COUNT(rules), 0);
}

static void step4(char *w)
{
    static const struct rule before[] = {{"al", ""},    {"ance", ""}, {"ence", ""}, {"er", ""},
                                         {"ic", ""},    {"able", ""}, {"ible", ""}, {"ant", ""},
                                         {"ement", ""}, {"ment", ""}, {"ent", ""}};
    static const struct rule after[] = {{"ou", ""},  {"ism", ""}, {"ate", ""}, {"iti", ""},
                                        {"ous", ""}, {"ive", ""}, {"ize", ""}};
    if (apply(w, before, COUNT(before), 1))
        return;
    size_t n = strlen(w);
    if (ends(w, "ion")) {
        if (n > 3 && measure(w, n - 3) > 1 && (w[n - 4] == 's' || w[n - 4] == 't'))
            w[n - 3] = '\0';
        return;
    }
    apply(w, after, COUNT(after), 1);
}

static void step5(char *w)
{
    size_t n = strlen(w);
    if (n > 1 && w[n - 1] == 'e') {
        int m = measure(w, n - 1);
        if (m > 1 || (m == 1 && !ends_cvc(w, n - 1)))
            w[--n] = '\0';
    }
    if (n > 1 && ends(w, "ll") && measure(w, n - 1) > 1)
        w[n - 1] = '\0';
}

void rtd_porter(char *w)
{
    static const struct {
        const char *word, *stem;
    } irregular[] = {{"skies", "sky"},      {"sky", "sky"},          {"dying", "die"},
                     {"lying", "lie"},      {"tying", "tie"},        {"news", "news"},
                     {"innings", "inning"}, {"inning", "inning"},    {"outings", "outing"},
                     {"outing", "outing"},  {"cannings", "canning"}, {"canning", "canning"},
                     {"howe", "howe"},      {"proceed", "proceed"},  {"exceed", "exceed"},
                     {"succeed", "succeed"}};
    for (size_t i = 0; i < COUNT(irregular); i++)
        if (strcmp(w, irregular[i].word) == 0) {
            strcpy(w, irregular[i].stem);
            return;
        }
    if (strlen(w) <= 2)
        return;
    step1a(w);
    step1b(w);
    step1c(w);
    step2(w);
    step3(w);
    step4(w);
    step5(w);
}
