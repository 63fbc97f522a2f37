#!/usr/bin/env bash
# ts-shuf: the same bytes for any budget, on any kind of stream; nothing left behind; full disks.
set -euo pipefail
"$ROOT/tests/scripts/data-half.py" random vocab.txt 120 >random.json
ts-load --kind tokens --vocab vocab.txt -o tokens.ts random.json
seq-pack -o examples.ts tokens.ts
mask-gen -o masked.ts examples.ts
printf '{"text": "document %s"}\n' {1..500} | ts-load --kind documents -o documents.ts
mkdir tmp

for kind in tokens examples masked documents; do
    ts-shuf $kind.ts >shuffled.ts
    ts-dump $kind.ts | sort >want
    ts-dump shuffled.ts | sort | cmp - want
    cmp -s <(ts-dump shuffled.ts) <(ts-dump $kind.ts) && { echo "$kind: not shuffled"; exit 1; }
    ts-dump --index shuffled.ts | jq .index | awk '$1 != NR - 1 { exit 1 }'
    [ "$(ts-info --json --header shuffled.ts | jq -r .kind)" = $kind ]
done
ts-info --json --header shuffled.ts | jq -e '.provenance[-1] | .tool == "ts-shuf" and .seed == 1' >/dev/null

# budgets, files, pipes, compression
ts-cat --repeat 8 examples.ts >many.ts
for memory in 1M 5M 500M; do
    ts-shuf -S $memory -T tmp --repeat 2 many.ts >$memory.ts
done
cmp 1M.ts 5M.ts
cmp 1M.ts 500M.ts
[ "$(ts-info --count 1M.ts)" = $((2 * $(ts-info --count many.ts))) ]
ts-shuf -S 1M -T tmp --repeat 2 -o shuffled.ts.zst <many.ts
zstd -qdc shuffled.ts.zst | cmp - 1M.ts
ts-shuf many.ts >one.ts
ts-dump one.ts >want
ts-dump -n "$(wc -l <want)" 1M.ts | cmp - want # the first pass is a single pass
ts-shuf --seed 2 many.ts >two.ts
! cmp -s one.ts two.ts || { echo "the seed has no effect"; exit 1; }

# the temporary file is used again: three passes in little more than the input's size
(
    ulimit -f $(($(stat -c %s many.ts) * 5 / 4 / 1024 + 1024))
    exec ts-shuf -S 1M -T tmp --repeat 3 many.ts >/dev/null
)

fails() { # STATUS PATTERN COMMAND...: exactly one line of stderr
    local want=$1 pattern=$2 status=0
    shift 2
    "$@" >out 2>err || status=$?
    # shellcheck disable=SC2053
    [[ $status = "$want" && $(wc -l <err) = 1 && $(cat err) == $pattern ]] ||
        { echo "$*: status $status: $(cat err)"; exit 1; }
}
fails 3 'ts-shuf: missing: temporary file: open: No such file or directory' ts-shuf -S 1M -T missing many.ts
ts-shuf -T missing tokens.ts >/dev/null # not needed, not opened

# a full disk, played by a limit on the size of files
full() (
    trap '' XFSZ
    ulimit -f 2048
    exec ts-shuf -S 1M -T tmp many.ts
)
fails 3 'ts-shuf: tmp: temporary file: write: *' full
fails 3 'ts-shuf: -: cannot write: *' bash -c 'ts-shuf many.ts >/dev/full'

# cut input: refused, and the next tool hears of it
head -c $(($(stat -c %s many.ts) - 64)) many.ts >cut.ts
fails 1 'ts-shuf: cut.ts: *unterminated*' ts-shuf -S 1M -T tmp cut.ts
fails 1 'ts-info: upstream ts-shuf failed: *unterminated*' bash -c 'ts-shuf -S 1M -T tmp cut.ts 2>/dev/null | ts-info'

# killed: nothing left
ts-shuf -S 1M -T tmp -o killed.ts < <(ts-cat --repeat 1000000 many.ts 2>/dev/null) 2>/dev/null &
pid=$!
sleep 0.5
kill -KILL $pid
wait $pid 2>/dev/null || true
[ ! -e killed.ts ]
[ -z "$(ls -A tmp)" ]
