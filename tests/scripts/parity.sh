#!/usr/bin/env bash
# Networks, losses, gradients and updates against a reference implementation's, with every set of
# kernels that this CPU has; and that the comparison notices what is missing, added or changed.
set -euo pipefail
parity=$BUILD/tests/parity
golden=$ROOT/tests/golden
tar -xf "$golden/square.tar.zst"

ran=0
for set in plain avx2 avx512; do
    for model in "$golden/tiny" square; do
        status=0
        RTD_KERNELS=$set "$parity" "$model" >out 2>&1 || status=$?
        cat out
        if [ $status = 2 ] && [ $set != plain ]; then
            break # not on this CPU
        fi
        [ $status = 0 ] && grep -q "($set)" out
        ran=$((ran + 1))
    done
done
[ $ran -ge 2 ]

fails() { # MESSAGE: the comparison of the folder `changed` fails, saying so
    status=0
    RTD_KERNELS=plain "$parity" changed >out 2>&1 || status=$?
    if [ $status != 1 ] || ! grep -q "$1" out; then
        echo "wanted a failure with \"$1\", got status $status:"
        cat out
        exit 1
    fi
}
edit() { # FILE VERB ...: in a fresh copy of tiny
    rm -rf changed
    cp -r "$golden/tiny" changed
    chmod -R u+w changed
    python3 "$ROOT/tests/support/tensors.py" "changed/$1.safetensors" "${@:2}"
}
expect() { # MESSAGE FILE VERB ...
    edit "${@:2}"
    fails "$1"
}
mkdir changed
fails 'nothing to compare'
query=electra.encoder.layer.1.attention.self.query.weight
expect "$query: tensor missing" discriminator/model drop $query
expect 'extra tensor more' discriminator/model add more
expect 'FAIL gradient discriminator.*key.weight' discriminator/model scale $query 1.001
expect "$query: tensor missing" generator/model drop $query
expect 'tied tensor generator_lm_head.weight' generator/model scale generator_lm_head.weight 2
expect 'disc_hidden_2: tensor missing' pretrain drop disc_hidden_2
expect 'extra tensor disc_hidden_3' pretrain add disc_hidden_3
expect 'FAIL forward discriminator_logits' pretrain scale discriminator_logits 1.0001
expect 'FAIL forward generator_logits' pretrain scale generator_logits 0
expect 'FAIL scalar disc_loss' pretrain scale disc_loss 1.001
expect "generator.$query: tensor missing" pretrain_grads drop "generator.$query"
expect 'extra tensor generator.more' pretrain_grads add generator.more
expect "FAIL gradient generator.$query" pretrain_grads scale "generator.$query" 1.001
expect 'extra tensor after10' pretrain_steps drop after10.discriminator.electra.embeddings.LayerNorm.weight
expect "m10.generator.$query: tensor missing" pretrain_steps drop "m10.generator.$query"
expect "FAIL second moment v10.generator.$query" pretrain_steps scale "v10.generator.$query" 1.001
expect 'FAIL scalar step grad_norm' pretrain_steps scale record 1.001
expect "FAIL parameter after3.$query" finetune_steps scale "after3.$query" 1.001
expect 'record: tensor missing' finetune_steps drop record
expect 'FAIL task logits' classify scale logits 1.001
expect 'extra tensor more' tag add more
expect 'end_logits: tensor missing' answer drop end_logits
edit answer list >/dev/null
rm changed/pretrain.safetensors
fails 'extra tensor'
