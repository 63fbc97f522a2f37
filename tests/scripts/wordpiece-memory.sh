#!/usr/bin/env bash
# run: plain
# wordpiece: a document far larger than memory is meant to be, and a sentence larger than a record.
set -euo pipefail
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a '##b' >vocab.txt

peak() { sed -nE 's/.*peak memory ([0-9]+).*/\1/p' err; }

# 40 MB, a document of 20 million tokens in sentences of 10
awk 'BEGIN { while (n++ < 2000000) print "a a a a a a a a a a" }' >one
wordpiece -v -j 2 --vocab vocab.txt -o one.ts one 2>err
grep -q 'documents of over 1048576 tokens, split: 1$' err
[ "$(peak)" -lt 64 ] || { echo "one document: $(peak) MiB"; exit 1; }
ts-dump --field sentence_lengths one.ts | jq -e '[.sentence_lengths[]] | (add <= 1048576) and
    all(.[]; . == 10)' >/dev/null
[ "$(ts-info --count one.ts)" = 20 ]

# a sentence of 1.5 million tokens: cut where a word begins
awk 'BEGIN { print "a"; while (n++ < 500000) printf "abb "; print "\na" }' >two
wordpiece -q -j 2 --vocab vocab.txt -o two.ts two
ts-dump two.ts | jq -c '[.sentence_lengths, .input_ids[0], .input_ids[-1]]' >got
printf '%s\n' '[[1],5,5]' '[[1048575],5,6]' '[[451425,1],5,5]' | cmp - got
