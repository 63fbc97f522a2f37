#!/usr/bin/env bash
# Any stage of a pipeline killed at any moment: what is there under a final name is whole, and what
# was written without one is refused.
set -euo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"
# A process that is killed while its leaks are looked for is reported ("Unable to get registers from
# thread"): that search is left out here.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
fixture_text 12000 >text
corpus-shard text | vocab-train --size 1000 -o vocab.txt
corpus-shard text | wordpiece --vocab vocab.txt | seq-pack | ts-shuf | mask-gen -o whole.ts

stage() { # NUMBER COMMAND...: notes its process
    local n=$1
    shift
    echo "$BASHPID" >"pid.$n"
    exec "$@" 2>"err.$n"
}
start() { # -o FILE, or nothing for stdout: the five stages, in the background
    rm -f pid.? err.? statuses
    {
        set +e
        stage 0 corpus-shard text | stage 1 wordpiece --vocab vocab.txt | stage 2 seq-pack |
            stage 3 ts-shuf | stage 4 mask-gen "$@" >out
        echo "${PIPESTATUS[*]}" >statuses
    } 2>/dev/null &
}
finish() { # waits; statuses into status
    wait $! || true
    read -ra status <statuses
}
fail() {
    echo "stage $stage killed after $delay s, statuses ${status[*]}: $*"
    cat err.?
    exit 1
}

begin=$(date +%s%N)
stage=none delay=0
start -o file.ts
finish
[ "${status[*]}" = '0 0 0 0 0' ] || fail 'nobody was killed'
cmp file.ts whole.ts
rm file.ts
all=$((($(date +%s%N) - begin) / 1000)) # microseconds

killed=0
for stage in 0 1 2 3 4; do
    for part in 2 10 30 50 70 90; do
        delay=$(printf '%d.%06d' $((all * part / 100 / 1000000)) $((all * part / 100 % 1000000)))
        for how in file pipe; do
            if [ $how = file ]; then start -o file.ts; else start; fi
            sleep "$delay"
            until [ -s "pid.$stage" ]; do :; done
            kill -KILL "$(cat "pid.$stage")" 2>/dev/null || true
            finish
            if [ "${status[stage]}" = 137 ]; then killed=$((killed + 1)); fi
            if [ $how = file ] && [ -e file.ts ]; then
                cmp -s file.ts whole.ts || fail 'the file is not the whole stream'
                # killed between the file's last act, its renaming, and the exit: still whole
                [ "${status[4]}" = 0 ] || [ "$stage ${status[4]}" = '4 137' ] ||
                    fail 'a file, but a bad status'
            elif [ $how = pipe ] && ts-info --check out >/dev/null 2>&1; then
                cmp -s out whole.ts || fail 'a stream with an end, but not the whole one'
            elif [ "${status[4]}" = 0 ]; then
                fail 'no output, but a good status'
            elif [ "$stage" != 4 ] && [ "$(wc -l <err.4)" != 1 ]; then
                fail 'the last stage should say what happened in one line'
            fi
            rm -f file.ts file.ts.* out
        done
    done
done
echo "$killed stages were killed at work"
[ $killed -ge 10 ]
