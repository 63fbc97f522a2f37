#!/usr/bin/env bash
# Every filter, as a good citizen of a pipe: a consumer that leaves, SIGPIPE ignored by the parent, a
# full disk, a closed output, a folder that is not there, an output that exists, input that is
# missing, empty, or something else.
# shellcheck disable=SC2317 # functions called by name
set -uo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"
set -e
fixture 6000
set +e
bad=0

# name of the input, command; the input is an operand
filters='
text       corpus-shard
docs.ts    vocab-train --size 800
docs.ts    wordpiece --vocab vocab.txt
tokens.ts  wordpiece --decode
tokens.ts  seq-pack
tokens.ts  piece-vectors
examples.ts mask-gen
examples.ts ts-cat
examples.ts ts-head -n 1500
examples.ts ts-dump
examples.ts ts-shuf
dump.jsonl ts-load --kind examples --max-length 128 --vocab vocab.txt
'
complain() {
    echo "$command: $*"
    sed 's/^/    /' err
    bad=1
}
run() { # WANTED-STATUS WHAT COMMAND...: and one line on stderr unless it succeeds or dies of SIGPIPE
    local want=$1 what=$2 status
    shift 2
    "$@" >/dev/null 2>err </dev/null
    status=$?
    [ $status = "$want" ] || complain "$what: status $status, wanted $want"
    case $want in
    0 | 141) [ ! -s err ] || complain "$what: says something" ;;
    2) [ "$(wc -l <err)" = 2 ] || complain "$what: not a line, and the usage" ;;
    *) [ "$(wc -l <err)" = 1 ] || complain "$what: not one line" ;;
    esac
}
to_full() { "$@" >/dev/full; }
closed() { "$@" >&-; }
ignoring() { (trap '' PIPE; exec "$@"); }
head_leaves() {
    "$@" | head -c 1 >/dev/null
    return "${PIPESTATUS[0]}"
}

head -c 100000 "$(command -v bash)" >garbage
: >empty
echo old >exists
while read -r input command; do
    [ -n "$input" ] || continue
    read -ra argv <<<"$command"
    # output that fits into a pipe could be written before head leaves
    if [ "$("${argv[@]}" "$input" 2>/dev/null | wc -c)" -gt 80000 ]; then
        run 141 'a consumer that leaves' head_leaves "${argv[@]}" "$input"
        run 141 'SIGPIPE ignored' head_leaves ignoring "${argv[@]}" "$input"
    elif [ "${argv[0]}" != vocab-train ]; then
        complain 'the fixture is too small for this test'
    fi
    run 3 'full disk' to_full "${argv[@]}" "$input"
    run 3 'closed output' closed "${argv[@]}" "$input"
    run 3 'no such input' "${argv[@]}" no-such-file
    run 3 'no such folder' "${argv[@]}" -o no/such/folder "$input"
    run 2 'output exists' "${argv[@]}" -o exists "$input"
    [ "$(cat exists)" = old ] || complain 'output exists: not any more'
    run 0 'overwrite' "${argv[@]}" -f -o new "$input"
    "${argv[@]}" "$input" >plain
    cmp -s new plain || complain '-o and stdout differ'
    "${argv[@]}" <"$input" >piped 2>err
    cmp -s piped plain || complain 'operand and stdin differ'
    rm -f new
    # plain text and archives have no beginning that could be missed
    case $input in *.ts)
        run 1 'empty input' "${argv[@]}" -o out empty
        run 1 'not a stream' "${argv[@]}" -o out garbage
        [ ! -e out ] || complain 'output although the input was bad'
        ;;
    esac
done <<<"$filters"
left=$(find . -name '*.tmp*' -o -name '*.??????' ! -name '*.jsonl' | head -n 5)
[ -z "$left" ] || complain "temporary files are left: $left"
exit $bad
