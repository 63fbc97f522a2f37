/* rtdtools - MIT licence
 *
 * Stages and ramps: how they are written, what they are worth where, what is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void stages(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_stages s;
    int64_t n[RTD_MOST_STAGES];
    assert_int_equal(rtd_stages_parse(&s, "--batch", "8,32@0.1,128@0.4", &err), RTD_OK);
    assert_int_equal(rtd_stages_whole(&s, "--batch", 1, 1000, n, &err), RTD_OK);
    assert_int_equal(s.n, 3);
    static const struct {
        uint64_t i;
        int64_t want;
    } at[] = {{0, 8},     {99, 8},    {100, 32},   {399, 32},
              {400, 128}, {999, 128}, {1000, 128}, {UINT64_MAX, 128}};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++)
        assert_int_equal(n[rtd_stages_at(&s, rtd_share(at[k].i, 1000))], at[k].want);
    double all = 0;
    for (int k = 0; k < s.n; k++)
        all += rtd_stages_lasts(&s, k);
    assert_true(all > 1 - 1e-12 && all < 1 + 1e-12);

    assert_int_equal(rtd_stages_parse(&s, "--objective", "mlm,electra@0.92", &err), RTD_OK);
    assert_string_equal(s.at[0].value, "mlm");
    assert_string_equal(s.at[1].value, "electra");
    assert_true(s.at[0].from == 0 && s.at[1].from == 0.92);
    assert_int_equal(rtd_stages_parse(&s, "--batch", "1,2@.1,3@.2,4@.3,5@.4,6@.5,7@.6,8@.7", &err),
                     RTD_OK);
    assert_int_equal(s.n, RTD_MOST_STAGES);
    assert_int_equal(rtd_stages_parse(&s, "--batch", "64", &err), RTD_OK);
    assert_true(s.n == 1 && rtd_stages_lasts(&s, 0) == 1);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "stage 1 has no value"},
        {",8@0.5", "stage 1 has no value"},
        {"8,", "stage 2 has no value"},
        {"8,@0.5", "stage 2 has no value"},
        {"8@0", "--batch 8@0: the first stage begins with the run"},
        {"8@0.1,16@0.2", "the first stage begins with the run"},
        {"8,16", "--batch 16: wants the share of the run from which it holds, 16@0.5"},
        {"8,16@", "--batch 16@: wants a share over 0 and below 1"},
        {"8,16@0", "--batch 16@0: wants a share over 0 and below 1"},
        {"8,16@1", "--batch 16@1: wants a share over 0 and below 1"},
        {"8,16@-0.1", "wants a share over 0 and below 1"},
        {"8,16@nan", "wants a share over 0 and below 1"},
        {"8,16@0.1x", "wants a share over 0 and below 1"},
        {"8,16@0.1@0.2", "wants a share over 0 and below 1"},
        {"8,16@0.5,32@0.5", "--batch 32@0.5: wants a share over 0.5 and below 1"},
        {"8,16@0.5,32@0.4", "--batch 32@0.4: wants a share over 0.5 and below 1"},
        {"1,2@.1,3@.2,4@.3,5@.4,6@.5,7@.6,8@.7,9@.8", "more than 8 stages"},
        {"a-name-that-no-value-of-anything-has", "stage 1 has too long a value"},
        {"8x", "--batch 8x: wants a whole number from 1 to 1000"},
        {"8,0@0.5", "--batch 0: wants a whole number from 1 to 1000"},
        {"8,1001@0.5", "--batch 1001: wants a whole number from 1 to 1000"},
        {" 8", "wants a whole number"},
        {"99999999999999999999", "wants a whole number"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rtd_err err = {0};
        struct rtd_stages s;
        int64_t n[RTD_MOST_STAGES];
        int st = rtd_stages_parse(&s, "--batch", bad[i].text, &err);
        if (!st)
            st = rtd_stages_whole(&s, "--batch", 1, 1000, n, &err);
        if (st != RTD_EUSAGE || !strstr(err.text, bad[i].why))
            fail_msg("\"%s\": %d, %s", bad[i].text, st, err.text);
    }
}

static void ramps(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_ramp r;
    assert_int_equal(rtd_ramp_parse(&r, "--mask-prob", "0.3:0.15", 0.001, 1, &err), RTD_OK);
    assert_true(rtd_ramp_at(&r, 0) == 0.3 && rtd_ramp_at(&r, 1) == 0.15);
    assert_float_equal(rtd_ramp_at(&r, 0.5), 0.225, 1e-12);
    assert_int_equal(rtd_ramp_parse(&r, "--mask-prob", "0.15", 0.001, 1, &err), RTD_OK);
    for (double u = 0; u <= 1; u += 0.01)
        assert_true(rtd_ramp_at(&r, u) == 0.15);
    static const char *const bad[] = {"",      ":",       "0.3:",   ":0.3",      "0.3:0.15:0.1",
                                      "0",     "0.3:0",   "2:0.15", "0.3:0.15%", "nan:0.1",
                                      "x:0.1", "0.3:inf", "0.3:2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct rtd_err){0};
        assert_int_equal(rtd_ramp_parse(&r, "--mask-prob", bad[i], 0.001, 1, &err), RTD_EUSAGE);
        assert_non_null(strstr(err.text, strchr(bad[i], ':')
                                             ? "wants a number, or FROM:TO, from 0.001 to 1"
                                             : "wants a number from 0.001 to 1"));
    }
}

static void spans(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_stretch s;
    assert_int_equal(rtd_stretch_parse(&s, "--warmup", "100", &err), RTD_OK);
    assert_true(s.steps == 100 && s.share == 0);
    assert_int_equal(rtd_stretch_parse(&s, "--warmup", "0", &err), RTD_OK);
    assert_true(s.steps == 0 && s.share == 0);
    assert_int_equal(rtd_stretch_parse(&s, "--warmup", "0.25", &err), RTD_OK);
    assert_true(s.steps == 0 && s.share == 0.25);
    static const char *const bad[] = {"",    "-1",  "1.0",  "1.5", "0.0",           "-0.1",
                                      "10x", "nan", "0.1 ", " 1",  "10000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct rtd_err){0};
        if (rtd_stretch_parse(&s, "--warmup", bad[i], &err) != RTD_EUSAGE ||
            !strstr(err.text, "wants a number of steps, or a share below 1"))
            fail_msg("\"%s\": %s", bad[i], err.text);
    }
}

/* t of S steps and t B of S B records are one share, to the last bit. */
static void records_are_steps(void **state)
{
    (void)state;
    static const uint64_t batch[] = {1, 3, 8, 32, 100, 128, 2048};
    for (uint64_t steps = 1; steps < 3000; steps = steps * 3 + 1)
        for (uint64_t t = 0; t <= steps + 1; t++)
            for (size_t k = 0; k < sizeof batch / sizeof *batch; k++)
                assert_true(rtd_share(t, steps) == rtd_share(t * batch[k], steps * batch[k]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages), cmocka_unit_test(refused),           cmocka_unit_test(ramps),
        cmocka_unit_test(spans),  cmocka_unit_test(records_are_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
