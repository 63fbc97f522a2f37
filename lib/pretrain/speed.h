/* rtdtools - MIT licence
 *
 * How many records a time is good for: batches of the run are worked on, of every size and phase
 * that it will have, and thrown away. */
#ifndef RTD_PRETRAIN_SPEED_H
#define RTD_PRETRAIN_SPEED_H

#include "pretrain/loop.h"

/* The record that a run of so many `seconds` ends before, with its evaluations; *tokens: how many
 * it trains on.  Weights are left as they are, moments zero, and what was read of the stream is
 * there to be trained on.  RTD_EDATA where it is shorter than a batch; RTD_EUSAGE where the time is
 * too.
 */
int rtd_speed_records(struct rtd_session *s, double seconds, uint64_t *records, double *tokens,
                      struct rtd_err *err);

#endif
