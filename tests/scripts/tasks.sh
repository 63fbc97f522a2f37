#!/usr/bin/env bash
# run: plain
# Every task from training to metrics on small data that has to be learnt; both kinds of encoder.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
tiny_bert

value() { # NAME < METRICS
    awk -F '\t' -v n="$1" '$1 == n { print $2 }'
}
at_least() { # WHAT LEAST GOT
    awk -v a="$3" -v b="$2" 'BEGIN { exit !(a >= b) }' || fail "$1: $3, not at least $2"
}
for kind in numbers several ranked copies; do
    $kind 400 1 >$kind.train
    $kind 200 2 >$kind.test
done
for kind in tagged squad; do
    $kind 400 1 >$kind.train
    $kind 200 2 >$kind.test
done
labelled 400 1 >labels.train
labelled 200 2 >labels.test

for base in discriminator bert; do
    tune() { # TASK TRAIN OPTION...
        local task=$1 train=$2
        shift 2
        finetune --task "$task" -m $base -o "$task" -f --lr 5e-3 --epochs 15 "$@" "$train"
    }
    tune regress numbers.train
    classify -m regress --header numbers.test >said
    at_least regress 0.7 "$(evaluate --task regress --gold numbers.test said | value spearman)"
    tune multilabel several.train
    classify -m multilabel --header several.test >said
    at_least multilabel 0.7 "$(evaluate --task multilabel --gold several.test said | value f1_micro)"
    tune tag tagged.train --dev tagged.test
    tag -m tag --conll tagged.test >said
    at_least tag 0.8 "$(evaluate --task tag --gold tagged.test said | value f1)"
    awk -v RS= '{ s = $1; for (i = 3; i < NF; i += 2) s = s " " $i; print s }' tagged.test >lines
    same_scores() { # TASK GOLD...: of the JSON lines as of CoNLL, but for the tokens
        tag -m "$1" lines | evaluate --task "$1" --gold "${@:2}" --per-class >scores
        evaluate --task "$1" --gold "${@:2}" --per-class said | grep -v token_accuracy | diff - scores || fail "$1: JSON lines"
    }
    same_scores tag tagged.test
    tune joint labels.train --slots tagged.train
    tag -m joint --conll tagged.test >said
    at_least joint 0.7 "$(evaluate --task joint --gold labels.test --slots tagged.test said | value exact_match)"
    same_scores joint labels.test --slots tagged.test
    tune answer squad.train --dev squad.test
    answer -m answer --squad squad.test --no-answer none -f -o said
    at_least answer 70 "$(evaluate --task answer --gold squad.test --no-answer none said | value best_f1)"
    tune rank ranked.train
    awk -F '\t' 'NR > 1 && NR % 2 == 0 { printf "%s\t%s", $1, $2 } NR > 1 && NR % 2 { print "\t" $2 }' ranked.test >lines
    rank -m rank lines >said
    at_least rank 0.7 "$(evaluate --task rank --gold ranked.test said | value accuracy)"
    # multiple choice: the same, a row for each query
    for part in train test; do
        awk -F '\t' -v OFS='\t' 'NR == 1 { print "query", "label", "first", "second"; next }
            NR % 2 == 0 { q = $1; a = $2; r = $3; next } { print q, r ? 1 : 2, a, $2 }' ranked.$part >choices.$part
    done
    finetune --task rank -m $base -o choices -f --lr 5e-3 --epochs 15 choices.train
    cmp rank/model.safetensors choices/model.safetensors || fail "multiple choice: another model"
    diff <(evaluate --task rank --gold choices.test said) <(evaluate --task rank --gold ranked.test said) ||
        fail "multiple choice: other metrics"
    tune generate copies.train --epochs 40 --length 24
    # what was longer in training was cut, and so it is in use
    model-info --json generate | jq -e ".trained_length > 0 and .trained_length <= 24" >/dev/null || fail "the length of training is not kept"
    sed 1d copies.test | cut -f 1 | awk '!seen[$0]++' >lines
    generate -m generate lines >said
    # The other is too narrow to look a word up in the source: 16 numbers a token, 8 in the head.
    [ $base != bert ] || at_least generate 0.7 "$(evaluate --task generate --gold copies.test said | value exact)"

    # What Hugging Face's classes look for.
    family=$([ $base = bert ] && echo Bert || echo Electra)
    for pair in tag:ForTokenClassification answer:ForQuestionAnswering regress:ForSequenceClassification joint:Model generate:Model; do
        [ "$(jq -r '.architectures[0]' "${pair%:*}/config.json")" = "$family${pair#*:}" ] || fail "$base ${pair%:*}: architecture"
    done
done

# Several tasks on one encoder, chosen by name; one alone is a mistake.
finetune --task mood=classify --task number=regress --task words=tag -m discriminator -o many --lr 5e-3 --epochs 12 \
    labels.train numbers.train tagged.train
classify -m many --head mood --header labels.test >said
at_least many 0.8 "$(evaluate --task classify --gold labels.test said | value accuracy)"
tag -m many --conll tagged.test >said
at_least "many, tag" 0.7 "$(evaluate --task tag --gold tagged.test said | value f1)"
model-info many | grep '^task' >said
printf 'task\tclassify\tmood\tbad,good\ntask\tregress\tnumber\t\ntask\ttag\twords\t' | cmp -n 52 - said || fail "$(cat said)"
if classify -m many labels.test >said 2>err; then fail "a head chosen without a name"; fi
grep -q 'several heads' err || fail "$(cat err)"

# A joint task's heads go by the task's name; the other tasks' do not answer to it.
finetune --task mood=classify --task both=joint -m discriminator -o two --epochs 1 --slots tagged.train labels.train labels.train
tag -m two --head both --conll tagged.test >said
grep -q '^# intent = ' said || fail "joint among several: no intent"
tag -m two --head both_slots --conll tagged.test | cmp - said
if tag -m two --head mood --conll tagged.test >said 2>err; then fail "a head of another task"; fi

# IOB1 is IOB2 written otherwise: an entity begins with I- but behind another of its type.
awk -F '\t' -v OFS='\t' '{ t = substr($2, 3); if (t != before) sub(/^B-/, "I-", $2); before = t } 1' tagged.train >iob1.train
finetune --task tag -m discriminator -o iob2 --epochs 1 tagged.train 2>err
finetune --task tag -m discriminator -o iob1 --epochs 1 iob1.train 2>err
diff -r iob1 iob2 || fail "IOB1"
grep -q "iob1.train: [0-9]* entities begin with I-" err || fail "$(cat err)"

# Empty and -DOCSTART- lines come out where they went in.
printf '%s\n' -DOCSTART- '' '' 'the O' 'good B-MOOD' '' '' '' 'was O' 'bad B-MOOD' '' >lines.conll
tag -m tag --conll lines.conll | cut -f 1 >said
cut -d ' ' -f 1 lines.conll | diff - said || fail "lines of CoNLL"

# A line without a tag, JSON that holds nothing.
printf 'a\tB-X\nb\n' >bad.conll
finetune --task tag -m discriminator -o never bad.conll 2>err && fail "a bad tag was learnt"
grep -q "bad.conll: line 2: no tag" err || fail "$(cat err)"
printf 'a\tO\nb\0c\tO\n' | tag -m tag --conll >said 2>err && fail "a NUL byte was tagged"
grep -q -e '-: line 2: a NUL byte' err || fail "$(cat err)"
echo '{"data": 1}' >bad.json
finetune --task answer -m discriminator -o never bad.json 2>err && fail "bad JSON was learnt"
grep -q 'bad.json: no list "data"' err || fail "$(cat err)"
[ ! -e never ] || fail "half-written"

# A model of several trials is the best of them; a run that goes on is the run that was not stopped.
finetune --task classify -m discriminator -o trials --lr 5e-3 --epochs 2 --trials 3 --dev labels.test labels.train 2>err
grep -q '3 trials: median' err || fail "$(cat err)"
[ "$(wc -l <trials/trials.tsv)" = 4 ] || fail "$(cat trials/trials.tsv)"
best=$(awk -F '\t' 'NR > 1 && $2 > b { b = $2; s = $1 } END { print s }' trials/trials.tsv)
finetune --task classify -m discriminator -o alone --lr 5e-3 --epochs 2 --seed "$best" --dev labels.test labels.train
cmp trials/model.safetensors alone/model.safetensors || fail "not the best trial"
whole=(finetune --task classify -m discriminator --lr 5e-3 --epochs 6 --dev labels.test)
"${whole[@]}" -o straight labels.train
"${whole[@]}" -o stopped --resume labels.train &
for ((i = 0; i < 200; i++)); do [ ! -e stopped.state ] || break; sleep 0.02; done
kill $! 2>/dev/null || true
wait $! || true
[ -e stopped ] || "${whole[@]}" -o stopped --resume labels.train
diff -r straight stopped || fail "a resumed run is another one"
[ ! -e stopped.state ] || fail "the state was left behind"

# A state of other labels is another run's; so is one with other held-out data.
again=(finetune --task classify -m discriminator --lr 5e-3 --epochs 10000 --resume -o again)
sed 's/good$/none/; s/bad$/good/; s/none$/bad/' labels.train >turned.train
"${again[@]}" --dev labels.test labels.train &
for ((i = 0; i < 500; i++)); do [ ! -e again.state ] || break; sleep 0.02; done
kill $!
wait $! || true
for other in 'labels.test turned.train' 'turned.train labels.train'; do
    status=0
    # shellcheck disable=SC2086
    timeout 60 "${again[@]}" --dev $other 2>err || status=$?
    [[ $status = 2 && $(cat err) == *'other data, starting model or options'* ]] || fail "--resume with $other: status $status, $(cat err)"
done

# The best epoch is the one of the smallest error.
finetune -v --task regress -m discriminator -o least --lr 5e-3 --epochs 5 --metric mse --dev numbers.test numbers.train 2>err
best=$(sed -n 's/.*least: epoch \([0-9]*\),.*/\1/p' err)
[ "$best" = "$(awk -F '\t' '$9 != "" && NR > 1 && (!b || $9 < b) { b = $9; e = $2 } END { print e }' least/metrics.tsv)" ] ||
    fail "--metric mse took epoch $best: $(cat least/metrics.tsv)"

finetune --task regress -m discriminator -o least -f --epochs 1 --trials 2 --metric mse --dev numbers.test numbers.train 2>err
awk -F '\t' 'NR > 1 && !($2 > 0) { exit 1 }' least/trials.tsv || fail "a negative error: $(cat least/trials.tsv)"
grep -q 'dev mse [0-9]' err || fail "$(cat err)"

# Fewer examples, balanced labels, smoothing, patience.
finetune -v --task classify -m discriminator -o few --epochs 2 --max-tokens 2K labels.train 2>err
tokens=$(sed -n 's/.*trained on \([0-9]*\) tokens.*/\1/p' err)
((tokens <= 2000 && tokens > 1800)) || fail "--max-tokens 2000: $tokens"
finetune --task classify -m discriminator -o plain --epochs 1 labels.train
for option in '--class-weights balanced' '--label-smoothing 0.2' '--dropout 0.5'; do
    # shellcheck disable=SC2086
    finetune --task classify -m discriminator -o other -f --epochs 1 $option labels.train
    ! cmp -s plain/model.safetensors other/model.safetensors || fail "$option: no effect"
done
jq -e '.hidden_dropout_prob == 0.5 and .attention_probs_dropout_prob == 0.5' other/config.json >/dev/null || fail "--dropout is not written"
finetune --task classify -m discriminator -o early -f --lr 0 --epochs 9 --patience 2 --dev labels.test labels.train
[ "$(awk -F '\t' 'NR > 1 { e = $2 } END { print e }' early/metrics.tsv)" = 3 ] || fail "--patience 2"
