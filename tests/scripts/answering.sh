#!/usr/bin/env bash
# Every answering tool: lines, columns and JSON lines get the same answers; they are the same bytes
# line by line, turned round, all at once and with any number of threads; a line that cannot be
# answered has a message with its number and an empty answer.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
fail() {
    echo "$*"
    exit 1
}
same_bytes() { # FILE COMMAND...
    local file=$1
    shift
    "$@" -j 1 "$file" >one
    [ "$(wc -l <one)" = "$(wc -l <"$file")" ] || fail "$*: $(wc -l <one) lines"
    "$@" -j 3 "$file" | cmp - one || fail "$*: -j 3"
    "$@" --line-buffered "$file" | cmp - one || fail "$*: --line-buffered"
    tac "$file" | "$@" | tac | cmp - one || fail "$*: another order"
}
# The same from JSON lines; then with lines in between that cannot be answered.
same_json() { # KEY,KEY... FILE EMPTY COMMAND...
    local keys=$1 file=$2 empty=$3 status=0
    shift 3
    "$@" "$file" >one
    jq -Rc --arg keys "$keys" 'split("\t") as $v | ($keys | split(",")) as $k | if . == "" then empty else
        {id: input_line_number} + ([$k[] as $key | {key: $key, value: $v[$k | index($key)]}] | from_entries)
        + if $k[0] == "query" then {candidates: $v[1:]} else {} end end' "$file" >objects
    [ "$(wc -l <objects)" -ge 20 ] || fail "$(cat objects)"
    awk 'NR == FNR { if ($0 != "") keep[FNR] = 1; next } FNR in keep' "$file" one >answers
    same_bytes objects "$@" --jsonl
    cmp one answers || fail "$*: --jsonl"
    {
        head -n 1 objects
        printf '%s\n' '{"text": "not closed' '["text"]' '{"other": "key"}' "{\"${keys%%,*}\": 1}" '{"a": 1, "a": 2}'
        tail -n 1 objects
    } >broken
    "$@" --jsonl broken >said 2>err || status=$?
    {
        head -n 1 answers
        printf '%s\n' "$empty" "$empty" "$empty" "$empty" "$empty"
        tail -n 1 answers
    } >want
    if [ $status != 1 ] || ! diff said want; then fail "$*: status $status, $(cat err)"; fi
    for line in 2 3 4 5 6; do grep -q "broken: line $line: " err || fail "$*: no message of line $line: $(cat err)"; done
    ! "$@" --jsonl --strict broken >said 2>err || fail "$*: --strict went on"
    [[ ! -s said && $(grep -c . err) == 1 ]] || fail "$*: --strict: $(cat said err)"
}

tiny_model discriminator
tiny_model generator
tiny_bert
for kind in labelled numbers several ranked copies tagged squad; do $kind 60 1 >$kind.train; done
labelled 40 2 | sed 1d | cut -f 1 >text
printf '\n\nthe\n' >>text
sed 's/$/\tgood\tbad\tthe/' text >candidates
sed 's/^/is it\t/' text >questions
awk '{ print $0 "\tthe " NR % 7 " cat" }' text >pairs

for base in discriminator bert; do
    tune() { # TASK TRAIN OPTION...
        local task=$1 train=$2
        shift 2
        finetune --task "$task" -m $base -o "$task" -f --lr 5e-3 --epochs 1 "$@" "$train"
    }
    tune classify labelled.train
    tune regress numbers.train
    tune multilabel several.train
    tune joint labelled.train --slots tagged.train
    tune answer squad.train
    tune rank ranked.train
    tune generate copies.train
    same_bytes text classify -m classify --all
    same_bytes text classify -m regress
    same_bytes text classify -m multilabel --json
    same_bytes text tag -m joint
    same_bytes text generate -m generate --beam 3 --max-length 8
    same_bytes text embed -m $base
    same_bytes candidates rank -m rank
    same_bytes questions answer -m answer
    same_json text text '' classify -m classify --all
    same_json text text '{}' classify -m multilabel --json
    same_json text text '{}' tag -m joint
    same_json source text '' generate -m generate --max-length 8
    same_json text text '' embed -m $base
    same_json text_a,text_b pairs '' embed -m $base --pair
    same_json query candidates '' rank -m rank
    same_json question,context questions '' answer -m answer

    # Beams of one are greedy; a draw depends on the seed and on nothing else.
    generate -m generate --beam 1 text >one
    generate -m generate text | cmp - one || fail "beam 1"
    generate -m generate --sample --temperature 3 --seed 4 -j 1 text >one
    generate -m generate --sample --temperature 3 --seed 4 -j 3 text | cmp - one || fail "sampling: -j"
    ! generate -m generate --sample --temperature 3 --seed 5 text | cmp -s - one || fail "sampling: --seed has no effect"
    generate -m generate --sample --temperature 3 --top-k 1 text >one
    generate -m generate text | cmp - one || fail "--top-k 1 is greedy"
done
same_json text text '{}' detect -m discriminator --json
same_bytes text detect -m discriminator

# Other keys; a tab or line break in a text is a blank, so that an answer stays a line.
printf '{"words": "the\\tcat\\nsat", "text": "good"}\n' | classify -m classify --jsonl --text words >said
printf 'the cat sat\n' | classify -m classify | cmp - said || fail "--jsonl --text"
printf '{"question": "is it", "context": "the\\ncat\\tand"}\n\n' | answer -m answer --threshold 1 --jsonl >said
[ "$(wc -l <said)" = 2 ] || fail "$(cat said)"

# The best answers, of which the first is the answer.
answer -m answer --threshold 1 --json --n-best 3 questions >said
jq -es 'map(select(.answer != "")) | length >= 20 and all(.n_best | length >= 1 and length <= 3) and all(.answer == .n_best[0].answer
    and .score == .n_best[0].score and .start == .n_best[0].start and (.n_best | map(-.score) | . == sort))' said >/dev/null || fail "$(cat said)"
jq -c 'del(.n_best)' said >one
answer -m answer --threshold 1 --json questions | jq -c . | cmp - one || fail "--n-best changes the rest"

# Columns that are not there.
printf 'only a query\ngood\tbad\tthe\n' | answer -m answer >said 2>err && fail "a line without context was answered"
[[ $(wc -l <said) = 2 && -z $(head -n 1 said) && $(head -n 1 err) == *'line 1: '* ]] || fail "$(cat said err)"
printf 'only a query\ngood\tbad\n' | answer -m answer --strict >said 2>err && fail "--strict went on"

# Masks: each gets a piece ("##" joins what is before it), what is not a mask stays as it was; a model that was started from the
# generator and learnt nothing fills them as the generator does.
printf 'the [MASK] and  the [MASK].\nno mask\n\n[MASK]\n' >masked
same_bytes masked generate --infill -m generator
generate --infill -m generator masked >one
! grep -q MASK one || fail "a mask is left: $(cat one)"
awk 'NR == 1 && /^the ?[^ ]+ and  the ?[^ ]+\.$/ || NR == 2 && $0 == "no mask" || NR == 3 && $0 == "" || NR == 4 && /^[^ ]+$/ { n++ }
    END { exit n != 4 }' one || fail "$(cat one)"
finetune --task generate -m generator --generator generator --lr 0 --epochs 1 -o started copies.train
generate --infill -m started masked | cmp - one || fail "--generator: another head"
finetune --task generate -m generator --lr 0 --epochs 1 -o started -f copies.train
! generate --infill -m started masked | cmp -s - one || fail "without --generator: the same head"

# A length that no question fits into is said, not read past.
{ printf 'is it\t' && printf 'the good cat %.0s' {1..40} && echo; } >long
status=0
answer -m answer --length 3 long >said 2>err || status=$?
[[ $status = 2 && ! -s said && $(cat err) == *'3 tokens have no room'* ]] || fail "answer --length 3: status $status, $(cat err)"
for task in answer:squad generate:copies; do
    status=0
    finetune --task "${task%:*}" -m discriminator -o never --length 3 "${task#*:}.train" 2>err || status=$?
    [[ $status = 2 && ! -e never && $(cat err) == *'3 tokens have no room'* ]] || fail "$task --length 3: status $status, $(cat err)"
done
answer -m answer --length 4 long >said

# A pair is two columns, not one and nothing.
status=0
embed -m discriminator --pair --text 1 pairs >said 2>err || status=$?
[[ $status = 2 && ! -s said && $(cat err) == *'--text 1: want two columns'* ]] || fail "embed --pair --text 1: status $status, $(cat err)"

# A byte order mark before a header or an object is no part of it.
printf 'text\tother\nthe good\tx\n' >plain
{ printf '\xef\xbb\xbf' && cat plain; } >marked
classify -m classify --header --text text plain >one
classify -m classify --header --text text marked | cmp - one || fail "a byte order mark before a header"
printf '\xef\xbb\xbf{"text": "the good"}\n' | classify -m classify --jsonl >said
sed 1d one | cmp - said || fail "a byte order mark before an object"

# SQuAD's answers come in both files or in none.
echo mine >taken
status=0
answer -m answer --squad squad.train -o never --no-answer taken 2>err || status=$?
[[ $status = 2 && ! -e never && $(cat taken) = mine ]] || fail "--no-answer to a file that exists: status $status, $(cat err)"
status=0
answer -m answer --squad squad.train -o never --no-answer nowhere/none 2>err || status=$?
[[ $status = 3 && ! -e never && $(cat err) == *'nowhere/none: cannot create'* ]] || fail "--no-answer in no folder: status $status, $(cat err)"

# A line that is not UTF-8 has its answer, too, and so have those around it; the first may be empty.
printf '\nthe [MASK] \xff\nthe\n' >bytes
generate --infill --json -m generator bytes >said
[ "$(jq -r .text said | wc -l)" = 3 ] || fail "--infill --json: $(cat said)"
[ "$(tag -m joint bytes | jq -c .entities | wc -l)" = 3 ] || fail "tag: an empty first line"

# So has a line that is longer than any line may be; those after it are answered.
{ echo the; head -c 67200000 /dev/zero | tr '\0' a; printf '\nthe\n'; } >endless
classify -m classify endless >said 2>err && fail "a line of 67 MB was answered"
[[ $(sed -n 1p said) = $(sed -n 3p said) && -z $(sed -n 2p said) && $(wc -l <said) == 3 ]] || fail "a line of 67 MB: $(cat err)"
[[ $(cat err) == *"endless: line 2: longer than 67108864 bytes"*"1 of 3 lines could not be answered"* ]] || fail "a line of 67 MB: $(cat err)"

# Columns that nobody asked for and that are not read are said, once and counted, whatever the tool; with --text, with names of
# columns that are the default ones, with -q, and where every column is read, nothing is.
said_once() { # FILE WORDS COMMAND...: one line on stderr, which holds WORDS
    local file=$1 words=$2
    shift 2
    "$@" "$file" >said 2>err || fail "$*: $(cat err)"
    [[ $(wc -l <err) == 1 && $(cat err) == *"$words"* ]] || fail "$*: want '$words': $(cat err)"
    "$@" -q "$file" 2>err | cmp - said || fail "$*: -q has another answer"
    [ ! -s err ] || fail "$*: -q: $(cat err)"
}
printf 'the\tgood\nthe cat\n\n' >extra
printf 'the\tgood\tbad\nthe\tcat\n\n' >third
printf 'the\tgood\tbad\n' >header
cat extra >>header
first='1 of 3 lines with columns that are not read: the text is column 1 (--text names others'
said_once extra "$first; --text 1,2 reads pairs)" classify -m classify
said_once extra "$first; --pair reads pairs)" embed -m discriminator
said_once extra "$first)" detect -m discriminator
said_once extra "$first)" tag -m joint
said_once extra "$first)" generate -m generate --max-length 4
said_once extra "$first)" rank -m rank --candidates text
said_once third '1 of 3 lines with columns that are not read: the texts are columns 1 and 2 (--text names others)' answer -m answer
said_once third 'not read: the texts are columns 1 and 2' embed -m discriminator --pair
said_once header 'not read: the text is column 1' classify -m classify --header
classify -m classify extra extra 2>err >said
[ "$(cat err)" = "classify: warning: 2 of 6 lines${first#1 of 3 lines}; --text 1,2 reads pairs) (33.3%)" ] || fail "two files: $(cat err)"
for silent in 'classify --text 1 extra' 'classify --header plain' 'classify --header --text 2 plain' 'rank candidates' 'answer questions'; do
    # shellcheck disable=SC2086
    set -- $silent
    "$1" -m "$1" "${@:2}" 2>err >said || fail "$silent: $(cat err)"
    [ ! -s err ] || fail "$silent: $(cat err)"
done
