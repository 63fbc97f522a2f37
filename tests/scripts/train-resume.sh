#!/usr/bin/env bash
# A run that was stopped, however it was stopped, and taken up again leaves the same bytes as one
# that was not.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
"$BUILD/tests/reframe" 4096 masked.ts frames.ts
# in the background without `train`: the number of the trainer is wanted, not of a shell around it
options=(-q --steps 150 --save-every 4 --keep 3 "${model[@]}" --mlm-warmup 40)
train() { rtd-train "${options[@]}" "$@"; }
eval=(--eval held.ts --eval-every 9)
train -o whole -j 2 "${eval[@]}" masked.ts

# killed again and again, at whatever it was doing
rtd-train "${options[@]}" -o killed -j 2 "${eval[@]}" masked.ts &
pid=$!
kills=0
for after in 8 21 33 47 60 85 110 130; do
    wait_lines killed/metrics.tsv $after $pid
    sleep "0.0$((after % 7))"
    kill -KILL $pid 2>/dev/null || true
    status=0
    wait $pid 2>/dev/null || status=$?
    [ $status = 137 ] || break
    kills=$((kills + 1))
    no_model killed
    rtd-train "${options[@]}" -o killed -j $((1 + after % 3)) --resume "${eval[@]}" masked.ts &
    pid=$!
done
wait $pid
same whole killed
[ $kills -ge 3 ] || complain "killed only $kills times"
[ -z "$(find killed -name '*.tmp-*' -o -name '*.old-*')" ] || complain 'something half-written is left'

# a signal ends the run after the step, with a checkpoint; a trainer that waits for its input too
mkfifo feed
for signal in TERM INT HUP; do
    rm -rf ended
    # in the background of a script INT is ignored, and what a parent ignores stays ignored
    env --default-signal=INT rtd-train --steps 150 --save-every 0 "${model[@]}" --mlm-warmup 40 \
        -o ended feed 2>err &
    pid=$!
    exec 7>feed
    head -c 60000 frames.ts >&7
    wait_lines ended/metrics.tsv 4 $pid
    sleep 0.1
    kill -$signal $pid
    status=0
    wait $pid || status=$?
    exec 7>&-
    [ $status = $((128 + $(kill -l $signal))) ] || complain "$signal: status $status: $(cat err)"
    no_model ended
    step=$(($(lines ended/metrics.tsv) - 1))
    [ -e ended/checkpoint/step-$step ] || complain "$signal: no checkpoint of step $step"
    grep -q "stopped at step $step of 150: checkpoint saved" err || complain "$signal: $(cat err)"
done
train -o ended --resume masked.ts
same whole ended checkpoint eval.tsv

# in the midst of work
rm -rf ended
rtd-train "${options[@]}" -o ended masked.ts &
pid=$!
wait_lines ended/metrics.tsv 30 $pid
kill -TERM $pid
status=0
wait $pid || status=$?
if [ $status = 143 ]; then
    step=$(($(lines ended/metrics.tsv) - 1))
    [ -e ended/checkpoint/step-$step ] || complain "no checkpoint of step $step"
else
    [ $status = 0 ] || complain "TERM at work: status $status"
fi
train -o ended --resume masked.ts
same whole ended checkpoint eval.tsv

# SIGUSR2: a checkpoint, and on it goes
rtd-train --steps 150 --save-every 0 "${model[@]}" --mlm-warmup 40 -o usr feed 2>err &
pid=$!
exec 7>feed
head -c 60000 frames.ts >&7
wait_lines usr/metrics.tsv 4 $pid
sleep 0.1
kill -USR1 $pid
sleep 0.1
kill -USR2 $pid
tail -c +60001 frames.ts >&7
exec 7>&-
wait $pid
same whole usr checkpoint eval.tsv
[ "$(find usr/checkpoint -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] || complain 'SIGUSR2: no checkpoint'
grep -q ': step [0-9]* of 150: mlm ' err || complain "SIGUSR1: $(cat err)"

# other kernels: a warning
rm -rf usr/discriminator usr/generator
RTD_KERNELS=plain rtd-train --steps 150 "${model[@]}" --mlm-warmup 40 -o usr --resume masked.ts 2>err
if [ "$(RTD_KERNELS='' rtd-train -o other --steps 1 "${model[@]}" --warmup 0 masked.ts 2>&1 | grep -c 'kernels plain')" = 0 ]; then
    grep -q 'made with other kernels' err || complain "other kernels: $(cat err)"
fi

# the kernels of the run so far are taken up, where the environment does not say others
RTD_KERNELS=plain rtd-train -q --steps 12 --save-every 6 "${model[@]}" -o plain masked.ts
cp -r plain plain-cut
rm -r plain-cut/discriminator plain-cut/generator plain-cut/checkpoint/step-12
rtd-train --steps 12 --save-every 6 "${model[@]}" -o plain-cut --resume masked.ts 2>err
same plain plain-cut
if grep -q 'other kernels' err; then complain "$(cat err)"; fi

# the stream ends, is taken up with and without --skip, in several passes
rm -rf usr
whole() { ts-cat --repeat 2 "$@" examples.ts | mask-gen --seed 3; }
long() { rtd-train -q --steps 300 --save-every 70 "${model[@]}" "$@"; }
whole | long -o passes || [ "${PIPESTATUS[1]}" = 0 ]
long -o cut < <(whole | ts-head -n 1000) 2>err && complain 'a short stream is no failure'
grep -q 'stream ended at step 166 of 300 (4 records left over); checkpoint saved' err || complain "$(cat err)"
no_model cut
cp -r cut skipped
cp -r cut unskipped
whole | long -o cut --resume
same passes cut checkpoint
whole --skip 996 | long -o skipped --resume
same passes skipped checkpoint
# one record too far, another part of the stream, another stream
for i in 997 1500; do
    rm -rf too-far
    cp -r cut too-far
    rm -rf too-far/discriminator too-far/generator too-far/checkpoint/step-2[0-9][0-9]
    fails 1 "rtd-train: -: record $i comes where the checkpoint wants 996: *" \
        bash -c "ts-cat --repeat 2 --skip $i examples.ts | mask-gen --seed 3 |
            rtd-train -q --steps 300 --save-every 70 ${model[*]} -o too-far --resume"
    no_model too-far
done
# the same records made otherwise; made alike of other text; repeated or cut elsewhere is no matter
other() { # MESSAGE COMMAND: whose stream does not go on with cut
    rm -rf other-stream
    cp -r unskipped other-stream
    fails 1 "rtd-train: $1" bash -c "$2 | rtd-train -q --steps 300 --save-every 70 ${model[*]} -o other-stream --resume"
    no_model other-stream
    [ ! -e other-stream/checkpoint/step-210 ] || complain 'it went on'
}
made='other-stream/checkpoint/step-166: the stream was made otherwise there *'
other "$made" 'ts-cat --repeat 2 examples.ts | mask-gen --seed 4'
other "$made" 'ts-cat --repeat 2 examples.ts | mask-gen --seed 3 --mask-prob 0.2'
other "$made" 'ts-shuf examples.ts | mask-gen --seed 3'
other "$made" 'ts-cat examples.ts examples.ts | mask-gen --seed 3'
jq -c '.input_ids |= map(if . < 90 then . + 1 else . end)' random.json >text.json
ts-load --kind tokens --vocab vocab.txt text.json | seq-pack -l 32 | ts-head -n 1200 -o text.ts
other '-: record 995 is not the one that the checkpoint was trained on: another stream' \
    'ts-cat --repeat 2 text.ts | mask-gen --seed 3'
cp -r unskipped three
ts-cat --repeat 3 examples.ts | mask-gen --seed 3 | long -o three --resume || [ "${PIPESTATUS[2]}" = 0 ]
same passes three checkpoint

# parts of a stream: indices have a stride; so does the first record after a batch of one
for batch in 1 4; do
    part() { ts-cat --shard 1/3 examples.ts | mask-gen; }
    short() { rtd-train -q --steps 9 --save-every 1 --keep 9 "${model[@]}" --batch $batch --lanes 1 "$@"; }
    rm -rf shard shard-cut
    part | short -o shard || [ "${PIPESTATUS[1]}" = 0 ]
    cp -r shard shard-cut
    rm -r shard-cut/discriminator shard-cut/generator shard-cut/checkpoint/step-[2-9]
    part | short -o shard-cut --resume || [ "${PIPESTATUS[1]}" = 0 ]
    same shard shard-cut
done

# one command, again and again: from the beginning where there is no checkpoint, nor a directory
train -o cron --resume masked.ts
same whole cron eval.tsv
rtd-train -q --steps 150 --save-every 0 "${model[@]}" --mlm-warmup 40 -o early feed &
pid=$!
exec 7>feed
head -c 30000 frames.ts >&7
wait_lines early/metrics.tsv 2 $pid
kill -KILL $pid
exec 7>&-
wait $pid 2>/dev/null || true
train -o early masked.ts 2>err && complain 'a run is there, and status 0'
grep -q -- '--resume continues it' err || complain "$(cat err)"
train -o early --resume masked.ts
same whole early eval.tsv

# finished: nothing to do, and nothing is done; not without checkpoints either, and another command
# is another run
rtd-train -q --steps 9 --save-every 0 "${model[@]}" -o nine masked.ts
rtd-train --steps 9 "${model[@]}" -o nine --resume masked.ts 2>err
grep -q 'nine: finished already' err || complain "$(cat err)"
fails 2 'rtd-train: nine/run.json: steps was 9 there and is 10 now: resume with the same command*' \
    rtd-train -q --steps 10 "${model[@]}" -o nine --resume masked.ts
fails 1 'rtd-train: nine/run.json: the stream was made otherwise there *' \
    rtd-train -q --steps 9 "${model[@]}" -o nine --resume held.ts
cp -r whole again
train -o again --resume masked.ts
same whole again

# lines of a version with other columns, in another order, are kept by the names that both have
nine=(-q --steps 9 --save-every 3 "${model[@]}" --eval held.ts --eval-every 1)
rtd-train "${nine[@]}" -o nine-whole masked.ts
cp -r nine-whole older
rm -r older/discriminator older/generator older/checkpoint/step-[69]
# shellcheck disable=SC2016 # awk's
at_column='NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i }'
for file in metrics:grad_norm eval:copy_auc; do
    awk -F '\t' -v name="${file#*:}" "$at_column"' {
        line = $1 "\t" (NR == 1 ? "gone" : 7); for (i = NF; i > 1; i--) if (i != at) line = line "\t" $i; print line }' \
        "nine-whole/${file%:*}.tsv" >"older/${file%:*}.tsv"
done
rtd-train "${nine[@]}" -o older --resume masked.ts
for file in metrics:grad_norm eval:copy_auc; do
    awk -F '\t' -v OFS='\t' -v name="${file#*:}" "$at_column"' NR > 1 && NR < 5 { $at = "" } 1' \
        "nine-whole/${file%:*}.tsv" >wanted
    diff <(untimed wanted) <(untimed "older/${file%:*}.tsv") || complain "${file%:*}.tsv of an older version"
done
