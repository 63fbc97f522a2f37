#!/usr/bin/env bash
# The kept streams: good ones are read alike by the tools and by the second reader, and written
# again to the same bytes; bad ones are refused by both, and nothing downstream takes them.
set -euo pipefail
corpus=$ROOT/tests/golden/stream
complain() {
    echo "$*"
    bad=1
}
plain() { case $1 in *.zst) zstd -dcq "$1" ;; *) cat "$1" ;; esac; }
same_json() { # FILE FILE: the same values, line by line
    python3 -c 'import json, sys
a, b = ([json.loads(line) for line in open(f)] for f in sys.argv[1:])
sys.exit(a != b)' "$1" "$2"
}
bad=0 good=0 refused=0

cd "$corpus"
for f in good-*.ts good-*.zst; do
    good=$((good + 1))
    ts-dump --index "$f" >"$TMPDIR/dump"
    cmp "$TMPDIR/dump" "${f%.ts*}.jsonl" || complain "$f: ts-dump prints something else"
    plain "$f" | python3 "$ROOT/tests/second_reader.py" >"$TMPDIR/second" ||
        complain "$f: the second reader refuses it"
    same_json "$TMPDIR/dump" "$TMPDIR/second" || complain "$f: the second reader differs"
    ts-info --check "$f"
    [ "$f" = good-minor.ts ] && continue # its writer was another one
    ts-cat "$f" | cmp - <(plain "$f") || complain "$f: ts-cat writes other bytes"
done

# What the second reader does not look at: the header's keys, and zstd's frame.
lenient=' bad-header-kind.ts bad-header-kind-control.ts bad-header-kind-long.ts bad-header-max-frame.ts
bad-header-max-length-zero.ts bad-header-provenance.ts bad-vocab-digest.ts bad-vocab-id.ts
bad-vocab-setting.ts bad-cut.ts.zst bad-checksum.ts.zst bad-trailing.ts.zst bad-empty.ts.zst bad-window.ts.zst '
for f in bad-* unsupported-*; do
    refused=$((refused + 1))
    grep -qF "$f" README.md || complain "$f: not in the README"
    status=0
    timeout 20 ts-info --check "$f" >"$TMPDIR/out" 2>"$TMPDIR/err" || status=$?
    [ $status = 1 ] || complain "$f: ts-info: status $status"
    [ ! -s "$TMPDIR/out" ] || complain "$f: ts-info prints something"
    sed 's/^ts-info: //' "$TMPDIR/err" >>"$TMPDIR/messages"
    status=0
    ts-cat <"$f" 2>/dev/null | ts-info --check 2>"$TMPDIR/err" || status=$?
    [ $status = 1 ] || complain "$f: what ts-cat makes of it is taken"
    [[ -n $SANITIZED || ${lenient//$'\n'/ } == *" $f "* ]] && continue
    ! python3 "$ROOT/tests/second_reader.py" "$f" >/dev/null 2>&1 ||
        complain "$f: the second reader takes it"
done
diff messages "$TMPDIR/messages" || complain "the messages are others"
if [ $good -lt 9 ] || [ $refused -lt 80 ]; then
    complain "only $good good and $refused bad files"
fi

# A length that is only claimed costs no memory.
if [ -z "$SANITIZED" ]; then
    for f in bad-body-claims.ts bad-header-claims.ts bad-vocab-bomb.ts; do
        status=0
        (ulimit -v 60000 && ts-info "$f") 2>"$TMPDIR/err" || status=$?
        [ $status = 1 ] || complain "$f in little memory: status $status, $(cat "$TMPDIR/err")"
    done
fi

lines=$(wc -l <"$ROOT/tests/second_reader.py")
[ "$lines" -lt 150 ] || complain "the second reader has grown to $lines lines"
exit $bad
