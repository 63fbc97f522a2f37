/* rtdtools - MIT licence
 *
 * What the reader and the writer of safetensors files share. */
#ifndef RTD_MODEL_SAFETENSORS_INTERNAL_H
#define RTD_MODEL_SAFETENSORS_INTERNAL_H

#include "model/safetensors.h"

#define RTD_ST_DATA_DIGEST "rtd_digest"
#define RTD_ST_HEADER_DIGEST "rtd_header_digest"

enum {
    RTD_ST_PRELUDE = 8, /* u64, little-endian: length of the header */
    RTD_ST_HEADER_MAX = 32 << 20,
    RTD_ST_DIGITS = 32, /* of a digest */
    RTD_ST_KINDS = RTD_ST_F8_E5M2 + 1,
};

extern const struct rtd_st_kind {
    const char *name;
    size_t size; /* bytes of an element */
} rtd_st_kinds[RTD_ST_KINDS];

/* file: prelude and header, header_end bytes; digits: where the 32 digits of the header's own
 * digest stand in it.  0, or -1 without memory. */
int rtd_st_header_digest(char out[33], const unsigned char *file, size_t header_end, size_t digits);

#endif
