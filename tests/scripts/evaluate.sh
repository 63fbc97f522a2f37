#!/usr/bin/env bash
# evaluate, as a user calls it, gives the standard scripts' numbers for the files of golden/metrics;
# and says what is wrong with files that do not belong together.
set -euo pipefail
golden=$ROOT/tests/golden/metrics
fail() {
    echo "$*"
    exit 1
}
# METRICS (one JSON object), the path of what is expected, and pairs OURS=THEIRS of names.
agree() { # PATH NAME=NAME...
    local path=$1 pair
    shift
    for pair; do
        jq -en --argjson ours "$(cat got)" --slurpfile all "$golden/expected.json" \
            "(\$ours | .${pair%%=*}) as \$a | (\$all[0] | $path | .${pair#*=}) as \$b
             | (\$a != null and \$b != null and (\$a - \$b | fabs) <= 1e-6 * ([1, \$b] | max))" >/dev/null ||
            fail "$path $pair: $(cat got)"
    done
}
column() { cut -f "$1" "$golden/$2" | sed 1d; }

column 2 classes.tsv >said
evaluate --task classify --gold "$golden/classes.tsv" --label gold --per-class --confusion --json said >got
agree '."classes.tsv"' accuracy=accuracy f1_micro=f1_micro f1_macro=f1_macro f1_weighted=f1_weighted mcc=mcc \
    per_class.a.f1=per_class.a.f1 per_class.c.precision=per_class.c.precision 'confusion[0][1]=confusion[0][1]' 'confusion[2][0]=confusion[2][0]'
column 2 binary.tsv | awk '{ print ($1 > 0.5) }' >said
evaluate --task classify --gold "$golden/binary.tsv" --label gold --json said >got
agree '."binary.tsv"' accuracy=accuracy f1_positive=f1_positive precision=precision recall=recall mcc=mcc
# as classify --all --header: labels that are numbers, too, are no prediction
{ printf 'label\t0\t1\n' && awk '{ print $0 "\t0.5\t0.5" }' said; } >headed
evaluate --task classify --gold "$golden/binary.tsv" --label gold --json headed | cmp - got || fail "classify --all --header"
column 2 regression.tsv | evaluate --task regress --gold "$golden/regression.tsv" --label gold --json >got
agree '."regression.tsv"' pearson=pearson spearman=spearman mse=mse
jq -r '.gold | join(",")' "$golden/labels.jsonl" | (echo label && cat) >gold
jq -r '.probabilities | to_entries | sort_by(.key) | [([.[] | select(.value > 0.5).key] | join(",")), (.[] | .value)] | join("\t")' \
    "$golden/labels.jsonl" >said
evaluate --task multilabel --gold gold --json said >got
agree '."labels.jsonl"' f1_micro=f1_micro f1_macro=f1_macro exact_match=exact_match \
    average_precision_macro=average_precision_macro average_precision_micro=average_precision_micro
cut -f 1,2 "$golden/tags.conll" >gold
cut -f 1,3 "$golden/tags.conll" >said
evaluate --task tag --gold gold --json said >got
agree '."tags.conll".conlleval' precision=precision recall=recall f1=f1
agree '."tags.conll".seqeval' token_accuracy=token_accuracy
# Entities of JSON lines: of four one ends inside a word and one has another type; 2 of 3 are found.
printf '%s\n' 'New B-LOC' 'York-based I-LOC' '. O' '' 'Ann B-PER' 'saw O' 'Bob B-PER' '' 'Oh O' '' >gold
cat >said <<'END'
{"text": "New York-based.", "entities": [{"type": "LOC", "start": 0, "end": 8}, {"type": "LOC", "start": 0, "end": 14}]}
{"text": "Ann  saw Bob", "entities": [{"type": "ORG", "start": 9, "end": 12}, {"type": "PER", "start": 0, "end": 3}]}
{}
END
evaluate --task tag --gold gold --json <said >got
[ "$(jq -c '[.entities, .precision, (3 * .recall | round), .token_accuracy]' got)" = '[3,0.5,2,null]' ] || fail "$(cat got)"
awk -F '\t' -v OFS='\t' 'NR == 1 { print "query", "candidate", "label"; next } { print $1, "c" $2, $3 }' "$golden/ranking.tsv" >gold
# as rank prints: the candidates' numbers by falling score, of equal ones the earlier first
awk -F '\t' 'NR > 1 { printf "%s\t%s\t%d\n", $1, $4, $2 + 1 }' "$golden/ranking.tsv" | sort -t "$(printf '\t')" -k1,1n -k2,2gr -k3,3n |
    awk -F '\t' '{ if (NR > 1) printf "%s", $1 == q ? "\t" : "\n"; q = $1; printf "%d:%s", $3, $2 } END { print "" }' >said
evaluate --task rank --gold gold --json said >got
agree '."ranking.tsv"' mrr=mrr accuracy=recall_at_1 recall_at_3=recall_at_3 queries=queries
sed 1i\\ranking said >headed # as rank --header
evaluate --task rank --gold gold --json headed | cmp - got || fail "rank --header"
evaluate --task answer --gold "$golden/squad1.json" --json "$golden/squad1.predictions.json" >got
agree .squad1 exact_match=exact_match f1=f1
evaluate --task answer --gold "$golden/squad2.json" --no-answer "$golden/squad2.no_answer.json" --json "$golden/squad2.predictions.json" >got
agree .squad2 exact=exact f1=f1 total=total HasAns_exact=HasAns_exact NoAns_f1=NoAns_f1 best_exact=best_exact \
    best_exact_thresh=best_exact_thresh best_f1=best_f1 best_f1_thresh=best_f1_thresh
# equal probabilities are swept as they stand in their file: answered first, a gains; b, and nothing is left to gain
echo '{"version": "v2.0", "data": [{"paragraphs": [{"context": "a cat", "qas": [
    {"id": "a", "question": "?", "is_impossible": false, "answers": [{"text": "cat", "answer_start": 2}]},
    {"id": "b", "question": "?", "is_impossible": true, "answers": []}]}]}]}' >gold.json
echo '{"a": "cat", "b": "cat"}' >said.json
for order in '{"a": 0.5, "b": 0.5} 100' '{"b": 0.5, "a": 0.5} 50'; do
    echo "${order% *}" >none.json
    got=$(evaluate --task answer --gold gold.json --no-answer none.json --json said.json | jq .best_exact)
    awk -v a="$got" -v b="${order##* }" 'BEGIN { exit a != b }' || fail "$order: best_exact $got"
done
jq -rs '(map(.references | length) | max) as $n | (["source", "target"] + [range(1; $n) | "ref\(.)"]),
    (to_entries[] | ["s\(.key)"] + .value.references + [range(0; $n - (.value.references | length)) | ""]) | join("\t")' \
    "$golden/generation.jsonl" >gold
jq -r .predicted "$golden/generation.jsonl" >said
evaluate --task generate --gold gold --json said >got
agree '."generation.jsonl"' bleu=bleu.score brevity_penalty=bleu.bp bleu_lowercase=bleu_lowercase chrf2=chrf2 rouge1=rouge_f.rouge1 \
    rougeL=rouge_f.rougeL rouge2_stemmed=rouge_f_stemmed.rouge2
sed 1i\\text said >headed # as generate --header
evaluate --task generate --gold gold --json headed | cmp - got || fail "generate --header"
# the same references as rows of equal sources
jq -rs '["source", "target"], (to_entries[] | .key as $k | .value.references[] | ["s\($k)", .]) | join("\t")' "$golden/generation.jsonl" >gold
evaluate --task generate --gold gold --json said | jq -S . >again
jq -S . got | diff - again || fail "references of equal sources are not those of one row"

# What is printed for lines that could not be answered.
printf 'label\nyes\nno\nyes\n' >gold
for empty in '' '{}'; do
    printf 'yes\t0.9\n%s\nyes\t0.9\n' "$empty" >said
    evaluate --task classify --gold gold --json said >got 2>err
    [ "$(jq -c '[.rows, (3 * .accuracy | round), .positive]' got)" = '[3,2,"yes"]' ] || fail "$(cat got)"
    grep -q 'said: 1 of 3 rows have no prediction' err || fail "$(cat err)"
    printf 'yes\t0.1\t0.9\n%s\nyes\t0.1\t0.9\n' "$empty" >said
    evaluate --task multilabel --gold gold --json said >got 2>err
    [ "$(jq '3 * .exact_match | round' got)" = 2 ] || fail "$(cat got)"
    printf 'source\ttarget\na\tb\nc\td\n' >texts
    printf 'b\n%s\n' "$empty" >said
    evaluate --task generate --gold texts --json said >got
    [ "$(jq -c '[.exact, .rouge1]' got)" = '[0.5,0.5]' ] || fail "$(cat got)"
done

# What does not fit.
refused() { # WHAT-THE-MESSAGE-HOLDS OPTION...
    local want=$1 status=0
    shift
    evaluate "$@" >said 2>err || status=$?
    [[ $status = 1 && ! -s said && $(wc -l <err) = 1 && $(cat err) == *"$want"* ]] || fail "$*: status $status: $(cat err)"
}
seq 299 >short
refused '299 predictions for 300 rows' --task regress --gold "$golden/regression.tsv" --label gold short
{ seq 299 && echo word; } >word
{ seq 299 && echo; } >empty
refused 'line 300: no prediction' --task regress --gold "$golden/regression.tsv" --label gold empty
refused 'line 300' --task regress --gold "$golden/regression.tsv" --label gold word
cut -f 1,3 "$golden/tags.conll" | sed 2d >short
cut -f 1,2 "$golden/tags.conll" >gold
refused 'not the sentence at line 1' --task tag --gold gold short
printf '%s\n' 'a B-X' 'b O' '' 'c O' >gold
printf '%s\n' '{"text": "a b", "entities": []}' '{"text": "d", "entities": []}' >other
refused 'line 2: not the sentence at line 4' --task tag --gold gold other
head -n 1 other >short
refused '1 sentences for 2' --task tag --gold gold short
echo '{"text": "a b", "entities": [{"start": 0}]}' >short
refused 'line 1: an entity without a type' --task tag --gold gold short
echo '{"text": ' >short
refused 'line 1: not JSON' --task tag --gold gold short
# as the official scripts: a question that was not answered is wrong, but said to be missing
jq -c 'del(.[keys[0]])' "$golden/squad1.predictions.json" >short
evaluate --task answer --gold "$golden/squad1.json" --json short >got 2>err
grep -q 'no prediction for 1 of 160 questions (counted as wrong)' err || fail "$(cat err)"
jq -c '(.data[].paragraphs[].qas[].answers[].text) = ""' "$golden/squad1.json" >hidden
refused 'answers are empty texts' --task answer --gold hidden "$golden/squad1.predictions.json"
# the lines of answer: a question each, with a header or not; as objects; one that is missing
jq -r --slurpfile said "$golden/squad1.predictions.json" '"answer\tscore\tno_answer\tstart\tend",
    (.data[].paragraphs[].qas[] | "\($said[0][.id])\t1\t0.5\t0\t0")' "$golden/squad1.json" >headed
sed 1d headed >plain
jq -Rc 'split("\t") | {answer: .[0], score: 1, no_answer: 0.5, start: 0, end: 0}' plain >objects
evaluate --task answer --gold "$golden/squad1.json" "$golden/squad1.predictions.json" >want
for form in headed plain objects; do
    evaluate --task answer --gold "$golden/squad1.json" $form | diff - want || fail "answer: $form"
    sed '$d' $form >short
    refused '159 answers for 160 questions' --task answer --gold "$golden/squad1.json" short
done
sed '7s/.*/{}/' objects >short # a line that could not be answered
evaluate --task answer --gold "$golden/squad1.json" short >got 2>err
grep -q 'no prediction for 1 of 160 questions' err || fail "$(cat err)"
sed '7s/.*/[]/' objects >short
refused 'line 7' --task answer --gold "$golden/squad1.json" short
# a label that the model has and the gold rows have not, or the other way round
printf 'x\ta\ny\ta,b,d\n' >few
printf '%s\n' '{"labels":["a","c"],"probabilities":{"a":0.9,"b":0.1,"c":0.9}}' '{"labels":["a","b"],"probabilities":{"a":0.9,"b":0.8,"c":0.1}}' |
    evaluate --task multilabel --gold few --label 2 | grep -qx 'f1_micro	0.75' || fail "labels on one side only"
printf 'x\ta\ny\tzzz\n' >few
printf 'labels\ta\tb\na\t0.9\t0.1\n\t0.2\t0.1\n' | evaluate --task multilabel --gold few --label 2 --json |
    jq -e '(.f1_micro * 3 | round) == 2 and .exact_match == 0.5' >/dev/null || fail "a gold label that the header lacks"
# slots are the same in either scheme
printf 'x\ta\ny\tb\n' >gold
printf 'x\tB-A\ny\tO\n\nx\tB-A\ny\tI-A\n' >gold.conll
printf '# intent = a\nx\tS-A\ny\tO\n\n# intent = b\nx\tB-A\ny\tE-A\n' >said.conll
evaluate --task joint --gold gold --label 2 --slots gold.conll said.conll | grep -qx 'exact_match	1' || fail "BIOES: $(evaluate --task joint --gold gold --label 2 --slots gold.conll said.conll)"
# a byte order mark is no part of a name
printf '\xef\xbb\xbftext\tlabel\nthe\ta\n' >marked
printf 'a\n' | evaluate --task classify --gold marked | grep -qx 'accuracy	1' || fail "a byte order mark"
echo '[1]' >short
refused 'short' --task answer --gold "$golden/squad1.json" short
