/* rtdtools - MIT licence
 *
 * The networks of a run as model directories of Hugging Face's layout: in every checkpoint, and,
 * when the last step is done, in the run's own directory. */
#ifndef RTD_PRETRAIN_PUBLISH_H
#define RTD_PRETRAIN_PUBLISH_H

#include "pretrain/checkpoint.h"

/* A network that becomes a model directory of that name. */
struct rtd_published {
    const char *name;
    int net;    /* RTD_NET_*: whose tensors */
    int shares; /* RTD_NET_*: whose embeddings it uses, or its own number */
};
/* The run's networks, after the last one an entry without name, in the order in which they appear:
 * the last one's presence says that a run is complete. */
const struct rtd_published *rtd_published(const struct rtd_pretrain_options *o);

/* One of them into the existing DIR. */
int rtd_publish_network(const struct rtd_checkpoint *c, const struct rtd_published *net,
                        const char *dir, struct rtd_err *err);

/* All of them into RUN, in their order: the last one's presence says that the run reached its last
 * step.  RTD_ENUMERIC, and nothing is written, when a weight is not finite. */
int rtd_publish(const struct rtd_checkpoint *c, struct rtd_err *err);

#endif
