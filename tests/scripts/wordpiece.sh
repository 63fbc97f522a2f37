#!/usr/bin/env bash
# wordpiece: the same bytes for any -j; streams and plain text, plain and compressed, give the same
# tokens; decoded text gives the ids again; damage is refused.
set -euo pipefail
golden=$ROOT/tests/golden/tokenizer
vocab=$golden/bert-base-uncased.txt.zst

# Forty languages, in documents of five lines.  A form feed is taken for a line end by some tools.
zstd -dcq "$golden/text.jsonl.zst" | jq -c 'gsub("[\u0000\n\r]"; " ") | select(test("\\S"))' >lines
jq -cn '[inputs] | _nwise(5) | {text: join("\n")}' lines >documents.json
jq -r '.text + "\n"' documents.json >text
ts-load --kind documents -o documents.ts documents.json

# Several batches: a batch is half a megabyte for each worker.
for ((i = 0; i < 8; i++)); do cat text; done >large
wordpiece --vocab "$vocab" -j 1 large >j1
for j in 2 3 7; do
    wordpiece --vocab "$vocab" -j $j large | cmp - j1
done
wordpiece --vocab "$vocab" -j 2 <large | cmp - j1

# whichever way it comes in
wordpiece --vocab "$vocab" text | ts-dump >want
[ "$(wc -l <want)" = "$(wc -l <documents.json)" ]
wordpiece --vocab "$vocab" documents.ts | ts-dump | cmp - want
zstd -q text
wordpiece --vocab "$vocab" <text.zst | ts-dump | cmp - want
sed 's/$/\r/' text | wordpiece --vocab "$vocab" | ts-dump | cmp - want
zstd -dcq "$vocab" >vocab.txt
wordpiece --vocab vocab.txt text | cmp - <(wordpiece --vocab "$vocab" text)
head -n 6 text >first
tail -n +7 text >rest
wordpiece --vocab "$vocab" first - <rest | ts-dump | cmp - want

# a stream's history goes on
wordpiece --vocab "$vocab" -o history.ts documents.ts
ts-info --json --header history.ts |
    jq -e '[.provenance[].tool] == ["ts-load", "wordpiece"]' >/dev/null

# text -> tokens -> text -> tokens
wordpiece --vocab "$vocab" text | wordpiece --decode >decoded
wordpiece --vocab "$vocab" --special-tokens decoded | ts-dump | cmp - want
wordpiece --vocab "$vocab" --special-tokens decoded | wordpiece --decode | cmp - decoded

# a cut or changed stream
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a b c >vocab.txt
head -n 3 documents.json | ts-load --kind documents -o small.ts
size=$(stat -c %s small.ts)
for ((at = 0; at < size; at += 211)); do
    byte=$(od -An -tu1 -j $at -N 1 small.ts)
    head -c $at small.ts >cut.ts
    # shellcheck disable=SC2059
    { cat cut.ts; printf "\\$(printf %o $((byte ^ 16)))"; tail -c +$((at + 2)) small.ts; } >changed.ts
    for file in cut.ts changed.ts; do
        # without the magic it is text, though hardly any
        [ $at -ge 8 ] || [ $at = 0 ] || continue
        [ $at != 0 ] || [ $file = cut.ts ] || continue
        status=0
        wordpiece -j 2 --vocab vocab.txt $file >out 2>err || status=$?
        [[ $status == 1 && $(wc -l <err) == 1 && $(cat err) == "wordpiece: $file: "* ]] ||
            { echo "$file at $at: status $status: $(cat err)"; exit 1; }
        ! ts-info --check out 2>/dev/null || { echo "$file at $at: the output passes"; exit 1; }
    done
done

# a reader that goes away
status=0
{ wordpiece --vocab vocab.txt large large large || echo $? >&3; } 3>status 2>err | head -c 1 >/dev/null
[[ $(cat status) == 141 && ! -s err ]] || { echo "| head: $(cat status err)"; exit 1; }

# a signal ends it while it waits for input, whichever thread is at work
mkfifo stalled
for j in 1 3; do
    wordpiece -j $j --vocab vocab.txt -o stopped.ts <stalled 2>err &
    pid=$!
    exec 9>stalled
    cat large >&9
    sleep 0.3
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    exec 9>&-
    [[ $status == 143 && ! -e stopped.ts && ! -s err ]] || { echo "-j $j, SIGTERM: $status: $(cat err)"; exit 1; }
done
