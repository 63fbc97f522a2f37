#!/usr/bin/env bash
# run: plain
# corpus-shard on real files: an archive of somebody else's, and all corpora.
set -euo pipefail
if [ ! -d "${SHARED:-}/data/archive" ]; then
    echo "no ../shared/data"
    exit 77
fi
archive=$SHARED/data/archive/e2e_aligned.tar.gz
corpus-shard --source "$archive" >a.ts
corpus-shard --source - <"$archive" | cmp - a.ts
gzip -dc "$archive" >a.tar
corpus-shard --source a.tar | cmp - a.ts
mkdir x && tar -xf a.tar -C x
(cd x && find . -type f | wc -l) | grep -qx 6
ts-dump a.ts | jq -r .source | uniq | sort >names
(cd x && find . -type f | cut -c3- | sort) | cmp - names
# every line that is not blank, in the order of the archive
tar -tf a.tar | while read -r f; do [ ! -f "x/$f" ] || (cat "x/$f" && echo); done |
    sed -E 's/^[ \t]+//; s/[ \t\r]+$//' | grep . >want
corpus-shard -q --doc file --text a.tar >whole
grep . whole | cmp - want
for n in 100000 1000000 1911865; do
    head -c $n "$archive" >cut.tar.gz
    status=0
    corpus-shard -q cut.tar.gz >cut.ts 2>err || status=$?
    [ $status = 1 ]
done
for f in "$SHARED"/data/corpus/*.zst "$SHARED"/data/multilingual/udhr.txt.zst; do
    corpus-shard -q -v "$f" 2>err >a.ts
    zstd -dc "$f" | corpus-shard -q | cmp - a.ts
    corpus-shard -f -q -d d --shard-size 16M "$f"
    corpus-shard --check d
    corpus-shard -q --text "$f" | corpus-shard -q --text --manifest d/manifest.json >b.txt
    # documents as the corpora's notes count them
    case $f in
    */simplewiki*) ts-info --count a.ts | grep -qx 174493 ;;
    */enwiki*) ts-info --count a.ts | grep -qx 3437 ;;
    */udhr*) ts-info --count a.ts | grep -qx 388 ;;
    esac
done
