#!/usr/bin/env bash
# The same stream, options and seed give the same bytes: at any number of threads, with and without
# evaluation, whatever the frames; and what should have an effect has one.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
train() { rtd-train -q --steps 20 --save-every 10 "${model[@]}" --batch 16 --lanes 8 "$@"; }

eval=(--eval held.ts --eval-every 7)
for phase in '--mlm-warmup 0' '--mlm-warmup 11'; do
    read -ra warm <<<"$phase"
    rm -rf j? without
    for j in 1 2 3 5 8; do
        train -o j$j -j $j "${warm[@]}" "${eval[@]}" masked.ts
        same j1 j$j
    done
    [ "$(lines j1/metrics.tsv)" = 21 ]
    [ "$(lines j1/eval.tsv)" = 4 ] # after steps 7, 14 and 20
    train -o without -j 2 "${warm[@]}" masked.ts
    same j1 without eval.tsv
    mv j1 "run-${warm[1]}"
done
differ run-0/discriminator/model.safetensors run-11/discriminator/model.safetensors
# the warm-up's head is in no model; the generator is trained in both phases
model-info --tensors run-11/discriminator >tensors
if grep -q warmup tensors; then complain 'the head of the warm-up is in the model'; fi
awk -F '\t' 'NR > 1 && ($1 <= 11) != ($8 == "" && $9 == "" && $10 == "" && $11 != "" && $12 != "") { exit 1 }' \
    run-11/metrics.tsv
# an evaluation is one of the phase
awk -F '\t' 'NR > 1 && ($1 <= 11) != ($5 == "" && $12 != "" && $13 != "") { exit 1 }' run-11/eval.tsv
# so is what the copy meter says, through the head that the phase trains; attention has always some
for run in run-0 run-11; do
    awk -F '\t' -v run=$run 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        {
            words = $at["copy_accuracy"] != "" && $at["copy_accuracy_alone"] != ""
            tokens = $at["copy_auc"] != "" && $at["copy_auc_alone"] != ""
            if (words != (run == "run-11" && $1 <= 11) || tokens == words ||
                $at["attention_entropy_1"] <= 0.5 || $at["attention_entropy_2"] > 1)
                exit 1
        }' $run/eval.tsv || complain "copy meter: $(cat $run/eval.tsv)"
done

# what the files say: the schedule, the sum of the losses; models that the other tools take
awk -F '\t' 'function off(a, b) { return a - b > 2e-5 * b + 1e-9 || b - a > 2e-5 * b + 1e-9 }
    NR > 1 {
        t = NR - 2
        if ($1 != NR - 1 || off($3, 0.01 * (1 - t / 20) * (t < 4 ? t / 4 : 1)) || off($4, $5 + 50 * $8))
            exit 1
    }' run-0/metrics.tsv || complain 'metrics.tsv does not add up'
for net in discriminator generator; do
    model-info run-0/$net >info
    [ "$(grep -cE '^(digest	verified|trained_length	32)$' info)" = 2 ] || complain "$net: $(cat info)"
done
echo 'a b c d' | detect -m run-0/discriminator >out

# frames do not matter, nor whether the stream is a file, a pipe, or compressed
"$BUILD/tests/reframe" 4096 masked.ts small-frames.ts
"$BUILD/tests/reframe" 64 masked.ts single-frames.ts
[ "$(ts-info --json small-frames.ts | jq .frames)" -gt 20 ]
train -o frames "${eval[@]}" small-frames.ts
same run-0 frames
train -o single "${eval[@]}" <single-frames.ts
same run-0 single
ts-cat examples.ts | mask-gen | zstd -q | train -o piped "${eval[@]}"
same run-0 piped
train -o tokens --batch-tokens 150 masked.ts
train -o tokens-frames --batch-tokens 150 small-frames.ts
same tokens tokens-frames
# a batch ends with the first multiple of lanes that makes it reach that many tokens
awk -F '\t' 'NR > 1 && ($2 < 150 || $2 >= 150 + 8 * 32) { exit 1 }' tokens/metrics.tsv

# a batch of which 8 is no divisor has by default as many lanes as halve it evenly
small() { rtd-train -q --steps 3 --layers 1 --hidden 16 --embedding 8 --positions 32 "$@" masked.ts; }
for lanes in 4 1; do
    small -o "given-$lanes" --batch $((lanes * 3)) --lanes $lanes
    small -o "default-$lanes" --batch $((lanes * 3))
    same "given-$lanes" "default-$lanes"
done

# options that must have an effect; those that decide the batch change rounding only
base="run-0/discriminator/model.safetensors"
for option in '--seed 2' '--dropout 0' '--temperature 3' '--disallow-correct' '--disc-weight 20' \
    '--gen-weight 2' '--weight-decay 0.1' '--clip 0.1' '--beta1 0.8' '--beta2 0.99' '--eps 1e-3' \
    '--lr 0.005' '--warmup 2' '--init-range 0.05' '--lanes 4' '--micro-tokens 10'; do
    read -ra argv <<<"$option"
    train -f -o other "${argv[@]}" masked.ts
    if cmp -s other/discriminator/model.safetensors $base; then complain "$option: no effect"; fi
    case $option in --lanes* | --micro*)
        paste <(cut -f 4 run-0/metrics.tsv) <(cut -f 4 other/metrics.tsv) | awk 'NR > 1 && NR < 10 {
            d = ($1 - $2) / $1; if (d > 1e-3 || d < -1e-3) exit 1 }' ||
            complain "$option: more than rounding"
        ;;
    esac
done

# with the same weights an evaluation says the same, whatever -j, lanes and micro-batches; and it
# says the same at any step
still=(--warmup 0 --lr 1e-12)
for how in '-j 1' '-j 3' '--lanes 1' '--lanes 8 --batch 8' '--micro-tokens 1' '--micro-tokens 5000'; do
    read -ra argv <<<"$how"
    rm -rf other
    rtd-train -q -o other --steps 1 "${model[@]}" "${still[@]}" "${argv[@]}" --eval held.ts masked.ts
    [ -e first ] || mv other first
    [ ! -e other ] || cmp first/eval.tsv other/eval.tsv || complain "$how: another evaluation"
done
rtd-train -q -o still --steps 3 "${model[@]}" "${still[@]}" --eval held.ts --eval-every 1 masked.ts
[ "$(tail -n +2 still/eval.tsv | cut -f 2- | sort -u | wc -l)" = 1 ]
[ "$(tail -n 1 still/eval.tsv | cut -f 2-)" = "$(tail -n 1 first/eval.tsv | cut -f 2-)" ]
rtd-train -q -o limited --steps 1 "${model[@]}" "${still[@]}" --eval held.ts --eval-limit 50 masked.ts
ts-head -n 50 -o few.ts held.ts
rtd-train -q -o few --steps 1 "${model[@]}" "${still[@]}" --eval few.ts masked.ts
cmp limited/eval.tsv few/eval.tsv
differ first/eval.tsv few/eval.tsv
