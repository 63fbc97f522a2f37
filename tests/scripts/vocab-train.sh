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

# more pieces for a vocabulary: no id moves, each is used, the text takes fewer, as many as is said
vocab-train -q --size 300 -o old.txt -f first
sed -n 21,300p old.txt >some
{ seq -f '[unused%g]' 0 3; head -n 20 old.txt; echo '[unused]'; cat some; echo '##'; } >older.txt
mv older.txt old.txt
tokens() { wordpiece -q --vocab "$1" pages | ts-dump --field input_ids | jq '.input_ids[]'; }
before=$(tokens old.txt | wc -l)
for run in '60 0 60' '100000 0 300' '100000 9 100'; do
    read -r add least some <<<"$run"
    vocab-train --from old.txt --add "$add" --min-frequency "$least" -o new.txt -f pages 2>err
    new=$(($(wc -l <new.txt) - 306))
    head -n 306 new.txt | cmp - old.txt
    [ "$(sort new.txt | uniq -d)" = '' ]
    tokens new.txt >ids
    grep -qx "vocab-train: $new new pieces: the text's words take $(wc -l <ids) in place of $before (.*% fewer)" err || {
        cat err
        exit 1
    }
    [[ $(wc -l <ids) -lt $before ]]
    if [ "$add" = 60 ]; then
        [ "$new" = 60 ]
        cp ids of60
        cp new.txt add60.txt
    else
        [[ $new -gt $some && $(grep -c "^vocab-train: $new new pieces: the text gives no more" err) = 1 ]]
        [[ $(wc -l <ids) -lt $(wc -l <of60) ]]
    fi
done
[ "$(awk '$1 > 305' of60 | sort -u | wc -l)" -ge 55 ] # the longest match takes a little from some
vocab-train -q --from old.txt --add 60 rest first | cmp - add60.txt
# ... in the place of entries that wait for one
vocab-train -q --from old.txt --add 60 --take-unused -o taken.txt pages
{ sed -n 5,306p old.txt; tail -n 60 add60.txt; } | sort | cmp - <(sort taken.txt)
[ "$(diff old.txt taken.txt | grep -c '^<')" = 4 ]
head -n 4 taken.txt | cmp - <(sed -n 307,310p add60.txt)
tail -n 56 taken.txt | cmp - <(tail -n 56 add60.txt)
# words that the old one cannot spell stay unknown, and it is said
printf 'snow ☃☃ ☃ snowman snowman\n' | vocab-train --from old.txt --add 9 2>err >new.txt
grep -q 'vocab-train: .*2 of 5 words stay \[UNK\]: old.txt has not all of their characters' err
[[ $(tail -n 2 new.txt | tr '\n' ' ') == 'snow snowman ' ]]
while IFS='|' read -r options message; do
    status=0
    # shellcheck disable=SC2086
    vocab-train $options -o none.txt pages 2>err || status=$?
    [[ $status == 2 && ! -e none.txt ]]
    grep -q "^vocab-train: $message" err
done <<'E'
--from old.txt|--from and --add go together
--add 9|--from and --add go together
--take-unused|--from and --add go together, and --take-unused with them
--from old.txt --add 9 --size 400|--size: not with --from
--from old.txt --add 9 --limit-alphabet 40|--limit-alphabet: not with --from
E
sed -i '/PAD/d' taken.txt
status=0
vocab-train --from taken.txt --add 9 -o none.txt pages 2>err || status=$?
[[ $status == 1 && ! -e none.txt && $(cat err) == 'vocab-train: taken.txt: not a vocabulary: no piece [PAD]' ]]

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
