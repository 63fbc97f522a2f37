/* rtdtools - MIT licence
 *
 * The vectorised kernels for AVX-512: vectors of 16 floats. */
#include "nn/kernels_internal.h"

#ifdef RTD_HAVE_X86_KERNELS
#define RTD_LANES 16
#define RTD_TABLE rtd_kernels_avx512
#define RTD_SET_NAME "avx512"
#include "nn/kernels_simd.h"
#endif
