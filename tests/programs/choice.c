/* rtdtools - MIT licence
 *
 * choice: which kernels a process of this environment computes with, and why, on a line. */
#include <stdio.h>

#include "base/say.h"
#include "nn/choice.h"

static void print(int kind, const char *text)
{
    (void)kind;
    puts(text);
}

int main(void)
{
    static const struct rtd_sink sink = {.message = print};
    struct rtd_err err = {0};
    rtd_set_sink(&sink);
    if (rtd_choose(&err))
        fprintf(stderr, "choice: %s\n", err.text);
    return err.status;
}
