#!/usr/bin/env bash
# run: plain
# The demo from end to end, with little of everything: it goes through, a rerun does nothing, and a
# changed setting redoes what depends on it and no more.
set -euo pipefail
demo() {
    "$ROOT/pipelines/demo" d split='test=200 dev=50 heldout=50 train=100' small=50 \
        pretrain='--size tiny --batch 16 --steps 6 --mlm-warmup 3' rates=1e-3 tune='--epochs 1' \
        THREADS=2 "$@" >out 2>err || {
        tail -n 5 err
        return 1
    }
}
demo
grep -q '^the network pre-trained  *[0-9.]' out
grep -q '^Accuracy in percent on 200 unseen' out
[ "$(grep -cE '^  [a-z].* (noun|verb|adj|adv)\.[a-zA-Z]+ \([0-9.]+\)$' out)" = 3 ]
[ "$(wc -l <d/results.tsv)" = 7 ]
[ -e d/classifier/config.json ]
grep -q 'pre-training, seed 1' err

demo
if grep '^demo:' err; then exit 1; fi
demo tune='--epochs 2'
grep -q 'fine-tuning' err
if grep 'pre-training\|splitting\|packing' err; then exit 1; fi

# killed as a whole in the middle of pre-training, it takes up its work, and ends in the same model
longer='--size tiny --batch 16 --steps 24 --save-every 4'
demo pretrain="$longer"
mv d/seed-1/pretrained/discriminator/model.safetensors uninterrupted
rm -rf d/seed-1
set -m # a process group of its own
demo pretrain="$longer" &
set +m
until [ -n "$(find d/seed-1/pretrained/checkpoint -name 'step-*' ! -name '*.tmp*' 2>/dev/null)" ]; do sleep 0.02; done
kill -KILL -- -$!
wait $! 2>/dev/null || true
[ ! -e d/seed-1/pretrained/discriminator ]
demo pretrain="$longer"
grep -q 'taking up where it was interrupted' err
cmp d/seed-1/pretrained/discriminator/model.safetensors uninterrupted
