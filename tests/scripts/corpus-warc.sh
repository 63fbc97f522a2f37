#!/usr/bin/env bash
# Crawls: WARC and WET of every version, plain, packed whole and record by record.  Each record that
# is a text is a document under its URI, each other one is counted; a cut record is refused.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
cat >make.py <<'PY'
import gzip, json, sys
def record(kind, uri, content, block, version=b'WARC/1.0', nl=b'\r\n', angle=False, fold=False):
    head = [version, b'WARC-Type: ' + kind, b'WARC-Date: 2024-01-01T00:00:00Z',
            b'warc-record-id: <urn:uuid:00000000-0000-4000-8000-000000000000>']
    if uri:
        head.append(b'WARC-Target-URI: ' + (b'<' + uri + b'>' if angle else uri))
    if content:
        head.append((b'Content-Type:' + nl + b'\t' if fold else b'Content-Type: ') + content)
    head.append(b'Content-Length: %d' % len(block))
    return nl.join(head) + nl + nl + block + nl + nl
http = b'application/http; msgtype=response'
def page(body, *more):
    return b'\r\n'.join((b'HTTP/1.1 200 OK', b'Content-Type: text/html') + more) + b'\r\n\r\n' + body
def crawl(**how):
    return [record(b'warcinfo', b'', b'application/warc-fields', b'software: x\r\n', **how),
            record(b'request', b'http://a.example/', b'application/http; msgtype=request', b'GET / HTTP/1.1\r\n\r\n', **how),
            record(b'response', b'http://a.example/', http, page(b'<p>First page.</p>'), **how),
            record(b'metadata', b'http://a.example/', b'application/warc-fields', b'fetchTimeMs: 1\r\n', **how),
            record(b'response', b'http://a.example/z', http, page(gzip.compress(b'<p>Packed.</p>', mtime=0), b'Content-Encoding: gzip'), **how),
            record(b'response', b'http://a.example/c', http, page(b'5\r\nparts\r\n0\r\n\r\n', b'Transfer-Encoding: chunked'), **how),
            record(b'response', b'http://a.example/i', http, page(bytes(range(256)) * 4), **how),
            record(b'revisit', b'http://a.example/b', http, page(b''), **how),
            record(b'resource', b'ftp://a.example/d/', b'text/plain', b'A resource.\n', **how),
            record(b'response', b'http://a.example/e', http, page(b''), **how)]
def wet(**how):
    return [record(b'warcinfo', b'', b'application/warc-fields', b'software: x\r\n', **how),
            record(b'conversion', b'http://a.example/', b'text/plain', 'Erste Seite.\nZeile mit Umlaut: ä\n\nein Absatz'.encode(), **how),
            record(b'conversion', b'http://a.example/b?c', b'text/plain', b'WARC/1.0\r\nWARC-Type: x', **how)]
def save(name, records):
    open(name, 'wb').write(b''.join(records))
    open(name + '.whole.gz', 'wb').write(gzip.compress(b''.join(records), mtime=0))
    open(name + '.gz', 'wb').write(b''.join(gzip.compress(r, mtime=0) for r in records))
for n, (name, how) in enumerate({'v10': {}, 'v11': dict(version=b'WARC/1.1'), 'v018': dict(version=b'WARC/0.18'),
                                 'lf': dict(nl=b'\n'), 'angle': dict(angle=True), 'fold': dict(fold=True)}.items()):
    save(name + '.warc', crawl(**how))
    save(name + '.wet', wet(**how))
json.dump([len(r) for r in wet()], open('sizes', 'w'))
open('bad-type.warc', 'wb').write(wet()[0] + wet()[1].replace(b'WARC-Type', b'WARC-Tipe') + wet()[2])
open('bad-length.warc', 'wb').write(wet()[0] + wet()[1].replace(b'Length: ', b'Length: x'))
open('bad-short.warc', 'wb').write(wet()[0] + wet()[1].replace(b'Length: ', b'Length: 1') + wet()[2])
open('bad-junk.warc', 'wb').write(wet()[0] + b'junk\r\n' + wet()[1])
open('bad-head.warc', 'wb').write(wet()[0] + b'WARC/1.0\r\nX: ' + b'x' * 70000 + b'\r\n' + wet()[1])
PY
python3 make.py
printf '%s\n' 'http://a.example/	<p>First page.</p>' 'http://a.example/z	<p>Packed.</p>' 'ftp://a.example/d/	A resource.' >warc.want
printf '%s\n' 'http://a.example/	Erste Seite.|Zeile mit Umlaut: ä|ein Absatz' 'http://a.example/b?c	WARC/1.0|WARC-Type: x' >wet.want
echo 'plain text' >a.txt
for f in *.warc *.wet *.gz; do
    case $f in bad-*) continue ;; *.warc*) kind=warc ;; *) kind=wet ;; esac
    corpus-shard --doc file --source "$f" 2>err >out.ts || fail "$f: $(cat err)"
    ts-dump out.ts | jq -r '"\(.source)\t\(.text | gsub("\n"; "|"))"' | cmp - "$kind.want" || fail "$f"
    if [ "$kind" = warc ]; then # beside other inputs, too
        for inputs in "$f" "a.txt $f"; do
            # shellcheck disable=SC2086
            corpus-shard --doc file $inputs 2>err >out.ts
            grep -qx 'corpus-shard: warning: 4 of [0-9]* members skipped for their kind (-v names them) (4.*%)' err ||
                fail "$inputs: $(cat err)"
        done
    else
        [ ! -s err ] || fail "$f: $(cat err)"
    fi
    corpus-shard -q --doc file --source <"$f" | ts-dump | jq -r '"\(.source)\t\(.text | gsub("\n"; "|"))"' | cmp - "$kind.want" ||
        fail "$f through a pipe"
done
corpus-shard -v v10.warc 2>err >out.ts
for what in 'a.example/: skipped: a record of type request' 'a.example/: skipped: a record of type metadata' \
    'a.example/b: skipped: a record of type revisit' 'a.example/c: skipped: a response in chunks' 'a.example/i: skipped: binary'; do
    grep -q "$what" err || fail "not said: $what: $(cat err)"
done
corpus-shard -q --include 'ftp://*' --doc file --text v10.warc.gz | grep -qx 'A resource.'

# cut anywhere: refused, but between two records, which cannot be told from a smaller crawl
python3 - <<'PY'
import json, subprocess
sizes = json.load(open('sizes'))
data = open('v10.wet', 'rb').read()
ends = [sum(sizes[:k + 1]) for k in range(len(sizes))]
bad = []
for n in list(range(0, len(data), 5)) + list(range(ends[0] - 6, ends[0] + 12)):
    open('cut.wet', 'wb').write(data[:n])
    got = subprocess.run(['corpus-shard', '-q', 'cut.wet'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    whole = any(end - 4 <= n <= end for end in ends)
    if n > 60 and got.returncode != (0 if whole else 1):
        bad.append((n, got.returncode, got.stderr))
assert not bad, bad[:5]
PY
for f in bad-*.warc; do
    status=0
    corpus-shard -q "$f" >out.ts 2>err || status=$?
    [[ $status = 1 && $(wc -l <err) = 1 ]] || fail "$f: status $status: $(cat err)"
    grep -q "^corpus-shard: $f: .*damaged or truncated warc archive: record " err || fail "$f: $(cat err)"
done

# ten times the records in under thirty times the CPU time
if [ -z "$SANITIZED" ]; then
    python3 - <<'PY'
import os, resource, subprocess
used = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
def spent(name, record, n, *options):
    open(name, 'wb').write(record * n)
    before = used()
    subprocess.run(['corpus-shard', '-q', '-f', '-o', 'n.ts', *options, name], check=True)
    return used() - before
crawl = b'WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n'
for record, options in (crawl, ()), (b'{"a": [1, {"b": 2}], "text": "hi"}\n', ('--json',)):
    few, many = spent('few', record, 4000, *options), spent('many', record, 40000, *options)
    assert many < 30 * max(few, 0.02), (record[:20], few, many)
PY
fi
