/* rtdtools - MIT licence
 *
 * What a process knows of itself: name, version, libraries, time, memory. */
#ifndef RTD_BASE_PROCESS_H
#define RTD_BASE_PROCESS_H

#include <stdint.h>

#define RTD_VERSION "0.1.0"

/* The tool's name, for streams' provenance; "rtdtools" until it is set (borrowed). */
void rtd_set_tool_name(const char *name);
const char *rtd_tool_name(void);

/* For --version: a format or a foreign library that this process has in it.  The file that has to
 * do with it says so before main(), so that a tool names what it was linked with and nothing else.
 */
void rtd_add_part(const char *name, const char *(*version)(void));
/* The i-th of them; NULL: there are no more. */
const char *rtd_get_part(int i, const char **version);

double rtd_now(void);     /* monotonic seconds */
double rtd_cpu_now(void); /* seconds that all threads of this process have worked */

#endif
