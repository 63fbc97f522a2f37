#!/usr/bin/env bash
# run: plain
# Every tool with one allocation that fails, its last ones and some of the others (tests/long has all),
# and with one system call that fails; training under a limit of memory.
set -euo pipefail
# shellcheck source=tests/support/every_tool.sh
. "$ROOT/tests/support/every_tool.sh"
every_tool
python3 "$ROOT/tests/support/faults.py" 14 alloc
for kilobytes in 50000 140000 280000 320000 360000; do # from no room for weights to one for all but activations
    status=0
    bash -c "ulimit -v $kilobytes"' && exec "$@"' _ \
        rtd-train -q -j 2 --size small --steps 1 --batch 8 -o run few.ts 2>err || status=$?
    [[ $status = 3 && $(wc -l <err) = 1 && $(cat err) == *memory* ]] || complain "ulimit -v $kilobytes: $status $(cat err)"
    no_model run
done
python3 "$ROOT/tests/support/faults.py" 3 open read stdin write sync rename

# The newest checkpoint is taken or none: an older one is for when the newest is damaged.
run() { rtd-train "${model[@]}" -j 1 --batch 4 --steps 4 --save-every 2 -o "$@" masked.ts; }
run whole 2>/dev/null
rm -r whole/discriminator whole/generator
cp -r whole again
RTD_FAULT_COUNT=count LD_PRELOAD=$BUILD/tests/faults.so run again --resume 2>/dev/null
for kind in open alloc; do
    total=$(sed -n "s/^$kind //p" count)
    for n in 1 2 3 4 5 6 7 8 9 10 12 14 $((total / 4)) $((total / 3)) $((total / 2)); do
        status=0
        rm -r again
        cp -r whole again
        RTD_FAULT="$kind $n" LD_PRELOAD=$BUILD/tests/faults.so run again --resume 2>err || status=$?
        [[ $status = 0 || $status = 3 ]] || complain "resume, $kind $n: status $status $(cat err)"
        ! grep damaged err || complain "resume, $kind $n: status $status"
    done
done
