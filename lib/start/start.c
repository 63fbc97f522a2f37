/* rtdtools - MIT licence
 *
 * Opening what a run goes on from. */
#include "start/start.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/say.h"
#include "model/network.h"

static int join(char path[PATH_MAX], const char *dir, const char *name, struct rtd_err *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
        return rtd_fail(err, RTD_ESYS, "%s: name too long", dir);
    return RTD_OK;
}

/* --- the generator --- */

/* Both networks use one table of words, positions and types. */
static int check_generator(const struct rtd_start *s, const struct rtd_model_dir *g,
                           struct rtd_err *err)
{
    const struct rtd_config *a = &s->from.config, *b = &g->config;
    const struct {
        const char *key;
        int want, has;
    } shared[] = {
        {"vocab_size", a->vocab_size, b->vocab_size},
        {"embedding_size", a->embedding_size, b->embedding_size},
        {"max_position_embeddings", a->max_position_embeddings, b->max_position_embeddings},
        {"type_vocab_size", a->type_vocab_size, b->type_vocab_size},
    };
    if (rtd_model_type(b) != RTD_ELECTRA || !rtd_st_find(g->weights, "generator_lm_head.bias"))
        return rtd_fail(err, RTD_EDATA, "%s: not a generator of an electra", g->path);
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        if (shared[i].want != shared[i].has)
            return rtd_fail(err, RTD_EDATA, "%s: %s is %d, but %d in %s", g->path, shared[i].key,
                            shared[i].has, shared[i].want, s->from.path);
    return RTD_OK;
}

static const struct rtd_st_tensor *word_table(const struct rtd_model_dir *m)
{
    struct rtd_param words = {0};
    snprintf(words.name, sizeof words.name, "%sembeddings.word_embeddings.weight",
             rtd_network_prefix(&m->config));
    return rtd_params_tensor(&words, m->weights);
}

/* Were the two trained together? */
static bool same_words(const struct rtd_model_dir *a, const struct rtd_model_dir *b)
{
    const struct rtd_st_tensor *x = word_table(a), *y = word_table(b);
    return x->bytes == y->bytes && memcmp(x->data, y->data, x->bytes) == 0;
}

static int open_generator(struct rtd_start *s, const char *dir, struct rtd_err *err)
{
    if (rtd_model_dir_open(&s->generator, dir, 0, err))
        return err->status;
    if (check_generator(s, &s->generator, err) ||
        rtd_st_digest(s->generator_digest, s->generator.weights, err))
        rtd_model_dir_close(&s->generator);
    return err->status;
}

/* The one beside DIR: it is nobody's wish, and may be another's. */
static int look_for_generator(struct rtd_start *s, const char *dir, struct rtd_err *err)
{
    char path[PATH_MAX], config[PATH_MAX];
    struct rtd_err why = {0};
    if (join(path, dir, "../generator", err) || rtd_config_path(config, path, err))
        return err->status;
    if (!rtd_exists(config))
        return RTD_OK;
    if (!open_generator(s, path, &why) && !same_words(&s->from, &s->generator)) {
        rtd_fail(&why, RTD_EDATA, "%s: its word table is another than the one of %s", path, dir);
        rtd_model_dir_close(&s->generator);
        s->generator_digest[0] = '\0';
    }
    if (why.status == RTD_ESYS)
        return rtd_fail(err, why.status, "%s", why.text);
    if (why.status)
        rtd_say("%s: a new generator is made", why.text);
    return RTD_OK;
}

/* --- directories that are gone --- */

static int take_up(struct rtd_start *s, const char *models, struct rtd_err *err)
{
    char path[PATH_MAX];
    if (join(path, models, "discriminator", err) ||
        rtd_model_dir_open(&s->from, path, RTD_DIR_TOKENIZER, err) ||
        rtd_sentence_files_read(&s->beside, path, err) || join(path, models, "generator", err))
        return err->status;
    return rtd_exists(path) ? rtd_model_dir_open(&s->generator, path, 0, err) : RTD_OK;
}

int rtd_start_open(struct rtd_start *s, const char *dir, const char *generator, bool generates,
                   const char *models, struct rtd_err *err)
{
    *s = (struct rtd_start){0};
    if (models && (!rtd_exists(dir) || (generator && !rtd_exists(generator))))
        take_up(s, models, err);
    else if (!rtd_model_dir_open(&s->from, dir, RTD_DIR_TOKENIZER, err) &&
             !rtd_st_digest(s->digest, s->from.weights, err) &&
             !rtd_sentence_files_read(&s->beside, dir, err)) {
        if (generator && !open_generator(s, generator, err) && !same_words(&s->from, &s->generator))
            rtd_warn("%s: its word table is another than the one of %s, which both networks use",
                     generator, dir);
        else if (!generator && generates)
            look_for_generator(s, dir, err);
    }
    if (err->status)
        rtd_start_close(s);
    return err->status;
}

void rtd_start_close(struct rtd_start *s)
{
    rtd_params_free(&s->trained);
    rtd_params_free(&s->kept);
    free(s->fresh);
    free(s->spelt);
    rtd_tokenizer_free(s->tok);
    rtd_sentence_files_free(&s->beside);
    rtd_model_dir_close(&s->generator);
    rtd_model_dir_close(&s->from);
    *s = (struct rtd_start){0};
}
