/* rtdtools - MIT licence
 *
 * The option parser: one table drives parsing and --help, so they cannot drift. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tool_internal.h"

static bool takes_value(const struct rtd_opt *o)
{
    return o->type != RTD_OPT_FLAG && o->type != RTD_OPT_NOFLAG && o->type != RTD_OPT_COUNT;
}

static struct rtd_opt *find_long(struct rtd_opt *opts, const char *name, size_t len)
{
    for (struct rtd_opt *o = opts; o->type != RTD_OPT_END; o++)
        if (o->type != RTD_OPT_GROUP && strlen(o->name) == len && !strncmp(o->name, name, len))
            return o;
    return NULL;
}

static struct rtd_opt *find_letter(struct rtd_opt *opts, char c)
{
    for (struct rtd_opt *o = opts; o->type != RTD_OPT_END; o++)
        if (o->type != RTD_OPT_GROUP && o->letter == c)
            return o;
    return NULL;
}

static int bad_value(const struct rtd_opt *o, const char *v, struct rtd_err *err)
{
    const char *want = o->type == RTD_OPT_REAL || o->type == RTD_OPT_SECS ? "a number"
                       : o->type == RTD_OPT_BYTES   ? "a number of bytes (suffix K, M or G)"
                       : o->type == RTD_OPT_COUNTED ? "a whole number (suffix K, M or G)"
                                                    : "a whole number";
    if (o->min == 0 && o->max == 0)
        return rtd_fail(err, RTD_EUSAGE, "--%s %s: wants %s, not negative", o->name, v, want);
    return rtd_fail(err, RTD_EUSAGE, "--%s %s: wants %s from %.15g to %.15g", o->name, v, want,
                    o->min, o->max);
}

static int parse_whole(const struct rtd_opt *o, const char *v, int64_t *out, struct rtd_err *err)
{
    char *end;
    errno = 0;
    long long x = strtoll(v, &end, 10);
    bool ok = errno == 0 && end != v && (*v == '-' || (*v >= '0' && *v <= '9'));
    if (ok && (o->type == RTD_OPT_BYTES || o->type == RTD_OPT_COUNTED) && *end) {
        const char *unit = strchr("KMG", toupper((unsigned char)*end));
        long long factor = 1, step = o->type == RTD_OPT_BYTES ? 1024 : 1000;
        for (const char *u = "KMG"; unit && u <= unit; u++)
            factor *= step;
        ok = unit && end[1] == 0 && x >= 0 && x <= INT64_MAX / factor;
        if (ok)
            x *= factor;
    } else {
        ok = ok && *end == 0;
    }
    bool any = o->min == 0 && o->max == 0;
    if (!ok || (any ? x < 0 : (double)x < o->min || (double)x > o->max))
        return bad_value(o, v, err);
    *out = x;
    return RTD_OK;
}

static int parse_real(const struct rtd_opt *o, const char *v, double *out, struct rtd_err *err)
{
    char *end;
    errno = 0;
    double x = strtod(v, &end);
    bool ok = end != v && isfinite(x) && strchr("+-.0123456789", *v);
    if (ok && o->type == RTD_OPT_SECS && *end && strchr("smhd", *end)) {
        x *= *end == 'd' ? 86400 : *end == 'h' ? 3600 : *end == 'm' ? 60 : 1;
        end++;
    }
    bool any = o->min == 0 && o->max == 0;
    if (!ok || *end || (any ? x < 0 : x < o->min || x > o->max))
        return bad_value(o, v, err);
    *out = x;
    return RTD_OK;
}

static int assign(struct rtd_opt *o, const char *v, struct rtd_err *err)
{
    o->seen = true;
    switch (o->type) {
    case RTD_OPT_FLAG:
    case RTD_OPT_NOFLAG:
        *(bool *)o->dest = o->type == RTD_OPT_FLAG;
        return RTD_OK;
    case RTD_OPT_COUNT:
        ++*(int *)o->dest;
        return RTD_OK;
    case RTD_OPT_INT:
    case RTD_OPT_BYTES:
    case RTD_OPT_COUNTED:
        return parse_whole(o, v, o->dest, err);
    case RTD_OPT_REAL:
    case RTD_OPT_SECS:
        return parse_real(o, v, o->dest, err);
    case RTD_OPT_LIST: {
        struct rtd_strlist *l = o->dest;
        if (l->n == (int)(sizeof l->item / sizeof *l->item))
            return rtd_fail(err, RTD_EUSAGE, "--%s: given more than %d times", o->name, l->n);
        l->item[l->n++] = v;
        return RTD_OK;
    }
    default:
        *(const char **)o->dest = v;
        return RTD_OK;
    }
}

static void print_help(const struct rtd_opt *opts, const struct rtd_usage *u)
{
    const char *s = u->synopsis, *head = "Usage:";
    while (*s) {
        int n = (int)strcspn(s, "\n");
        printf("%-6s %s %.*s\n", head, rtd_tool_name(), n, s);
        head = "";
        s += n + (s[n] == '\n');
    }
    printf("%s\n\nOptions:\n", u->purpose);
    for (const struct rtd_opt *o = opts; o->type != RTD_OPT_END; o++) {
        char left[80];
        if (o->type == RTD_OPT_GROUP) {
            printf("%s:\n", o->help);
            continue;
        }
        char letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
                 o->arg ? o->arg : "");
        printf("  %-26s%s %s\n", left, strlen(left) > 25 ? "\n                            " : "",
               o->help);
    }
    printf("  %-26s %s\n  %-26s %s\n", "-h, --help", "print this and exit", "-V, --version",
           "print versions and exit");
    if (u->notes)
        printf("\n%s\n", u->notes);
}

static void print_version(void)
{
    const char *name, *version;
    printf("%s %s", rtd_tool_name(), RTD_VERSION);
    for (int i = 0; (name = rtd_get_part(i, &version)); i++)
        printf("%s%s %s", i ? ", " : " (", name, version);
    printf("%s\n", rtd_get_part(0, &version) ? ")" : "");
}

static void finish_stdout(void)
{
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "%s: -: cannot write: %s\n", rtd_tool_name(), strerror(errno));
        exit(RTD_ESYS);
    }
    exit(RTD_OK);
}

static int parse_long(char **argv, int argc, int *i, struct rtd_opt *opts,
                      const struct rtd_usage *usage, struct rtd_err *err)
{
    const char *a = argv[*i] + 2, *eq = strchr(a, '=');
    size_t n = eq ? (size_t)(eq - a) : strlen(a);
    struct rtd_opt *o = find_long(opts, a, n);
    if (!o) {
        if (!strcmp(a, "help")) {
            print_help(opts, usage);
            finish_stdout();
        }
        if (!strcmp(a, "version")) {
            print_version();
            finish_stdout();
        }
        return rtd_fail(err, RTD_EUSAGE, "unknown option --%.*s", (int)n, a);
    }
    if (!takes_value(o))
        return eq ? rtd_fail(err, RTD_EUSAGE, "--%s takes no value", o->name)
                  : assign(o, NULL, err);
    if (eq)
        return assign(o, eq + 1, err);
    if (*i + 1 >= argc)
        return rtd_fail(err, RTD_EUSAGE, "--%s wants a value", o->name);
    return assign(o, argv[++*i], err);
}

static int parse_letters(char **argv, int argc, int *i, struct rtd_opt *opts,
                         const struct rtd_usage *usage, struct rtd_err *err)
{
    for (const char *a = argv[*i] + 1; *a; a++) {
        struct rtd_opt *o = find_letter(opts, *a);
        if (!o) {
            if (*a == 'h') {
                print_help(opts, usage);
                finish_stdout();
            }
            if (*a == 'V') {
                print_version();
                finish_stdout();
            }
            return rtd_fail(err, RTD_EUSAGE, "unknown option -%c", *a);
        }
        if (!takes_value(o)) {
            int st = assign(o, NULL, err);
            if (st)
                return st;
            continue;
        }
        if (a[1])
            return assign(o, a + 1, err);
        if (*i + 1 >= argc)
            return rtd_fail(err, RTD_EUSAGE, "-%c wants a value", *a);
        return assign(o, argv[++*i], err);
    }
    return RTD_OK;
}

static const struct rtd_usage *current_usage;

const struct rtd_usage *rtd_current_usage(void)
{
    return current_usage;
}

static void reset(struct rtd_opt *opts)
{
    for (struct rtd_opt *o = opts; o->type != RTD_OPT_END; o++) {
        o->seen = false;
        if (o->type == RTD_OPT_COUNT)
            *(int *)o->dest = 0;
        if (o->type == RTD_OPT_LIST)
            ((struct rtd_strlist *)o->dest)->n = 0;
    }
}

int rtd_parse(int argc, char **argv, struct rtd_opt *opts, const struct rtd_usage *usage,
              int *first, struct rtd_err *err)
{
    current_usage = usage;
    reset(opts);
    char **operand = calloc((size_t)argc + 1, sizeof *operand);
    if (!operand)
        return rtd_fail(err, RTD_ESYS, "not enough memory");
    int n = 0, kept = 1, st = RTD_OK; /* argv[1..kept) are options and their values */
    for (int i = 1; i < argc && !st; i++) {
        char *a = argv[i];
        int from = i;
        if (a[0] != '-' || a[1] == 0) {
            operand[n++] = a;
            continue;
        }
        if (!strcmp(a, "--")) {
            argv[kept++] = a;
            while (++i < argc)
                operand[n++] = argv[i];
            break;
        }
        st = a[1] == '-' ? parse_long(argv, argc, &i, opts, usage, err)
                         : parse_letters(argv, argc, &i, opts, usage, err);
        while (from <= i && from < argc)
            argv[kept++] = argv[from++];
    }
    if (!st)
        memcpy(argv + kept, operand, (size_t)n * sizeof *operand);
    *first = kept;
    free(operand);
    return st;
}

bool rtd_opt_seen(const struct rtd_opt *opts, const char *name)
{
    for (const struct rtd_opt *o = opts; o->type != RTD_OPT_END; o++)
        if (o->type != RTD_OPT_GROUP && !strcmp(o->name, name))
            return o->seen;
    return false;
}

int rtd_opt_check_uses(const struct rtd_opt *opts, const struct rtd_opt_use *use, int n,
                       unsigned modes, struct rtd_err *err)
{
    for (int i = 0; i < n; i++)
        if (!(use[i].modes & modes) && rtd_opt_seen(opts, use[i].name))
            return rtd_fail(err, RTD_EUSAGE, "--%s: only for %s", use[i].name, use[i].what);
    return RTD_OK;
}
