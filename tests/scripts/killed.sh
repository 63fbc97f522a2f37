#!/usr/bin/env bash
# Any stage of a pipeline killed at any moment: what is there under a final name is whole, and what
# was written without one is refused.
set -euo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"
fixture_text 20000 >text
corpus-shard text | vocab-train --size 1000 -o vocab.txt
corpus-shard text | wordpiece --vocab vocab.txt | seq-pack | ts-shuf | mask-gen -o whole.ts
mkfifo a b c d

pids=()
start() { # -o FILE, or nothing for stdout: the five stages, their numbers into pids
    corpus-shard text >a 2>err.0 &
    pids=($!)
    wordpiece --vocab vocab.txt <a >b 2>err.1 &
    pids+=($!)
    seq-pack <b >c 2>err.2 &
    pids+=($!)
    ts-shuf <c >d 2>err.3 &
    pids+=($!)
    mask-gen "$@" <d >out 2>err.4 &
    pids+=($!)
}
finish() { # waits; statuses into status
    status=()
    local p s
    for p in "${pids[@]}"; do
        s=0
        wait "$p" 2>/dev/null || s=$?
        status+=("$s")
    done
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
            kill -KILL "${pids[stage]}" 2>/dev/null || true
            finish
            if [ "${status[stage]}" = 137 ]; then killed=$((killed + 1)); fi
            if [ $how = file ] && [ -e file.ts ]; then
                cmp -s file.ts whole.ts || fail 'the file is not the whole stream'
                [ "${status[4]}" = 0 ] || fail 'a file, but a bad status'
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
