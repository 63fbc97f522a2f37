/* rtdtools - MIT licence */
#include "base/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

static uint32_t crc_table[8][256];

/* Slicing by eight: eight bytes a step through eight tables. */
static uint32_t crc32c_plain(uint32_t crc, const unsigned char *p, size_t n)
{
    while (n >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        w ^= crc;
        crc = crc_table[7][w & 255] ^ crc_table[6][w >> 8 & 255] ^ crc_table[5][w >> 16 & 255] ^
              crc_table[4][w >> 24 & 255] ^ crc_table[3][w >> 32 & 255] ^
              crc_table[2][w >> 40 & 255] ^ crc_table[1][w >> 48 & 255] ^ crc_table[0][w >> 56];
        p += 8;
        n -= 8;
    }
    while (n--)
        crc = crc_table[0][(crc ^ *p++) & 255] ^ crc >> 8;
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const unsigned char *p,
                                                               size_t n)
{
    uint64_t c = crc;
    while (n >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        c = __builtin_ia32_crc32di(c, w);
        p += 8;
        n -= 8;
    }
    crc = (uint32_t)c;
    while (n--)
        crc = __builtin_ia32_crc32qi(crc, *p++);
    return crc;
}
#endif

static uint32_t (*crc32c)(uint32_t, const unsigned char *, size_t);
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0x82F63B78u : c >> 1;
        crc_table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++)
            crc_table[t][i] = crc_table[0][crc_table[t - 1][i] & 255] ^ crc_table[t - 1][i] >> 8;
    crc32c = crc32c_plain;
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        crc32c = crc32c_sse42;
#endif
}

uint32_t rtd_crc32c(uint32_t crc, const void *data, size_t len)
{
    pthread_once(&crc_once, crc_init);
    return ~crc32c(~crc, data, len);
}

uint64_t rtd_hash64(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}

static void hex128(char out[33], XXH128_hash_t h)
{
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

void rtd_digest_hex(char out[33], const void *data, size_t len)
{
    hex128(out, XXH3_128bits(data, len));
}

struct rtd_digest *rtd_digest_new(void)
{
    XXH3_state_t *s = XXH3_createState();
    if (s)
        XXH3_128bits_reset(s);
    return (struct rtd_digest *)s;
}

void rtd_digest_add(struct rtd_digest *d, const void *data, size_t len)
{
    XXH3_128bits_update((XXH3_state_t *)d, data, len);
}

void rtd_digest_get(const struct rtd_digest *d, char out[33])
{
    hex128(out, XXH3_128bits_digest((const XXH3_state_t *)d));
}

void rtd_digest_free(struct rtd_digest *d)
{
    XXH3_freeState((XXH3_state_t *)d);
}
