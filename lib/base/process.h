/* rtdtools - MIT licence
 *
 * What a process knows of itself: name, version, time, memory. */
#ifndef RTD_BASE_PROCESS_H
#define RTD_BASE_PROCESS_H

#include <stdint.h>

#define RTD_VERSION "0.1.0"

/* The tool's name, for streams' provenance; "rtdtools" until it is set (borrowed). */
void rtd_set_tool_name(const char *name);
const char *rtd_tool_name(void);

double rtd_now(void);        /* monotonic seconds */
uint64_t rtd_peak_rss(void); /* bytes */

#endif
