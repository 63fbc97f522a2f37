#!/usr/bin/env bash
# run: plain
# The demo's text: every synset once, no definition on two sides of the split, whatever its blanks
# and capitals, no label in a corpus, a document's synsets of one family.
set -euo pipefail
wordnet=/usr/share/wordnet
mkdir out
ln -s "$ROOT/pipelines" out/recipe
ln -s "$wordnet" out/wordnet
make -s --no-print-directory -C out -f recipe/demo.mk SEEDS=1 THREADS=1 \
    corpus.txt heldout.txt train-500.tsv train-2000.tsv majority-2000.tsv 2>log
cd out

same() { # WHAT GOT WANTED
    [ "$2" = "$3" ] || { echo "$1: $2, wanted $3"; exit 1; }
}
lines() { wc -l <"$1"; }
same synsets "$(lines wordnet.syn)" "$(cat $wordnet/data.{noun,verb,adj,adv} | grep -c '^[0-9]')"
same categories "$(cut -f 4 wordnet.syn | sort -u | wc -l)" 45
same test "$(lines test.tsv)" 5001
same dev "$(lines dev.tsv)" 1001
same small "$(lines train-500.tsv)" 501
same labelled "$(lines train-2000.tsv)" 2001
same header "$(head -qn 1 test.tsv dev.tsv train-2000.tsv train-500.tsv | sort -u)" $'label\ttext'

plain() { tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9\n' ' ' | sed 's/^ //; s/ $//' | sort -u; }
for f in test dev train-2000; do tail -n +2 $f.tsv | cut -f 2 | plain >$f.definitions; done
for f in corpus heldout; do cut -f 5 $f.syn | plain >$f.definitions; done
common() { comm -12 "$1.definitions" "$2.definitions" | wc -l; }
same 'definitions tested on and read' "$(common test corpus)" 0
same 'definitions tested on and labelled' "$(common test train-2000)" 0
same 'definitions of dev and read' "$(common dev corpus)" 0
same 'definitions of dev and tested on' "$(common dev test)" 0
same 'definitions held out and read' "$(common heldout corpus)" 0
same 'labelled ones read as well' "$(common train-2000 corpus)" "$(lines train-2000.definitions)"
same 'definitions twice in test' "$(lines test.definitions)" 5000

# the text holds the synsets' sentences, all of them, and nothing else
same sentences "$(grep -vc '^$' corpus.txt)" "$(awk -F '\t' '{ n += NF - 4 } END { print n }' corpus.syn)"
cut -f 5- corpus.syn | tr '\t' '\n' | sort >wanted
grep -v '^$' corpus.txt | sort | cmp - wanted
same documents "$(($(grep -c '^$' corpus.txt) + 1))" \
    "$(awk -F '\t' '{ print $3 == "-" ? $2 : $3 }' corpus.syn | sort -u | wc -l)"

# a rerun does nothing; a changed setting does what depends on it, and no more
again() { make --no-print-directory -C . -f recipe/demo.mk SEEDS=1 THREADS=1 "$@" 2>&1; }
[[ $(again corpus.txt) != *awk* ]]
said=$(again train-500.tsv small=400)
[[ $said == *train-500.tsv* || $said == *head* ]]
[[ $said != *wordnet.awk* ]]
