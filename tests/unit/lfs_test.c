/* rtdtools - MIT licence
 *
 * Git LFS pointers: recognised by their whole, and refused wherever a file is opened. */
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
#include "base/lfs.h"
#include "import/weights.h"
#include "model/safetensors.h"

#define OID "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n" OID "size 12345\n";

static bool is(const char *text)
{
    return rtd_is_lfs(text, strlen(text));
}

static void recognised(void **state)
{
    (void)state;
    assert_true(is(pointer));
    assert_true(is("version https://git-lfs.github.com/spec/v1\next-0-x sha256:aa\n" OID "size 1"));
    assert_true(is("version https://hawser.github.com/spec/v1\n" OID "size 12345\n"));
    assert_true(is("version https://git-lfs.github.com/spec/v1\r\noid sha256:4d\r\nsize 1\r\n"));
    assert_false(is(""));
    assert_false(is("version https://git-lfs.github.com/spec/v1\n"));
    assert_false(is("version https://git-lfs.github.com/spec/v1\n" OID));
    assert_false(is("version https://git-lfs.github.com/spec/v1\n" OID "size "));
    assert_false(is(OID "size 12345\n"));
    assert_false(is("version control: oid sha256:, size 1\n"));
    char large[RTD_LFS_MAX + 1];
    memset(large, ' ', sizeof large);
    memcpy(large, pointer, sizeof pointer - 1);
    assert_true(rtd_is_lfs(large, RTD_LFS_MAX - 1));
    assert_false(rtd_is_lfs(large, RTD_LFS_MAX));
    for (size_t n = 0; n < sizeof pointer; n++)
        assert_true(rtd_may_be_lfs(pointer, n));
    assert_false(rtd_may_be_lfs("versiom", 7));
}

static void refused_when_opened(void **state)
{
    (void)state;
    char path[4096], *data;
    size_t len;
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/lfs-%d", tmp ? tmp : "/tmp", (int)getpid());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(pointer, f) >= 0);
    assert_int_equal(fclose(f), 0);
    struct rtd_weights all = {0};
    struct rtd_st *st;
    for (int how = 0; how < 3; how++) {
        struct rtd_err err = {0};
        assert_int_equal(how == 0   ? rtd_read_file(path, 1 << 20, &data, &len, &err)
                         : how == 1 ? rtd_st_open(&st, path, &err)
                                    : rtd_read_torch(&all, path, &err),
                         RTD_EDATA);
        assert_non_null(strstr(err.text, "git lfs pull"));
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recognised),
        cmocka_unit_test(refused_when_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
