#!/usr/bin/env bash
# run: plain
# pipelines/probe on small data sets: rows, resuming, what is scored on what, tables.
set -euo pipefail
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
# shellcheck source=tests/support/task_data.sh
. "$ROOT/tests/support/task_data.sh"
# shellcheck source=tests/support/probe_data.sh
. "$ROOT/tests/support/probe_data.sh"
probe() { "$ROOT/pipelines/probe" "$@" 2>err; }
tab=$'\t'
tiny_model discriminator
probe_data data

# the quick suite: the rate is chosen first, with a line for each run; then nothing is done again
probe -D data -r r.tsv -w w --quick one=discriminator >out
[ "$(cut -f 4 r.tsv | sort | uniq -c | tr -s ' ' | tr '\n' ';')" = ' 4 dev; 1 part; 6 rate;' ]
best=$(awk -F '\t' '$4 == "rate" { s[$7] += $6 } END { for (r in s) print s[r], r }' r.tsv | sort -k 1,1gr -k 2,2g | head -n 1)
awk -F '\t' -v rate="${best#* }" '$4 == "dev" && $7 != rate { exit 1 }' r.tsv
[ "$(grep -cE '^\| (word-in-text|conll2003|mrpc|stsb) \|' out)" = 4 ]
awk -F '\t' 'NR > 1 && $9 <= 0 { exit 1 }' r.tsv
grep -q '^| mean of 4 (--quick) |  | [0-9.-]* |$' out
if grep 'mean of 11' out; then exit 1; fi
cp r.tsv before
probe -D data -r r.tsv -w w --quick one=discriminator >again
cmp r.tsv before && cmp out again
[ ! -s err ]
# a run that was lost is done again, the same
grep -v "dev${tab}spearman" before >r.tsv
probe -D data -r r.tsv -w w --quick one=discriminator >/dev/null
diff <(cut -f 1-8 before | sort) <(cut -f 1-8 r.tsv | sort)

# the whole suite, test sets as well; the dev rows that stand there are kept
probe -D data -r r.tsv -w w --test one=discriminator >out
[ "$(grep -c "${tab}test${tab}" r.tsv)" = 11 ] && [ "$(grep -c "${tab}dev${tab}" r.tsv)" = 11 ]
grep -q '^| data (test) | metric | one |$' out
grep -q '^| mean of 11 |  | [0-9.-]* |$' out

# what is learnt from and what is scored on have nothing in common, and together they are all
zstd -dcq w/words-a-e.tsv.zst w/words-f-i.tsv.zst w/words-j-z.tsv.zst | grep -v ^text_a | sort >all
zstd -dcq data/corpus/*.zst | awk -v first=^ -f "$ROOT/pipelines/word-in-text.awk" | grep -v ^text_a | sort | cmp - all
[ -s all ]
zstd -dcq w/words-f-i.tsv.zst | awk -F '\t' 'NR > 1 && $1 !~ /^[f-i]/ { exit 1 }'
sentences() { awk -v RS= '{ gsub(/\n/, "/"); print }' | sort; }
zstd -dcq w/conll2000-dev.conll.zst w/conll2000-900.conll.zst | sentences >all
zstd -dcq data/conll2000/train.conll.zst | sentences | cmp - all
zstd -dcq w/conll2000-dev.conll.zst | grep -q .
contexts() { jq -r '.data[].paragraphs[].context' | sort; }
zstd -dcq w/tydiqa-dev.json.zst | contexts >dev
zstd -dcq w/tydiqa-500.json.zst | contexts >train
zstd -dcq w/tydiqa-train.json.zst | contexts >all
[ -s dev ] && [ -s train ] && [ -z "$(comm -12 dev train)" ]
[ -z "$(comm -13 all <(sort dev train))" ]

# new weights, another seed; means and paired differences by hand
mkdir listen
printf '#!/bin/sh\necho "$@" >>%s/said\nexec %s/finetune "$@"\n' "$PWD" "$BIN" >listen/finetune
chmod +x listen/finetune
PATH=$PWD/listen:$PATH probe -D data -r r.tsv -w w --quick -s 2 scratch=discriminator >out
grep -q '| data (dev) | metric | scratch |' out
[ "$(wc -l <said)" = 10 ] && [ "$(grep -c -e '--seed 2.*--from-scratch' said)" = 10 ]
{
    head -n 1 r.tsv
    for seed in 1 2 3; do
        for data in word-in-text conll2003 mrpc stsb; do
            printf 'old\t%s\t%s\tdev\tx\t%s\t1e-3\t1\t30\tc\n' $seed $data $((50 + seed))
            printf 'new\t%s\t%s\tdev\tx\t%s\t1e-3\t1\t30\tc\n' $seed $data $((50 + 2 * seed))
        done
    done
    printf 'new\t4\tmrpc\tdev\tx\t99\t1e-3\t1\t30\tc\n' # has no partner
} >given.tsv
probe -t -r given.tsv old >out
cat out
grep -qxF '| data (dev) | metric | old | new | less old |' out
grep -qxF '| mrpc | x | 52.00 ± 1.00 | 65.25 ± 22.56 | +2.00 ± 0.58 (3) |' out
grep -qxF '| mean of 4 (--quick) |  | 52.00 ± 1.00 | 54.00 ± 2.00 | +2.00 ± 0.58 (3) |' out
if grep 'mean of 11' out; then exit 1; fi
grep -qF '| minutes of a core |  | 2.0 ± 0.0 | 1.6 ± 0.8 |' out

# what cannot be
status() { # STATUS COMMAND...
    local want=$1 got=0
    shift
    "$@" >out || got=$?
    [ $got = "$want" ] || { echo "$*: $got"; exit 1; }
}
status 2 probe -D data discriminator
status 2 probe -D data -r r.tsv
status 2 probe -r r.tsv -D
status 3 probe -D data -r r.tsv nowhere
grep -q 'nowhere: not there' err
status 1 probe -t -r given.tsv none
grep -q 'no results of none' out
