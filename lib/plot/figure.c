/* rtdtools - MIT licence */
#include "plot/figure.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is drawn --- */

/* Columns that belong together: those that a pattern matches, in the files' order. */
struct kind {
    const char *title;
    const char *pattern;
    const char *except;
    const char *range; /* vertical */
};
static const struct kind kinds[] = {
    {"loss of language models", "*_loss", "disc_*", "[*:*]"},
    {"loss of replaced-token detection", "disc_loss", "", "[*:*]"},
    {"AUC of replaced-token detection", "disc_auc", "", "[*<0.5:*]"},
    {"copy meter", "copy_*", "", "[0:1]"},
    {"entropy of attention / log n, by layer", "attention_entropy_*", "", "[*<0.9:1.002]"},
    {"norm of the gradient", "grad_norm", "", "[0:*]"},
    {"learning rate", "lr", "", "[0:*]"},
    {"tokens a second", "tokens_per_second", "", "[0:*]"},
};
enum { KINDS = sizeof kinds / sizeof *kinds, SERIES = 32 };

struct panel {
    const char *title, *range;
    const char *column[SERIES]; /* [columns] borrowed */
    int columns;
};

static void add_column(struct panel *p, const struct rtd_figure *f, const char *name)
{
    for (int i = 0; i < p->columns; i++)
        if (!strcmp(p->column[i], name))
            return;
    for (int i = 0; i < f->runs && p->columns < SERIES; i++)
        if (rtd_curves_find(&f->run[i].metrics, name) || rtd_curves_find(&f->run[i].eval, name)) {
            p->column[p->columns++] = name;
            return;
        }
}

static void add_matching(struct panel *p, const struct rtd_figure *f, const struct kind *k)
{
    for (int i = 0; i < f->runs; i++)
        for (int table = 0; table < 2; table++) {
            const struct rtd_names *names =
                table ? &f->run[i].eval.column : &f->run[i].metrics.column;
            for (size_t c = 0; c < names->n; c++)
                if (!fnmatch(k->pattern, names->name[c], 0) &&
                    fnmatch(k->except, names->name[c], 0))
                    add_column(p, f, names->name[c]);
        }
}

/* free() *panels. */
static int choose(const struct rtd_figure *f, struct panel **panels, int *n, struct rtd_err *err)
{
    int most = f->columns ? f->columns : KINDS;
    struct panel *p = *panels = calloc((size_t)most, sizeof *p);
    *n = 0;
    if (!p)
        return rtd_fail(err, RTD_ESYS, "not enough memory for the picture");
    for (int i = 0; i < most; i++, p++) {
        if (f->columns) {
            *p = (struct panel){.title = f->column[i], .range = "[*:*]"};
            add_column(p, f, f->column[i]);
            if (!p->columns)
                return rtd_fail(err, RTD_EDATA, "%s: no numbers in a column %s", f->run[0].dir,
                                f->column[i]);
        } else {
            *p = (struct panel){.title = kinds[i].title, .range = kinds[i].range};
            add_matching(p, f, &kinds[i]);
        }
        if (p->columns)
            (*panels)[(*n)++] = *p;
    }
    if (!*n)
        return rtd_fail(err, RTD_EDATA, "%s: no column to draw: --column names one", f->run[0].dir);
    return RTD_OK;
}

/* --- data --- */

/* The horizontal axis counts in powers of 1000. */
struct scale {
    double unit, most;
    char label[64];
};

static struct scale scale_of(const struct rtd_figure *f)
{
    static const char *const what[] = {"tokens", "floating-point operations", "core hours",
                                       "steps"};
    static const char *const words[] = {"", ", thousands", ", millions", ", billions"};
    struct scale s = {.unit = 1};
    for (int i = 0; i < f->runs; i++)
        for (size_t k = 0; k < f->run[i].metrics.rows; k++)
            s.most = fmax(s.most, f->run[i].metrics.x[k]);
    int power = f->by == RTD_BY_HOURS || s.most < 3000 ? 0 : (int)(log10(s.most / 3) / 3);
    s.unit = pow(1000, power);
    s.most /= s.unit;
    if (power < 4)
        snprintf(s.label, sizeof s.label, "%s%s", what[f->by], words[power]);
    else
        snprintf(s.label, sizeof s.label, "%s, 10^%d", what[f->by], 3 * power);
    return s;
}

/* A column of one run's file. */
struct curve {
    const struct rtd_curves *table;
    const double *value;
    size_t known; /* rows that have it */
    size_t reach; /* rows on either side that go into the mean; 0: what is no measurement */
};

static struct curve curve_of(const struct rtd_curves *table, const char *column)
{
    struct curve c = {.table = table, .value = rtd_curves_find(table, column)};
    for (size_t i = 0; c.value && i < table->rows; i++)
        c.known += !isnan(c.value[i * table->column.n]);
    c.reach = strcmp(column, "lr") ? c.known / 80 : 0;
    return c;
}

static double value_at(const struct curve *c, size_t row)
{
    return c->value[row * c->table->column.n];
}

/* The mean of the rows around this one, as many on either side, but for rows without a value. */
static double smooth(const struct curve *c, size_t row)
{
    size_t reach = c->reach, rows = c->table->rows, n = 0;
    double sum = 0;
    reach = row < reach ? row : reach;
    reach = rows - 1 - row < reach ? rows - 1 - row : reach;
    for (size_t i = row - reach; i <= row + reach; i++)
        if (!isnan(value_at(c, i))) {
            sum += value_at(c, i);
            n++;
        }
    return sum / (double)n;
}

/* x, value, smoothed value; an empty line where it was not measured for a while. */
static void print_rows(FILE *out, const struct curve *c, const struct scale *s)
{
    bool gap = false;
    for (size_t i = 0; i < c->table->rows; i++) {
        bool known = !isnan(value_at(c, i)) && !isnan(c->table->x[i]);
        if (known)
            fprintf(out, "%s%.9g %.9g %.9g\n", gap ? "\n" : "", c->table->x[i] / s->unit,
                    value_at(c, i), smooth(c, i));
        gap = !known;
    }
}

static void print_data(FILE *out, int run, int column, const struct curve *metrics,
                       const struct curve *eval, const struct scale *s)
{
    const struct curve *both[] = {metrics, eval};
    for (int i = 0; i < 2; i++)
        if (both[i]->known) {
            fprintf(out, "$%c_%d_%d << END\n", "me"[i], run, column);
            print_rows(out, both[i], s);
            fprintf(out, "END\n");
        }
}

/* --- gnuplot's language --- */

static void quote(FILE *out, const char *text)
{
    char masked[300];
    rtd_mask_text(masked, sizeof masked, text, strlen(text));
    putc('\'', out);
    for (const char *c = masked; *c; c++)
        fprintf(out, *c == '\'' ? "''" : "%c", *c);
    putc('\'', out);
}

/* A path's last part. */
static void last_part(char out[300], const char *path)
{
    size_t n = strlen(path), from;
    while (n > 1 && path[n - 1] == '/')
        n--;
    for (from = n; from > 0 && path[from - 1] != '/'; from--)
        ;
    snprintf(out, 300, "%.*s", (int)(n - from), path + from);
}

/* What a run is called: its directory's own name, or the whole path where others have that name. */
static void name_of(char out[300], const struct rtd_figure *f, int run)
{
    char other[300];
    bool alone = true;
    last_part(out, f->run[run].dir);
    for (int i = 0; i < f->runs; i++) {
        last_part(other, f->run[i].dir);
        alone = alone && (i == run || strcmp(out, other));
    }
    if (!alone || !*out)
        snprintf(out, 300, "%s", f->run[run].dir);
}

static const char *const colours[] = {"0072b2", "d55e00", "009e73", "cc79a7", "e69f00",
                                      "56b4e9", "6a3d9a", "7f7f7f", "b15928", "000000"};
enum { COLOURS = sizeof colours / sizeof *colours };

static const char *const dashes[] = {"solid", "'-'", "'.'", "'-.'", "'--..'"};
enum { DASHES = sizeof dashes / sizeof *dashes };

/* Layers, which may be many, are shades; other columns are dashes. */
static bool shaded(const struct panel *p)
{
    return p->columns > DASHES || !strncmp(p->column[0], "attention_", 10);
}

static void style(FILE *out, const struct panel *p, int column, const char *colour, double width)
{
    int alpha = shaded(p) ? 190 - 190 * (column + 1) / p->columns : 0;
    fprintf(out, " lc rgb '#%02x%s' lw %g dt %s", (unsigned)alpha, colour, width,
            shaded(p) ? "solid" : dashes[column % DASHES]);
}

/* One column of one run: what was measured on held-out examples, in front of what training saw in
 * pale; where there is none, what training saw, smoothed, in front of itself. */
static void draw_curve(FILE *out, const struct panel *p, int run, int column,
                       const struct curve *metrics, const struct curve *eval)
{
    const char *colour = colours[run % COLOURS];
    if (metrics->known)
        fprintf(out, ", \\\n  $m_%d_%d using 1:2 with lines lc rgb '#b8%s' lw 1 notitle", run,
                column, colour);
    if (!metrics->known && !eval->known)
        return;
    fprintf(out, ", \\\n  $%c_%d_%d using 1:%d with linespoints pt 7 ps %g",
            eval->known ? 'e' : 'm', run, column, eval->known ? 2 : 3,
            eval->known && eval->known < 60 ? 0.45 : 0.01);
    style(out, p, column, colour, 2);
    fprintf(out, " notitle");
}

/* Bytes that the names of all columns begin with, up to a '_'. */
static size_t common(const struct panel *p)
{
    size_t n = 0, cut = 0;
    for (;; n++) {
        for (int i = 0; i < p->columns; i++)
            if (!p->column[i][n] || p->column[i][n] != p->column[0][n])
                return cut;
        if (p->column[0][n] == '_')
            cut = n + 1;
    }
}

/* What dashes and shades mean, in grey. */
static void draw_key(FILE *out, const struct panel *p)
{
    fprintf(out, "NaN notitle");
    for (int i = 0; p->columns > 1 && i < p->columns; i++) {
        if (p->columns > 8 && i != 0 && i != p->columns - 1)
            continue;
        fprintf(out, ", \\\n  NaN with lines");
        style(out, p, i, "555555", 2);
        fprintf(out, " title ");
        quote(out, p->column[i] + common(p));
    }
}

static void draw_text_curve(FILE *out, const struct rtd_figure *f, const struct panel *p, int run,
                            int column, const struct curve *metrics, const struct curve *eval)
{
    char name[300];
    if (!metrics->known && !eval->known)
        return;
    fprintf(out, ", \\\n  $%c_%d_%d using 1:%d with %s lt %d title ", eval->known ? 'e' : 'm', run,
            column, eval->known ? 2 : 3, eval->known ? "linespoints" : "lines",
            run * p->columns + column + 1);
    name_of(name, f, run);
    if (p->columns > 1) {
        size_t n = strlen(name);
        snprintf(name + n, sizeof name - n, " %s", p->column[column]);
    }
    quote(out, name);
}

static void draw(FILE *out, const struct rtd_figure *f, const struct panel *p,
                 const struct scale *s)
{
    bool text = f->picture == RTD_PICTURE_TEXT;
    for (int pass = 0; pass < 2; pass++) {
        if (pass)
            fprintf(out, "plot [0:%.9g] %s ", s->most > 0 ? s->most : 1, p->range);
        if (pass && !text)
            draw_key(out, p);
        else if (pass)
            fprintf(out, "NaN notitle");
        for (int run = 0; run < f->runs; run++)
            for (int k = 0; k < p->columns; k++) {
                const struct curve m = curve_of(&f->run[run].metrics, p->column[k]);
                const struct curve e = curve_of(&f->run[run].eval, p->column[k]);
                if (pass && text)
                    draw_text_curve(out, f, p, run, k, &m, &e);
                else if (pass)
                    draw_curve(out, p, run, k, &m, &e);
                else
                    print_data(out, run, k, &m, &e, s);
            }
    }
    fprintf(out, "\n");
}

/* --- where it is drawn --- */

enum { WIDTH = 1200, HEIGHT = 290, KEY = 22 }; /* of the picture, of a panel, of a line of names */

static int key_columns(const struct rtd_figure *f)
{
    size_t longest = 0;
    for (int i = 0; i < f->runs; i++) {
        char name[300];
        name_of(name, f, i);
        longest = strlen(name) > longest ? strlen(name) : longest;
    }
    int n = (int)(WIDTH / (60 + 8 * longest));
    return n < 1 ? 1 : n < f->runs ? n : f->runs;
}

static void draw_names(FILE *out, const struct rtd_figure *f, int height)
{
    fprintf(out,
            "set lmargin 0; set rmargin 0; set tmargin 0; set bmargin 0\n"
            "unset border; unset tics; unset grid; unset xlabel; unset label\n"
            "set key at screen 0.5, screen %.5f center top horizontal Left reverse samplen 2.5 "
            "maxcols %d\n"
            "plot [0:1] [0:1] NaN notitle",
            1 - 8.0 / height, key_columns(f));
    for (int i = 0; i < f->runs; i++) {
        char name[300];
        name_of(name, f, i);
        fprintf(out, ", \\\n  NaN with lines lw 4 lc rgb '#%s' title ", colours[i % COLOURS]);
        quote(out, name);
    }
    fprintf(out, "\n");
}

static void draw_panels(FILE *out, const struct rtd_figure *f, const struct panel *p, int n,
                        const struct scale *s)
{
    int across = n > 1 ? 2 : 1, tall = across > 1 ? HEIGHT : 2 * HEIGHT;
    int names = 16 + KEY * ((f->runs + key_columns(f) - 1) / key_columns(f));
    int height = names + (n + across - 1) / across * tall;
    fprintf(out,
            "set terminal %s noenhanced size %d,%d font '%s' background rgb 'white'\n"
            "set multiplot\n",
            f->picture == RTD_PICTURE_SVG ? "svg" : "pngcairo", WIDTH, height,
            f->picture == RTD_PICTURE_SVG ? "sans-serif,13" : "Sans,10");
    draw_names(out, f, height);
    fprintf(out, "set border 3 lc rgb '#888888'\n"
                 "set xtics nomirror out scale 0.6 textcolor rgb '#333333'\n"
                 "set ytics nomirror out scale 0 textcolor rgb '#333333'\n"
                 "set grid ytics lt 1 lw 1 lc rgb '#e6e6e6'\n"
                 "set format '%%g'\n");
    for (int i = 0; i < n; i++) {
        int left = i % across * WIDTH / across + 75, right = (i % across + 1) * WIDTH / across - 30;
        int top = names + i / across * tall + 36, bottom = names + (i / across + 1) * tall - 52;
        fprintf(out,
                "set lmargin at screen %.5f; set rmargin at screen %.5f\n"
                "set tmargin at screen %.5f; set bmargin at screen %.5f\n"
                "set label 1 at graph 0, graph 1 offset character 0, 0.9 front ",
                (double)left / WIDTH, (double)right / WIDTH, 1 - (double)top / height,
                1 - (double)bottom / height);
        quote(out, p[i].title);
        fprintf(out,
                "\nset key default\n"
                "set key at screen %.5f, screen %.5f right bottom horizontal samplen 2.5 maxcols 9 "
                "textcolor rgb '#555555'\n",
                (double)right / WIDTH, 1 - (double)(top - 4) / height);
        fprintf(out, "set xlabel '%s' textcolor rgb '#555555' offset 0, 0.4\n", s->label);
        draw(out, f, &p[i], s);
    }
    fprintf(out, "unset multiplot\n");
}

static void print_panels(FILE *out, const struct rtd_figure *f, const struct panel *p, int n,
                         const struct scale *s)
{
    fprintf(out,
            "set terminal dumb nofeed noenhanced size 79,20\n"
            "set tics nomirror\n"
            "set key outside bottom center vertical\n"
            "set xlabel '%s'\n",
            s->label);
    for (int i = 0; i < n; i++) {
        fprintf(out, "set title ");
        quote(out, p[i].title);
        fprintf(out, "\n");
        draw(out, f, &p[i], s);
    }
}

int rtd_figure_script(const struct rtd_figure *f, struct rtd_buf *script, struct rtd_err *err)
{
    struct panel *p;
    int n, st = choose(f, &p, &n, err);
    char *text = NULL;
    size_t len = 0;
    FILE *out = st ? NULL : open_memstream(&text, &len);
    if (out) {
        struct scale s = scale_of(f);
        fprintf(out, "set encoding utf8\n");
        if (f->picture == RTD_PICTURE_TEXT)
            print_panels(out, f, p, n, &s);
        else
            draw_panels(out, f, p, n, &s);
    }
    bool lost = !st && (!out || ferror(out));
    if (out && fclose(out))
        lost = true;
    if (lost)
        st = rtd_fail(err, RTD_ESYS, "not enough memory for the picture");
    if (!st)
        st = rtd_buf_append(script, text, len, err);
    free(text);
    free(p);
    return st;
}
