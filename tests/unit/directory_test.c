/* rtdtools - MIT licence
 *
 * Model directories: written, sealed, opened, and refused when any file of theirs is damaged. */
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
#include "model/directory.h"
#include "text/tokenizer_files.h"

static char dir[3000], *vocab;
static size_t vocab_len;

static const char *in_dir(const char *file)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

static void put(const char *path, const char *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* A directory with the tiny model. */
static void make(const struct rtd_tok_settings *s)
{
    struct rtd_err err = {0};
    struct rtd_config c;
    struct rtd_st *tiny;
    struct rtd_st_writer *w;
    struct rtd_tokenizer *tok;
    assert_int_equal(rtd_tokenizer_new(&tok, vocab, vocab_len, "vocab", s, &err), RTD_OK);
    assert_int_equal(rtd_remove_tree(dir, &err), RTD_OK);
    assert_int_equal(rtd_mkdirs(dir, &err), RTD_OK);
    assert_int_equal(rtd_config_load(&c, "tests/golden/tiny/classify", &err), RTD_OK);
    assert_int_equal(rtd_model_dir_write_common(dir, &c, tok, 24, &err), RTD_OK);
    rtd_tokenizer_free(tok);
    assert_int_equal(rtd_st_writer_new(&w, &err), RTD_OK);
    assert_int_equal(rtd_st_set_metadata(w, "mine", "kept", &err), RTD_OK);
    assert_int_equal(rtd_st_open(&tiny, "tests/golden/tiny/classify/model.safetensors", &err),
                     RTD_OK);
    for (int i = 0; i < rtd_st_count(tiny); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(tiny, i);
        assert_int_equal(rtd_st_add(w, t->name, t->dtype, t->ndim, t->dims, t->data, &err), RTD_OK);
    }
    assert_int_equal(rtd_model_dir_finish(dir, w, &err), RTD_OK);
    rtd_st_writer_free(w);
    rtd_st_close(tiny);
    rtd_config_free(&c);
}

static int open_it(struct rtd_err *err)
{
    struct rtd_model_dir m;
    *err = (struct rtd_err){0};
    int st = rtd_model_dir_open(&m, dir, RTD_DIR_TOKENIZER, err);
    rtd_model_dir_close(&m);
    return st;
}

static void settings_come_back(void **state)
{
    (void)state;
    static const struct rtd_tok_settings all[] = {
        {.lower_case = true,
         .strip_accents = true,
         .chinese = true,
         .max_word = 100,
         .prefix = "##"},
        {.chinese = true, .max_word = 100, .special_tokens = true, .prefix = "##"},
        {.lower_case = true, .max_word = 200, .prefix = "##", .cut_left = true},
        {.max_word = 7, .prefix = "@@", .split = RTD_SPLIT_RUNS, .keep_controls = true},
        {.max_word = 100, .prefix = "##", .split = RTD_SPLIT_BLANKS, .one_segment = true},
        {.max_word = 100, .prefix = "##", .split = RTD_SPLIT_NEVER, .special_tokens = true},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct rtd_model_dir m;
        struct rtd_err err = {0};
        make(&all[i]);
        assert_int_equal(rtd_model_dir_open(&m, dir, RTD_DIR_TOKENIZER, &err), RTD_OK);
        const struct rtd_tok_settings *s = rtd_tokenizer_settings(m.tok);
        assert_int_equal(s->lower_case, all[i].lower_case);
        assert_int_equal(s->strip_accents, all[i].strip_accents);
        assert_int_equal(s->chinese, all[i].chinese);
        assert_int_equal(s->max_word, all[i].max_word);
        assert_int_equal(s->special_tokens, all[i].special_tokens);
        assert_int_equal(s->keep_controls, all[i].keep_controls);
        assert_int_equal(s->cut_left, all[i].cut_left);
        assert_int_equal(s->one_segment, all[i].one_segment);
        assert_int_equal(s->split, all[i].split);
        assert_string_equal(s->prefix, all[i].prefix);
        assert_int_equal(m.max_length, 24);
        assert_int_equal(m.config.num_labels, 3);
        assert_int_equal(rtd_tokenizer_special(m.tok)->mask, 4);
        rtd_model_dir_close(&m);
    }
}

/* What Hugging Face's files say, written by hand as it writes them. */
static void foreign_settings_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool lower, strip;
        int length;
    } files[] = {
        {"{\"do_lower_case\": true, \"model_max_length\": 512}", true, true, 512},
        {"{\"do_lower_case\": false, \"strip_accents\": null,"
         " \"model_max_length\": 1000000000000000019884624838656}",
         false, false, 2147483647},
        {"{\"strip_accents\": false, \"added_tokens_decoder\": {\"0\":"
         " {\"content\": \"[PAD]\", \"special\": true}}}",
         true, false, 0},
    };
    struct rtd_tok_files f;
    struct rtd_err err = {0};
    assert_int_equal(rtd_remove_tree(dir, &err), RTD_OK);
    assert_int_equal(rtd_mkdirs(dir, &err), RTD_OK);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        put(in_dir("tokenizer_config.json"), files[i].text, strlen(files[i].text));
        assert_int_equal(rtd_tok_files_read(&f, dir, NULL, false, &err), RTD_OK);
        assert_int_equal(f.settings.lower_case, files[i].lower);
        assert_int_equal(f.settings.strip_accents, files[i].strip);
        assert_int_equal(f.max_length, files[i].length);
        assert_true(f.settings.special_tokens && !f.vocab);
        rtd_tok_files_free(&f);
    }
    put(in_dir("tokenizer_config.json"), "{\"do_lower_case\": 1}", 20);
    assert_int_equal(rtd_tok_files_read(&f, dir, NULL, false, &err), RTD_EDATA);
    err = (struct rtd_err){0};
    assert_int_equal(unlink(in_dir("tokenizer_config.json")), 0);
    assert_int_equal(rtd_tok_files_read(&f, dir, NULL, false, &err), RTD_OK);
    assert_true(f.settings.lower_case && f.settings.strip_accents && f.max_length == 0);
    rtd_tok_files_free(&f);
}

static void every_flip_of_a_small_file_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "vocab.txt", "tokenizer_config.json",
                                        "tokenizer.json", "special_tokens_map.json"};
    struct rtd_tok_settings s;
    struct rtd_err err = {0};
    rtd_tok_settings_default(&s, false);
    make(&s);
    assert_int_equal(open_it(&err), RTD_OK);
    for (size_t k = 0; k < sizeof files / sizeof files[0]; k++) {
        char *text;
        size_t n;
        assert_int_equal(rtd_read_file(in_dir(files[k]), 1 << 20, &text, &n, &err), RTD_OK);
        for (size_t i = 0; i < n; i++) {
            text[i] ^= 1;
            put(in_dir(files[k]), text, n);
            text[i] ^= 1;
            if (open_it(&err) != RTD_EDATA || !strstr(err.text, files[k]))
                fail_msg("%s: byte %zu flipped: %s", files[k], i, err.text);
            if (i % 7 == 0) {
                put(in_dir(files[k]), text, i);
                assert_int_equal(open_it(&err), RTD_EDATA);
            }
        }
        assert_int_equal(unlink(in_dir(files[k])), 0);
        assert_int_equal(open_it(&err), RTD_EDATA);
        put(in_dir(files[k]), text, n);
        assert_int_equal(open_it(&err), RTD_OK);
        free(text);
    }
}

static void an_intended_change_is_accepted(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_err err = {0};
    struct rtd_model_dir m;
    char *text;
    size_t n;
    rtd_tok_settings_default(&s, false);
    make(&s);
    assert_int_equal(rtd_read_file(in_dir("config.json"), 1 << 20, &text, &n, &err), RTD_OK);
    char *label = strstr(text, "LABEL_1");
    assert_non_null(label);
    memcpy(label, "middle!", 7);
    put(in_dir("config.json"), text, n);
    free(text);
    assert_int_equal(open_it(&err), RTD_EDATA);
    assert_non_null(strstr(err.text, "--accept"));
    err = (struct rtd_err){0};
    assert_int_equal(rtd_model_dir_accept(dir, &err), RTD_OK);
    assert_int_equal(rtd_model_dir_open(&m, dir, 0, &err), RTD_OK);
    assert_string_equal(m.config.id2label[1], "middle!");
    assert_string_equal(json_string_value(json_object_get(rtd_st_metadata(m.weights), "mine")),
                        "kept");
    rtd_model_dir_close(&m);
}

static void other_mistakes_have_clear_lines(void **state)
{
    (void)state;
    struct rtd_tok_settings s;
    struct rtd_err err = {0};
    struct rtd_model_dir m;
    rtd_tok_settings_default(&s, false);
    /* the weights of others, with a vocabulary that is too short */
    make(&s);
    assert_int_equal(unlink(in_dir("model.safetensors")), 0);
    assert_int_equal(open_it(&err), RTD_ESYS);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_copy_file("tests/golden/tiny/classify/model.safetensors",
                                   in_dir("model.safetensors"), &err),
                     RTD_OK);
    assert_int_equal(open_it(&err), RTD_OK);
    put(in_dir("vocab.txt"), "no", 2);
    assert_int_equal(open_it(&err), RTD_OK); /* tokenizer.json is read */
    assert_int_equal(unlink(in_dir("tokenizer.json")), 0);
    put(in_dir("vocab.txt"), vocab, vocab_len - 2);
    assert_int_equal(open_it(&err), RTD_OK); /* the last piece is cut: nothing can notice */
    put(in_dir("vocab.txt"), vocab, vocab_len - 4);
    assert_int_equal(open_it(&err), RTD_OK); /* the table's last row is not used */
    char *more = malloc(vocab_len + 6);
    assert_non_null(more);
    memcpy(more, vocab, vocab_len);
    memcpy(more + vocab_len, "more\n", 6);
    put(in_dir("vocab.txt"), more, vocab_len + 5);
    free(more);
    assert_int_equal(open_it(&err), RTD_EDATA);
    assert_non_null(strstr(err.text, "98 pieces, config.json says vocab_size 97"));
    assert_int_equal(unlink(in_dir("vocab.txt")), 0);
    assert_int_equal(open_it(&err), RTD_EDATA);
    assert_non_null(strstr(err.text, "neither vocab.txt nor tokenizer.json"));
    err = (struct rtd_err){0};
    assert_int_equal(rtd_model_dir_open(&m, dir, 0, &err), RTD_OK);
    assert_null(m.tok);
    rtd_model_dir_close(&m);
    /* the folder above */
    assert_int_equal(rtd_model_dir_open(&m, "tests/golden/tiny", 0, &err), RTD_EDATA);
    assert_non_null(strstr(err.text, "its folder discriminator is one"));
    err = (struct rtd_err){0};
    assert_int_equal(rtd_model_dir_open(&m, "tests/golden/none", 0, &err), RTD_ESYS);
    err = (struct rtd_err){0};
    assert_int_equal(rtd_model_dir_open(&m, "tests/golden/vocab97.txt", 0, &err), RTD_EDATA);
}

static int setup(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/model", tmp ? tmp : "/tmp");
    return rtd_read_file("tests/golden/vocab97.txt", 1 << 20, &vocab, &vocab_len, &err);
}

static int teardown(void **state)
{
    (void)state;
    free(vocab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_come_back),
        cmocka_unit_test(foreign_settings_are_read),
        cmocka_unit_test(every_flip_of_a_small_file_is_refused),
        cmocka_unit_test(an_intended_change_is_accepted),
        cmocka_unit_test(other_mistakes_have_clear_lines),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
