/* rtdtools - MIT licence
 *
 * Counting floating-point operations. */
#include "model/flops.h"

#include <math.h>
#include <string.h>

double rtd_flops_encoder(const struct rtd_config *c, double n)
{
    double h = c->hidden_size, f = c->intermediate_size, e = c->embedding_size;
    double layer = 8 * h * h * n + 4 * h * f * n + 4 * n * n * h;
    double project = e == h ? 0 : 2 * e * h * n;
    return c->num_hidden_layers * layer + project;
}

double rtd_flops_discriminator_head(const struct rtd_config *c, double n)
{
    double h = c->hidden_size;
    return 2 * h * h * n + 2 * h * n;
}

double rtd_flops_generator_head(const struct rtd_config *c, double masked)
{
    double h = c->hidden_size, e = c->embedding_size;
    return (2 * h * e + 2 * e * c->vocab_size) * masked;
}

double rtd_flops_head(const struct rtd_config *c, double n)
{
    double h = c->hidden_size, labels = c->num_labels;
    if (strstr(c->architecture, "ForSequenceClassification")) /* at [CLS] only */
        return 2 * h * h + 2 * h * labels;
    if (strstr(c->architecture, "ForTokenClassification"))
        return 2 * h * labels * n;
    if (strstr(c->architecture, "ForQuestionAnswering"))
        return 2 * h * 2 * n;
    if (strcmp(c->architecture, "ElectraForPreTraining") == 0)
        return rtd_flops_discriminator_head(c, n);
    if (strstr(c->architecture, "ForMaskedLM"))
        return rtd_flops_generator_head(c, rint(0.15 * n));
    return 0;
}
