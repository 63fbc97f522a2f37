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
