/* rtdtools - MIT licence
 *
 * Memory budgets as users write them (shuffle.h). */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "corpus/shuffle.h"

/* This machine's memory, or the limit of our control group where that is lower. */
static uint64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    uint64_t bytes = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 1u << 30;
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "r");
    unsigned long long limit;
    if (f && fscanf(f, "%llu", &limit) == 1 && limit < bytes) /* "max": no limit */
        bytes = limit;
    if (f)
        fclose(f);
    return bytes;
}

int rtd_memory_budget(const char *text, uint64_t *bytes, struct rtd_err *err)
{
    char *end;
    errno = 0;
    uint64_t x = strtoull(text, &end, 10);
    bool ok = *text >= '0' && *text <= '9' && !errno;
    if (ok && *end == '%' && !end[1] && x <= 100) {
        *bytes = machine_memory() / 100 * x;
    } else {
        const char *unit = *end ? strchr("KMG", toupper((unsigned char)*end)) : NULL;
        int shift = unit ? 10 * (int)(unit - "KMG" + 1) : 0;
        ok = ok && (*end ? unit && !end[1] : true) && x <= (uint64_t)INT64_MAX >> shift;
        *bytes = ok ? x << shift : 0;
    }
    if (ok && *bytes >= RTD_SHUFFLE_MIN_MEMORY)
        return RTD_OK;
    char shown[40];
    rtd_mask_text(shown, sizeof shown, text, strlen(text));
    return rtd_fail(err, RTD_EUSAGE,
                    "%s: wants at least 1M: bytes with K, M or G, or a share like "
                    "25%%",
                    shown);
}
