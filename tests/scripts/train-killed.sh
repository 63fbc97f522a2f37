#!/usr/bin/env bash
# Any stage of a training pipeline killed at any moment: no model, unless it is the whole one; and
# what was done so far can be taken up.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
"$BUILD/tests/reframe" 4096 all.ts frames.ts
options=(-q --steps 300 --save-every 50 "${model[@]}" -o run)
mkfifo a b c
pids=()
start() { # three stages and the trainer, their numbers into pids
    "$BUILD/tests/reframe" 4096 frames.ts - >a 2>err.0 &
    pids=($!)
    ts-cat <a >b 2>err.1 &
    pids+=($!)
    mask-gen <b >c 2>err.2 &
    pids+=($!)
    rtd-train "${options[@]}" "$@" <c 2>err.3 &
    pids+=($!)
}
finish() {
    status=()
    local p s
    for p in "${pids[@]}"; do
        s=0
        wait "$p" 2>/dev/null || s=$?
        status+=("$s")
    done
}
start
finish
[ "${status[3]}" = 0 ] || complain "nobody was killed: ${status[*]} $(cat err.3)"
mv run whole

killed=0
for stage in 0 1 2 3; do
    for steps in 0 3 60 170; do
        start
        if [ $steps = 0 ]; then sleep 0.01; else wait_lines run/metrics.tsv $steps "${pids[3]}"; fi
        kill -KILL "${pids[stage]}" 2>/dev/null || true
        finish
        what="stage $stage killed after $steps steps, statuses ${status[*]}, $(cat err.3)"
        [ "${status[stage]}" != 137 ] || killed=$((killed + 1))
        if [ "${status[3]}" = 0 ]; then
            same whole run # the stream had gone through before
        else
            no_model run
            [ $stage = 3 ] || [ "$(lines err.3)" = 1 ] || complain "$what: not one line"
            [ $stage = 3 ] || [ "${status[3]}" = 1 ] || complain "$what: not 1"
        fi
        if [ -d run/checkpoint ] && [ "${status[3]}" != 0 ]; then
            start --resume
            finish
            [ "${status[3]}" = 0 ] || complain "$what: then $(cat err.3)"
            same whole run checkpoint
        fi
        rm -rf run
    done
done
echo "$killed killed at work"
[ $killed -ge 6 ]
