/* rtdtools - MIT licence
 *
 * The losses of the tasks' heads.  Each sums over the sequences of a micro-batch and turns logits
 * into gradients where a gradient is wanted. */
#include <math.h>
#include <string.h>

#include "model/tasks.h"
#include "nn/kernels.h"

/* Mean over the n outputs of (x - y)^2. */
static double squared(real *x, size_t n, const float *y, real gscale)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - y[i];
        sum += d * d;
        if (gscale != 0)
            x[i] = gscale * (real)(2 * d / (double)n);
    }
    return sum / (double)n;
}

/* Mean over the n outputs of the cross-entropy of sigmoid(x) with y in [0, 1]; smoothing pulls y
 * towards 1/2. */
static double sigmoid(real *x, size_t n, const float *y, double smoothing, real gscale)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double z = (double)x[i], want = y[i] * (1 - smoothing) + 0.5 * smoothing;
        sum += (z > 0 ? z : 0) - z * want + log1p(exp(-fabs(z)));
        if (gscale != 0)
            x[i] = gscale * (real)((1 / (1 + exp(-z)) - want) / (double)n);
    }
    return sum / (double)n;
}

/* x (n, 2): start and end logits of n tokens; the mean of the cross-entropies of both columns. */
static double ends(real *x, size_t n, const int32_t span[2], real *scratch, real gscale)
{
    double sum = 0;
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < n; i++)
            scratch[i] = x[2 * i + (size_t)k];
        sum += rtd_kernels()->xent(scratch, n, span[k], gscale / 2);
        for (size_t i = 0; i < n && gscale != 0; i++)
            x[2 * i + (size_t)k] = scratch[i];
    }
    return sum / 2;
}

/* A label's cross-entropy; -1, no label or one that training does not know, counts nothing. */
static double label_loss(const struct rtd_loss_rows *r, real *x, int32_t label)
{
    if (label < 0) {
        if (r->gscale != 0)
            memset(x, 0, r->outputs * sizeof *x);
        return 0;
    }
    double w = r->target->weight ? (double)r->target->weight[label] : 1;
    return w * rtd_xent(x, r->outputs, label, r->smoothing, r->gscale * (real)w);
}

double rtd_loss_of_labels(const struct rtd_loss_rows *r)
{
    double loss = 0;
    for (size_t i = 0; i < r->n; i++)
        loss += label_loss(r, r->logits + i * r->outputs, r->target->label[r->seq[i]]);
    return loss;
}

double rtd_loss_of_numbers(const struct rtd_loss_rows *r)
{
    double loss = 0;
    for (size_t i = 0; i < r->n; i++)
        loss += squared(r->logits + i * r->outputs, r->outputs,
                        r->target->value + r->seq[i] * r->outputs, r->gscale);
    return loss;
}

double rtd_loss_of_flags(const struct rtd_loss_rows *r)
{
    double loss = 0;
    for (size_t i = 0; i < r->n; i++)
        loss += sigmoid(r->logits + i * r->outputs, r->outputs,
                        r->target->value + r->seq[i] * r->outputs, r->smoothing, r->gscale);
    return loss;
}

double rtd_loss_of_tags(const struct rtd_loss_rows *r)
{
    double loss = 0;
    for (size_t i = 0; i < r->n; i++) {
        const int32_t *token = r->target->token + r->first[r->seq[i]];
        double sequence = 0;
        for (size_t t = r->start[i]; t < r->start[i + 1]; t++)
            sequence += label_loss(r, r->logits + t * r->outputs, token[t - r->start[i]]);
        loss += sequence;
    }
    return loss;
}

double rtd_loss_of_spans(const struct rtd_loss_rows *r)
{
    double loss = 0;
    for (size_t i = 0; i < r->n; i++)
        loss += ends(r->logits + (size_t)r->start[i] * 2, r->start[i + 1] - r->start[i],
                     r->target->span[r->seq[i]], r->scratch, r->gscale);
    return loss;
}

/* Of every query the cross-entropy of the softmax over its candidates' scores. */
double rtd_loss_of_ranking(const struct rtd_loss_rows *r)
{
    double loss = 0;
    for (size_t u = 0; u < r->units; u++) {
        size_t i0 = r->unit[u] - r->unit[0], n = r->unit[u + 1] - r->unit[u];
        real *x = r->logits + i0;
        int32_t right = 0;
        for (size_t i = 0; i < n; i++)
            if (r->target->label[r->seq[i0 + i]])
                right = (int32_t)i;
        memcpy(r->scratch, x, n * sizeof *x);
        loss += rtd_xent(r->scratch, n, right, r->smoothing, r->gscale);
        if (r->gscale != 0)
            memcpy(x, r->scratch, n * sizeof *x);
    }
    return loss;
}
