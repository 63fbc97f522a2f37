/* rtdtools - MIT licence
 *
 * The bytes of the tensor stream, for this room only: constants and offsets of
 * man/tensor-stream.5, little-endian access, the header's two encodings and the checks of a
 * record's contents that reader and writer share. */
#ifndef RTD_STREAM_FORMAT_H
#define RTD_STREAM_FORMAT_H

#include <string.h>

#include "base/mem.h"
#include "stream/stream.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the stream is little-endian and its arrays are used in place"
#endif

enum {
    RTD_TS_MAJOR = 1,
    RTD_TS_MINOR = 1, /* the highest that is known here; see rtd_header_minor */
    RTD_TS_ALIGN = 64,
    RTD_TS_PRELUDE = 64,     /* bytes of the stream's and of a frame's prelude */
    RTD_TS_MAX_ABORT = 1024, /* body of an ABORT frame */
};
#define RTD_TS_MAX_HEADER ((size_t)32 << 20)
#define RTD_TS_MAX_FRAME ((uint64_t)1 << 30)
#define RTD_TS_DEFAULT_FRAME ((uint64_t)16 << 20)

/* offsets in the stream's prelude */
enum { RTD_PRE_MAJOR = 8, RTD_PRE_MINOR = 10, RTD_PRE_TEXT = 12, RTD_PRE_VOCAB = 16 };
/* offsets in a frame's prelude */
enum { RTD_F_TYPE = 0, RTD_F_FLAGS = 4, RTD_F_BODY = 8, RTD_F_SEQ = 16, RTD_F_INDEX = 24 };
enum { RTD_F_RECORDS = 32, RTD_F_STRIDE = 36 };
/* in both: CRC of what follows the prelude, CRC of the prelude's bytes before it */
enum { RTD_PRE_CRC_BODY = 56, RTD_PRE_CRC = 60 };
/* offsets in the body of an END frame */
enum { RTD_E_FRAMES = 0, RTD_E_RECORDS = 8, RTD_E_BYTES = 16, RTD_E_CRCS = 24, RTD_E_NAXES = 28 };
enum { RTD_E_AXES = 32 };

#define RTD_TYPE(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define RTD_T_DATA RTD_TYPE('D', 'A', 'T', 'A')
#define RTD_T_END RTD_TYPE('E', 'N', 'D', '.')
#define RTD_T_ABORT RTD_TYPE('A', 'B', 'R', 'T')
#define RTD_FLAG_SKIPPABLE 1u

static inline uint64_t rtd_align64(uint64_t n)
{
    return (n + RTD_TS_ALIGN - 1) & ~(uint64_t)(RTD_TS_ALIGN - 1);
}

static inline uint16_t rtd_get16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t rtd_get32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t rtd_get64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void rtd_put16(void *p, uint16_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void rtd_put32(void *p, uint32_t v)
{
    memcpy(p, &v, sizeof v);
}

static inline void rtd_put64(void *p, uint64_t v)
{
    memcpy(p, &v, sizeof v);
}

/* Prelude, text, vocabulary and padding, appended to out. */
int rtd_header_encode(const struct rtd_header *h, struct rtd_buf *out, const char *name,
                      struct rtd_err *err);
/* The text and the compressed vocabulary behind a checked prelude.  h is filled also on failure:
 * free it.  The error's text has no place in front: the reader adds it. */
int rtd_header_decode(struct rtd_header *h, const char *text, size_t text_len, const void *vocab,
                      size_t vocab_len, struct rtd_err *err);

/* The lowest minor version that has these fields: what is written, so that older readers take what
 * they know. */
int rtd_header_minor(const struct rtd_header *h);

/* The standard fields that are there, found once: -1 where absent or not of the standard shape. */
struct rtd_checks {
    int input_ids, sentence_lengths, offsets, positions, masked_ids, sampled_ids;
    int tokens, sentences, masked; /* axes */
    uint32_t vocab_size;           /* 0: no upper limit */
    uint32_t max_length;           /* of the axis tokens; 0: no limit */
};
void rtd_checks_init(struct rtd_checks *c, const struct rtd_header *h);
/* RTD_EDATA with a text that has no place in front. */
int rtd_checks_record(const struct rtd_checks *c, const void *const *data, const uint32_t *lengths,
                      struct rtd_err *err);

#endif
