#!/usr/bin/env bash
# run: plain
# Tests that cannot fail are worth nothing: plant named bugs, one at a time, in a copy of the tree
# and see that each turns a test red.
set -euo pipefail
cp -r "$ROOT/Makefile" "$ROOT/lib" "$ROOT/tests" .
mkdir -p tools
programs=(build/tests/parity build/tests/kernels_random_test)
unset BUILD BIN # the runner's, of the tree as it is
golden='tests/golden/tiny'

build() { make -s "${programs[@]}" >build.log 2>&1 || { tail build.log && exit 1; }; }
red() { # the tests that see a bug: non-zero, and not by a signal
    local status=0
    RTD_KERNELS=plain build/tests/parity "$golden" >test.log 2>&1 || status=$?
    [ $status -ne 0 ] || build/tests/kernels_random_test >test.log 2>&1 || status=$?
    [ $status -ne 0 ] && [ $status -lt 128 ]
}
build
if red; then
    echo 'the tests fail on the tree as it is:'
    cat test.log
    exit 1
fi

survived=0
mutate() { # NAME FILE SED-EXPRESSION
    cp "$2" saved
    sed -i "$3" "$2"
    if cmp -s "$2" saved; then
        echo "$1: the line to change in $2 is gone: mend the mutation"
        exit 1
    fi
    build
    if red; then echo "killed: $1"; else
        echo "SURVIVED: $1"
        survived=$((survived + 1))
    fi
    cp saved "$2"
}
mutate 'weight decay of the wrong sign' lib/nn/kernels_ref.c \
    's/(step + o->weight_decay \* p\[i\])/(step - o->weight_decay * p[i])/'
mutate 'dropout without its scale' lib/nn/kernels.c 's/d->scale = .*;/d->scale = 1;/'
mutate 'schedule one step early' lib/train/optimizer.c 's/? (double)t : T;/? (double)t + 1 : T;/'
mutate 'warm-up does not multiply' lib/train/optimizer.c 's|(1 - now / T) \* up|(1 - now / T)|'
mutate 'segments swapped' lib/model/encoder.c \
    's/w + enc->type + t->types\[from + i\] \* e/w + enc->type + (1 - t->types[from + i]) * e/'
mutate 'mean of means' lib/train/pretrain.c 's/gen_weight \/ ((double)slots + 1e-6)/gen_weight \/ ((double)m->M + 1e-6)/'
mutate 'the discriminator reads the originals' lib/train/pretrain.c \
    's/^\( *\)m->fake\[m->row\[k\]\] = id;/\1(void)id;/'
mutate 'a sample equal to the original counts as replaced' lib/train/pretrain.c \
    's/m->replaced\[m->row\[k\]\] = id != original;/m->replaced[m->row[k]] = 1;/'
mutate 'gradient of the tied table dropped' lib/model/heads.c \
    's/rtd_linear_bwd(dy, g + head->word, logits, y, w + head->word, R, V, e, 0);/rtd_gemm(false, false, R, e, V, 1, logits, V, w + head->word, e, 0, dy, e);/'
mutate 'masked positions one too low' lib/train/pretrain.c \
    's/(uint32_t)b->positions\[i\];/(uint32_t)b->positions[i] - 1;/'
mutate 'another eps in LayerNorm' lib/model/encoder.c 's/\.eps = (real)c->layer_norm_eps/.eps = (real)1e-3/'
mutate '1 - beta2 taken in float' lib/train/optimizer.c 's/(real)(1 - o->beta2)/1 - (real)o->beta2/'
[ $survived -eq 0 ]
