/* rtdtools - MIT licence
 *
 * To be preloaded (LD_PRELOAD): lets one call of a tool go wrong, or a signal come just before one.
 *
 *   RTD_FAULT="KIND N"        the Nth call of that kind fails, all others work: alloc (no memory),
 *                             open (no descriptor left), read (of a file) and stdin, write (no
 *                             space), sync, rename (input/output error), exchange (unknown here)
 *   RTD_FAULT="term-KIND N"   SIGTERM to the process before the Nth call of that kind
 *   RTD_FAULT_COUNT=FILE      how many calls of each kind there were: "alloc 123" lines
 *
 * Calls before main() are not counted, nor writes to stderr. */
#include <errno.h>
#include <dlfcn.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum kind { ALLOC, OPEN, READ, STDIN, WRITE, SYNC, RENAME, EXCHANGE, KINDS };
static const char *const name[KINDS] = {"alloc", "open", "read",   "stdin",
                                        "write", "sync", "rename", "exchange"};
static const int error[KINDS] = {ENOMEM, EMFILE, EIO, EIO, ENOSPC, EIO, EIO, EINVAL};

static atomic_long calls[KINDS];
static long wanted; /* 0: none */
static int kind;
static bool term, on;

__attribute__((constructor)) static void begin(void)
{
    const char *s = getenv("RTD_FAULT");
    if (s) {
        term = !strncmp(s, "term-", 5);
        s += term ? 5 : 0;
        for (kind = 0; kind < KINDS && strncmp(s, name[kind], strlen(name[kind])); kind++)
            continue;
        if (kind == KINDS)
            _exit(99);
        wanted = atol(s + strlen(name[kind]));
    }
    on = true;
}

__attribute__((destructor)) static void finish(void)
{
    const char *path = getenv("RTD_FAULT_COUNT");
    char text[200];
    int n = 0;
    on = false;
    if (!path)
        return;
    for (int k = 0; k < KINDS; k++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s %ld\n", name[k], calls[k]);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        _exit(99);
    close(fd);
}

/* Is this the call that goes wrong? */
static bool fails(enum kind k)
{
    if (!on || atomic_fetch_add(&calls[k], 1) + 1 != wanted || (int)k != kind)
        return false;
    if (term)
        kill(getpid(), SIGTERM);
    errno = term ? errno : error[k];
    return !term;
}

/* libarchive reads through null pointers when it has no memory. */
static bool spared(const void *caller)
{
    Dl_info at;
    return dladdr(caller, &at) && at.dli_fname && strstr(at.dli_fname, "libarchive");
}
#define NO_MEMORY() (on && !spared(__builtin_return_address(0)) && fails(ALLOC))

void *malloc(size_t n)
{
    return NO_MEMORY() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return NO_MEMORY() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return NO_MEMORY() ? NULL : __libc_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || NO_MEMORY())
        return NULL;
    return __libc_realloc(p, bytes);
}

void *aligned_alloc(size_t align, size_t n)
{
    return NO_MEMORY() ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
    if (NO_MEMORY())
        return ENOMEM;
    *p = __libc_memalign(align, n);
    return *p ? 0 : ENOMEM;
}

/* The C library's own. */
#define NEXT(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    return NO_MEMORY() ? MAP_FAILED : NEXT(mmap)(at, n, prot, flags, fd, offset);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return fails(OPEN) ? -1 : NEXT(open)(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return fails(OPEN) ? NULL : NEXT(fopen)(path, mode);
}

DIR *opendir(const char *path)
{
    return fails(OPEN) ? NULL : NEXT(opendir)(path);
}

int mkostemp(char *path, int flags)
{
    return fails(OPEN) ? -1 : NEXT(mkostemp)(path, flags);
}

ssize_t read(int fd, void *buf, size_t n)
{
    return fails(fd == STDIN_FILENO ? STDIN : READ) ? -1 : NEXT(read)(fd, buf, n);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    return fails(READ) ? -1 : NEXT(pread)(fd, buf, n, at);
}

ssize_t write(int fd, const void *buf, size_t n)
{
    return fd != STDERR_FILENO && fails(WRITE) ? -1 : NEXT(write)(fd, buf, n);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    return fails(WRITE) ? -1 : NEXT(pwrite)(fd, buf, n, at);
}

int fsync(int fd)
{
    return fails(SYNC) ? -1 : NEXT(fsync)(fd);
}

int rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : NEXT(rename)(from, to);
}

int renameat2(int fd, const char *from, int fd2, const char *to, unsigned flags)
{
    return fails(EXCHANGE) ? -1 : NEXT(renameat2)(fd, from, fd2, to, flags);
}
