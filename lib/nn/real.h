/* rtdtools - MIT licence
 *
 * The number type of the networks: float; double in the build that checks gradients by finite
 * differences (-DRTD_DOUBLE), where only the plain C kernels exist. */
#ifndef RTD_NN_REAL_H
#define RTD_NN_REAL_H

#ifdef RTD_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
