/* rtdtools - MIT licence
 *
 * Name, parts, time, memory. */
#include <string.h>
#include <time.h>

#include "base/process.h"

static const char *tool_name = "rtdtools";

void rtd_set_tool_name(const char *name)
{
    tool_name = name;
}

const char *rtd_tool_name(void)
{
    return tool_name;
}

static struct {
    const char *name;
    const char *(*version)(void);
} part[8];
enum { PARTS = sizeof part / sizeof part[0] };

void rtd_add_part(const char *name, const char *(*version)(void))
{
    int i = 0;
    while (i < PARTS && part[i].name && strcmp(part[i].name, name))
        i++;
    if (i < PARTS) {
        part[i].name = name;
        part[i].version = version;
    }
}

const char *rtd_get_part(int i, const char **version)
{
    if (i >= PARTS || !part[i].name)
        return NULL;
    *version = part[i].version();
    return part[i].name;
}

double rtd_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double rtd_cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
