#!/usr/bin/env bash
# Every tool: help, version, wrong options, and an output that cannot be written.
set -uo pipefail
bad=0
complain() {
    echo "$*"
    bad=1
}
lines() { wc -l <"$1"; }

for source in "$ROOT"/tools/*.c; do
    tool=$(basename "$source" .c)
    for option in -h --help; do
        "$tool" $option >out 2>err </dev/null || complain "$tool $option: status $?"
        [ ! -s err ] || complain "$tool $option: writes to stderr"
        [[ $(head -n 1 out) == "Usage: $tool"* ]] || complain "$tool $option: does not begin with its usage"
    done
    for option in -V --version; do
        "$tool" $option >out 2>err </dev/null || complain "$tool $option: status $?"
        [[ ! -s err && $(head -n 1 out) == "$tool "[0-9]* ]] || complain "$tool $option: $(cat out err)"
    done
    for option in --no-such-option -= --seed= --output; do
        "$tool" $option >out 2>err </dev/null
        status=$?
        [ $status = 2 ] || complain "$tool $option: status $status, not 2"
        [ ! -s out ] || complain "$tool $option: writes to stdout"
        [[ "$(lines err)" == 2 && $(head -n 1 err) == "$tool: "* ]] || complain "$tool $option: $(cat err)"
    done
    "$tool" --help >/dev/full 2>err </dev/null
    status=$?
    [ $status = 3 ] || complain "$tool --help to a full disk: status $status, not 3"
    [ "$(lines err)" = 1 ] || complain "$tool --help to a full disk: $(cat err)"
done
exit $bad
