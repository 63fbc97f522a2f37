/* rtdtools - MIT licence
 *
 * Git LFS leaves a text of a few lines in the place of a large file that was not fetched.  Every
 * input is asked for it where it is opened (rtd_in_open, rtd_read_file); who maps a file or unpacks
 * one asks here. */
#ifndef RTD_BASE_LFS_H
#define RTD_BASE_LFS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { RTD_LFS_MAX = 1024 }; /* a pointer is shorter, as Git LFS has it */

/* Are these bytes, the whole of a file, such a pointer: its version, an object id, a size? */
bool rtd_is_lfs(const void *data, size_t len);
/* Could more bytes behind these make them one?  False for all but a few files from their first
 * bytes on. */
bool rtd_may_be_lfs(const void *data, size_t len);
/* RTD_EDATA, with what would do. */
int rtd_fail_lfs(struct rtd_err *err, const char *name);

#endif
