/* rtdtools - MIT licence
 *
 * Where the words come from that replace the masked ones: from a generator that learns beside the
 * discriminator, from one that is given and stays as it is (Fast-ELECTRA, arXiv 2310.07347), or
 * from the frequencies of pieces alone. */
#ifndef RTD_OBJECTIVE_GENERATOR_H
#define RTD_OBJECTIVE_GENERATOR_H

#include "model/directory.h"
#include "model/network.h"
#include "objective/objective.h"

struct rtd_pretrain_options;

/* A masked language model that somebody has trained: an electra's generator, or a bert. */
struct rtd_frozen {
    struct rtd_model_dir dir;
    struct rtd_network *net;
    const struct rtd_lm_head *head;
    char digest[33]; /* of its weights */
};
/* RTD_EDATA: no masked language model, or damaged.  Close it after a failure, too. */
int rtd_frozen_open(struct rtd_frozen *f, const char *dir, struct rtd_err *err);
/* Does it go with networks of that shape and a stream (its name) of that vocabulary?  RTD_EDATA:
 * another vocabulary, or fewer positions or types. */
int rtd_frozen_meet(const struct rtd_frozen *f, const struct rtd_config *disc, const char *vocab,
                    size_t len, const char *name, struct rtd_err *err);
void rtd_frozen_close(struct rtd_frozen *f);

/* "joint", "unigram", or the directory of a frozen one, which is opened; option: its name in
 * messages.  RTD_EUSAGE: the objectives of the run have no generator, or need one that learns. */
int rtd_generator_choose(struct rtd_pretrain_options *o, struct rtd_frozen *frozen,
                         const char *option, const char *text, struct rtd_err *err);
/* Does the run train a generator? */
bool rtd_generator_learns(const struct rtd_pretrain_options *o);
/* Its part of a micro-batch: the loss of a generator, and a sample for every slot (or the batch's
 * own). */
void rtd_generator_run(const struct rtd_pretrain *p, struct rtd_lane *lane,
                       const struct rtd_micro *m, int32_t *sampled, struct rtd_sums *sums);
/* Its part of an objective's FLOPs. */
double rtd_generator_flops(const struct rtd_pretrain *p, size_t n, size_t masked);

#endif
