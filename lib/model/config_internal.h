/* rtdtools - MIT licence
 *
 * What reading, checking and writing config.json share: the numbers of struct rtd_config and the
 * activations, by Hugging Face's keys and names. */
#ifndef RTD_MODEL_CONFIG_INTERNAL_H
#define RTD_MODEL_CONFIG_INTERNAL_H

#include "model/config.h"

enum { RTD_CONFIG_KEYS = 13, RTD_CONFIG_ACTS = 5 };

extern const struct rtd_config_key {
    const char *name;
    bool whole; /* an int of struct rtd_config, else a double */
    size_t offset;
    bool required;
    double min, max;
} rtd_config_keys[RTD_CONFIG_KEYS];

extern const struct rtd_config_act {
    const char *name;
    enum rtd_act act;
} rtd_config_acts[RTD_CONFIG_ACTS]; /* the first of an act is the one that is written */

/* Set the value of a key. */
void rtd_config_set_number(struct rtd_config *c, const struct rtd_config_key *key, double x);

#endif
