/* rtdtools - MIT licence
 *
 * Errors: one line, the first one wins, a long one keeps its reason; memory that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

static void test_first_wins(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    assert_int_equal(rtd_fail(&err, RTD_EDATA, "a\nb\x7f%d", 7), RTD_EDATA);
    assert_string_equal(err.text, "a?b?7");
    assert_int_equal(rtd_fail(&err, RTD_ESYS, "later"), RTD_EDATA);
    assert_string_equal(err.text, "a?b?7");
}

/* A path of any length leaves the place and the reason; characters are not cut. */
static void test_long(void **state)
{
    (void)state;
    for (size_t n = 500; n < 4096; n += n < 700 ? 1 : 97) {
        static const char *const letter[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82"};
        char *path = calloc(1, n + 8);
        size_t k = n % 4, each = strlen(letter[k]);
        for (size_t i = 0; i + each <= n; i += each)
            memcpy(path + i, letter[k], each);
        struct rtd_err err = {0};
        errno = ENOENT;
        assert_int_equal(rtd_fail_sys(&err, "%s: cannot open", path), RTD_ESYS);
        static const char end[] = ": cannot open: No such file or directory";
        size_t len = strlen(err.text);
        assert_true(len < sizeof err.text && len > 500);
        assert_string_equal(err.text + len - strlen(end), end);
        assert_memory_equal(err.text, path, 180);
        if (n + strlen(end) >= sizeof err.text)
            assert_non_null(strstr(err.text, "..."));
        char masked[sizeof err.text];
        assert_string_equal(rtd_mask_text(masked, sizeof masked, err.text, len), err.text);
        free(path);
    }
}

/* An arena that could not grow has no memory and no size: what is taken from it is NULL. */
static void test_arena(void **state)
{
    (void)state;
    struct rtd_arena a;
    struct rtd_err err = {0};
    assert_int_equal(rtd_arena_init(&a, 1000, &err), RTD_OK);
    assert_non_null(rtd_arena_take(&a, 100, 1));
    assert_int_equal(rtd_arena_need(&a, SIZE_MAX - 1, &err), RTD_ESYS);
    assert_null(a.base);
    assert_int_equal(a.size, 0);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_arena_need(&a, 5120, &err), RTD_OK); /* and can be asked again */
    assert_non_null(rtd_arena_take(&a, 5120, 1));
    assert_null(rtd_arena_take(&a, 5120, 1));
    rtd_arena_free(&a);
}

#ifndef __SANITIZE_ADDRESS__ /* which reports the size */
/* Last: it cannot be undone. */
static void test_noted(void **state)
{
    (void)state;
    assert_false(rtd_noted_failure());
    free(rtd_noted_malloc(10));
    assert_false(rtd_noted_failure());
    assert_null(rtd_noted_malloc((size_t)PTRDIFF_MAX));
    assert_true(rtd_noted_failure());
    assert_null(rtd_noted_malloc(10));
    struct rtd_err err = {0};
    assert_int_equal(rtd_fail(&err, RTD_EDATA, "f: not JSON"), RTD_ESYS);
    assert_string_equal(err.text, "f: not JSON: not enough memory");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_wins),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_arena),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_noted),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
