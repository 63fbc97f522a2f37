#!/usr/bin/env bash
# Bad records in what makes streams, corpus-shard --json and ts-load: left out, the first ten named
# by line, all counted; judged at the end against --max-bad.
set -uo pipefail
bad=0
complain() {
    echo "$*"
    bad=1
}
python3 - <<'PY'
def write(name, n, wrong):
    with open(name, 'w') as f:
        for i in range(n):
            f.write('{"text": 1}\n' if i in wrong else '{"text": "document %d"}\n' % i)
write('ten.jsonl', 100, range(5, 15))
write('eleven.jsonl', 100, range(5, 16))
write('share.jsonl', 20000, range(0, 20000, 1000))  # 20 are 0.1%
write('more.jsonl', 20000, list(range(0, 20000, 1000)) + [7])
write('all.jsonl', 3, range(3))
write('good.jsonl', 3, ())
open('blank.jsonl', 'w').write('{"text": "a"}\n\n \t\n{"text": "b"}\n')
PY
for tool in corpus-shard ts-load; do
    case $tool in corpus-shard) run=(corpus-shard --json) ;; *) run=(ts-load --kind documents) ;; esac
    expect() { # STATUS RECORDS NAMED OPTIONS...: through a pipe, and to a file
        local want=$1 records=$2 named=$3 got count
        shift 3
        "${run[@]}" "$@" 2>err >out.ts
        got=$?
        count=$(ts-info --count out.ts 2>second || echo none)
        [ $got = "$want" ] || complain "$tool $*: status $got, expected $want"
        [ "$count" = "$records" ] || complain "$tool $*: $count records, expected $records"
        [ "$(grep -c ': left out$' err)" = "$named" ] || complain "$tool $*: $(grep -c . err) lines: $(cat err)"
        [ "$want" = 0 ] || grep -q 'upstream' second || complain "$tool $*: no ABORT: $(cat second)"
        rm -f o.ts
        "${run[@]}" -q -o o.ts "$@" 2>err
        if [ "$want" = 0 ]; then
            [[ -e o.ts && ! -s err ]] || complain "$tool -q $*: $(cat err)"
        else
            [[ ! -e o.ts && $(wc -l <err) = 1 ]] || complain "$tool -q $*: a file, or $(cat err)"
        fi
    }
    expect 0 90 10 ten.jsonl
    "${run[@]}" ten.jsonl 2>said >/dev/null
    tail -n 1 said | grep -qx "$tool: 10 of 100 records left out: they cannot be taken (10%)" ||
        complain "$tool: how many were left out"
    sed -n 1p said | grep -q "^$tool: ten.jsonl: line 6: " || complain "$tool: the first line"
    expect 1 none 10 eleven.jsonl
    expect 0 89 10 --max-bad 11 eleven.jsonl
    expect 0 89 10 --max-bad 20% eleven.jsonl
    expect 0 89 10 --max-bad 0.2 eleven.jsonl
    expect 1 none 10 --max-bad 10.5% eleven.jsonl
    "${run[@]}" --max-bad 100% eleven.jsonl 2>said >/dev/null
    grep -q "^$tool: warning: 11 of 100" said || complain "$tool: no warning"
    expect 0 19980 10 share.jsonl
    expect 1 none 10 more.jsonl
    expect 1 none 10 --max-bad 0 ten.jsonl
    expect 1 none 0 --strict ten.jsonl
    expect 1 none 3 all.jsonl
    expect 1 none 3 --max-bad 100% all.jsonl
    expect 0 3 0 good.jsonl
    expect 0 3 0 --strict good.jsonl
    expect 0 2 0 --strict blank.jsonl
    for value in '' x -1 1.5 101% 1%% 0x10 nan; do
        "${run[@]}" --max-bad "$value" good.jsonl >/dev/null 2>err
        [ $? = 2 ] || complain "$tool --max-bad '$value': $(cat err)"
    done
done
# Several inputs are judged together, and a line of another file has that file's name.
corpus-shard --json good.jsonl eleven.jsonl >/dev/null 2>err && complain "eleven of two inputs"
grep -q '^corpus-shard: eleven.jsonl: line 6: ' err || complain "the second input's name: $(cat err)"
# A line longer than any may be is one bad line (in memory that the sanitizer would double).
if [ -z "$SANITIZED" ]; then
    { printf '{"text": "a"}\n' && head -c 270M /dev/zero | tr '\0' x && printf '\n{"text": "b"}\n'; } |
        corpus-shard --json --text 2>err >got || complain "a long line: $(cat err)"
    [ "$(cat got)" = $'a\n\nb' ] || complain "a long line: $(head -c 100 got)"
fi
# What nobody asks for does not matter; what is wrong in the text is mended and counted.
printf '%s\n' '{"n": 99999999999999999999, "text": "one"}' '{"x": 1e999, "y": NaN, "text": "two"}' \
    '{"a": "\ud800", "a": 2, "text": "thr\ud83dee"}' >odd.jsonl
[ "$(corpus-shard --json --text odd.jsonl 2>err)" = $'one\n\ntwo\n\nthr\xef\xbf\xbdee' ] || complain "odd: $(cat err)"
grep -q '1 of .* begin wrong UTF-8' err || complain "half a pair is not counted: $(cat err)"
ts-load --kind documents odd.jsonl 2>err | ts-dump | jq -r .text >got
printf 'one\ntwo\nthr\xef\xbf\xbdee\n' | cmp - got || complain "odd, loaded"
grep -q '3 of 3 records have keys that are no fields, passed over: "n" the first' err || complain "other keys: $(cat err)"
# A long path loses its middle, not the reason, as an input and as an output.
long=$(printf '%0200d/' 1 2 3)
mkdir -p "$long"
printf '{"text": "a"}\n{"text": 7}\n' >"$long/x.jsonl"
ts-load --strict --kind documents "$long/x.jsonl" 2>said >/dev/null
grep -q 'line 2: "text" does not hold text$' said ||
    complain "a long path: no reason"
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a >v.txt
echo '{"input_ids": [9], "sentence_lengths": [1]}' |
    ts-load --strict --kind tokens --vocab v.txt -o "$long/o.ts" 2>said
grep -q 'line 1: record 0: input_ids: id 9 outside' said ||
    complain "a long output: no reason"
exit $bad
