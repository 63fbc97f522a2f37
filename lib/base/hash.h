/* rtdtools - MIT licence
 *
 * Checksums and digests: CRC32C for frames, XXH3-128 for content digests.  They catch accidents,
 * not attackers. */
#ifndef RTD_BASE_HASH_H
#define RTD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* CRC32C (Castagnoli, reflected, initial and final XOR with ~0).  Chains: start with crc = 0. */
uint32_t rtd_crc32c(uint32_t crc, const void *data, size_t len);

/* 64-bit hash (XXH3). */
uint64_t rtd_hash64(const void *data, size_t len);

/* Content digest: 32 lower-case hex digits of XXH3-128 and a NUL. */
void rtd_digest_hex(char out[33], const void *data, size_t len);

/* The same over a sequence of pieces. */
struct rtd_digest;
struct rtd_digest *rtd_digest_new(void); /* NULL: no memory */
void rtd_digest_add(struct rtd_digest *d, const void *data, size_t len);
void rtd_digest_get(const struct rtd_digest *d, char out[33]);
void rtd_digest_free(struct rtd_digest *d);

#endif
