/* rtdtools - MIT licence
 *
 * How a text becomes a vector, as a directory of sentence-transformers says it: modules.json, the
 * pooling and what stands behind it, prompts, the longest text.  The keys of sentence-transformers
 * 6 and those before it are read.  What is not computed here is refused by name. */
#ifndef RTD_MODEL_EMBEDDING_H
#define RTD_MODEL_EMBEDDING_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* modules.json as it stands: [n], in the order of work. */
struct rtd_modules {
    struct rtd_module {
        char *type; /* "sentence_transformers.models.Pooling"; owned */
        char *path; /* of its folder in the directory, "" or "1_Pooling"; owned */
    } * module;
    size_t n; /* 0: there is no such file */
};
int rtd_modules_read(struct rtd_modules *m, const char *dir, struct rtd_err *err);
void rtd_modules_free(struct rtd_modules *m);
/* DIR/modules.json, with the transformer's files at the top. */
int rtd_modules_write(const struct rtd_modules *m, const char *dir, struct rtd_err *err);
/* What a module does: the last part of its type, "Pooling"; all of a type that is somebody's own.
 */
const char *rtd_module_name(const struct rtd_module *m);
/* Where the transformer's own files are: the folder of the first module, or dir itself. */
int rtd_transformer_dir(char path[PATH_MAX], const char *dir, struct rtd_err *err);

enum rtd_pooling { RTD_POOL_CLS, RTD_POOL_MAX, RTD_POOL_MEAN, RTD_POOL_MEAN_SQRT };
enum { RTD_POOLINGS = 8, RTD_STAGES = 16 };

/* What is done with the pooled vector: a dense layer with its activation, or to length 1. */
struct rtd_embedding_stage {
    enum { RTD_STAGE_NORMALISE, RTD_STAGE_DENSE } kind;
    size_t in, out;
    float *w, *b; /* (out,in), and [out], zeros where there is none; owned */
    int act;      /* enum rtd_activation, or -1 */
};

struct rtd_embedding {
    enum rtd_pooling pooling[RTD_POOLINGS]; /* side by side */
    int poolings;
    struct rtd_embedding_stage stage[RTD_STAGES + 1];
    int stages;
    size_t width;        /* of the vector */
    size_t widest;       /* of all vectors on the way */
    bool include_prompt; /* a prompt's tokens are pooled, too */
    struct rtd_prompt {
        char *name, *text;
    } * prompt; /* [prompts], owned */
    size_t prompts;
    char *default_prompt; /* a name, or NULL; owned */
    bool unsupported;     /* why loading failed: what is said is not computed here */
};

/* dir: with or without these files (then the mean over all tokens); hidden: width of the encoder.
 * RTD_EDATA: broken, or not supported.  Release also after a failure. */
int rtd_embedding_load(struct rtd_embedding *s, const char *dir, size_t hidden,
                       struct rtd_err *err);
void rtd_embedding_free(struct rtd_embedding *s);
/* Replace the pooling by a list of names, "mean,max".  RTD_EUSAGE. */
int rtd_embedding_pool(struct rtd_embedding *s, const char *names, size_t hidden,
                       struct rtd_err *err);
/* Vectors of length 1, whatever the model says. */
void rtd_embedding_normalise(struct rtd_embedding *s);
/* The text in front of every text: of the prompt of that name ("": none), or with NULL of the
 * default; borrowed.  RTD_EUSAGE: no such prompt. */
int rtd_embedding_prompt(const struct rtd_embedding *s, const char *name, const char *dir,
                         const char **text, struct rtd_err *err);
/* The most tokens of a text that DIR/sentence_bert_config.json wants; 0: it does not say. */
int rtd_embedding_length(const char *dir, int *length, struct rtd_err *err);

#endif
