/* rtdtools - MIT licence */
#include "pretrain/presets.h"

#include <stdio.h>
#include <string.h>

static const struct rtd_preset presets[] = {
    /* name     layers hidden heads ffn  emb  gen    lr  batch length */
    {"tiny", 2, 128, 2, 512, 128, 64, 1e-3, 128, 128},
    {"mini", 4, 256, 4, 1024, 128, 64, 1e-3, 128, 128},
    {"small", 12, 256, 4, 1024, 128, 64, 5e-4, 128, 128},
    {"small++", 12, 256, 4, 1024, 128, 256, 5e-4, 128, 128},
    {"base", 12, 768, 12, 3072, 768, 256, 2e-4, 256, 512},
    {"large", 24, 1024, 16, 4096, 1024, 256, 2e-4, 2048, 512},
};

const struct rtd_preset *rtd_preset_find(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (!strcmp(presets[i].name, name))
            return &presets[i];
    return NULL;
}

const char *rtd_preset_names(char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < sizeof presets / sizeof *presets && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", presets[i].name);
    return out;
}
