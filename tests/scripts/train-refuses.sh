#!/usr/bin/env bash
# What rtd-train refuses: one line, the right status, and no model.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
options=(-q "${model[@]}")
train() { rtd-train "${options[@]}" "$@"; }
refused() { # STATUS PATTERN ARGUMENT...: with -o run, which then holds no model
    rm -rf run
    fails "$1" "rtd-train: $2" rtd-train "${options[@]}" -o run "${@:3}"
    no_model run
}
usage=$'\nusage: rtd-train *' # after a usage error

# the command line
refused 2 "--steps N is required: *ts-info --count*ts-cat --repeat*$usage" masked.ts
fails 2 "rtd-train: -o DIR is required$usage" rtd-train --steps 3 masked.ts
refused 2 "--size huge: wants one of tiny, *$usage" --steps 3 --size huge masked.ts
refused 2 "--objective bert: wants one of electra, *mlm, *$usage" --steps 3 --objective bert masked.ts
refused 2 "--objective bert: wants one of electra, *$usage" --steps 3 --objective mlm,bert@0.5 masked.ts
refused 2 "--objective electra: wants the share of the run*$usage" --steps 3 --objective mlm,electra masked.ts
refused 2 "--mlm-warmup: goes with --objective electra alone$usage" --steps 3 --objective mlm --mlm-warmup 1 masked.ts
refused 2 "--mlm-warmup 4: more than --steps$usage" --steps 3 --mlm-warmup 4 masked.ts
refused 2 "--lanes 3: wants a power of two$usage" --steps 3 --lanes 3 masked.ts
refused 2 "--init-layers wild: wants normal or mimetic$usage" --steps 3 --init-layers wild masked.ts
refused 2 "--init-positions: --init-layers mimetic has positions of its own$usage" --steps 3 --init-layers mimetic \
    --init-positions sinusoid masked.ts
refused 2 'mimetic initial values want two heads*' --steps 3 --heads 1 --init-layers mimetic masked.ts
refused 2 "--batch 6: wants a multiple of --lanes 4$usage" --steps 3 --lanes 4 masked.ts
refused 2 "--warmup 4: the only step would have rate 0$usage" --steps 1 masked.ts
refused 2 "wants one stream, not 2$usage" --steps 3 masked.ts held.ts
refused 2 "masked.ts: sequences of up to 32 tokens, but --positions 31*" --steps 3 --positions 31 masked.ts
refused 1 'discriminator: *heads*' --steps 3 --heads 3 masked.ts
rtd-train --help >help # not into a pipe that grep closes early
for size in tiny mini small small++ base large; do # one table, and what it says of itself
    grep -q -- "--size NAME.* ${size}[, ]" help || complain "--help: no $size"
    grep -q "^\.It $size Ta" "$ROOT/man/rtd-train.1" || complain "rtd-train(1): no $size"
done
for value in '--steps 0' '--steps 1e3' '--lr 0' '--lr 20' '--dropout 1' '--batch 0' '--lanes 0' '--seed -1' \
    '--layers 128' '--threads 0' '--temperature 0'; do
    read -ra argv <<<"$value"
    refused 2 "${argv[0]} *$usage" --steps 3 "${argv[@]}" masked.ts
done
fails 2 "rtd-train: RTD_KERNELS=none: *" env RTD_KERNELS=none rtd-train -q -o run --steps 3 masked.ts

# the stream
refused 3 'no-such-file: cannot open: No such file or directory' --steps 3 no-such-file
refused 1 'examples.ts: *holds examples, wants masked*' --steps 3 examples.ts
refused 1 '*vocab.txt: *' --steps 3 vocab.txt
: >empty
refused 1 'empty: *' --steps 3 empty
ts-head -n 20 -o short.ts masked.ts
refused 1 'short.ts: stream ended at step 3 of 10 (2 records left over); checkpoint saved' --steps 10 short.ts
[ -d run/checkpoint/step-3 ]
ts-head -n 0 -o none.ts masked.ts
refused 1 'none.ts: stream ended at step 0 of 10 (0 records left over)' --steps 10 none.ts
[ ! -e run/checkpoint ] || complain 'a checkpoint of nothing'
"$BUILD/tests/reframe" 4096 masked.ts frames.ts
head -c 60000 frames.ts >cut.ts
refused 1 'cut.ts: *' --steps 190 cut.ts
step=$(($(lines run/metrics.tsv) - 1))
[[ $step -gt 5 && -d run/checkpoint/step-$step ]] || complain 'a cut stream: no checkpoint'
cp frames.ts flipped.ts
printf X | dd of=flipped.ts bs=1 seek=60000 conv=notrunc status=none
refused 1 'flipped.ts: frame * (byte *): *checksum*' --steps 190 flipped.ts
# upstream says why it failed
"$BUILD/tests/reframe" 4096 examples.ts frames-examples.ts
head -c 60000 frames-examples.ts >cut-examples.ts
rm -rf run
mask-gen cut-examples.ts 2>/dev/null | train -o run --steps 190 2>err && complain 'upstream failed'
[[ $(cat err) == 'rtd-train: upstream mask-gen failed: '* ]] || complain "$(cat err)"
no_model run
echo '{"input_ids":[2,4,3],"token_type_ids":[0,0,0],"masked_lm_positions":[1],"masked_lm_ids":[7]}
{"input_ids":[],"token_type_ids":[],"masked_lm_positions":[],"masked_lm_ids":[]}' >void.json
ts-load --kind masked --vocab vocab.txt --max-length 32 -o void.ts void.json
refused 1 'void.ts: record 1: an empty sequence' --steps 2 --batch 1 --lanes 1 void.ts
echo '{"input_ids":[2,4,3],"token_type_ids":[0,2,1],"masked_lm_positions":[1],"masked_lm_ids":[7]}' |
    ts-load --kind masked --vocab vocab.txt --max-length 32 -o types.ts
refused 1 'types.ts: record 0: token type 2, but there are 2' --steps 2 --batch 1 --lanes 1 types.ts

# a warning only: masks that were repeated
ts-cat --repeat 2 -o static.ts masked.ts
rtd-train "${model[@]}" -o run -f --steps 1 --warmup 0 static.ts 2>err
grep -q 'repeated after mask-gen: every pass has the same masks' err || complain "$(cat err)"
rtd-train "${model[@]}" -o run -f --steps 1 --warmup 0 masked.ts 2>err
if grep -q 'repeated' err; then complain "$(cat err)"; fi

# evaluation
mask-gen --seed 9 -o same.ts examples.ts
refused 1 'same.ts: begins with the examples of the training stream: *' --steps 3 --eval same.ts masked.ts
[ ! -e run/checkpoint ] || complain 'a checkpoint of nothing'
(cat vocab.txt; echo more) >other.txt
ts-dump held.ts | ts-load --kind masked --vocab other.txt --max-length 32 -o other.ts
refused 1 "other.ts: its vocabulary is not the training stream's" --steps 3 --eval other.ts masked.ts
refused 1 'none.ts: no records to evaluate on' --steps 3 --eval none.ts masked.ts
refused 1 'examples.ts: *holds examples, wants masked*' --steps 3 --eval examples.ts masked.ts
refused 1 'cut.ts: *' --steps 3 --eval cut.ts masked.ts
refused 3 'no-such: cannot open: *' --steps 3 --eval no-such masked.ts
ts-dump held.ts | ts-load --kind masked --vocab vocab.txt --max-length 40 | ts-head -n 10 -o long.ts
train -o run -f --steps 3 --eval long.ts masked.ts # its sequences are no longer than the positions
echo "{\"input_ids\":[2$(printf ',4%.0s' {1..33})],\"token_type_ids\":[0$(printf ',0%.0s' {1..33})],\"masked_lm_positions\":[1],\"masked_lm_ids\":[7]}" |
    ts-load --kind masked --vocab vocab.txt --max-length 40 -o longer.ts
refused 1 'longer.ts: record 0: 34 tokens, but --positions 32' --steps 3 --eval longer.ts masked.ts

# a run that is there already
train -o run -f --steps 4 --save-every 2 masked.ts
cp -r run kept
fails 2 "rtd-train: run: holds a run already: --resume continues it, -f starts anew$usage" \
    rtd-train "${options[@]}" -o run --steps 4 masked.ts
same kept run
rm -r run/discriminator run/generator run/checkpoint/step-4
cp -r run unfinished
for option in '--steps 5' '--seed 2' '--lr 0.02' '--batch 4' '--lanes 1' '--dropout 0.2' '--hidden 32' \
    '--warmup 1' '--mlm-warmup 1' '--positions 64' '--beta2 0.9' '--objective mlm' '--disallow-correct' '--generator-layers 1'; do
    read -ra argv <<<"$option"
    rm -rf run
    cp -r unfinished run
    fails 2 "rtd-train: run/checkpoint/step-2: ${argv[0]#--} was * there and is * now: resume with the same command*" \
        rtd-train "${options[@]}" --steps 4 --save-every 2 -o run --resume "${argv[@]}" masked.ts
    no_model run
done
ts-dump masked.ts | ts-load --kind masked --vocab other.txt --max-length 32 -o other-masked.ts
fails 1 "rtd-train: run/checkpoint/step-2: its vocabulary is not the stream's" \
    rtd-train "${options[@]}" --steps 4 -o run --resume other-masked.ts
# how it is saved, logged and evaluated may change
train --steps 4 --save-every 1 --keep 2 --log-every 2 -j 3 --eval held.ts -o run --resume masked.ts
same kept run checkpoint metrics.tsv eval.tsv
# finished, but not what was asked for
fails 2 'rtd-train: run*steps was 4 there and is 6 now*' \
    rtd-train "${options[@]}" --steps 6 -o run --resume masked.ts

# two at once
mkfifo feed
rm -rf run
rtd-train "${options[@]}" -o run --steps 3 feed 2>/dev/null &
pid=$!
exec 7>feed
head -c 3000 masked.ts >&7
while [ ! -e run/metrics.tsv ]; do sleep 0.05; done
for how in --resume -f -q; do
    fails 3 'rtd-train: run*' rtd-train "${options[@]}" -o run --steps 3 $how masked.ts
done
tail -c +3001 masked.ts >&7 || true
exec 7>&-
wait $pid || complain 'the first trainer was disturbed'

# numbers that are none
rm -rf run
fails 4 'rtd-train: step *: the * is not finite*' rtd-train "${options[@]}" -o run --steps 190 --lr 10 --clip 0 \
    --warmup 0 --save-every 0 --init-range 1 --weight-decay 1 --eps 1e-15 --gen-weight 1e6 --disc-weight 1e6 masked.ts
no_model run
[[ $(cat err) == *'; no checkpoint has been saved' ]] || complain "$(cat err)"
for ((step = 1; step < 190; step++)); do # the last one that was saved before is named
    rm -rf run
    fails 4 'rtd-train: step *: the * is not finite*' rtd-train "${options[@]}" -o run --steps 190 --lr 10 --clip 0 \
        --warmup 0 --save-every $step --init-range 1 --weight-decay 1 --eps 1e-15 --gen-weight 1e6 --disc-weight 1e6 masked.ts
    [[ $(cat err) == *checkpoint/step-* ]] && break
done
good=$(sed -nE 's/.*; the last good checkpoint is (run.checkpoint.step-[0-9]*)$/\1/p' err)
[[ -d $good ]] || complain "$(cat err)"

# no room: files of at most 20 kB (a write beyond is an error when the signal is ignored)
small() { (trap '' XFSZ; ulimit -f 20; exec rtd-train "$@"); }
rm -rf run
fails 3 'rtd-train: run/*: cannot write*' small "${options[@]}" -o run --steps 4 --save-every 2 masked.ts
no_model run
[ -z "$(ls run/checkpoint 2>/dev/null)" ] || complain "a full disk left $(ls run/checkpoint)"
mkdir closed
chmod a-w closed
if [ ! -w closed ]; then
    fails 3 'rtd-train: closed/run: *' rtd-train "${options[@]}" -o closed/run --steps 4 masked.ts
fi
echo file >file
fails 3 'rtd-train: file*' rtd-train "${options[@]}" -o file --steps 4 masked.ts
fails 3 'rtd-train: file: *' rtd-train "${options[@]}" -o file/run --steps 4 masked.ts
