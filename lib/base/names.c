/* rtdtools - MIT licence */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Where the name is, or where it would go; slots is a power of two and never full. */
static size_t place(const struct rtd_names *s, const char *name)
{
    size_t i = (size_t)rtd_hash64(name, strlen(name)) & (s->slots - 1);
    while (s->slot[i] && strcmp(s->name[s->slot[i] - 1], name) != 0)
        i = (i + 1) & (s->slots - 1);
    return i;
}

/* Room for one more. */
static bool grow(struct rtd_names *s)
{
    if (s->n < s->cap)
        return true;
    size_t cap = s->cap ? 2 * s->cap : 64;
    char **name = cap < UINT32_MAX / 2 ? realloc(s->name, cap * sizeof *name) : NULL;
    if (!name)
        return false;
    s->name = name;
    uint32_t *slot = calloc(2 * cap, sizeof *slot);
    if (!slot)
        return false;
    free(s->slot);
    s->slot = slot;
    s->slots = 2 * cap;
    s->cap = cap;
    for (size_t i = 0; i < s->n; i++)
        s->slot[place(s, s->name[i])] = (uint32_t)i + 1;
    return true;
}

int rtd_names_add(struct rtd_names *s, const char *name, size_t *number, bool *known,
                  struct rtd_err *err)
{
    char *copy = NULL;
    if (!grow(s))
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    size_t at = place(s, name);
    *known = s->slot[at] != 0;
    if (!*known) {
        copy = strdup(name);
        if (!copy)
            return rtd_fail(err, RTD_ESYS, "not enough memory");
        s->name[s->n++] = copy;
        s->slot[at] = (uint32_t)s->n;
    }
    *number = s->slot[at] - 1;
    return RTD_OK;
}

bool rtd_names_find(const struct rtd_names *s, const char *name, size_t *number)
{
    uint32_t found = s->n ? s->slot[place(s, name)] : 0;
    *number = found ? found - 1 : 0;
    return found != 0;
}

void rtd_names_free(struct rtd_names *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->name[i]);
    free(s->name);
    free(s->slot);
    *s = (struct rtd_names){0};
}
