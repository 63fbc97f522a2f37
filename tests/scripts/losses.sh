#!/usr/bin/env bash
# What a model cannot read of the user's text is counted and said, by finetune and by every answering
# tool: tokens that are [UNK], bytes that are not UTF-8; over a tenth as a warning, not with -q, and
# nothing where there is nothing.
# shellcheck disable=SC2317 # check calls functions by their names
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
complain() { echo "$*"; bad=1; }
bad=0
tiny_model discriminator
tune() { finetune -m discriminator --lr 0 --epochs 1 -f -o "$1" --task "${@:2}"; }

# 20 words of which one is unknown, as a text and as words of their own.
row() { printf 'the %.0s' {1..19}; echo "$1"; }
{ printf 'text\tlabel\n'; row was | sed 's/$/\tgood/'; row was | sed 's/$/\tbad/'; } >classify
sed 's/good/1/; s/bad/2/' classify >regress
cp classify multilabel
{ row was | tr ' ' '\n' | sed 's/$/\tB-X/'; echo; } >tag
printf '{"data": [{"paragraphs": [{"context": "%s", "qas": [{"id": "1", "question": "was", "answers": [{"text": "the", "answer_start": 0}]}]}]}]}\n' \
    "$(row was)" >answer
{ printf 'query\tcandidate\tlabel\n'; for i in 0 1; do row was | sed "s/^/the\t/; s/\$/\t$i/"; done; } >rank
{ printf 'source\ttarget\n'; row was | sed 's/$/\tit was/'; } >generate
row was >lines
sed 's/^/was\t/' lines >pairs

# FILE: its lines with one word of a text unknown in each; or all of the text.
some() { sed 's/ was\b/ ☃/; s/^was\t/☃\t/' "$1"; }
much() { sed 's/\bthe\b/☃/g' "$1"; }

# COMMAND NAME INPUT: a count for some, a warning for much, silence with -q and without any.
# shellcheck disable=SC2094
check() {
    local run=$1 of=${2:+ of $2}
    cp "$3" is
    "$run" 2>err || complain "$run $3: $(cat err)"
    ! grep -q 'UNK\|UTF-8' err || complain "$run $3, nothing unknown: $(cat err)"
    some "$3" >is
    "$run" 2>err || complain "$run $3: $(cat err)"
    grep -Eq "^[a-z]+: [0-9]+ of [0-9]+ tokens$of are \[UNK\] \(.*%\)$" err || complain "$run $3, some unknown: $(cat err)"
    much "$3" >is
    "$run" 2>err || complain "$run $3: $(cat err)"
    grep -Eq "^[a-z]+: warning: [0-9]+ of [0-9]+ tokens$of are \[UNK\] \(.*%\)$" err || complain "$run $3, much unknown: $(cat err)"
    "$run" -q 2>err || complain "$run -q $3: $(cat err)"
    [ ! -s err ] || complain "$run -q $3: $(cat err)"
}
for task in classify regress multilabel tag answer rank generate; do
    cp "$task" "model.$task"
    tuned() { tune out "$task" "$@" is; }
    check tuned is "$task"
    tune "m.$task" "$task" "model.$task" 2>err || complain "$task: $(cat err)"
done
tuned() { tune out joint "$@" --slots is classify; }
head -n 2 classify >one && mv one classify
check tuned is tag
dev() { tune out classify "$@" --dev is model.classify; }
check dev is model.classify

for tool in classify:lines tag:lines answer:pairs rank:pairs generate:lines embed:lines detect:lines infill:lines; do
    input=${tool#*:} tool=${tool%:*}
    model=m.$tool options=()
    case $tool in
    embed | detect) model=discriminator ;;
    infill) model=m.generate options=(--infill) tool=generate ;;
    esac
    answered() { "$tool" -m "$model" "${options[@]}" "$@" is >answer.out; }
    check answered "" "$input"
done
conll() { tag -m m.tag --conll "$@" is >answer.out; }
check conll "" tag
by_squad() { answer -m m.answer --squad is "$@" -o out.json -f; }
cp model.answer answer
check by_squad "" answer

# Every token counts once: 20 words, [CLS] and [SEP] are none of the user's.
some lines | classify -m m.classify 2>err >answer.out
[ "$(cat err)" = 'classify: 1 of 20 tokens are [UNK] (5%)' ] || complain "counted: $(cat err)"
sed 's/was/wa\xffs/' lines | classify -m m.classify 2>err >answer.out
[ "$(cat err)" = 'classify: 1 of 80 bytes are not UTF-8 and were dropped (1.25%)' ] || complain "bytes: $(cat err)"
exit $bad
