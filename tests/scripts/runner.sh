#!/usr/bin/env bash
# run: plain
# The runner itself: every way to fail is seen as a failure, and counted.
# shellcheck disable=SC2016 # the little tests are written here, and expand what they name
set -euo pipefail
mkdir -p p/tests/{cases/t,scripts,unit} p/bin p/build/tests p/build-asan/tests
cp "$ROOT/tests/run" p/tests/run
cd p
unset RTD_REQUIRE_SHARED # the callers set it where it is what they try

expect() { # STATUS LAST-LINE NAME...
    local status=0 want=$1 last=$2
    shift 2
    tests/run "$@" >../log 2>&1 || status=$?
    if [ $status -ne "$want" ] || [ "$(tail -n 1 ../log)" != "$last" ]; then
        echo "tests/run $*: status $status, wanted $want and '$last':"
        cat ../log
        exit 1
    fi
}
case_() { # NAME CMD, then FILE TEXT...
    mkdir -p "tests/cases/t/$1"
    printf '%s\n' "$2" >"tests/cases/t/$1/cmd"
    local name=$1
    shift 2
    while [ $# -gt 0 ]; do
        printf '%s\n' "$2" >"tests/cases/t/$name/$1"
        shift 2
    done
}
unit() { # NAME BODY: what a cmocka program would print
    touch "tests/unit/$1_test.c"
    printf '#!/bin/bash\n%s\n' "$2" >"build/tests/$1_test"
    chmod +x "build/tests/$1_test"
}

case_ good 'cat; echo oops >&2; exit 3' in text out text err oops exit 3
case_ glob 'echo "line 12: bad" >&2' err.glob 'line *: bad'
case_ lanes 'echo $J > f; test -e f' in x
expect 0 '4 passed, 0 failed, 0 skipped'
expect 0 '2 passed, 0 failed, 0 skipped' lanes

case_ out 'echo other' out text
expect 1 '0 passed, 1 failed, 0 skipped' t/out
case_ noise 'echo noise >&2'
expect 1 '0 passed, 1 failed, 0 skipped' t/noise
case_ silent true out text
expect 1 '0 passed, 1 failed, 0 skipped' t/silent
case_ status 'exit 1'
expect 1 '0 passed, 1 failed, 0 skipped' t/status
case_ signal 'kill -SEGV $$' exit 1
expect 1 '0 passed, 1 failed, 0 skipped' t/signal
case_ pipe 'false | true'
expect 1 '0 passed, 1 failed, 0 skipped' t/pipe
case_ lane3 '[ $J = 1 ]'
expect 1 '1 passed, 1 failed, 0 skipped' t/lane3
expect 1 '0 passed, 1 failed, 0 skipped' nothing
rm -r tests/cases/t

unit good 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
unit bad 'echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
unit skip 'echo "ok 1 - a"; echo "not ok 2 # SKIP no data"'
unit crash 'echo "ok 1 - a"; kill -SEGV $$'
unit empty 'true'
expect 0 '2 passed, 0 failed, 0 skipped' good
expect 1 '1 passed, 1 failed, 0 skipped' bad
expect 0 '1 passed, 0 failed, 1 skipped' skip
RTD_REQUIRE_SHARED=1 expect 1 '1 passed, 1 failed, 0 skipped' skip
expect 1 '1 passed, 1 failed, 0 skipped' crash
expect 1 '0 passed, 1 failed, 0 skipped' empty
rm tests/unit/*

echo 'test "$PWD" != "$ROOT"; touch here' >tests/scripts/good.sh
echo 'echo no data; exit 77' >tests/scripts/skip.sh
echo 'exit 1' >tests/scripts/bad.sh
echo 'echo found >"${ASAN_OPTIONS##*log_path=}.1"' >tests/scripts/leak.sh
printf '# run: plain\n' >tests/scripts/plain.sh
expect 0 '1 passed, 0 failed, 0 skipped' good
expect 0 '0 passed, 0 failed, 1 skipped' skip
grep -q 'script/skip: no data' ../log
RTD_REQUIRE_SHARED=1 expect 1 '0 passed, 1 failed, 0 skipped' skip
expect 1 '0 passed, 1 failed, 0 skipped' bad
expect 1 '1 passed, 1 failed, 0 skipped' leak
expect 0 '2 passed, 0 failed, 0 skipped' build:bin build-asan:bin-asan script/good
expect 0 '1 passed, 0 failed, 0 skipped' build:bin build-asan:bin-asan script/plain
rm tests/scripts/*

mkdir tests/long
touch tests/long/hours.sh
expect 1 '0 passed, 1 failed, 0 skipped' long/
expect 0 '1 passed, 0 failed, 0 skipped' --long long/

echo 'touch "$ROOT/left"' >tests/scripts/leaves.sh
expect 1 '1 passed, 1 failed, 0 skipped'
