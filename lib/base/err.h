/* rtdtools - MIT licence
 *
 * Errors.  Library code never prints, exits or asserts on input: it fills the caller's
 * struct rtd_err and returns a status.  The statuses are the exit statuses of the tools. */
#ifndef RTD_BASE_ERR_H
#define RTD_BASE_ERR_H

enum rtd_status {
    RTD_OK = 0,
    RTD_EDATA = 1,     /* malformed, truncated, checksum, wrong schema, unterminated input */
    RTD_EUSAGE = 2,    /* options, impossible combination, refused terminal */
    RTD_ESYS = 3,      /* open, read, write, no space, no memory */
    RTD_ENUMERIC = 4,  /* non-finite loss or gradient */
    RTD_ESIGNAL = 128, /* stopped by a signal; rtd_tool_end re-raises it */
};

struct rtd_err {
    int status;     /* enum rtd_status; 0 while nothing went wrong */
    int sys;        /* errno, where rtd_fail_sys recorded it; else 0 */
    char text[600]; /* "file: where: what: why", without the tool's name and line end; of a longer
                       one the middle is left out */
};

/* Record an error and return its status.  The first error wins: a later call on a set err keeps
 * the old text and returns the old status.  After rtd_noted_failure() (base/mem.h) it is RTD_ESYS
 * for want of memory.  err may not be NULL. */
int rtd_fail(struct rtd_err *err, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with status RTD_ESYS and ": strerror(errno)" appended. */
int rtd_fail_sys(struct rtd_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Copy src into dst (size bytes with the NUL), control characters and broken UTF-8 replaced by
 * '?': for names and foreign text that go into messages.  Returns dst. */
char *rtd_mask_text(char *dst, unsigned long size, const char *src, unsigned long len);

#endif
