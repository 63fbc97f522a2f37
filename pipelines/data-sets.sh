# Sourced by experiments and probe: the public data sets as files of one folder, what is made of them,
# and how a model learns from one and is measured on it.  The caller has common.sh, and sets
# data (that folder), folder (for what is made) and threads.
# shellcheck shell=bash

# A row is NAME TASK TRAIN DEV TEST METRICS TEXT LABEL [OPTION of finetune ...]; - for what it has not,
# made/ for what is made here.  Of several metrics the last is the one to look at.
data_sets='
sst2-sentences classify sst2/sentences-train.tsv.zst sst2/sentences-dev.tsv.zst sst2/sentences-test.tsv.zst accuracy text label
sst2-phrases classify sst2/train.tsv.zst sst2/dev.tsv.zst sst2/dev.tsv.zst accuracy text label
clinc150 classify clinc150/train.tsv.zst clinc150/dev.tsv.zst clinc150/test.tsv.zst accuracy text label
snips-intents classify snips/intent-train.tsv.zst snips/intent-dev.tsv.zst snips/intent-test.tsv.zst accuracy text label
mrpc classify mrpc/train.tsv.zst mrpc/dev.tsv.zst mrpc/test.tsv.zst f1_positive,accuracy text_a,text_b label
rte classify rte/train.tsv.zst - rte/dev.tsv.zst accuracy text_a,text_b label
sick classify sick/train.tsv.zst sick/dev.tsv.zst sick/test.tsv.zst accuracy text_a,text_b label
qqp classify qqp/dev.tsv.zst - qqp/test.tsv.zst accuracy text_a,text_b label
snli classify nli/snli-dev.tsv.zst - nli/snli-test.tsv.zst accuracy text_a,text_b label
qnli classify made/qnli-train.tsv.zst - qnli/dev.tsv.zst accuracy text_a,text_b label
word-in-text classify made/words-f-z.tsv.zst - made/words-a-e.tsv.zst accuracy text_a,text_b label
stsb regress stsb/train.tsv.zst stsb/dev.tsv.zst stsb/test.tsv.zst spearman text_a,text_b label
sick-relatedness regress sick/train.tsv.zst sick/dev.tsv.zst sick/test.tsv.zst spearman text_a,text_b relatedness
sick-relatedness-9 regress sick/train.tsv.zst sick/dev.tsv.zst sick/test.tsv.zst spearman text_a,text_b relatedness
conll2003 tag conll2003/train.conll.zst conll2003/dev.conll.zst conll2003/test.conll.zst f1 - - --length 256
conll2000 tag conll2000/train.conll.zst - conll2000/test.conll.zst f1 - - --length 256
snips-slots tag snips/slots-train.conll.zst snips/slots-dev.conll.zst snips/slots-test.conll.zst f1 - - --length 256
snips-joint joint snips/intent-train.tsv.zst - snips/intent-test.tsv.zst exact_match text label
dailydialog-emotions multilabel made/emotions-train.tsv.zst - made/emotions-test.tsv.zst f1_micro text label --batch 8
swda classify swda/train.tsv.zst swda/dev.tsv.zst swda/test.tsv.zst accuracy text act
dailydialog-acts classify dailydialog/train.tsv.zst dailydialog/dev.tsv.zst dailydialog/test.tsv.zst accuracy text act
tydiqa answer made/tydiqa-train.json.zst - made/tydiqa-test.json.zst exact_match,f1 - - --length 256 --stride 64 --batch 8
squad-1.1 answer squad/train-v1.1.json.zst - squad/dev-v1.1.json.zst exact_match,f1 - - --length 256 --stride 64 --batch 8
squad-2.0 answer squad/dev-v2.0-half.json.zst - made/squad-2.0-rest.json.zst best_exact,best_f1 - - --length 256 --stride 64 --batch 8
response-selection rank dailydialog-pp/positives.tsv.zst - dailydialog-pp/test.tsv.zst mrr - - --negatives 4 --context 3 --batch 8
e2e-nlg generate e2e-nlg/train.tsv.zst - e2e-nlg/test.tsv.zst bleu_lowercase - - --length 128 --batch 8
aeslc-subjects generate aeslc/train.tsv.zst - made/aeslc-subjects.tsv.zst rougeL - - --length 64 --target-length 16 --batch 8
aeslc generate made/aeslc-annotators.tsv.zst - aeslc/test.tsv.zst rougeL - - --length 64 --target-length 16 --batch 8
scitldr generate scitldr/train.tsv.zst - scitldr/test.tsv.zst rougeL - - --length 320 --batch 8
paraphrase generate paraphrase/positives-train.tsv.zst - paraphrase/positives-test.tsv.zst bleu_lowercase - - --batch 8
'

# A file of the data sets, or one that is made here.
path_of() { # NAME
    case $1 in
    -) ;;
    made/*) echo "$folder/${1#made/}" ;;
    *) echo "$data/$1" ;;
    esac
}

# Sets task, train, dev, test (paths; dev may be empty), metrics, columns and label (options of the
# tools) and options (of finetune).
data_set() { # NAME
    local row text name
    row=$(awk -v name="$1" '$1 == name' <<<"$data_sets")
    [ -n "$row" ] || fail 2 "$1: no such data set"
    read -r _ task train dev test metrics text name options <<<"$row"
    train=$(path_of "$train") dev=$(path_of "$dev") test=$(path_of "$test") columns=() label=()
    [ "$text" = - ] || columns=(--text "$text")
    [ "$name" = - ] || label=(--label "$name")
    read -ra options <<<"$options"
}

# Files that are made here, under their final names only when whole.
make_file() { # NAME: from standard input
    zstd -q -f -o "$folder/$1.part" && mv "$folder/$1.part" "$folder/$1"
}

# TyDi QA's dev set comes without answers: every eighth paragraph of the train set is kept for testing.
# Questions there share ids.
make_tydiqa() {
    local part
    for part in train test; do
        [ -e "$folder/tydiqa-$part.json.zst" ] || zstd -dcq "$data/squad/tydiqa-goldp-en-train.json.zst" |
            jq -c --arg part $part '.data |= [to_entries[] | select((.key % 8 == 0) == ($part == "test"))
                | .key as $key | .value | .paragraphs[].qas[].id |= "\($key)-\(.)"]' |
            make_file tydiqa-$part.json.zst
    done
}

# Whether an encoder finds a word again in another text; words from one first letter to another.
make_words() { # RANGE...: a-e
    local range
    for range; do
        [ -e "$folder/words-$range.tsv.zst" ] || zstd -dcq "$data"/corpus/wikitext2-{valid,test}.txt.zst |
            awk -v first="^[$range]" -f "$here/word-in-text.awk" | make_file "words-$range.tsv.zst"
    done
}

# Fine-tunes with dropout, to OUT and OUT.log; no longer sequences than what the model was
# pre-trained on, where that is known, or has positions for.
fine_tune() { # OUT TASK MODEL TRAIN OPTION...
    local out=$1 task=$2 model=$3 train=$4 most arg last='' args=()
    shift 4
    most=$(model-info --json "$model" | jq '.trained_length // .positions')
    for arg; do
        [ "$last" != --length ] || [ "$arg" -le "$most" ] || arg=$most
        [ "$last" != --stride ] || [ "$arg" -le $((most / 4)) ] || arg=$((most / 4))
        args+=("$arg")
        last=$arg
    done
    finetune -v --task "$task" -m "$model" -o "$out" -f -j "$threads" --dropout 0.1 "${args[@]}" \
        "$train" 2>"$out.log" || fail 1 "$out.log: $(grep -v '^usage: ' "$out.log" | tail -n 1)"
}
trained_tokens() { sed -n 's/.*: trained on \([0-9]*\) tokens.*/\1/p' "$1.log"; } # OUT

# Predictions of a model for a test file, by task; metrics to the last argument.  Wants columns and
# label of the data set; slots_test for joint, writing (options of generate) for generate.
predict() { # TASK MODEL TEST METRICS
    local task=$1 model=$2 test=$3 out=$4 text stride
    case $task in
    classify | regress | multilabel)
        zstd -dcq "$test" | classify -m "$model" -j "$threads" --header "${columns[@]}" >"$out.said"
        evaluate --task "$task" --gold "$test" "${label[@]}" "$out.said" >"$out"
        ;;
    tag)
        tag -m "$model" -j "$threads" --conll "$test" >"$out.said"
        evaluate --task tag --gold "$test" "$out.said" >"$out"
        ;;
    joint)
        tag -m "$model" -j "$threads" --conll "$slots_test" >"$out.said"
        evaluate --task joint --gold "$test" --slots "$slots_test" "$out.said" >"$out"
        ;;
    answer)
        stride=$(($(model-info --json "$model" | jq '.trained_length // .positions') / 4))
        answer -m "$model" -j "$threads" --stride $((stride < 64 ? stride : 64)) --squad "$test" --no-answer "$out.none" -f -o "$out.said"
        evaluate --task answer --gold "$test" --no-answer "$out.none" \
            --threshold "$(model-info --json "$model" | sed -n 's/.*"threshold": *\([0-9.]*\).*/\1/p' | grep . || echo 1)" "$out.said" >"$out"
        ;;
    rank)
        zstd -dcq "$test" | awk -F '\t' 'NR > 1 { if ($2 != q) { if (NR > 2) print ""; q = $2; printf "%s", q }
            printf "\t%s", $3 } END { print "" }' |
            rank -m "$model" -j "$threads" --context 3 >"$out.said"
        evaluate --task rank --gold "$test" "$out.said" >"$out"
        ;;
    generate)
        text=$out.sources
        zstd -dcq "$test" | sed 1d | cut -f 1 | awk '!seen[$0]++' >"$text"
        generate -m "$model" -j "$threads" "${writing[@]}" "$text" >"$out.said"
        evaluate --task generate --gold "$test" "$out.said" >"$out"
        ;;
    esac
}

# One metric of a file of metrics, in percent.
percent() { # TASK METRIC METRICS
    local score
    score=$(awk -F '\t' -v n="$2" '$1 == n { print $2 }' "$3")
    [ -n "$score" ] || fail 1 "$3: no $2"
    awk -v x="$score" -v m="$1 $2" 'BEGIN { printf "%.2f", m ~ /^answer|bleu/ ? x : 100 * x }'
}
