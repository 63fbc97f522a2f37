/* rtdtools - MIT licence
 *
 * Model directories: opening with all checks, writing, sealing. */
#include "model/directory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/io.h"
#include "model/embedding.h"
#include "model/network.h"
#include "text/tokenizer_files.h"

enum { SMALL_MAX = 64 << 20 };

#define WEIGHTS "model.safetensors"
#define SEAL "rtd_files" /* metadata: a JSON object of file name and digest */

static const char *const small_files[] = {"config.json",
                                          "special_tokens_map.json",
                                          "tokenizer_config.json",
                                          "vocab.txt",
                                          "modules.json",
                                          "config_sentence_transformers.json",
                                          "sentence_bert_config.json",
                                          "tokenizer.json"};
enum { NSMALL = sizeof small_files / sizeof small_files[0] };

static int join(char path[PATH_MAX], const char *dir, const char *file, struct rtd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, file) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return RTD_OK;
}

/* Digest of DIR/FILE, or an empty string where there is no such file. */
static int file_digest(char out[33], const char *dir, const char *file, struct rtd_err *err)
{
    char path[PATH_MAX], *text;
    size_t len;
    out[0] = '\0';
    if (join(path, dir, file, err))
        return err->status;
    if (!rtd_exists(path))
        return RTD_OK;
    if (rtd_read_file(path, SMALL_MAX, &text, &len, err))
        return err->status;
    rtd_digest_hex(out, text, len);
    free(text);
    return RTD_OK;
}

/* --- the seal --- */

/* One file against its digest. */
static int check_file(const char *dir, const char *file, const char *want, struct rtd_err *err)
{
    char sum[33];
    if (!want || file[0] == '/' || strstr(file, ".."))
        return rtd_fail(err, RTD_EDATA, "%s: %s is damaged", dir, SEAL);
    int st = file_digest(sum, dir, file, err);
    if (!st && !sum[0])
        st = rtd_fail(err, RTD_EDATA, "%s/%s: missing", dir, file);
    else if (!st && strcmp(sum, want) != 0)
        st = rtd_fail(err, RTD_EDATA,
                      "%s/%s: checksum mismatch: not as it was written with the weights "
                      "(model-info --accept takes an intended change over)",
                      dir, file);
    return st;
}

static int check_seal(const char *dir, const struct rtd_st *weights, struct rtd_err *err)
{
    const char *seal = json_string_value(json_object_get(rtd_st_metadata(weights), SEAL));
    if (!seal)
        return RTD_OK;
    json_t *files = json_loads(seal, JSON_REJECT_DUPLICATES, NULL), *want;
    const char *file;
    int st = json_is_object(files) ? RTD_OK
                                   : rtd_fail(err, RTD_EDATA, "%s: %s is not a JSON object",
                                              rtd_st_name(weights), SEAL);
    json_object_foreach(files, file, want) if (!st) st =
        check_file(dir, file, json_string_value(want), err);
    json_decref(files);
    return st;
}

/* The digest of a file that is there. */
static int seal_file(json_t *files, const char *dir, const char *file, struct rtd_err *err)
{
    char sum[33];
    if (file_digest(sum, dir, file, err))
        return err->status;
    if (sum[0] && json_object_set_new(files, file, json_string(sum)))
        return rtd_fail(err, RTD_ESYS, "%s: not enough memory", dir);
    return RTD_OK;
}

/* The configurations of sentence-transformers' modules. */
static int seal_modules(json_t *files, const char *dir, struct rtd_err *err)
{
    struct rtd_modules m;
    char file[PATH_MAX];
    if (rtd_modules_read(&m, dir, err))
        return err->status;
    for (size_t i = 0; i < m.n && !err->status; i++)
        if (m.module[i].path[0] && !join(file, m.module[i].path, "config.json", err))
            seal_file(files, dir, file, err);
    rtd_modules_free(&m);
    return err->status;
}

int rtd_model_dir_finish(const char *dir, struct rtd_st_writer *w, struct rtd_err *err)
{
    char path[PATH_MAX];
    if (join(path, dir, WEIGHTS, err))
        return err->status;
    json_t *files = json_object();
    int st = seal_modules(files, dir, err);
    for (int i = 0; i < NSMALL && !st; i++)
        st = seal_file(files, dir, small_files[i], err);
    char *seal = st ? NULL : json_dumps(files, JSON_COMPACT);
    json_decref(files);
    if (!st && !seal)
        st = rtd_fail(err, RTD_ESYS, "%s: no memory", path);
    if (!st)
        st = rtd_st_set_metadata(w, SEAL, seal, err);
    if (!st)
        st = rtd_st_write(w, path, err);
    free(seal);
    return st;
}

int rtd_model_dir_accept(const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct rtd_st *old = NULL;
    struct rtd_st_writer *w = NULL;
    struct rtd_config config;
    if (join(path, dir, WEIGHTS, err) || rtd_config_load(&config, dir, err))
        return err->status;
    rtd_config_free(&config); /* only to refuse to seal what cannot be read */
    int st = rtd_st_open(&old, path, err);
    if (!st)
        st = rtd_st_writer_new(&w, err);
    for (int i = 0; !st && i < rtd_st_count(old); i++) {
        const struct rtd_st_tensor *t = rtd_st_at(old, i);
        st = rtd_st_add(w, t->name, t->dtype, t->ndim, t->dims, t->data, err);
    }
    if (!st) {
        const char *key;
        json_t *v;
        json_object_foreach((json_t *)rtd_st_metadata(old), key,
                            v) if (!st && strncmp(key, "rtd_", 4) != 0) st =
            rtd_st_set_metadata(w, key, json_string_value(v), err);
    }
    if (!st)
        st = rtd_model_dir_finish(dir, w, err);
    rtd_st_writer_free(w);
    rtd_st_close(old);
    return st;
}

int rtd_model_dir_write_common(const char *dir, const struct rtd_config *c,
                               const struct rtd_tokenizer *tok, int max_length, struct rtd_err *err)
{
    int st = rtd_config_write(c, dir, err);
    return st || !tok ? st : rtd_tok_files_write(dir, tok, c->model_type, max_length, err);
}

/* --- opening --- */

void rtd_model_dir_close(struct rtd_model_dir *m)
{
    rtd_config_free(&m->config);
    rtd_st_close(m->weights);
    rtd_tokenizer_free(m->tok);
    free(m->path);
    *m = (struct rtd_model_dir){0};
}

/* A clear line for the two usual mistakes: no directory, or the folder above the model. */
static int check_place(const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX];
    struct stat sb;
    if (stat(dir, &sb))
        return rtd_fail_sys(err, "%s: cannot open the model", dir);
    if (!S_ISDIR(sb.st_mode))
        return rtd_fail(err, RTD_EDATA, "%s: not a model directory", dir);
    if (rtd_config_path(path, dir, err))
        return err->status;
    if (rtd_exists(path))
        return RTD_OK;
    if (join(path, dir, "discriminator/config.json", err))
        return err->status;
    return rtd_fail(err, RTD_EDATA, "%s: no config.json: not a model directory%s", dir,
                    rtd_exists(path) ? " (its folder discriminator is one)" : "");
}

/* No model.safetensors: what is there in its place, and what would do. */
static int check_weights(const char *dir, struct rtd_err *err)
{
    static const char import[] = "model-import makes a model directory of it",
                      save[] = "a form that is not read; from_pretrained and save_pretrained make "
                               "model.safetensors of it";
    static const struct {
        const char *file, *what;
    } others[] = {
        {"pytorch_model.bin", import},
        {"model.safetensors.index.json", import},
        {"pytorch_model.bin.index.json", import},
        {"checkpoint", import},
        {"tf_model.h5", save},
        {"flax_model.msgpack", save},
        {"model.onnx", save},
    };
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (join(path, dir, others[i].file, err))
            return err->status;
        if (rtd_exists(path))
            return rtd_fail(err, RTD_EDATA, "%s: no " WEIGHTS ", but %s: %s", dir, others[i].file,
                            others[i].what);
    }
    return RTD_OK; /* opening it says the rest */
}

static int open_tokenizer(struct rtd_model_dir *m, int flags, struct rtd_err *err)
{
    struct rtd_tok_files f;
    bool sealed = json_object_get(rtd_st_metadata(m->weights), SEAL) != NULL;
    if (rtd_tok_files_read(&f, m->path, NULL, sealed, err))
        return err->status;
    if (flags & RTD_DIR_PLAIN_TEXT)
        f.settings.special_tokens = false;
    if (f.max_length && f.max_length < m->max_length)
        m->max_length = f.max_length;
    int st = rtd_tok_files_open(&m->tok, &f, m->config.vocab_size, err);
    rtd_tok_files_free(&f);
    if (!st && !m->tok && (flags & RTD_DIR_TOKENIZER))
        st = rtd_fail(err, RTD_EDATA, "%s: neither vocab.txt nor tokenizer.json", m->path);
    return st;
}

/* What config.json leaves to the weights; and it must be theirs. */
static int settle(struct rtd_model_dir *m, struct rtd_err *err)
{
    struct rtd_config *c = &m->config;
    for (int i = 0; !c->model_type[0] && i < rtd_st_count(m->weights); i++)
        rtd_config_guess(c, rtd_st_at(m->weights, i)->name);
    if (!c->model_type[0])
        return rtd_fail(err, RTD_EDATA,
                        "%s: model_type is missing, and no tensor's name tells: bert or electra",
                        m->path);
    int st = rtd_config_check(c, m->path, err);
    return st ? st : rtd_network_check(c, m->weights, err);
}

/* The longest text: what sentence-transformers want, else what the tokenizer's files say, which is
 * in m. */
static int choose_length(struct rtd_model_dir *m, const char *dir, struct rtd_err *err)
{
    int length;
    if (rtd_embedding_length(dir, &length, err))
        return err->status;
    int positions = m->config.max_position_embeddings;
    if (length)
        m->max_length = length < positions ? length : positions;
    return RTD_OK;
}

int rtd_model_dir_open(struct rtd_model_dir *m, const char *dir, int flags, struct rtd_err *err)
{
    char path[PATH_MAX], folder[PATH_MAX];
    *m = (struct rtd_model_dir){0};
    int st = rtd_transformer_dir(folder, dir, err);
    if (!st && !(m->path = strdup(folder)))
        st = rtd_fail(err, RTD_ESYS, "%s: no memory", dir);
    if (!st)
        st = check_place(folder, err);
    if (!st)
        st = join(path, folder, WEIGHTS, err);
    if (!st && !rtd_exists(path))
        st = check_weights(folder, err);
    if (!st)
        st = rtd_st_open(&m->weights, path, err);
    if (!st)
        st = check_seal(folder, m->weights, err);
    if (!st)
        st = rtd_config_load(&m->config, folder, err);
    if (!st)
        st = settle(m, err);
    if (!st) {
        m->max_length = m->config.max_position_embeddings;
        st = open_tokenizer(m, flags, err);
    }
    if (!st)
        st = choose_length(m, dir, err);
    if (st)
        rtd_model_dir_close(m);
    return st;
}
