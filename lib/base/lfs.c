/* rtdtools - MIT licence */
#include "base/lfs.h"

#include <string.h>

/* All that a pointer may begin with: the present version, and what it was called before. */
static const char *const versions[] = {
    "version https://git-lfs.github.com/spec/v1",
    "version https://hawser.github.com/spec/v1",
    "version http://git-media.io/v/2",
};
enum { VERSIONS = sizeof versions / sizeof versions[0] };

/* Is there a line that begins so, and goes on? */
static bool has_line(const char *text, size_t len, const char *start)
{
    size_t n = strlen(start);
    const char *end = text + len, *line = text;
    while (line && (size_t)(end - line) > n) {
        if (memcmp(line, start, n) == 0)
            return true;
        line = memchr(line, '\n', (size_t)(end - line));
        line += line != NULL;
    }
    return false;
}

bool rtd_may_be_lfs(const void *data, size_t len)
{
    for (int i = 0; i < VERSIONS && len < RTD_LFS_MAX; i++) {
        size_t n = strlen(versions[i]);
        if (memcmp(data, versions[i], len < n ? len : n) == 0)
            return true;
    }
    return false;
}

bool rtd_is_lfs(const void *data, size_t len)
{
    return rtd_may_be_lfs(data, len) && has_line(data, len, "oid sha256:") &&
           has_line(data, len, "size ");
}

int rtd_fail_lfs(struct rtd_err *err, const char *name)
{
    return rtd_fail(err, RTD_EDATA,
                    "%s: a Git LFS pointer in place of the file: git lfs pull fetches it", name);
}
