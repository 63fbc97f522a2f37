/* rtdtools - MIT licence
 *
 * The vectorised kernels for AVX2 with FMA: vectors of 8 floats. */
#include "nn/kernels_internal.h"

#ifdef RTD_HAVE_X86_KERNELS
#define RTD_LANES 8
#define RTD_TABLE rtd_kernels_avx2
#define RTD_SET_NAME "avx2"
#include "nn/kernels_simd.h"
#endif
