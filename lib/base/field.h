/* rtdtools - MIT licence
 *
 * Text of others as a field of a line: labels of published models, pieces of vocabularies, names of
 * tensors may hold tabs and line breaks, which a line of output has another use for. */
#ifndef RTD_BASE_FIELD_H
#define RTD_BASE_FIELD_H

#include "base/io.h"

/* The text with its control characters (line separators of Unicode among them), and those ASCII
 * characters that `others` names, written as C writes them: \t, \n, \r, \x2c, \u2028.  Anything
 * else is as it was.  Owned by the caller; NULL: no memory. */
char *rtd_field(const char *text, const char *others);
/* Write it. */
int rtd_out_field(struct rtd_out *out, const char *text, const char *others, struct rtd_err *err);

#endif
