/* rtdtools - MIT licence
 *
 * Runs that look wrong: each is said once, and only when it is so. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/say.h"
#include "pretrain/watch.h"

enum { VOCAB = 64, SLOTS = 64, TOKENS = 400, WINDOW = 4000, MLM = RTD_SUM_OWN, DISC, REPLACED };

static const struct rtd_column columns[] = {
    {"masked_lm_loss", MLM, RTD_SUM_SLOTS, NULL},
    {"disc_loss", DISC, RTD_SUM_TOKENS, NULL},
    {"replaced_rate", REPLACED, RTD_SUM_TOKENS, NULL},
    {0},
};
static const struct rtd_objective both = {.name = "both", .columns = columns};
static const struct rtd_objective other = {.name = "other", .columns = columns};

static int said;
static char text[1000];

static void note(int kind, const char *line)
{
    assert_int_equal(kind, RTD_SAY_WARNING);
    said++;
    strncpy(text, line, sizeof text - 1);
}

/* What a step says. */
struct seen {
    double mlm, disc, replaced, norm;
};

/* So many windows of steps; each word is to be predicted as often as any other, so that knowing how
 * often gives log(64) = 4.159. */
static void windows(struct rtd_watch *w, const struct rtd_objective *o, int n, struct seen s,
                    bool warm)
{
    int32_t originals[SLOTS];
    uint32_t mstart[] = {0, SLOTS};
    struct rtd_masked_batch b = {.nseq = 1, .mstart = mstart, .originals = originals};
    struct rtd_sums u = {0};
    for (int i = 0; i < SLOTS; i++)
        originals[i] = i;
    u.of[RTD_SUM_TOKENS] = TOKENS;
    u.of[RTD_SUM_SLOTS] = SLOTS;
    u.of[MLM] = s.mlm * SLOTS;
    u.of[DISC] = s.disc * TOKENS;
    u.of[REPLACED] = s.replaced * TOKENS;
    for (int i = 0; i < n * WINDOW / TOKENS; i++)
        rtd_watch_step(w, o, &u, &b, s.norm, warm);
}

static const struct seen well = {3, 0.3, 0.13, 2}; /* the base rate's entropy is 0.3864 */

static void begin(struct rtd_watch *w)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_watch_init(w, VOCAB, &err), RTD_OK);
    w->window = WINDOW;
    said = 0;
    text[0] = '\0';
}

static void quiet(void **state)
{
    (void)state;
    struct rtd_watch w;
    begin(&w);
    windows(&w, &both, 50, well, true);
    /* just good enough; a noisy norm */
    windows(&w, &both, 50, (struct seen){3.9, 0.38, 0.13, 15}, true);
    /* nothing is expected of a run whose rate has not risen */
    windows(&w, &both, 50, (struct seen){4.2, 0.39, 0.13, 300}, false);
    assert_int_equal(said, 0);
    rtd_watch_fini(&w);
}

/* The warning comes with window `from` and not before, and once. */
static void expect(const struct rtd_objective *o, struct seen s, int from, const char *what)
{
    struct rtd_watch w;
    begin(&w);
    if (from > 1)
        windows(&w, o, from - 1, s, true);
    assert_int_equal(said, 0);
    windows(&w, o, 1, s, true);
    assert_int_equal(said, 1);
    assert_non_null(strstr(text, what));
    windows(&w, o, 100, s, true);
    assert_int_equal(said, 1);
    rtd_watch_fini(&w);
}

static void stuck(void **state)
{
    (void)state;
    struct seen s = well;
    s.mlm = 4.1;
    expect(&both, s, 8,
           "masked_lm_loss is stuck after 0.0 M tokens: 4.100, and the frequencies of "
           "the words alone give 4.159");
    s.mlm = 9;
    expect(&both, s, 8, "masked_lm_loss is stuck");
}

static void base_rate(void **state)
{
    (void)state;
    struct seen s = well;
    s.disc = 0.385;
    expect(&both, s, 16,
           "the discriminator is at the base rate after 0.1 M tokens: its loss, "
           "0.3850, is what saying 13.0% of every word gives, 0.3864");
}

static void falls_back(void **state)
{
    (void)state;
    struct rtd_watch w;
    struct seen s = well;
    begin(&w);
    windows(&w, &both, 2, well, true);
    s.mlm = 4.3;
    windows(&w, &both, 20, s, true);
    assert_int_equal(said, 1);
    assert_non_null(strstr(text,
                           "masked_lm_loss has collapsed after 0.0 M tokens: 4.300, after 3.000 "
                           "before; the frequencies"));
    rtd_watch_fini(&w);
}

static void norm_rises(void **state)
{
    (void)state;
    struct rtd_watch w;
    struct seen s = well;
    begin(&w);
    windows(&w, &both, 3, well, true);
    s.norm = 21;
    windows(&w, &both, 20, s, true);
    assert_int_equal(said, 1);
    assert_non_null(strstr(text, "the norm of the gradient has risen from 2 to 21 after 0.0 M"));
    rtd_watch_fini(&w);
    /* another objective has norms of its own */
    begin(&w);
    windows(&w, &both, 3, well, true);
    windows(&w, &other, 20, s, true);
    assert_int_equal(said, 0);
    rtd_watch_fini(&w);
}

int main(void)
{
    static const struct rtd_sink sink = {.message = note};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiet),      cmocka_unit_test(stuck),      cmocka_unit_test(base_rate),
        cmocka_unit_test(falls_back), cmocka_unit_test(norm_rises),
    };
    rtd_set_sink(&sink);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
