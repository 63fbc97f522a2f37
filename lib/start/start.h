/* rtdtools - MIT licence
 *
 * Going on from a published encoder: an electra or bert directory gives shape and weights to the
 * discriminator, and what is published keeps its model_type, names, pooler and the files of
 * sentence-transformers.  The stream's vocabulary may continue the directory's: the rows of new
 * pieces start from the mean of those of the pieces that spelt them before.
 *
 *     rtd_start_open, rtd_start_meet, laying out the networks, initial values, rtd_start_load;
 *     rtd_start_write as often as is wanted; rtd_start_close */
#ifndef RTD_START_START_H
#define RTD_START_START_H

#include <stdbool.h>
#include <stdint.h>

#include "model/directory.h"
#include "model/params.h"
#include "start/sentence_files.h"
#include "stream/stream.h"

/* A piece that the directory does not have, and those that spell it there. */
struct rtd_new_piece {
    int32_t id;
    uint32_t from, n; /* spelt[from .. from + n - 1] */
};

struct rtd_start {
    struct rtd_model_dir from;      /* its weights are closed once they are loaded */
    struct rtd_model_dir generator; /* path NULL: a new one is made */
    struct rtd_sentence_files beside;
    char digest[33], generator_digest[33]; /* of their weights; "": gone, or no generator */
    /* from rtd_start_meet on */
    struct rtd_tokenizer *tok; /* the stream's pieces, the directory's rules */
    int rows;                  /* of the word table */
    struct rtd_new_piece *fresh;
    size_t nfresh;
    int32_t *spelt;
    /* from rtd_start_load on */
    struct rtd_params trained; /* of the network's table what is published, under the names that it
                                  came with; values are the network's */
    struct rtd_params kept;    /* what the directory has beside that, with its values */
};

/* Open DIR as finetune does.  generator: a directory, whose shape has to fit; NULL: where the run
 * generates, DIR/../generator if it fits.  models: NULL, or a folder of discriminator/ and
 * generator/ that a run has written, in place of directories that are gone.  After a failure s is
 * empty. */
int rtd_start_open(struct rtd_start *s, const char *dir, const char *generator, bool generates,
                   const char *models, struct rtd_err *err);
void rtd_start_close(struct rtd_start *s);

/* Hold the stream's vocabulary and settings against the directory's: RTD_EDATA, naming what
 * differs.  name: the stream's. */
int rtd_start_meet(struct rtd_start *s, const struct rtd_header *h, const char *name,
                   struct rtd_err *err);

/* The weights into the tables p of a run, which were laid out for this shape and vocabulary and
 * have their initial values.  Heads of the discriminator that the directory lacks belong to no
 * network from here on: they are learnt, kept in checkpoints, and not published. */
int rtd_start_load(struct rtd_start *s, struct rtd_params *p, struct rtd_err *err);

/* p's discriminator as a directory of the kind that it came from, into an existing one.  c: its
 * shape; longest: the longest sequence it was trained on. */
int rtd_start_write(const struct rtd_start *s, const struct rtd_params *p,
                    const struct rtd_config *c, uint64_t longest, const char *dir,
                    struct rtd_err *err);

#endif
