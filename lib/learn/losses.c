/* rtdtools - MIT licence */
#include "learn/losses.h"

#include <math.h>

#include "nn/kernels.h"

double rtd_loss_sigmoid(real *x, size_t n, const float *y, double smoothing, real gscale)
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

double rtd_loss_squared(real *x, size_t n, const float *y, real gscale)
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

double rtd_loss_span(real *x, size_t n, const int32_t span[2], real *scratch, real gscale)
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
