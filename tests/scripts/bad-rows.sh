#!/usr/bin/env bash
# run: plain
# Learners and judges name ten bad rows, write nothing and end with 1; --skip-bad takes the others:
# what is learnt and measured is that of a file without the bad rows.  Text of others that would
# break a line does not.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator

# Every third of the first 36 lines behind the header has a column too many.
labelled 60 1 >good.all
awk 'NR > 1 && NR < 38 && NR % 3 == 0 { print $0 "\tx"; next } { print }' good.all >bad.tsv
awk 'NR > 1 && NR < 38 && NR % 3 == 0 { next } { print }' good.all >good.tsv
few=(--task classify -m discriminator --epochs 1 --seed 1 -q)
status=0
finetune "${few[@]}" -o never bad.tsv 2>err || status=$?
[ "$status" = 1 ] || fail "status $status"
[ ! -e never ] || fail "written in spite of bad rows"
[ "$(grep -c 'bad.tsv: line [0-9]*: 3 columns, line 1 has 2' err)" = 10 ] || fail "ten are not named: $(cat err)"
grep -q 'bad.tsv: line 3: ' err || fail "the first is not named"
grep -q 'bad.tsv: 12 of 60 rows cannot be used (--skip-bad takes the others)' err || fail "$(cat err)"
[ "$(wc -l <err)" = 11 ] || fail "$(cat err)"
finetune "${few[@]}" --skip-bad -o skipped bad.tsv
finetune "${few[@]}" -o clean good.tsv
cmp skipped/model.safetensors clean/model.safetensors || fail "--skip-bad learns something else"
finetune --task classify -m discriminator --epochs 1 --skip-bad -o said bad.tsv 2>err
grep -q '12 of 60 rows of bad.tsv left out; the first: bad.tsv: line 3: ' err || fail "$(cat err)"

# A judge, of every task: gold and predictions have bad rows in different places; what is left is
# compared as if both had never had them.
refused() { # TASK OPTION...
    local status=0
    evaluate --task "$@" >out 2>err || status=$?
    [[ $status = 1 && ! -s out ]] || fail "$*: status $status, $(cat out err)"
}
same() { # NAME TASK OPTION...: gold.bad and said.bad against gold.good and said.good
    local name=$1 task=$2
    shift 2
    refused "$task" --gold "$name.bad" "$@" said.good
    refused "$task" --gold "$name.good" "$@" said.bad
    evaluate --task "$task" --gold "$name.bad" "$@" --skip-bad said.bad >got 2>err || fail "$task: $(cat err)"
    evaluate --task "$task" --gold "$name.good" "$@" said.good >want
    diff want got || fail "$task: with --skip-bad"
    grep -q 'left out' err || fail "$task: nothing said of what was left out"
}
n=30
# Row i of gold is bad where i is 4, of the predictions where i is 7 (good files lack both).
write() { # FILE HEADER GOOD BAD AT: the lines of a file with bad rows, and of one without; %d is i
    awk -v n=$n -v header="$2" -v good="$3" -v bad="$4" -v at="$5" -v to="$1" 'BEGIN {
        if (header != "") { print header >(to ".bad"); print header >(to ".good") }
        for (i = 0; i < n; i++) {
            line = i == at ? bad : good
            gsub("%d", i, line); gsub("%m", i % 3, line); gsub("%p", i % 2, line)
            printf "%s\n", line >(to ".bad")
            if (i != 4 && i != 7) printf "%s\n", line >(to ".good")
        }
    }'
}
write gold label %m '%m	x' 4
write said '' '%p	0.5' '{"lable": 1}' 7
same gold classify
write gold label %d word 4
write said '' '%m.5' 'x' 7
same gold regress
write gold 'id	label' 'x	a%m,b%p' 'x	a	y' 4
write said 'labels	a0	a1	a2	b0	b1' 'a%p	0.9	0.1	0.2	0.3	0.4' 'a%p	0.9	0.1' 7
same gold multilabel
write gold 'query	label	a	b' 'q%d	1	x	y' 'q%d	3	x	y' 4
write said '' '2:0.7	1:0.3' '2:0.7	x' 7
same gold rank
write gold 'source	target' 's%d	a b%m' 's%d' 4
write said '' 'a b%p' 'a b%p' 7
refused generate --gold gold.bad said.good
evaluate --task generate --gold gold.bad --skip-bad said.bad 2>err >got || fail "$(cat err)"
grep -q '1 of 30 rows of gold.bad left out; the first: gold.bad: line 6: want source and target' err || fail "$(cat err)"
grep -qx 'rows	29' got || fail "$(cat got)"
# sentences: as CoNLL and as JSON lines; with intents
write gold '' 'w%d	B-T%m\nv	I-T%m\n' 'w%d\n' 4
sed -i 's/\\n/\n/g' gold.bad gold.good
cp gold.bad slots.bad && cp gold.good slots.good
write said '' 'w%d	B-T%p\nv	I-T%p\n' 'w%d\n' 7
sed -i 's/\\n/\n/g' said.bad said.good
same gold tag
for f in said.bad said.good; do
    awk -v RS= '{ printf "# intent = i%d\n%s\n\n", NR % 2, $0 }' $f >t
    mv t $f
done
awk -v RS= 'NR != 5 && NR != 8' ORS='\n\n' said.bad >said.good
write gold label i%p i%p 99
evaluate --task joint --gold gold.bad --slots slots.bad --skip-bad said.bad >got 2>err || fail "joint: $(cat err)"
evaluate --task joint --gold gold.good --slots slots.good said.good >want || fail "joint, good"
diff want got || fail "joint: with --skip-bad"
write said '' '{"text": "w%d v", "entities": [{"type": "T%p", "start": 0, "end": 99}]}' '{"text": "w%d v"}' 7
cp slots.bad gold.bad && cp slots.good gold.good
same gold tag
# questions, by id and by line
questions() { # FILE BAD: question BAD has no answers
    awk -v n=$n -v bad="$2" -v skip="$3" 'BEGIN {
        printf "{\"data\": [{\"paragraphs\": [{\"context\": \"a b\", \"qas\": ["
        for (i = 0; i < n; i++) {
            if (skip && (i == 4 || i == 7)) continue
            printf "%s{\"id\": \"%d\", \"question\": \"?\"%s}", c++ ? "," : "", i,
                i == bad ? "" : ", \"answers\": [{\"text\": \"a\", \"answer_start\": 0}]"
        }
        print "]}]}]}"
    }' >"$1"
}
questions gold.bad 4 0
questions gold.good 99 1
write said '' 'a%m	1	0	0	1' 'a%m' 7
same gold answer
jq -nc --argjson n $n '[range($n) | {key: "\(.)", value: (if . == 7 then 5 else "a" end)}] | from_entries' >said.bad
jq -c 'del(.["4"], .["7"])' said.bad >said.good
evaluate --task answer --gold gold.bad --skip-bad said.bad >got 2>err || fail "by id: $(cat err)"
evaluate --task answer --gold gold.good said.good | diff - got || fail "by id: with --skip-bad"
[ "$(grep -c 'left out' err)" = 2 ] || fail "by id: $(cat err)"
questions all.json 99 0
refused answer --gold all.json said.bad
grep -q "the prediction for '7' is not a text" err || fail "by id: $(cat err)"

# Finetune, of the other forms.
tagged 20 1 >tags.conll
{ printf 'broken\n\n' && cat tags.conll; } >tags.bad
squad 20 1 >squad.json
jq -c '.data[0].paragraphs[0].qas += [{"id": "x", "question": "?"}]' squad.json >squad.bad
ranked 20 1 >ranked.tsv
{ cat ranked.tsv && echo 'one column'; } >ranked.bad
copies 20 1 >copies.tsv
{ cat copies.tsv && echo 'one column'; } >copies.bad
numbers 20 1 >numbers.tsv
{ cat numbers.tsv && printf 'text\tword\n'; } >numbers.bad
for form in tag:tags answer:squad rank:ranked generate:copies regress:numbers; do
    task=${form%:*} name=${form#*:}
    finetune --task "$task" -m discriminator --epochs 1 -o never "$name.bad" 2>err && fail "$task: bad rows are learnt"
    [ ! -e never ] || fail "$task: written"
    rm -rf skipped
    finetune --task "$task" -m discriminator --epochs 1 --skip-bad -o skipped "$name.bad" 2>err || fail "$task: $(cat err)"
    grep -q '^finetune: \(warning: \)\?1 of [0-9]* [a-z]* of '"$name.bad left out; the first: " err || fail "$task: $(cat err)"
done

# Labels of a published model with tabs, line breaks and commas: a line stays a line, a column a column.
tiny_model classify
jq -c '.id2label |= with_entries(.value = "a\tb\n" + .key + ",c\u2028") | .label2id = (.id2label | with_entries({key: .value, value: (.key | tonumber)}))' \
    classify/config.json >config
mv config classify/config.json
printf 'the\nof\n' >texts
[ "$(classify -m classify texts | awk -F '\t' '{ print NF }' | tr '\n' ' ')" = '2 2 ' ] || fail "labels break lines"
classify -m classify texts | grep -q '^a\\tb\\n[0-9],c\\u2028	' || fail "$(classify -m classify texts)"
classify -m classify --json texts | jq -r .label | grep -q '^a\\tb\\n[0-9],c\\u2028$' || fail "JSON has other labels"
[ "$(model-info classify | awk -F '\t' '$1 == "label" && NF == 3' | wc -l)" = "$(jq '.id2label | length' classify/config.json)" ] ||
    fail "model-info: $(model-info classify)"
jq -c '.problem_type = "multi_label_classification"' classify/config.json >config
mv config classify/config.json
classify -m classify --threshold 0 texts | cut -f 1 | head -n 1 | grep -q '^\(a\\tb\\n[0-9]\\x2cc\\u2028,\)*a\\tb\\n[0-9]\\x2cc\\u2028$' ||
    fail "several labels: $(classify -m classify --threshold 0 texts)"
printf 'text\tlabel\na\tx\rz\n' >gold
evaluate --task classify --gold gold gold 2>err && fail "a carriage return in a label"
grep -q 'holds a control character' err || fail "$(cat err)"
