#!/usr/bin/env bash
# corpus-shard -d: shards hold all documents, the manifest notices every change, nothing half made
# gets the name.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
expect() { # STATUS COMMAND...
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ $got = "$want" ] || fail "status $got, expected $want: $*: $(cat err)"
    [ ! -s out ] || fail "writes to stdout: $*"
}
seq -f 'document number %g, of which there is one' 1 2000 >all.txt
expect 0 corpus-shard --doc line -d d --shard-size 20K all.txt
[ "$(ls d)" = "manifest.json
shard-00000.ts.zst
shard-00001.ts.zst
shard-00002.ts.zst
shard-00003.ts.zst
shard-00004.ts.zst" ] || fail "$(ls d)"
expect 0 corpus-shard --check d
ts-cat d/*.ts.zst | ts-dump | jq -r .text | cmp - all.txt
jq -e '.documents == 2000 and .bytes == ([.shards[].bytes] | add) and (.shards | length) == 5' d/manifest.json >got

# the same bytes again, from a pipe; the same totals however it is cut
corpus-shard --doc line -d e --shard-size 20K <all.txt
diff -r d e
expect 2 corpus-shard --doc line -d e --shards 3 all.txt
corpus-shard --doc line -f -d e/ --shards 3 all.txt
[ "$(ls e)" = "manifest.json
shard-00000.ts.zst
shard-00001.ts.zst
shard-00002.ts.zst" ] || fail "$(ls e)"
[ "$(jq -c '[.documents, .bytes, .digest]' e/manifest.json)" = "$(jq -c '[.documents, .bytes, .digest]' d/manifest.json)" ]
ts-dump e/shard-00001.ts.zst | jq -r .text | cmp - <(sed -n '2~3p' all.txt)
expect 0 corpus-shard --check e
expect 0 corpus-shard --doc line -d none </dev/null
expect 0 corpus-shard --check none
mkdir home && echo mine >home/file
expect 2 corpus-shard -f -d home all.txt
[ -e home/file ]

# an input against a manifest, in another order, too
corpus-shard --doc line --manifest d/manifest.json all.txt >x.ts
ts-info --count x.ts | grep -qx 2000
sort -R all.txt | corpus-shard --doc line --manifest d/manifest.json >x.ts
for change in 2000d '7s/7/8/' '7p'; do
    sed "$change" all.txt >changed.txt
    expect 1 corpus-shard --doc line --text -o y.txt --manifest d/manifest.json changed.txt
    [ ! -e y.txt ] || fail "written in spite of the manifest"
done

# damage
damaged() { # EXPECTED-MESSAGE
    expect 1 corpus-shard --check x
    [ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
    grep -q "$1" err || fail "no \"$1\": $(cat err)"
    rm -r x
}
flip() { # FILE OFFSET
    python3 -c 'import sys
f = open(sys.argv[1], "r+b"); n = int(sys.argv[2]); f.seek(n); c = f.read(1)[0]; f.seek(n); f.write(bytes([c ^ 16]))' "$1" "$2"
}
size=$(stat -c %s d/shard-00003.ts.zst)
for ((i = 0; i < size; i += size / 8 + 1)); do
    cp -r d x && flip x/shard-00003.ts.zst $i && damaged shard-00003
    cp -r d x && truncate -s $i x/shard-00003.ts.zst && damaged shard-00003
done
for i in 1 40 100 300 500 700; do
    cp -r d x && flip x/manifest.json $i && damaged manifest
done
cp -r d x && rm x/shard-00002.ts.zst && damaged 'shard-00002.*missing'
cp -r d x && cp x/shard-00002.ts.zst x/shard-00009.ts.zst && damaged 'not in the manifest'
cp -r d x && cp x/shard-00002.ts.zst x/shard-00001.ts.zst && damaged 'shard-00001'
cp -r d x && jq . d/manifest.json >x/manifest.json && damaged manifest

# full disk, signals: neither name nor leftovers
expect 3 bash -c 'trap "" XFSZ; ulimit -f 1; corpus-shard --doc line -d full all.txt'
[ ! -e full ]
[ -z "$(echo full*tmp*)" ] || [ "$(echo full*tmp*)" = 'full*tmp*' ] || fail "left over: $(echo full*)"
for signal in TERM KILL; do
    for out in "-d s" "-o s" "--text -o s"; do
        mkfifo fifo
        # shellcheck disable=SC2086
        corpus-shard --doc line $out fifo 2>err &
        pid=$!
        exec 3>fifo
        cat all.txt >&3
        kill -$signal $pid
        exec 3>&-
        status=0
        wait $pid 2>/dev/null || status=$?
        [ $status = $((128 + $(kill -l $signal))) ] || fail "$signal $out: status $status: $(cat err)"
        [ ! -e s ] || fail "$signal $out: left under its name"
        [ $signal = KILL ] || ! compgen -G 's.tmp*' >/dev/null || fail "$signal: leftovers"
        rm -rf fifo s.tmp*
    done
done

# split by content: parts are disjoint and complete, whatever order and repeats
(cat all.txt && sort -R all.txt | sed -n 1,500p) >repeats.txt
corpus-shard --doc line --holdout 0.1 --part train --text repeats.txt | grep . | sort >kept.txt
corpus-shard --doc line --holdout 0.1 --part test --text repeats.txt | grep . | sort >held.txt
[ -z "$(comm -12 kept.txt held.txt)" ]
sort kept.txt held.txt | cmp - <(sort repeats.txt)
corpus-shard --doc line --holdout 0.1 --part test --text all.txt | grep . | sort | cmp - <(uniq held.txt)
corpus-shard --doc line --holdout 0.1 --part test --seed 2 --text all.txt | grep . | sort >other
cmp -s other <(uniq held.txt) && fail "the seed has no effect"
corpus-shard --doc line --dedup --text repeats.txt | grep . | cmp - all.txt
