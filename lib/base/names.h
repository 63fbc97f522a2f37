/* rtdtools - MIT licence
 *
 * Names to numbers, in constant time each: the first name is 0, the next new one 1, and so on. */
#ifndef RTD_BASE_NAMES_H
#define RTD_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Zero-initialise; release with rtd_names_free. */
struct rtd_names {
    char **name; /* [n], owned */
    size_t n;
    /* private */
    size_t cap;
    uint32_t *slot; /* [slots] number + 1, or 0 */
    size_t slots;
};
/* The number of a name, which is copied where it is new; *known: it is not.  RTD_ESYS: no memory.
 */
int rtd_names_add(struct rtd_names *s, const char *name, size_t *number, bool *known,
                  struct rtd_err *err);
/* False: there is no such name. */
bool rtd_names_find(const struct rtd_names *s, const char *name, size_t *number);
void rtd_names_free(struct rtd_names *s);

#endif
