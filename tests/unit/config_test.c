/* rtdtools - MIT licence
 *
 * config.json: reading what others write, writing what they read, refusing the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "model/config.h"

#define SHAPE                                                                                 \
    "\"vocab_size\":97,\"hidden_size\":16,\"num_hidden_layers\":2,\"num_attention_heads\":2," \
    "\"intermediate_size\":32"

static int parse(struct rtd_config *c, const char *text, struct rtd_err *err)
{
    *err = (struct rtd_err){0};
    return rtd_config_parse(c, text, strlen(text), "config.json", err);
}

static void golden_is_read(void **state)
{
    (void)state;
    struct rtd_err err = {0};
    struct rtd_config c;
    assert_int_equal(rtd_config_load(&c, "tests/golden/tiny/classify", &err), RTD_OK);
    assert_string_equal(c.architecture, "ElectraForSequenceClassification");
    assert_int_equal(c.vocab_size, 97);
    assert_int_equal(c.embedding_size, 8);
    assert_int_equal(c.num_labels, 3);
    assert_string_equal(c.id2label[2], "LABEL_2");
    assert_true(c.layer_norm_eps == 1e-12 && c.initializer_range == 0.08);
    rtd_config_free(&c);
}

static void defaults_are_hugging_faces(void **state)
{
    (void)state;
    struct rtd_err err;
    struct rtd_config c;
    assert_int_equal(parse(&c, "{" SHAPE "}", &err), RTD_OK);
    assert_int_equal(c.embedding_size, 16);
    assert_int_equal(c.max_position_embeddings, 512);
    assert_int_equal(c.num_labels, 0);
    rtd_config_free(&c);
    /* save_pretrained leaves a map of LABEL_0, LABEL_1 out */
    assert_int_equal(
        parse(&c, "{" SHAPE ",\"architectures\":[\"BertForSequenceClassification\"]}", &err),
        RTD_OK);
    assert_int_equal(c.num_labels, 2);
    assert_string_equal(c.id2label[1], "LABEL_1");
    rtd_config_free(&c);
    /* a map counts more than a number */
    assert_int_equal(parse(&c, "{" SHAPE ",\"id2label\":{\"0\":\"a\"},\"num_labels\":2}", &err),
                     RTD_OK);
    assert_int_equal(c.num_labels, 1);
    rtd_config_free(&c);
}

static void bad_configs_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "not JSON"},
        {"[]", "not a JSON object"},
        {"{}", "vocab_size is missing"},
        {"{" SHAPE ",\"vocab_size\":5}", "vocab_size: want a whole number, once"},
        {"{" SHAPE ",\"embedding_size\":\"8\"}", "embedding_size: want a whole number"},
        {"{" SHAPE ",\"embedding_size\":-8}", "embedding_size"},
        {"{" SHAPE ",\"embedding_size\":1e9}", "embedding_size"},
        {"{" SHAPE ",\"model_type\":\"t5\"}", "model_type t5"},
        {"{" SHAPE ",\"position_embedding_type\":\"relative_key\"}", "position_embedding_type"},
        {"{" SHAPE ",\"hidden_act\":\"silu\"}", "hidden_act silu"},
        {"{" SHAPE ",\"is_decoder\":true}", "is_decoder"},
        {"{" SHAPE ",\"hidden_dropout_prob\":1}", "hidden_dropout_prob"},
        {"{" SHAPE ",\"pad_token_id\":97}", "pad_token_id 97"},
        {"{" SHAPE ",\"id2label\":{\"0\":\"a\",\"2\":\"b\"}}", "no label \"1\""},
        {"{" SHAPE ",\"num_attention_heads\":3}", "num_attention_heads: want a whole number, once"},
        {"{\"vocab_size\":97,\"hidden_size\":16,\"num_hidden_layers\":2,\"num_attention_heads\":3,"
         "\"intermediate_size\":32}",
         "not a multiple of num_attention_heads"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rtd_err err;
        struct rtd_config c;
        assert_int_equal(parse(&c, bad[i].text, &err), RTD_EDATA);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: says \"%s\"", bad[i].text, err.text);
    }
}

/* What is written reads back equal, foreign keys and label order included; writing that again
 * gives the same bytes; 0.1 stays 0.1. */
static void written_configs_come_back(void **state)
{
    (void)state;
    struct rtd_err err;
    struct rtd_config c, d;
    static const char *const labels[] = {"noun.animal", "verb \"x\"", "\xc3\xa9t\xc3\xa9", "10"};
    const char *dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    char path[4096], *a, *b;
    size_t na, nb;
    assert_int_equal(
        parse(&c,
              "{" SHAPE ",\"embedding_size\":8,\"hidden_act\":\"gelu_new\","
              "\"foreign\":[1,{\"x\":0.30000000000000004}],\"classifier_dropout\":0.25,"
              "\"torch_dtype\":\"bfloat16\",\"num_labels\":7}",
              &err),
        RTD_OK);
    assert_int_equal(rtd_config_set_labels(&c, labels, 4, &err), RTD_OK);
    assert_int_equal(rtd_config_trained_length(&c), 0);
    assert_int_equal(rtd_config_set_own(&c, "trained_length", json_integer(64), &err), RTD_OK);
    assert_int_equal(rtd_config_write(&c, dir, &err), RTD_OK);
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(rtd_read_file(path, 1 << 20, &a, &na, &err), RTD_OK);
    assert_non_null(strstr(a, "\"torch_dtype\": \"float32\""));
    assert_non_null(strstr(a, "\"verb \\\"x\\\"\": 1"));
    assert_int_equal(rtd_config_load(&d, dir, &err), RTD_OK);
    assert_int_equal(d.num_labels, 4);
    for (int i = 0; i < 4; i++)
        assert_string_equal(d.id2label[i], labels[i]);
    assert_int_equal(d.hidden_act, RTD_ACT_GELU_NEW);
    assert_true(d.classifier_dropout == 0.25);
    assert_int_equal(rtd_config_trained_length(&d), 64);
    assert_true(json_equal(c.extra, d.extra));
    assert_int_equal(rtd_config_write(&d, dir, &err), RTD_OK);
    assert_int_equal(rtd_read_file(path, 1 << 20, &b, &nb, &err), RTD_OK);
    assert_string_equal(a, b);
    free(a);
    free(b);
    rtd_config_free(&c);
    rtd_config_free(&d);

    assert_int_equal(rtd_config_load(&c, "tests/golden/tiny/discriminator", &err), RTD_OK);
    assert_int_equal(rtd_config_write(&c, dir, &err), RTD_OK);
    assert_int_equal(rtd_read_file(path, 1 << 20, &a, &na, &err), RTD_OK);
    assert_non_null(strstr(a, "\"hidden_dropout_prob\": 0.1,"));
    assert_non_null(strstr(a, "\"layer_norm_eps\": 1e-12,"));
    free(a);
    rtd_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_is_read),
        cmocka_unit_test(defaults_are_hugging_faces),
        cmocka_unit_test(bad_configs_are_refused_by_name),
        cmocka_unit_test(written_configs_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
