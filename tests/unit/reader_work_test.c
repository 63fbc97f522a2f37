/* rtdtools - MIT licence
 *
 * The work of every reader of models: ten times the tensors in under thirty times the CPU time, and
 * no more memory than a stated multiple of the file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "import/weights.h"
#include "model/config.h"
#include "model/embedding.h"

enum { FEW = 2000, MANY = 10 * FEW };

static char dir[3000];

static const char *in_dir(const char *file)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

static void put(struct rtd_buf *b, const void *data, size_t len)
{
    struct rtd_err err = {0};
    assert_int_equal(rtd_buf_append(b, data, len, &err), RTD_OK);
}

static void text(struct rtd_buf *b, const char *fmt, ...)
{
    char line[300];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    assert_true(n < (int)sizeof line);
    put(b, line, (size_t)n);
}

static void save(const char *file, struct rtd_buf *b)
{
    FILE *f = fopen(in_dir(file), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b->data, 1, b->len, f), b->len);
    assert_int_equal(fclose(f), 0);
    rtd_buf_free(b);
}

/* --- files of n tensors, a number each --- */

static void write_safetensors(const char *file, int from, int n)
{
    struct rtd_buf head = {0}, b = {0};
    for (int i = from; i < n; i++)
        text(&head, "%c\"t%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
             i > from ? ',' : '{', i, 4 * (i - from), 4 * (i - from) + 4);
    text(&head, "}");
    uint64_t len = head.len;
    put(&b, &len, 8);
    put(&b, head.data, head.len);
    for (int i = from; i < n; i++)
        put(&b, "\0\0\0\0", 4);
    rtd_buf_free(&head);
    save(file, &b);
}

static void one_file(int n)
{
    write_safetensors("model.safetensors", 0, n);
}

static void two_files(int n)
{
    struct rtd_buf b = {0};
    write_safetensors("a", 0, n / 2);
    write_safetensors("b", n / 2, n);
    for (int i = 0; i < n; i++)
        text(&b, "%s\"t%d\":\"%c\"", i ? "," : "{\"weight_map\":{", i, i < n / 2 ? 'a' : 'b');
    text(&b, "}}");
    save("model.safetensors.index.json", &b);
}

static void pickle_text(struct rtd_buf *b, const char *s)
{
    uint32_t len = (uint32_t)strlen(s);
    put(b, "X", 1);
    put(b, &len, 4);
    put(b, s, len);
}

/* A tensor of the storage `key`: count numbers from its beginning. */
static void pickle_tensor(struct rtd_buf *b, const char *name, const char *key, uint16_t count)
{
    pickle_text(b, name);
    text(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    pickle_text(b, "storage");
    text(b, "ctorch\nFloatStorage\n");
    pickle_text(b, key);
    pickle_text(b, "cpu");
    put(b, "M", 1);
    put(b, &count, 2);
    put(b, "tQK\0M", 5);
    put(b, &count, 2);
    put(b, "\x85K\1\x85\x89NtR", 8);
}

static void pickle_table(struct rtd_buf *b, int n)
{
    put(b, "\x80\2}(", 4);
    for (int i = 0; i < n; i++) {
        char name[16], key[16];
        snprintf(name, sizeof name, "t%d", i);
        snprintf(key, sizeof key, "%d", i);
        pickle_tensor(b, name, key, 1);
    }
    put(b, "u.", 2);
}

static void add_entry(struct archive *a, const char *name, const void *data, size_t len)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)len);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, data, len), (la_ssize_t)len);
    archive_entry_free(e);
}

static struct archive *new_zip(void)
{
    struct archive *a = archive_write_new();
    archive_write_set_format_zip(a);
    archive_write_zip_set_compression_store(a);
    assert_int_equal(archive_write_open_filename(a, in_dir("pytorch_model.bin")), ARCHIVE_OK);
    return a;
}

static void torch_zip(int n)
{
    struct rtd_buf b = {0};
    struct archive *a = new_zip();
    pickle_table(&b, n);
    add_entry(a, "m/data.pkl", b.data, b.len);
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "m/data/%d", i);
        add_entry(a, name, "\0\0\0\0", 4);
    }
    archive_write_free(a);
    rtd_buf_free(&b);
}

static void torch_legacy(int n)
{
    static const char begin[] = "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                                "\x80\2M\xe9\3.\x80\2}.";
    struct rtd_buf b = {0};
    put(&b, begin, sizeof begin - 1);
    pickle_table(&b, n);
    put(&b, "\x80\2](", 4);
    for (int i = 0; i < n; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        pickle_text(&b, key);
    }
    put(&b, "e.", 2);
    for (int i = 0; i < n; i++)
        put(&b, "\1\0\0\0\0\0\0\0\0\0\0\0", 12);
    save("pytorch_model.bin", &b);
}

static void varint(struct rtd_buf *b, uint64_t x)
{
    for (; x > 127; x >>= 7)
        put(b, &(unsigned char){(unsigned char)(x | 128)}, 1);
    put(b, &(unsigned char){(unsigned char)x}, 1);
}

static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void pair(struct rtd_buf *b, const char *key, const void *value, size_t len)
{
    varint(b, 0);
    varint(b, strlen(key));
    varint(b, len);
    put(b, key, strlen(key));
    put(b, value, len);
}

/* The block in b gets its end; *offset, *size: where it lies in to. */
static void end_block(struct rtd_buf *to, struct rtd_buf *b, uint64_t *offset, uint64_t *size)
{
    put(b, "\0\0\0\0", 4); /* no restarts */
    *offset = to->len;
    *size = b->len;
    put(b, "", 1);
    uint32_t crc = masked(rtd_crc32c(0, b->data, b->len));
    put(to, b->data, b->len);
    put(to, &crc, 4);
    rtd_buf_free(b);
}

static void tensorflow(int n)
{
    struct rtd_buf data = {0}, block = {0}, index = {0}, b = {0}, handle = {0};
    uint64_t offset, size, meta, meta_size;
    pair(&block, "", "\10\1", 2);
    for (int i = 0; i < n; i++) {
        struct rtd_buf e = {0};
        char name[16];
        float x = (float)i;
        uint32_t crc = masked(rtd_crc32c(0, &x, 4));
        put(&data, &x, 4);
        put(&e, "\10\1\x12\4\x12\2\10\1\x20", 9); /* float, [1]; */
        varint(&e, 4 * (uint64_t)i);              /* its place, */
        put(&e, "\x28\4\x35", 3);                 /* size, and checksum */
        put(&e, &crc, 4);
        snprintf(name, sizeof name, "t%08d", i);
        pair(&block, name, e.data, e.len);
        rtd_buf_free(&e);
    }
    end_block(&b, &block, &offset, &size);
    varint(&handle, offset);
    varint(&handle, size);
    pair(&index, "u", handle.data, handle.len);
    rtd_buf_free(&handle);
    end_block(&b, &index, &meta, &meta_size);
    size_t footer = b.len;
    varint(&b, 0);
    varint(&b, 0);
    varint(&b, meta);
    varint(&b, meta_size);
    while (b.len < footer + 40)
        put(&b, "", 1);
    put(&b, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
    save("ckpt.index", &b);
    save("ckpt.data-00000-of-00001", &data);
}

/* --- small files of n entries --- */

#define SHAPE                                                                                  \
    "{\"vocab_size\":97,\"hidden_size\":16,\"num_hidden_layers\":2,\"num_attention_heads\":2," \
    "\"intermediate_size\":32,\"id2label\":{"
static void labels(int n)
{
    struct rtd_buf b = {0};
    text(&b, SHAPE);
    for (int i = 0; i < n; i++)
        text(&b, "%s\"%d\":\"label %d\"", i ? "," : "", i, i);
    text(&b, "}}");
    save("config.json", &b);
}

static void prompts(int n)
{
    struct rtd_buf b = {0};
    for (int i = 0; i < n; i++)
        text(&b, "%s\"p%d\":\"prompt %d\"", i ? "," : "{\"prompts\":{", i, i);
    text(&b, "}}");
    save("config_sentence_transformers.json", &b);
}

/* --- reading --- */

static size_t read_all(struct rtd_err *err)
{
    struct rtd_weights all = {0};
    const char *form;
    char file[PATH_MAX];
    rtd_read_weights(&all, dir, &form, file, err);
    size_t n = all.n;
    rtd_weights_free(&all);
    return n;
}

static size_t read_tensorflow(struct rtd_err *err)
{
    struct rtd_weights all = {0};
    rtd_read_tensorflow(&all, in_dir("ckpt"), err);
    size_t n = all.n;
    rtd_weights_free(&all);
    return n;
}

static size_t read_labels(struct rtd_err *err)
{
    struct rtd_config c;
    if (rtd_config_load(&c, dir, err))
        return 0;
    size_t n = (size_t)c.num_labels;
    rtd_config_free(&c);
    return n;
}

static size_t read_prompts(struct rtd_err *err)
{
    struct rtd_embedding e;
    rtd_embedding_load(&e, dir, 16, err);
    size_t n = e.prompts;
    rtd_embedding_free(&e);
    return n;
}

static double seconds(size_t (*read)(struct rtd_err *err), size_t want)
{
    struct rtd_err err = {0};
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    size_t n = read(&err);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    if (err.status || n != want)
        fail_msg("%zu of %zu: %s", n, want, err.text);
    return (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
}

static void start(void)
{
    struct rtd_err err = {0};
    rtd_remove_tree(dir, &err);
    assert_int_equal(rtd_mkdirs(dir, &err), RTD_OK);
}

static void work_is_linear(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*write)(int n);
        size_t (*read)(struct rtd_err *err);
    } readers[] = {
        {"safetensors", one_file, read_all},         {"an index", two_files, read_all},
        {"torch, zip", torch_zip, read_all},         {"torch, legacy", torch_legacy, read_all},
        {"TensorFlow", tensorflow, read_tensorflow}, {"labels", labels, read_labels},
        {"prompts", prompts, read_prompts},
    };
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        double few = 1, many;
        start();
        readers[i].write(FEW);
        for (int k = 0; k < 3; k++) {
            double s = seconds(readers[i].read, FEW);
            few = s < few ? s : few;
        }
        readers[i].write(MANY);
        many = seconds(readers[i].read, MANY);
        if (many > 30 * few)
            fail_msg("%s: %g s for %d, %g s for %d", readers[i].name, few, FEW, many, MANY);
    }
}

/* Four thousand tensors of one storage that is as large as the file. */
static void shared_bytes_are_limited(void **state)
{
    (void)state;
    enum { N = 4000, NUMBERS = 60000 };
    struct rtd_buf b = {0};
    struct rtd_err err = {0};
    static float zeros[NUMBERS];
    start();
    struct archive *a = new_zip();
    put(&b, "\x80\2}(", 4);
    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        pickle_tensor(&b, name, "0", NUMBERS);
    }
    put(&b, "u.", 2);
    add_entry(a, "m/data.pkl", b.data, b.len);
    add_entry(a, "m/data/0", zeros, sizeof zeros);
    archive_write_free(a);
    rtd_buf_free(&b);
    assert_true(read_all(&err) < 100);
    assert_int_equal(err.status, RTD_EDATA);
    assert_non_null(strstr(err.text, "more than 16 times the file"));
}

/* A name that is there twice is damage in every form that can say it. */
static void a_name_twice_is_refused(void **state)
{
    (void)state;
    struct rtd_buf b = {0};
    struct rtd_err err = {0};
    start();
    struct archive *a = new_zip();
    put(&b, "\x80\2}(", 4);
    pickle_tensor(&b, "t", "0", 1);
    pickle_tensor(&b, "t", "0", 1);
    put(&b, "u.", 2);
    add_entry(a, "m/data.pkl", b.data, b.len);
    add_entry(a, "m/data/0", "\0\0\0\0", 4);
    archive_write_free(a);
    rtd_buf_free(&b);
    read_all(&err);
    assert_int_equal(err.status, RTD_EDATA);
    assert_non_null(strstr(err.text, "t: there twice"));
}

static int setup(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/readers", tmp ? tmp : "/tmp");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_linear),
        cmocka_unit_test(shared_bytes_are_limited),
        cmocka_unit_test(a_name_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
