/* rtdtools - MIT licence
 *
 * The cost of a pre-training token, against figures worked out by hand for the presets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "model/flops.h"

/* Both networks, n tokens, round(0.15 n) of them masked; MFLOP a token. */
static double training(int layers, int hidden, int embedding, int generator, int n)
{
    struct rtd_config d, g;
    rtd_config_init(&d);
    d.vocab_size = 30522;
    d.num_hidden_layers = layers;
    d.hidden_size = hidden;
    d.intermediate_size = 4 * hidden;
    d.embedding_size = embedding;
    g = d;
    g.hidden_size = generator;
    g.intermediate_size = 4 * generator;
    double flops = rtd_flops_encoder(&d, n) + rtd_flops_discriminator_head(&d, n) +
                   rtd_flops_encoder(&g, n) + rtd_flops_generator_head(&g, rint(0.15 * n));
    return 3 * flops / n / 1e6;
}

static void presets_cost_what_was_worked_out(void **state)
{
    (void)state;
    assert_true(fabs(training(2, 128, 128, 64, 128) - 7.2) < 0.05);
    assert_true(fabs(training(4, 256, 128, 64, 128) - 26.1) < 0.05);
    assert_true(fabs(training(12, 256, 128, 64, 128) - 70.2) < 0.05);
    assert_true(fabs(training(12, 256, 128, 64, 512) - 87.9) < 0.05);
    assert_true(fabs(training(12, 256, 128, 256, 128) - 127) < 0.5);
    assert_true(fabs(training(12, 768, 768, 256, 512) - 668) < 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(presets_cost_what_was_worked_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
