/* rtdtools - MIT licence
 *
 * Lines of random lengths, many longer than what is read at a time, some longer than what is
 * allowed: each comes as it was written, each that is too long is told by its number and the next
 * one is not lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/rng.h"

enum { LINES = 300, MAX = 150000, LONGEST = 200000 };

static char path[] = "/tmp/rtd_lines_XXXXXX";

/* Line i: its length and its bytes follow from the seed. */
static size_t line_of(uint64_t seed, int i, char *s)
{
    uint32_t draw[4];
    rtd_philox(draw, seed, 0, 0, 0, (uint64_t)i, 0);
    size_t n = rtd_below(draw[1], rtd_below(draw[0], 4) ? 50 : LONGEST);
    for (size_t k = 0; k < n; k++)
        s[k] = (char)('a' + (k * 7 + (size_t)i) % 26);
    return n;
}

static void lines_come_as_written(void **state)
{
    (void)state;
    static char want[LONGEST];
    for (uint64_t seed = 0; seed < 6; seed++) {
        const char *end = seed % 2 ? "\r\n" : "\n";
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        for (int i = 0; i < LINES; i++) /* the last one may have no end */
            fprintf(f, "%.*s%s", (int)line_of(seed, i, want), want,
                    i == LINES - 1 && seed % 3 ? "x" : end);
        assert_int_equal(fclose(f), 0);

        struct rtd_err err = {0};
        struct rtd_lines l;
        char *line, number[40];
        size_t len;
        int refused = 0;
        assert_int_equal(rtd_lines_open(&l, path, MAX, &err), RTD_OK);
        for (int i = 0; i < LINES; i++) {
            size_t n = line_of(seed, i, want), ending = seed % 2;
            if (i == LINES - 1 && seed % 3) {
                want[n++] = 'x';
                ending = 0;
            }
            err = (struct rtd_err){0};
            int st = rtd_lines_next(&l, &line, &len, &err);
            assert_int_equal(l.number, i + 1);
            assert_int_equal(st, l.too_long ? RTD_EDATA : RTD_OK);
            assert_true(l.too_long == (n + ending > MAX)); /* '\r' counts, too */
            refused += l.too_long;
            snprintf(number, sizeof number, "line %d: longer", i + 1);
            if (l.too_long)
                assert_non_null(strstr(err.text, number));
            else
                assert_true(len == n && !memcmp(line, want, n) && !line[n]);
        }
        assert_true(refused > 3);
        assert_int_equal(rtd_lines_next(&l, &line, &len, &err), RTD_OK);
        assert_null(line);
        rtd_lines_close(&l);
    }
}

int main(void)
{
    int fd = mkstemp(path);
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_come_as_written)};
    if (fd < 0)
        return 1;
    close(fd);
    int bad = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return bad;
}
