/* rtdtools - MIT licence
 *
 * The reader of JSON: what is taken, what is refused, and what a member is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define REPLACED "\xef\xbf\xbd"

static struct rtd_json_doc doc;

static int free_doc(void **state)
{
    (void)state;
    rtd_json_free(&doc);
    return 0;
}

/* Read from a block of just that size, so that a sanitizer sees a byte too many. */
static int read_bytes(const char *text, size_t len, struct rtd_err *err)
{
    char *copy = malloc(len + !len);
    assert_non_null(copy);
    memcpy(copy, text, len);
    int st = rtd_json_read(&doc, copy, len, "file", 7, err);
    free(copy);
    return st;
}

static const struct rtd_json *read(const char *text)
{
    struct rtd_err err = {0};
    if (read_bytes(text, strlen(text), &err))
        fail_msg("%s: %s", text, err.text);
    return doc.root;
}

static void test_strings(void **state)
{
    static const struct {
        const char *json, *text;
        size_t n;
    } table[] = {
        {"\"\"", "", 0},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t", 9},
        {"\"\\u00e9\\u20AC\"", "\xc3\xa9\xe2\x82\xac", 5},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4},
        {"\"a\\ud83d b\"", "a" REPLACED " b", 6}, /* high alone */
        {"\"\\ude00\"", REPLACED, 3},             /* low alone */
        {"\"\\ud83d\\ud83d\\ude00\"", REPLACED "\xf0\x9f\x98\x80", 7},
        {"\"\\ud83d\\u0041\"", REPLACED "A", 4},
        {"\"\\ud83d\\n\"", REPLACED "\n", 4},
        {"\"\\ud83d\"", REPLACED, 3},
        {"\"a\\u0000b\"", "a\0b", 3},
        {"\"a\xff z\xe2\x82\"", "a" REPLACED " z" REPLACED, 9}, /* no UTF-8 */
        {"\"a\tb\x01\"", "a\tb\x01", 4},                        /* control characters */
        {"\xef\xbb\xbf \"a\" ", "a", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct rtd_json *v = read(table[i].json);
        assert_int_equal(v->kind, RTD_JSON_TEXT);
        assert_int_equal(v->n, table[i].n);
        assert_memory_equal(v->text, table[i].text, table[i].n + 1);
    }
    char *copy = rtd_json_copy(read("\"a\\u0000b\""));
    assert_string_equal(copy, "a" REPLACED "b");
    free(copy);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *json;
        bool whole, real;
        int64_t x;
        double y;
    } table[] = {
        {"0", true, true, 0, 0},
        {"-12", true, true, -12, -12},
        {"17.0", true, true, 17, 17},
        {"1e3", true, true, 1000, 1000},
        {"2.5E-1", false, true, 0, 0.25},
        {"9223372036854775807", true, true, INT64_MAX, 0x1p63},
        {"-9223372036854775808", true, true, INT64_MIN, -0x1p63},
        {"9223372036854775808", false, true, 0, 0x1p63},
        {"18329103420363166823", false, true, 0, 18329103420363166823.0},
        {"1e400", false, false, 0, 0},
        {"NaN", false, false, 0, 0},
        {"-Infinity", false, false, 0, 0},
        {"Infinity", false, false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct rtd_json *v = read(table[i].json);
        int64_t x;
        double y;
        assert_int_equal(v->kind, RTD_JSON_NUMBER);
        assert_string_equal(v->text, table[i].json); /* as it is written */
        assert_int_equal(rtd_json_whole(v, &x), table[i].whole);
        assert_int_equal(rtd_json_real(v, &y), table[i].real);
        if (table[i].whole)
            assert_true(x == table[i].x);
        if (table[i].real)
            assert_true(y == table[i].y);
    }
    int64_t x;
    assert_false(rtd_json_whole(read("\"12\""), &x));
    assert_false(rtd_json_whole(NULL, &x));
}

static void test_refused(void **state)
{
    static const char *const table[] = {
        "",        "{",        "[",         "[1",         "[1,",         "[1,]",    "{\"a\"",
        "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}",       "{'a':1}", "{\"a\" 1}",
        "[1 2]",   "{1:2}",    "nul",       "True",       "01",          "1.",      ".5",
        "+1",      "-",        "1e",        "1 2",        "\"a",         "\"\\x\"", "\"\\u12\"",
        "\"\\",    "nan",      "[1}",       "{\"a\":1]",  "\"\\u12g4\"", "-NaN",    "infinity",
        "]",       "// a\n1",  "1,",
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct rtd_err err = {0};
        if (read_bytes(table[i], strlen(table[i]), &err) != RTD_EDATA)
            fail_msg("%s is taken", table[i]);
        assert_null(doc.root);
        assert_memory_equal(err.text, "file: line 7: not JSON: ", 24);
    }
}

/* A line that is cut anywhere is refused, and nothing behind the cut is read. */
static void test_cut(void **state)
{
    static const char line[] =
        "{\"a\": [1, -2.5e3, true, null], \"b\\ud83d\\ude00\": {\"c\": \"\xc3\xa9\\u0041\"}}";
    (void)state;
    for (size_t n = 0; n < sizeof line - 1; n++) {
        struct rtd_err err = {0};
        assert_int_equal(read_bytes(line, n, &err), RTD_EDATA);
    }
    struct rtd_err err = {0};
    assert_int_equal(read_bytes(line, sizeof line - 1, &err), RTD_OK);
}

static void test_members(void **state)
{
    static const struct {
        const char *key;
        unsigned kinds;
        enum rtd_json_found found;
        const char *message;
    } table[] = {
        {"text", RTD_JSON_TEXT, RTD_JSON_PRESENT, NULL},
        {"none", RTD_JSON_TEXT, RTD_JSON_ABSENT, "file: line 7: \"none\" is not there"},
        {"tex", RTD_JSON_TEXT, RTD_JSON_ABSENT, "file: line 7: \"tex\" is not there"},
        {"null", RTD_JSON_TEXT, RTD_JSON_ABSENT, "file: line 7: \"null\" is not there"},
        {"null", RTD_JSON_NULL, RTD_JSON_PRESENT, NULL},
        {"n", RTD_JSON_TEXT, RTD_JSON_WRONG, "file: line 7: \"n\" does not hold text"},
        {"n", RTD_JSON_TEXT | RTD_JSON_NUMBER, RTD_JSON_PRESENT, NULL},
        {"two", RTD_JSON_TEXT, RTD_JSON_WRONG, "file: line 7: \"two\" is there twice"},
        {"big", RTD_JSON_LIST, RTD_JSON_PRESENT, NULL},
        {"in", RTD_JSON_TEXT, RTD_JSON_ABSENT, "file: line 7: \"in\" is not there"},
    };
    (void)state;
    const struct rtd_json *v,
        *o = read("{\"n\": 1, \"two\": \"a\", \"big\": [1e400, NaN, {\"in\": \"x\"}], "
                  "\"null\": null, \"two\": \"a\", \"text\": \"t\\u0000\", \"te\\u0000xt\": 2}");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct rtd_err err = {0};
        assert_int_equal(rtd_json_member(o, table[i].key, table[i].kinds, &v), table[i].found);
        assert_int_equal(v != NULL, table[i].found == RTD_JSON_PRESENT);
        rtd_json_want(o, table[i].key, table[i].kinds, &v, "file", 7, &err);
        assert_string_equal(err.text, table[i].message ? table[i].message : "");
    }
    struct rtd_err err = {0};
    assert_int_equal(rtd_json_want(read("[]"), "a", RTD_JSON_TEXT, &v, "f", 0, &err), RTD_EDATA);
    assert_string_equal(err.text, "f: not a JSON object");
}

static void test_walk(void **state)
{
    static const char *const numbers[] = {"1", "2", "3"};
    (void)state;
    struct rtd_json_walk w = rtd_json_walk(read("{\"1\": [[1, 2], {}], \"2\": 2, \"3\": \"x\"}"));
    int n = 0;
    while (rtd_json_step(&w))
        assert_string_equal(w.key->text, numbers[n++]);
    assert_int_equal(n, 3);
    w = rtd_json_walk(read("[[1, [2]], {\"a\": 1}, 3]"));
    for (n = 0; rtd_json_step(&w); n++)
        assert_null(w.key);
    assert_int_equal(n, 3);
    w = rtd_json_walk(NULL);
    assert_false(rtd_json_step(&w));
    w = rtd_json_walk(read("3"));
    assert_false(rtd_json_step(&w));
}

static void test_depth(void **state)
{
    char deep[4001];
    struct rtd_err err = {0};
    (void)state;
    memset(deep, '[', 4000);
    assert_int_equal(read_bytes(deep, 4000, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "nested too deeply"));
    memset(deep + 500, ']', 500);
    err = (struct rtd_err){0};
    assert_int_equal(read_bytes(deep, 1000, &err), RTD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_members), cmocka_unit_test(test_walk),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, free_doc);
}
