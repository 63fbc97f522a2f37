/* rtdtools - MIT licence
 *
 * What training runs wrote, read as curves: the horizontal axis worked out by hand, columns by
 * name, damage of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plot/curves.h"

static char dir[200];

static void put(const char *name, const char *text, size_t len)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(dir, sizeof dir, "%s/curves-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"metrics.tsv", "eval.tsv"};
    char path[300];
    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static const char old[] = "step\ttokens\tlr\tdisc_loss\n"
                          "10\t100\t0.5\t\n"
                          "20\t200\t1\t0.25\n"
                          "25\t100\t0.25\tnan\n";
static const char now[] = "step\tlr\ttokens_so_far\tflops\tcore_seconds\n"
                          "10\t1\t1000\t5e9\t1800\n"
                          "30\t2\t4000\t7e9\t7200\n";
static const char eval[] = "step\tdisc_auc\n5\t0.5\n15\t0.75\n50\t1\n";

static void axis(const char *metrics, enum rtd_axis by, int rows, const double *x,
                 const double *eval_x)
{
    struct rtd_run run;
    struct rtd_err err = {0};
    put("metrics.tsv", metrics, strlen(metrics));
    put("eval.tsv", eval, strlen(eval));
    assert_int_equal(rtd_run_read(&run, dir, &err), RTD_OK);
    assert_int_equal(rtd_run_axis(&run, by, &err), RTD_OK);
    assert_int_equal(run.metrics.rows, rows);
    for (int i = 0; i < rows; i++)
        assert_true(fabs(run.metrics.x[i] - x[i]) < 1e-9 * x[i]);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(run.eval.x[i] - eval_x[i]) < 1e-9 * eval_x[i]);
    rtd_run_free(&run);
}

static void axes_by_hand(void **state)
{
    (void)state;
    /* 10 steps of 100 tokens, 10 of 150, 5 of 150 */
    axis(old, RTD_BY_TOKENS, 3, (const double[]){1000, 2500, 3250},
         (const double[]){500, 1750, 6500});
    axis(old, RTD_BY_STEPS, 3, (const double[]){10, 20, 25}, (const double[]){5, 15, 50});
    axis(now, RTD_BY_TOKENS, 2, (const double[]){1000, 4000},
         (const double[]){500, 1750, 4000 / 30.0 * 50});
    axis(now, RTD_BY_FLOPS, 2, (const double[]){5e9, 7e9},
         (const double[]){2.5e9, 5.5e9, 7e9 / 30 * 50});
    axis(now, RTD_BY_HOURS, 2, (const double[]){0.5, 2},
         (const double[]){0.25, 0.875, 2 / 30.0 * 50});
}

static void what_an_older_version_did_not_write(void **state)
{
    struct rtd_run run;
    (void)state;
    put("metrics.tsv", old, strlen(old));
    for (enum rtd_axis by = RTD_BY_FLOPS; by <= RTD_BY_HOURS; by++) {
        struct rtd_err err = {0};
        assert_int_equal(rtd_run_read(&run, dir, &err), RTD_OK);
        assert_int_equal(rtd_run_axis(&run, by, &err), RTD_EDATA);
        assert_non_null(
            strstr(err.text, by == RTD_BY_FLOPS ? "no column flops" : "no column core_seconds"));
        rtd_run_free(&run);
    }
}

static void columns_by_name(void **state)
{
    struct rtd_run run;
    struct rtd_err err = {0};
    (void)state;
    put("metrics.tsv", old, strlen(old));
    put("eval.tsv", "step\tx\n", 7);
    assert_int_equal(rtd_run_read(&run, dir, &err), RTD_OK);
    const double *loss = rtd_curves_find(&run.metrics, "disc_loss");
    size_t n = run.metrics.column.n;
    assert_non_null(loss);
    assert_true(isnan(loss[0]) && loss[n] == 0.25 && isnan(loss[2 * n]));
    assert_null(rtd_curves_find(&run.metrics, "disc_los"));
    assert_null(rtd_curves_find(&run.eval, "x")); /* no row has it */
    rtd_run_free(&run);
}

static void refused(const char *text, size_t len, const char *why)
{
    struct rtd_run run;
    struct rtd_err err = {0};
    put("metrics.tsv", text, len);
    assert_int_equal(rtd_run_read(&run, dir, &err), RTD_EDATA);
    if (!strstr(err.text, why))
        fail_msg("%s: not \"%s\"", err.text, why);
}

static void damage_is_named(void **state)
{
    (void)state;
#define REFUSED(text, why) refused(text, sizeof(text) - 1, why)
    REFUSED("", "no line that names the columns");
    REFUSED("step\tlr", "no line that names the columns");
    REFUSED("step\tlr\n", "no step has been logged yet");
    REFUSED("step\tlr\n10\t1", "no step has been logged yet");
    REFUSED("lr\tstep\n1\t1\n", "its first column is not \"step\"");
    REFUSED("step\tlr\tlr\n1\t1\t1\n", "line 1: a column without a name of its own");
    REFUSED("step\t\n1\t1\n", "line 1: a column without a name of its own");
    REFUSED("step\tlr\n1\t1\n2\n", "line 3: fewer fields than columns");
    REFUSED("step\tlr\n1\t1\n\n", "line 3: fewer fields than columns");
    REFUSED("step\tlr\n1\t1\t1\n", "line 2: more fields than columns");
    REFUSED("step\tlr\n1\t1e\n", "line 2: column lr: \"1e\" is no number");
    REFUSED("step\tlr\n1\tx\033y\n", "column lr: \"x?y\" is no number");
    REFUSED("step\tlr\n1\t1\0002\n", "line 2: column lr: \"1\" is no number");
    REFUSED("step\tlr\n\t1\n", "line 2: its step does not follow the one before");
    REFUSED("step\tlr\n3\t1\n3\t1\n", "line 3: its step does not follow the one before");
}

/* A run that goes on is read at any moment: whole lines count, and a cut one does not. */
static void every_beginning(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof old - 1; len++) {
        struct rtd_run run;
        struct rtd_err err = {0};
        size_t lines = 0;
        for (size_t i = 0; i < len; i++)
            lines += old[i] == '\n';
        put("metrics.tsv", old, len);
        assert_int_equal(rtd_run_read(&run, dir, &err), lines > 1 ? RTD_OK : RTD_EDATA);
        if (lines > 1) {
            assert_int_equal(run.metrics.rows, lines - 1);
            rtd_run_free(&run);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes_by_hand),    cmocka_unit_test(what_an_older_version_did_not_write),
        cmocka_unit_test(columns_by_name), cmocka_unit_test(damage_is_named),
        cmocka_unit_test(every_beginning),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
