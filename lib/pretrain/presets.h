/* rtdtools - MIT licence
 *
 * The sizes of `rtd-train --size` (arXiv 2003.10555, appendix A; tiny and mini are ours): one
 * table. */
#ifndef RTD_PRETRAIN_PRESETS_H
#define RTD_PRETRAIN_PRESETS_H

#include <stddef.h>

struct rtd_preset {
    const char *name;
    int layers, hidden, heads, ffn, embedding, generator_hidden;
    double lr;
    int batch, length;
};

/* NULL: no such size. */
const struct rtd_preset *rtd_preset_find(const char *name);
/* "tiny, mini, small, ..." into out, cut to fit: for messages.  Returns out. */
const char *rtd_preset_names(char *out, size_t size);

#endif
