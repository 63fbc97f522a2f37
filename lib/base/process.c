/* rtdtools - MIT licence
 *
 * Name, time, memory. */
#include <sys/resource.h>
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

double rtd_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

uint64_t rtd_peak_rss(void)
{
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    return (uint64_t)ru.ru_maxrss * 1024;
}
