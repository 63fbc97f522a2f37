#!/usr/bin/env bash
# The stream tools in the world: closed pipes, full disks, terminals, signals, killed writers, and
# damaged streams on their way through several of them.
set -uo pipefail
bad=0
complain() {
    echo "$*"
    bad=1
}
corpus=$ROOT/tests/golden/stream
python3 - >numbers.jsonl <<'PY'
for n in range(20000):
    print('{"text":"%s"}' % ('record %d ' % n * 10))
PY
ts-load --kind documents -o big.ts numbers.jsonl || complain "cannot load"
ts-cat -o big.ts.zst big.ts || complain "cannot compress"
[ "$(ts-info --count big.ts.zst)" = 20000 ] || complain "count"

# --- a reader that has enough: death by PIPE, in silence, also where PIPE came in ignored ---
piped() {
    { "$@" 2>err; echo $? >status; } | head -c 1 >/dev/null
    [ "$(cat status)" = 141 ] || complain "$*: status $(cat status), not 141"
    [ ! -s err ] || complain "$*: says $(cat err)"
}
for ignored in '' 1; do
    run=()
    [ -z "$ignored" ] || run=(env --ignore-signal=PIPE)
    piped "${run[@]}" ts-cat big.ts
    piped "${run[@]}" ts-cat big.ts.zst
    piped "${run[@]}" ts-cat --repeat 100 big.ts
    piped "${run[@]}" ts-dump big.ts
    piped "${run[@]}" ts-load --kind documents numbers.jsonl
done
ts-cat --repeat 1000 big.ts | ts-head -n 3 | ts-info --count >out
[[ "${PIPESTATUS[*]}" == "141 0 0" && $(cat out) == 3 ]] || complain "head of a long stream: $(cat out)"

# --- a full disk ---
full() {
    "$@" >/dev/full 2>err
    status=$?
    [[ $status = 3 && $(wc -l <err) = 1 ]] || complain "$*: status $status, $(cat err)"
}
full ts-cat big.ts
full ts-cat "$corpus/good-empty.ts"
full ts-head -n 1 big.ts
full ts-dump -n 1 big.ts
full ts-dump --npy text big.ts
full ts-info "$corpus/good-masked.ts"
full ts-load --kind documents numbers.jsonl
full ts-cat -o /dev/full big.ts.zst
ts-cat big.ts >&- 2>err
[ $? = 3 ] || complain "closed output: $(cat err)"
ts-info <&- >out 2>err
[[ $? != 0 && ! -s out && $(wc -l <err) = 1 ]] || complain "closed input: $(cat err)"
mkdir locked && chmod a-w locked
if [ ! -w locked ]; then
    ts-cat -o locked/o.ts big.ts 2>err
    [ $? = 3 ] || complain "unwritable directory: $(cat err)"
fi
ts-cat -o . big.ts 2>err
[[ $? != 0 && $(head -n 1 err) == "ts-cat: .: "* ]] || complain "a directory for output: $(cat err)"
ts-info . 2>err
[ $? = 3 ] || complain "a directory for input: $(cat err)"

# --- a terminal: nothing binary goes there, and none is waited for ---
tty() { # COMMAND: in a terminal; its output in `out`, with the status at the end
    script -qec "$1; echo status \$?" /dev/null <"${2:-/dev/null}" >out 2>&1
}
if command -v script >/dev/null; then
    for c in "ts-cat $corpus/good-masked.ts" "ts-head $corpus/good-masked.ts" \
        "ts-load --kind documents numbers.jsonl" "ts-dump --npy input_ids $corpus/good-masked.ts"; do
        tty "$c"
        grep -q 'status 2' out || complain "$c to a terminal: $(cat out)"
        grep -q 'not written to a terminal' out || complain "$c to a terminal: $(cat out)"
    done
    tty "ts-dump $corpus/good-masked.ts"
    grep -q 'status 0' out || complain "text to a terminal: $(cat out)"
    for c in ts-cat ts-head ts-info ts-dump "ts-load --kind documents"; do
        tty "$c -v"
        grep -q 'status 2' out || complain "$c from a terminal: $(cat out)"
    done
fi

# --- a writer that fails says so through every stage; one that is killed leaves no end ---
ts-load --strict --kind documents 2>/dev/null < <(printf '%s\n' '{"text":"a"}' '{"text":') |
    ts-cat 2>/dev/null | ts-head -n 100 2>/dev/null | ts-dump >out 2>err
[[ $? = 1 && $(cat err) == "ts-dump: upstream ts-load failed: -: line 2: "* && $(wc -l <err) = 1 ]] ||
    complain "a failure far upstream: $(cat err)"
# (INT is not among these: it is ignored in a script's background, and what is ignored stays so.)
for signal in KILL TERM HUP; do
    mkfifo in
    ts-load --kind documents <in >cut.ts 2>err &
    pid=$!
    exec 3>in
    rm in
    cat numbers.jsonl numbers.jsonl >&3
    kill -$signal $pid
    wait $pid
    status=$?
    exec 3>&-
    [ $status = $((128 + $(kill -l $signal))) ] || complain "$signal: status $status"
    [ ! -s err ] || complain "$signal: says $(cat err)"
    ts-info cut.ts >out 2>err
    [[ $? = 1 && ! -s out && $(wc -l <err) = 1 ]] || complain "$signal: $(cat out err)"
    mkfifo in
    ts-load --kind documents -o named.ts <in 2>err &
    pid=$!
    exec 3>in
    rm in
    cat numbers.jsonl numbers.jsonl >&3
    kill -$signal $pid
    wait $pid
    exec 3>&-
    [ ! -e named.ts ] || complain "$signal: named.ts is there"
    [[ $signal = KILL ]] || [ -z "$(ls named.ts* 2>/dev/null)" ] || complain "$signal: $(ls named.ts*)"
    rm -f named.ts.tmp*
done

# --- cuts and changes through the tools ---
size=$(stat -c %s "$corpus/good-masked.ts")
for n in 0 1 7 63 64 65 300 $((size - 129)) $((size - 128)) $((size - 64)) $((size - 1)); do
    for tool in "ts-cat" "ts-head -n 99" "ts-info" "ts-dump" "ts-dump --npy input_ids"; do
        head -c "$n" "$corpus/good-masked.ts" | $tool >out 2>err
        status=$?
        [[ $status = 1 && $(wc -l <err) = 1 && $(cat err) == "${tool%% *}: -: "* ]] ||
            complain "$tool, cut at $n: status $status, $(cat err)"
        if [[ $tool == ts-cat || $tool == ts-head* ]]; then
            ! ts-info --check out 2>/dev/null || complain "$tool, cut at $n: its output has an end"
        fi
    done
done
for n in 3 70 650 720 800 $((size - 100)) $((size - 10)); do
    python3 -c 'import sys
d = bytearray(open(sys.argv[1], "rb").read())
d[int(sys.argv[2])] ^= 16
sys.stdout.buffer.write(d)' "$corpus/good-masked.ts" "$n" >changed.ts
    ts-cat changed.ts 2>err >out
    status=$?
    [[ $status = 1 && $(wc -l <err) = 1 ]] || complain "byte $n changed: status $status, $(cat err)"
    ! ts-info --check out 2>/dev/null || complain "byte $n changed: the output has an end"
done
cat "$corpus/good-masked.ts" "$corpus/good-masked.ts" | ts-info --check 2>err
[[ $? = 1 && $(cat err) == *"joined by ts-cat"* ]] || complain "cat of two: $(cat err)"

# --- the same bytes whatever the road ---
ts-cat big.ts | ts-cat | ts-cat - | cmp - big.ts || complain "a pipe changes a stream"
ts-cat <big.ts.zst | cmp - big.ts || complain "compression changes a stream"
exit $bad
