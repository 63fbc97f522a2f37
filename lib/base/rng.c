/* rtdtools - MIT licence */
#include "base/rng.h"

void rtd_philox(uint32_t out[4], uint64_t seed, uint32_t purpose, uint32_t net, uint32_t layer,
                uint64_t index, uint32_t block)
{
    uint32_t c0 = block, c1 = purpose << 16 | net << 8 | layer;
    uint32_t c2 = (uint32_t)index, c3 = (uint32_t)(index >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int r = 0; r < 10; r++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t rtd_rand32(uint64_t seed, uint32_t purpose, uint32_t net, uint32_t layer, uint64_t index,
                    uint32_t element)
{
    uint32_t out[4];
    rtd_philox(out, seed, purpose, net, layer, index, element / 4);
    return out[element % 4];
}
