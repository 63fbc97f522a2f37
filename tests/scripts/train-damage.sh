#!/usr/bin/env bash
# Checkpoints that were damaged are noticed, and the one before is taken.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
options=(--steps 8 --save-every 2 "${model[@]}" --mlm-warmup 3)
rtd-train -q "${options[@]}" -o whole masked.ts
cp -r whole run
rm -r run/discriminator run/generator run/checkpoint/step-8 run/checkpoint/step-2
newest=run/checkpoint/step-6
resume() { rtd-train "${options[@]}" -o run --resume masked.ts; }

# takes up step 4 after a warning, and ends as ever; then put everything back
older() { # WHAT
    resume 2>err || complain "$1: $(cat err)"
    grep -q '^rtd-train: run: 1 newer checkpoint is damaged: going on from step 4$' err ||
        complain "$1: said $(cat err)"
    same whole run checkpoint
    rm -r run
    cp -r kept run
}
cp -r run kept
size() { stat -c %s "$1"; }
n=0
while read -r file; do
    for cut in 0 $(($(size $newest/"$file") / 2)) $(($(size $newest/"$file") - 1)); do
        truncate -s "$cut" $newest/"$file"
        older "$file cut to $cut"
    done
    for at in 9 $(($(size $newest/"$file") / 3)) $(($(size $newest/"$file") - 1)); do
        printf '%b' "\\x$(printf %02x $((0x$(xxd -s "$at" -l 1 -p $newest/"$file") ^ 4)))" |
            dd of=$newest/"$file" bs=1 seek="$at" conv=notrunc status=none
        older "$file changed at $at"
    done
    rm $newest/"$file"
    older "$file removed"
    n=$((n + 1))
done < <(cd $newest && find . -type f | sort)
[ $n = 13 ] || complain "$n files in a checkpoint, not 13"

# files of another checkpoint in its place
cp run/checkpoint/step-4/training.safetensors $newest/
older 'an older state'
cp run/checkpoint/step-4/discriminator/model.safetensors $newest/discriminator/
older 'older weights'

# all of them
for step in 4 6; do truncate -s 100 run/checkpoint/step-$step/training.safetensors; done
fails 1 'rtd-train: run/checkpoint/step-6/training.safetensors: *' rtd-train -q "${options[@]}" -o run --resume masked.ts
no_model run
# none at all: from the beginning
rm -r run/checkpoint/step-*
resume 2>err
grep -q '^rtd-train: run: no checkpoint yet: starting anew$' err || complain "$(cat err)"
same whole run

# what is not a checkpoint is left alone
rm -r run
cp -r kept run
mkdir run/checkpoint/step-9.mine run/checkpoint/step-
touch run/mine
resume 2>err
[ -d run/checkpoint/step-9.mine ] && [ -d run/checkpoint/step- ] && [ -e run/mine ]
same whole run checkpoint mine
