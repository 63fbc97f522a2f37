/* rtdtools - MIT licence
 *
 * Whole numbers of a reference's safetensors: the tools read none. */
#ifndef RTD_TESTS_INTEGERS_H
#define RTD_TESTS_INTEGERS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/safetensors.h"

/* The numbers of t, x [t->count]; false: not I64, I32, I16, I8, U8 or BOOL, or over 32 bits. */
bool integers_of(const struct rtd_st_tensor *t, int32_t *x);

#endif
