#!/usr/bin/env bash
# run: plain
# Every task from training to metrics on small data that has to be learnt; both kinds of encoder;
# answers are the same bytes line by line, turned round and all at once.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
# A bert is the same encoder without a projection, under other names, without a prefix.
zstd -dcq "$ROOT/tests/golden/square.tar.zst" | tar x
mv "$(dirname "$(find . -path '*square/discriminator/config.json')")" bert
{ cat "$ROOT/tests/golden/vocab97.txt"; seq -f "[unused%g]" 97 299; } >bert/vocab.txt
jq '.model_type = "bert" | .architectures = ["BertModel"] | del(.embedding_size)' bert/config.json >config
mv config bert/config.json
perl -0777 -pi -e 'my $n = unpack("Q<", $_); my $h = substr($_, 8, $n); my $l = length $h; $h =~ s/"electra\./"/g;
    $h .= " " x ($l - length $h); substr($_, 8, $n) = $h' bert/model.safetensors
model-info bert >/dev/null

value() { # NAME < METRICS
    awk -F '\t' -v n="$1" '$1 == n { print $2 }'
}
at_least() { # WHAT LEAST GOT
    awk -v a="$3" -v b="$2" 'BEGIN { exit !(a >= b) }' || fail "$1: $3, not at least $2"
}
same_bytes() { # FILE COMMAND...: another batching, another order of lines, other threads
    local file=$1
    shift
    "$@" -j 1 "$file" >one
    "$@" -j 3 "$file" | cmp - one || fail "$*: -j 3"
    "$@" --line-buffered "$file" | cmp - one || fail "$*: --line-buffered"
    tac "$file" | "$@" | tac | cmp - one || fail "$*: another order"
}

# Numbers, several labels, tags, answers and candidates after words in the text.
numbers() { labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR > 1 { $2 = 2 + 3 * ($2 == "good") } 1'; }
several() {
    labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR > 1 { s = $2; if ($1 ~ /was/) s = s ",past"; if ($1 ~ /^the/) s = ""; $2 = s } 1'
}
tagged() {
    labelled "$1" "$2" | awk -F '\t' 'NR > 1 { n = split($1, w, " ")
        for (i = 1; i <= n; i++) print w[i] "\t" (w[i] == "good" || w[i] == "bad" ? "B-MOOD" : w[i] == "was" ? "B-PAST" : "O")
        print "" }'
}
squad() {
    labelled "$1" "$2" | awk -F '\t' 'NR > 1 { at = index(" " $1 " ", " " $2 " ") - 1
        printf("%s{\"context\": \"%s\", \"qas\": [{\"id\": \"q%d\", \"question\": \"%s\", \"answers\": [%s], \"is_impossible\": %s}]}\n",
            NR > 2 ? "," : "{\"version\": \"v2.0\", \"data\": [{\"title\": \"t\", \"paragraphs\": [", $1, NR, NR % 3 ? "is it" : "the",
            NR % 3 ? "{\"text\": \"" $2 "\", \"answer_start\": " at "}" : "", NR % 3 ? "false" : "true") }
        END { print "]}]}" }'
}
ranked() { # good is right, whatever the query; it stands first or last
    labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR == 1 { print "query", "candidate", "label"; next }
        { a = $2 == "good"; print NR " " $1, a ? "it was good" : "it was bad", a + 0; print NR " " $1, a ? "it was bad" : "it was good", 1 - a }'
}
copies() { labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR == 1 { print "source", "target"; next } { print $1, "it was " $2 }'; }
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
    tune joint labels.train --slots tagged.train
    tag -m joint --conll tagged.test >said
    at_least joint 0.7 "$(evaluate --task joint --gold labels.test --slots tagged.test said | value exact_match)"
    tune answer squad.train --dev squad.test
    answer -m answer --squad squad.test --no-answer none -f -o said
    at_least answer 70 "$(evaluate --task answer --gold squad.test --no-answer none said | value best_f1)"
    tune rank ranked.train
    awk -F '\t' 'NR > 1 && NR % 2 == 0 { printf "%s\t%s", $1, $2 } NR > 1 && NR % 2 { print "\t" $2 }' ranked.test >lines
    rank -m rank lines >said
    at_least rank 0.7 "$(evaluate --task rank --gold ranked.test said | value accuracy)"
    tune generate copies.train --epochs 40
    sed 1d copies.test | cut -f 1 | awk '!seen[$0]++' >lines
    generate -m generate lines >said
    # The other is too narrow to look a word up in the source: 16 numbers a token, 8 in the head.
    [ $base != bert ] || at_least generate 0.7 "$(evaluate --task generate --gold copies.test said | value exact)"

    # What Hugging Face's classes look for.
    family=$([ $base = bert ] && echo Bert || echo Electra)
    for pair in tag:ForTokenClassification answer:ForQuestionAnswering regress:ForSequenceClassification joint:Model generate:Model; do
        [ "$(jq -r '.architectures[0]' "${pair%:*}/config.json")" = "$family${pair#*:}" ] || fail "$base ${pair%:*}: architecture"
    done

    # The same answers whatever stands around a line.
    sed 1d labels.test | cut -f 1 >text
    printf '\n\nthe\n' >>text
    same_bytes text classify -m regress
    same_bytes text classify -m multilabel --json
    same_bytes text tag -m joint
    same_bytes text generate -m generate --beam 3 --max-length 8
    same_bytes text embed -m $base
    sed 's/$/\tgood\tbad\tthe/' text >lines
    same_bytes lines rank -m rank
    sed 's/^/is it\t/' text >lines
    same_bytes lines answer -m answer
    [ "$(wc -l <one)" = "$(wc -l <lines)" ] || fail "lines out of answer"
    # Beams of one are greedy; a draw depends on the seed and on nothing else.
    generate -m generate --beam 1 text >one
    generate -m generate text | cmp - one || fail "beam 1"
    generate -m generate --sample --temperature 3 --seed 4 -j 1 text >one
    generate -m generate --sample --temperature 3 --seed 4 -j 3 text | cmp - one || fail "sampling: -j"
    ! generate -m generate --sample --temperature 3 --seed 5 text | cmp -s - one || fail "sampling: --seed has no effect"
    generate -m generate --sample --temperature 3 --top-k 1 text >one
    generate -m generate text | cmp - one || fail "--top-k 1 is greedy"
done

# Several tasks on one encoder, chosen by name; one alone is a mistake.
finetune --task mood=classify --task number=regress --task words=tag -m discriminator -o many --lr 5e-3 --epochs 12 \
    labels.train numbers.train tagged.train
classify -m many --head mood --header labels.test >said
at_least many 0.8 "$(evaluate --task classify --gold labels.test said | value accuracy)"
tag -m many --conll tagged.test >said
at_least "many, tag" 0.7 "$(evaluate --task tag --gold tagged.test said | value f1)"
if classify -m many labels.test >said 2>err; then fail "a head chosen without a name"; fi
grep -q 'several heads' err || fail "$(cat err)"

# Lines that cannot be answered, and tags that are none.
printf 'only a query\ngood\tbad\tthe\n' | answer -m answer >said 2>err && fail "a line without context was answered"
[[ $(wc -l <said) = 2 && -z $(head -n 1 said) && $(head -n 1 err) == *'line 1: '* ]] || fail "$(cat said err)"
printf 'only a query\ngood\tbad\n' | answer -m answer --strict >said 2>err && fail "--strict went on"
printf 'a\tB-X\nb\tX-Y\n' >bad.conll
finetune --task tag -m discriminator -o never bad.conll 2>err && fail "a bad tag was learnt"
grep -q "bad.conll: line 2: 'X-Y' is no tag" err || fail "$(cat err)"
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

# Fewer examples, balanced labels, smoothing, patience.
finetune -v --task classify -m discriminator -o few --epochs 2 --max-tokens 2K labels.train 2>err
tokens=$(sed -n 's/.*trained on \([0-9]*\) tokens.*/\1/p' err)
((tokens <= 2000 && tokens > 1800)) || fail "--max-tokens 2000: $tokens"
finetune --task classify -m discriminator -o plain --epochs 1 labels.train
for option in '--class-weights balanced' '--label-smoothing 0.2'; do
    # shellcheck disable=SC2086
    finetune --task classify -m discriminator -o other -f --epochs 1 $option labels.train
    ! cmp -s plain/model.safetensors other/model.safetensors || fail "$option: no effect"
done
finetune --task classify -m discriminator -o early -f --lr 0 --epochs 9 --patience 2 --dev labels.test labels.train
[ "$(awk -F '\t' 'NR > 1 { e = $2 } END { print e }' early/metrics.tsv)" = 3 ] || fail "--patience 2"
