/* rtdtools - MIT licence
 *
 * Shared by options.c, log.c and tool.c only. */
#ifndef RTD_CLI_TOOL_INTERNAL_H
#define RTD_CLI_TOOL_INTERNAL_H

#include "cli/tool.h"

/* The usage text given to the last rtd_parse, or NULL. */
const struct rtd_usage *rtd_current_usage(void);

extern const struct rtd_sink rtd_stderr_sink;

#endif
