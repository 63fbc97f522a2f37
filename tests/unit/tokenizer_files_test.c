/* rtdtools - MIT licence
 *
 * The files of a tokeniser: rules of others honoured, with the ids that Hugging Face's tokenizers
 * make of them (tests/golden/tokenizer/rules.json); refused by name; written and read again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/say.h"
#include "text/tokenizer_files.h"

#define GOLDEN "tests/golden/tokenizer/rules.json"
enum { ROWS = 100 }; /* of the table that the ids are for */

static char dir[3000], warned[400];
static json_t *golden;

static const char *in_dir(const char *file)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

static void fresh_directory(void)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_remove_tree(dir, &err), RTD_OK);
    assert_int_equal(rtd_mkdirs(dir, &err), RTD_OK);
}

static void put(const char *file, const char *text)
{
    FILE *f = fopen(in_dir(file), "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The tokenizer.json of a case, with "##" as its prefix says. */
static void put_rules(const json_t *c)
{
    json_t *model = json_pack("{s:s, s:s, s:s, s:i}", "type", "WordPiece", "unk_token", "[UNK]",
                              "continuing_subword_prefix", "##", "max_input_chars_per_word", 100);
    json_t *vocab = json_object(), *added = json_array(), *v;
    const char *prefix;
    size_t i;
    json_object_update(model, json_object_get(c, "model"));
    prefix = json_string_value(json_object_get(model, "continuing_subword_prefix"));
    json_array_foreach(json_object_get(golden, "vocab"), i, v)
    {
        char piece[64];
        const char *text = json_string_value(v);
        bool inside = !strncmp(text, "##", 2) && *prefix;
        snprintf(piece, sizeof piece, "%s%s", inside ? prefix : "", text + 2 * inside);
        json_object_set_new(vocab, piece, json_integer((json_int_t)i));
        if (i < 5)
            json_array_append_new(added,
                                  json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", (int)i,
                                            "content", text, "single_word", 0, "lstrip", 0,
                                            "rstrip", 0, "normalized", 0, "special", 1));
    }
    json_array_extend(added, json_object_get(c, "added_tokens"));
    json_object_set_new(model, "vocab", vocab);
    json_t *root = json_pack("{s:s, s:o, s:O, s:O, s:o}", "version", "1.0", "added_tokens", added,
                             "normalizer", json_object_get(c, "normalizer"), "pre_tokenizer",
                             json_object_get(c, "pre_tokenizer"), "model", model);
    assert_non_null(root);
    assert_int_equal(json_dump_file(root, in_dir("tokenizer.json"), 0), 0);
    json_decref(root);
}

static int open_files(struct rtd_tokenizer **t, bool sealed, struct rtd_err *err)
{
    struct rtd_tok_files f;
    *t = NULL;
    int st = rtd_tok_files_read(&f, dir, NULL, sealed, err);
    if (!st)
        st = rtd_tok_files_open(t, &f, ROWS, err);
    rtd_tok_files_free(&f);
    return st;
}

static void check_ids(const struct rtd_tokenizer *t, const json_t *c, const char *way)
{
    struct rtd_encoding e = {0};
    struct rtd_err err = {0};
    json_t *text;
    size_t i;
    json_array_foreach(json_object_get(golden, "texts"), i, text)
    {
        const json_t *want = json_array_get(json_object_get(c, "ids"), i);
        size_t len = json_string_length(text);
        assert_int_equal(rtd_tokenizer_encode(t, &e, json_string_value(text), len, &err), RTD_OK);
        bool same = e.n == json_array_size(want);
        for (size_t k = 0; k < e.n; k++) {
            same = same && e.ids[k] == json_integer_value(json_array_get(want, k));
            assert_true(e.begin[k] < e.end[k] && e.end[k] <= len);
            assert_true(k == 0 || e.begin[k] >= e.begin[k - 1]);
        }
        if (!same)
            fail_msg("%s, %s: text %zu: other ids than the reference's",
                     json_string_value(json_object_get(c, "name")), way, i);
    }
    rtd_encoding_free(&e);
}

/* As they stand; and written by us, read as ours and as another's. */
static void rules_of_others(void **state)
{
    (void)state;
    json_t *c;
    size_t i;
    assert_int_equal(json_array_size(json_object_get(golden, "cases")), 26);
    json_array_foreach(json_object_get(golden, "cases"), i, c)
    {
        struct rtd_tokenizer *t;
        struct rtd_err err = {0};
        fresh_directory();
        put_rules(c);
        if (open_files(&t, false, &err))
            fail_msg("%s: %s", json_string_value(json_object_get(c, "name")), err.text);
        check_ids(t, c, "as it stands");
        fresh_directory();
        assert_int_equal(rtd_tok_files_write(dir, t, i % 2 ? "bert" : "electra", 32, &err), RTD_OK);
        rtd_tokenizer_free(t);
        for (int sealed = 0; sealed < 2; sealed++) {
            assert_int_equal(open_files(&t, sealed, &err), RTD_OK);
            check_ids(t, c, sealed ? "written, sealed" : "written");
            rtd_tokenizer_free(t);
        }
    }
}

/* --- what is refused, and with which word --- */

#define VOCAB "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"a\":5"
#define MODEL "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{" VOCAB "}}"
#define LINES "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n"
#define PART(kind, id, type) "{\"" kind "\":{\"id\":\"" id "\",\"type_id\":" #type "}}"
#define SPECIALS(cls) "\"special_tokens\":{\"[CLS]\":{\"ids\":[" #cls "]},\"[SEP]\":{\"ids\":[3]}}}"
#define SINGLE                                   \
    "\"single\":[" PART("SpecialToken", "[CLS]", \
                        0) "," PART("Sequence", "A", 0) "," PART("SpecialToken", "[SEP]", 0) "]"
#define PAIR(b)                                                                                    \
    "\"pair\":[" PART("SpecialToken", "[CLS]", 0) "," PART("Sequence", "A", 0) "," PART(           \
        "SpecialToken", "[SEP]", 0) "," PART("Sequence", "B", b) "," PART("SpecialToken", "[SEP]", \
                                                                          b) "]"
#define TEMPLATE "\"post_processor\":{\"type\":\"TemplateProcessing\","

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *word; /* NULL: it is honoured */
    } files[] = {
        {"tokenizer.json", "{" MODEL ",\"normalizer\":{\"type\":\"NFKC\"}}", "normalizer: NFKC"},
        {"tokenizer.json",
         "{" MODEL
         ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\"}]}}",
         "normalizer: Strip"},
        {"tokenizer.json", "{" MODEL ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[]}}",
         NULL},
        {"tokenizer.json", "{" MODEL ",\"normalizer\":[{\"type\":\"NFKC\"}]}",
         "normalizer: there twice, or of another kind"},
        {"tokenizer.json", "{" MODEL ",\"added_tokens\":[],\"added_tokens\":[]}",
         "added_tokens: there twice"},
        {"tokenizer.json", "{\"model\":{\"continuing_subword_prefix\":5,\"vocab\":{" VOCAB "}}}",
         "continuing_subword_prefix: there twice, or of another kind"},
        {"tokenizer.json", "{\"model\":{\"unk_token\":1,\"vocab\":{" VOCAB "}}}",
         "unk_token: there twice, or of another kind"},
        {"tokenizer.json", "{" MODEL ",\"normalizer\":null,\"added_tokens\":null}", NULL},
        {"tokenizer.json", "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Metaspace\"}}",
         "pre_tokenizer: Metaspace"},
        {"tokenizer.json",
         "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
         "{\"type\":\"WhitespaceSplit\"},{\"type\":\"Digits\"}]}}",
         "pre_tokenizer: Sequence of WhitespaceSplit, Digits"},
        {"tokenizer.json",
         "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":["
         "{\"type\":\"BertPreTokenizer\"}]}}",
         NULL},
        {"tokenizer.json", "{" MODEL ",\"post_processor\":{\"type\":\"RobertaProcessing\"}}",
         "post_processor: RobertaProcessing"},
        {"tokenizer.json",
         "{" MODEL ",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",3],"
         "\"cls\":[\"[CLS]\",2]}}",
         NULL},
        {"tokenizer.json",
         "{" MODEL ",\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"</s>\",3],"
         "\"cls\":[\"[CLS]\",2]}}",
         "post_processor: BertProcessing"},
        {"tokenizer.json", "{" MODEL "," TEMPLATE SINGLE "," PAIR(1) "," SPECIALS(2) "}", NULL},
        {"tokenizer.json", "{" MODEL "," TEMPLATE SINGLE "," PAIR(0) "," SPECIALS(2) "}", NULL},
        {"tokenizer.json", "{" MODEL "," TEMPLATE SINGLE "," PAIR(2) "," SPECIALS(2) "}",
         "post_processor: a TemplateProcessing"},
        {"tokenizer.json", "{" MODEL "," TEMPLATE SINGLE "," SPECIALS(2) "}",
         "post_processor: a TemplateProcessing"},
        {"tokenizer.json",
         "{" MODEL "," TEMPLATE
         "\"single\":[" PART("Sequence", "A", 0) "]," PAIR(1) "," SPECIALS(2) "}",
         "post_processor: a TemplateProcessing"},
        {"tokenizer.json", "{" MODEL "," TEMPLATE SINGLE "," PAIR(1) "," SPECIALS(5) "}",
         "post_processor: its [CLS]"},
        {"tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"vocab\":{" VOCAB "},\"merges\":[]}}",
         "BPE"},
        {"tokenizer.json", "{\"model\":{\"vocab\":{" VOCAB "},\"merges\":[]}}",
         "other than WordPiece"},
        {"tokenizer.json", "{\"model\":{\"unk_token\":\"<unk>\",\"vocab\":{" VOCAB "}}}",
         "unk_token <unk>"},
        {"tokenizer.json", "{\"model\":{\"vocab\":{" VOCAB ",\"b\":5}}}", "two pieces with id 5"},
        {"tokenizer.json", "{\"model\":{\"vocab\":{" VOCAB ",\"b\":-1}}}", "an id that is none"},
        {"tokenizer.json", "{\"model\":{\"vocab\":{" VOCAB ",\"b\":7}}}", NULL}, /* none with 6 */
        {"tokenizer.json", "{\"model\":{\"vocab\":{" VOCAB ",\"b\":100}}}",
         "101 pieces, config.json says vocab_size 100"},
        {"tokenizer.json", "{" MODEL ",\"added_tokens\":[{\"id\":99,\"content\":\"<e>\"}]}", NULL},
        {"tokenizer.json", "{" MODEL ",\"added_tokens\":[{\"id\":100,\"content\":\"<e>\"}]}",
         "added token '<e>' has id 100"},
        {"tokenizer.json", "{" MODEL ",\"added_tokens\":[{\"content\":\"<e>\"}]}", "\"id\""},
        {"tokenizer.json", "{" MODEL ",\"truncation\":{\"max_length\":2}}", NULL},
        {"tokenizer.json", "[]", "no model"},
        {"tokenizer.json", "{", "not JSON"},
        {"tokenizer_config.json", "{\"tokenizer_class\":\"ElectraTokenizerFast\"}", NULL},
        {"tokenizer_config.json", "{\"tokenizer_class\":\"AlbertTokenizer\"}", "AlbertTokenizer"},
        {"tokenizer_config.json",
         "{\"tokenizer_class\":\"BertJapaneseTokenizer\",\"word_tokenizer_type\":\"mecab\"}",
         "mecab (MeCab)"},
        {"tokenizer_config.json", "{\"subword_tokenizer_type\":\"character\"}",
         "subword_tokenizer_type: character"},
        {"tokenizer_config.json", "{\"do_basic_tokenize\":false}", "do_basic_tokenize"},
        {"tokenizer_config.json", "{\"do_lower_case\":1}", "do_lower_case: want true or false"},
        {"tokenizer_config.json", "{\"cls_token\":\"<s>\"}", "cls_token <s>"},
        {"tokenizer_config.json", "{\"sep_token\":{\"content\":\"[SEP]\"},\"x\":1e999}", NULL},
        {"special_tokens_map.json", "{\"sep_token\":{\"content\":\"</s>\"}}", "sep_token </s>"},
        {"added_tokens.json", "{\"<e>\":6}", NULL},
        {"added_tokens.json", "{\"<e>\":1000}", "added token '<e>' has id 1000"},
        {"added_tokens.json", "{\"<e>\":\"6\"}", "an id that is none"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct rtd_tokenizer *t;
        struct rtd_err err = {0};
        fresh_directory();
        put("vocab.txt", LINES);
        put(files[i].file, files[i].text);
        int st = open_files(&t, false, &err);
        assert_true(st ? !t : t != NULL);
        rtd_tokenizer_free(t);
        if (files[i].word ? st != RTD_EDATA || !strstr(err.text, files[i].word) : st)
            fail_msg("%s %s: %s", files[i].file, files[i].text, err.text);
    }
}

/* --- which of two files counts --- */

static const char *ids_of(const char *text)
{
    static char said[200];
    struct rtd_tokenizer *t;
    struct rtd_encoding e = {0};
    struct rtd_err err = {0};
    size_t n = 0;
    said[0] = '\0';
    if (open_files(&t, false, &err))
        fail_msg("%s", err.text);
    assert_int_equal(rtd_tokenizer_encode(t, &e, text, strlen(text), &err), RTD_OK);
    for (size_t i = 0; i < e.n; i++)
        n += (size_t)snprintf(said + n, sizeof said - n, " %d", e.ids[i]);
    rtd_encoding_free(&e);
    rtd_tokenizer_free(t);
    return said;
}

#define CASED                                                                      \
    "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{" VOCAB \
    ",\"A\":6}},\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":false}," \
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}}"

static void precedence(void **state)
{
    (void)state;
    fresh_directory();
    put("vocab.txt", LINES);
    assert_string_equal(ids_of("a A"), " 5 5");
    put("tokenizer.json", CASED);
    assert_string_equal(ids_of("a A"), " 5 6"); /* tokenizer.json decides */
    put("tokenizer_config.json", "{\"tokenizer_class\":\"PreTrainedTokenizerFast\","
                                 "\"do_lower_case\":true}");
    assert_string_equal(ids_of("a A"), " 5 6");
    put("tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizer\"}"); /* not stated */
    assert_string_equal(ids_of("a A"), " 5 6");
    put("tokenizer_config.json", "{\"tokenizer_class\":\"BertTokenizer\",\"do_lower_case\":true}");
    assert_string_equal(ids_of("a A"), " 5 5");
    put("tokenizer_config.json", "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}");
    put("sentence_bert_config.json", "{\"do_lower_case\":true}");
    assert_string_equal(ids_of("a A"), " 5 5");
}

/* A piece that no line of a vocab.txt can hold is none, and not another one. */
static void pieces_that_are_no_line(void **state)
{
    (void)state;
    fresh_directory();
    put("tokenizer.json", "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{" VOCAB
                          ",\"a\\r\":6,\"a\\nb\":7,\"a\\u0000\":8,\"b\":9}},"
                          "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}}");
    assert_string_equal(ids_of("a b"), " 5 9");
}

static void special_pieces(void **state)
{
    (void)state;
    fresh_directory();
    put("vocab.txt", LINES "sep\n[\n]\n");
    assert_string_equal(ids_of("[SEP] [sep]"), " 3 7 6 8");
    put("tokenizer_config.json", "{\"split_special_tokens\":true}");
    assert_string_equal(ids_of("[SEP]"), " 7 6 8");
    /* an added token that is not special is one even then; one that is, is not */
    put("added_tokens.json", "{\"[e]\":9}");
    assert_string_equal(ids_of("[e] [SEP]"), " 9 7 6 8");
    put("tokenizer_config.json", "{\"split_special_tokens\":true,\"added_tokens_decoder\":"
                                 "{\"9\":{\"content\":\"[e]\",\"special\":true}}}");
    assert_string_equal(ids_of("[e]"), " 7 1 8");
    /* named as special in another file, the vocabulary has its id */
    put("tokenizer_config.json", "{\"additional_special_tokens\":[\"sep\"]}");
    assert_string_equal(ids_of("a sepsep SEP"), " 5 6 6 6");
    put("special_tokens_map.json", "{\"mask_token\":{\"content\":\"[MASK]\",\"lstrip\":true}}");
    assert_string_equal(ids_of("a  [MASK]"), " 5 4");
    /* without a row it is text, with a word of it */
    put("added_tokens.json", "{\"[e]\":99}");
    put("tokenizer_config.json", "{\"additional_special_tokens\":[\"[sep]\"]}");
    warned[0] = '\0';
    assert_string_equal(ids_of("[sep]"), " 7 6 8");
    assert_non_null(strstr(warned, "'[sep]' has no row"));
    /* an id that the vocabulary overrules leaves no gap, not even the largest there is */
    put("added_tokens.json", "{\"sep\":2147483647}");
    put("tokenizer_config.json", "{\"additional_special_tokens\":[\"[e]\"]}");
    assert_string_equal(ids_of("[e] sep"), " 9 6");
}

/* What generate --infill --plain-text and a target of finetune ask for, whatever the model says. */
static void a_reader_may_say_which(void **state)
{
    (void)state;
    static const char text[] = "[MASK] [SEP]";
    struct rtd_tokenizer *t;
    struct rtd_err err = {0};
    for (int plain = 0; plain < 2; plain++) {
        struct rtd_encoding none = {.special = RTD_READ_NONE}, mask = {.special = RTD_READ_MASK};
        fresh_directory();
        put("vocab.txt", LINES "sep\nmask\n");
        put("tokenizer_config.json", plain ? "{\"split_special_tokens\":true}" : "{}");
        assert_int_equal(open_files(&t, false, &err), RTD_OK);
        assert_int_equal(rtd_tokenizer_encode(t, &none, text, strlen(text), &err), RTD_OK);
        assert_int_equal(none.n, 6);
        assert_int_equal(none.ids[1], 7);
        assert_int_equal(none.ids[4], 6);
        assert_int_equal(rtd_tokenizer_encode(t, &mask, text, strlen(text), &err), RTD_OK);
        assert_int_equal(mask.n, 4);
        assert_int_equal(mask.ids[0], 4);
        assert_int_equal(mask.ids[2], 6);
        rtd_encoding_free(&none);
        rtd_encoding_free(&mask);
        rtd_tokenizer_free(t);
    }
}

static void hear(int kind, const char *text)
{
    (void)kind;
    snprintf(warned, sizeof warned, "%s", text);
}

static int setup(void **state)
{
    (void)state;
    static const struct rtd_sink sink = {.message = hear};
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/files", tmp ? tmp : "/tmp");
    golden = json_load_file(GOLDEN, JSON_ALLOW_NUL, NULL);
    rtd_set_sink(&sink);
    return golden ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_others), cmocka_unit_test(refusals),
        cmocka_unit_test(precedence),      cmocka_unit_test(pieces_that_are_no_line),
        cmocka_unit_test(special_pieces),  cmocka_unit_test(a_reader_may_say_which),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
