#!/usr/bin/env bash
# vocab-train: piece for piece what a plain second implementation learns; the same from a stream as
# from text; what it learns, wordpiece reads.
set -euo pipefail
cat "$ROOT"/man/{wordpiece.1,vocab-train.1,tensor-stream.5} "$ROOT/LICENSE" | LC_ALL=C tr -d '\200-\377' >pages
for run in '400 0' '700 3' '5000 6'; do
    read -r size least <<<"$run"
    vocab-train -q --size "$size" --min-frequency "$least" -o vocab.txt -f pages
    "$ROOT/tests/scripts/reference-vocab.py" "$size" "$least" <pages | cmp - vocab.txt
done
[ "$(wc -l <vocab.txt)" -lt 5000 ]

# a stream, compressed text, several inputs, lines in another order: the same words
vocab-train --size 700 -o vocab.txt -f pages
jq -cRn '{text: [inputs] | join("\n")}' pages | ts-load --kind documents | vocab-train --size 700 | cmp - vocab.txt
zstd -qc pages | vocab-train --size 700 | cmp - vocab.txt
head -n 50 pages >first
tail -n +51 pages >rest
vocab-train --size 700 rest first | cmp - vocab.txt

# no word of the text is unknown, and the pieces are in use
wordpiece --vocab vocab.txt -o tokens.ts pages
ts-dump --field input_ids tokens.ts | jq '.input_ids[]' | sort -u >used
if grep -qx 1 used; then
    echo '[UNK] in the text that was learnt from'
    exit 1
fi
[ "$(wc -l <used)" -gt 500 ]

# a stream without its end gives no vocabulary
printf '{"text": "a b"}\n{"text": "c d"}\n' | ts-load --kind documents -o docs.ts
head -c -64 docs.ts >cut.ts
status=0
vocab-train -o none.txt cut.ts 2>err || status=$?
[[ $status == 1 && ! -e none.txt && $(wc -l <err) == 1 ]]

# more different words than memory: the frequent ones are kept, and it is said
awk 'BEGIN {
    for (i = 0; i < 1200000; i++) {
        word = ""
        for (k = i * 7919 % 1679616 + 1679616; k >= 1; k = int(k / 36))
            word = word substr("abcdefghijklmnopqrstuvwxyz0123456789", k % 36 + 1, 1)
        print word, i % 100 ? "" : "frequently seen"
    }
}' >many
vocab-train -S 32M --size 300 -v -o small.txt many 2>err
grep -q 'seen 1 times or less may be forgotten' err
grep -qx frequently small.txt
grep -qx seen small.txt
if [ -z "$SANITIZED" ]; then
    peak=$(sed -nE 's/.*peak memory ([0-9]+).*/\1/p' err)
    [ "$peak" -lt 48 ] || { echo "with 32M: $peak MiB"; exit 1; }
fi
