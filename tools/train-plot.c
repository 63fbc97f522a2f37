/* rtdtools - MIT licence
 *
 * train-plot: what training runs have written down, as a picture. */
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "cli/tool.h"
#include "plot/figure.h"
#include "plot/gnuplot.h"

struct opts {
    const char *out, *by;
    struct rtd_strlist columns;
    bool ascii, force;
    struct rtd_figure figure;
    char **runs;
    int nruns;
};

static const struct rtd_usage usage = {
    .synopsis =
        "[-fqv] [--by WHAT] [--column NAME]... RUN... (-o FILE.svg | -o FILE.png | --ascii)",
    .purpose = "Draw the losses, measurements and speed of training runs.",
};

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && !strcmp(name + n - m, end);
}

static int understand(struct opts *o, struct rtd_err *err)
{
    static const char *const by[] = {"tokens", "flops", "hours", "steps"};
    int axis = 0;
    while (axis < 4 && strcmp(o->by, by[axis]))
        axis++;
    if (axis == 4)
        return rtd_fail(err, RTD_EUSAGE, "--by %s: wants one of tokens, flops, hours, steps",
                        o->by);
    if (o->nruns == 0)
        return rtd_fail(err, RTD_EUSAGE, "no RUN given");
    if (!o->ascii && !o->out)
        return rtd_fail(err, RTD_EUSAGE, "neither -o FILE nor --ascii given");
    if (!o->ascii && !ends_in(o->out, ".svg") && !ends_in(o->out, ".png"))
        return rtd_fail(err, RTD_EUSAGE, "-o %s: wants a name that ends in .svg or .png", o->out);
    o->figure = (struct rtd_figure){
        .runs = o->nruns,
        .by = (enum rtd_axis)axis,
        .column = o->columns.item,
        .columns = o->columns.n,
        .picture = o->ascii                  ? RTD_PICTURE_TEXT
                   : ends_in(o->out, ".svg") ? RTD_PICTURE_SVG
                                             : RTD_PICTURE_PNG,
    };
    return RTD_OK;
}

static int parse(struct opts *o, int argc, char **argv, struct rtd_err *err)
{
    int first;
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'o', "output", "FILE", &o->out, 0, 0,
         "the picture, .svg or .png; with --ascii: text, by default on standard output", 0},
        {RTD_OPT_FLAG, 0, "ascii", NULL, &o->ascii, 0, 0, "draw with characters, for a terminal",
         0},
        {RTD_OPT_STR, 0, "by", "WHAT", &o->by, 0, 0,
         "over tokens, flops, hours (of one core) or steps; default tokens", 0},
        {RTD_OPT_LIST, 0, "column", "NAME", &o->columns, 0, 0,
         "a column of metrics.tsv or eval.tsv to draw; may be repeated", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o->force, 0, 0, "overwrite FILE", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    int st = rtd_parse(argc, argv, table, &usage, &first, err);
    if (st)
        return st;
    o->runs = argv + first;
    o->nruns = argc - first;
    return understand(o, err);
}

static int draw(const struct opts *o, struct rtd_err *err)
{
    struct rtd_buf script = {0}, picture = {0};
    struct rtd_out *out = NULL;
    int st = rtd_figure_script(&o->figure, &script, err);
    if (!st)
        st = rtd_out_open(&out, o->out, o->force ? RTD_OUT_FORCE : 0, err);
    if (!st)
        st = rtd_gnuplot(script.data, script.len, &picture, err);
    if (!st)
        st = rtd_out_write(out, picture.data, picture.len, err);
    if (!st)
        st = rtd_out_commit(out, err);
    else
        rtd_out_abort(out);
    rtd_buf_free(&script);
    rtd_buf_free(&picture);
    return st;
}

static int run(struct opts *o, struct rtd_err *err)
{
    struct rtd_run *runs = calloc((size_t)o->nruns, sizeof *runs);
    int st = runs ? RTD_OK : rtd_fail(err, RTD_ESYS, "not enough memory");
    for (int i = 0; i < o->nruns && !st; i++) {
        st = rtd_run_read(&runs[i], o->runs[i], err);
        if (!st)
            st = rtd_run_axis(&runs[i], o->figure.by, err);
    }
    o->figure.run = runs;
    if (!st)
        st = draw(o, err);
    for (int i = 0; runs && i < o->nruns; i++)
        rtd_run_free(&runs[i]);
    free(runs);
    return st;
}

int main(int argc, char **argv)
{
    struct opts o = {.by = "tokens"};
    struct rtd_err err = {0};
    rtd_tool_begin("train-plot", argc, argv);
    int st = parse(&o, argc, argv, &err);
    if (!st)
        st = run(&o, &err);
    return rtd_tool_end(&err, st);
}
