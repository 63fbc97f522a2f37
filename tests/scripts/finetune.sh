#!/usr/bin/env bash
# Fine-tuning as a user does it: it learns, it is the same for any -j, seeds and options have an
# effect, and what stops it leaves nothing behind.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
labelled 300 1 >train.tsv
labelled 200 2 >dev.tsv
tune() { # OUT OPTIONS...
    local out=$1
    shift
    finetune --task classify -m discriminator -o "$out" --lr 5e-3 "$@" train.tsv
}
accuracy() { # MODEL
    classify -m "$1" --header dev.tsv | evaluate --task classify --gold dev.tsv |
        awk '$1 == "accuracy" { print $2 }'
}

# It learns, keeps the best epoch, and says the same as the metrics it wrote.
tune learned --epochs 15 --dev dev.tsv
best=$(accuracy learned)
awk -v a="$best" 'BEGIN { exit !(a > 0.95) }' || fail "accuracy $best"
noted=$(awk -F '\t' 'NR > 1 && $7 != "" && $7 + 0 > a + 0 { a = $7 } END { print a }' learned/metrics.tsv)
[ "$noted" = "$best" ] || fail "best in metrics.tsv: $noted, measured: $best"
[ "$(echo learned/*)" = "learned/config.json learned/metrics.tsv learned/model.safetensors learned/special_tokens_map.json learned/tokenizer.json learned/tokenizer_config.json learned/vocab.txt" ] ||
    fail "files: $(echo learned/*)"
model-info learned | grep -qx 'digest	verified' || fail "not sealed"
jq -e '.architectures == ["ElectraForSequenceClassification"] and .id2label == {"0": "bad", "1": "good"}
    and .label2id == {"bad": 0, "good": 1} and .problem_type == "single_label_classification"' \
    learned/config.json >/dev/null || fail "$(cat learned/config.json)"

# The best epoch need not be the last: with held-out labels turned round it is an early one.
awk -F '\t' -v OFS='\t' 'NR > 1 { $2 = $2 == "good" ? "bad" : "good" } 1' dev.tsv >turned.tsv
finetune -v --task classify -m discriminator -o early --lr 5e-3 --epochs 15 --dev turned.tsv train.tsv 2>log
awk -v a="$(accuracy early)" 'BEGIN { exit !(a < 0.7) }' || fail "kept the last epoch: $(cat log)"

# The same bytes for any number of threads, with and without --dev.
for dev in '' '--dev dev.tsv'; do
    for j in 1 2 3; do
        # shellcheck disable=SC2086
        tune "threads-$j" -f -j "$j" --lanes 4 --epochs 2 $dev
        diff -r threads-1 "threads-$j" || fail "-j $j $dev: another model"
    done
done

# Options and seeds change the result; the same again does not.
tune plain --epochs 1
tune again --epochs 1 --seed 1
diff -r plain again
for option in '--seed 2' '--recipe electra' '--loss sum' '--bias-correction off' '--warmup 0.5' \
    '--layer-decay 0.5' '--clip 0.01' '--weight-decay 1' '--from-scratch' '--batch 16' '--lr 1e-3' \
    '--length 6' '--max-steps 5' '--layer-decay 0.5 --official-layer-decay'; do
    # shellcheck disable=SC2086
    tune other -f --epochs 1 $option 2>/dev/null
    ! cmp -s plain/model.safetensors other/model.safetensors || fail "$option: no effect"
done
tune from-recipe --epochs 1 --recipe electra
tune from-parts --epochs 1 --loss sum --bias-correction off --layer-decay 0.8 --recipe electra
diff -r from-recipe from-parts
tune wins --epochs 1 --loss mean --recipe electra
! cmp -s wins/model.safetensors from-recipe/model.safetensors || fail "--recipe after --loss overrides it"

# Columns by number, a header that must be said, compressed, the other way round: the same texts.
cp -r plain by-name
awk -F '\t' '{ print $2 "\t" $1 }' train.tsv | zstd -q >numbers.zst
finetune --task classify -m discriminator -o by-number --lr 5e-3 --epochs 1 --header --text 2 \
    --label 1 numbers.zst
diff -r by-name by-number

# Pairs, doubled by --swap.
awk -F '\t' 'NR == 1 { print "text_a\ttext_b\tlabel"; next } { print "the cat\t" $1 "\t" $2 }' train.tsv >pairs.tsv
finetune --task classify -m discriminator -o pairs --epochs 1 pairs.tsv
finetune --task classify -m discriminator -o swapped --epochs 1 --swap pairs.tsv
tail -n 1 swapped/metrics.tsv | grep -q '^19	' || fail "600 pairs make 19 steps of 32"
[ "$(cut -f 1,2 pairs.tsv | classify -m pairs | wc -l)" = 301 ] || fail "a pair a line"
cut -f 1,2 pairs.tsv | classify -m pairs >a
classify -m pairs --text 1,2 <pairs.tsv >b
cmp a b

# A classifier of the same labels goes on; of other labels it gets a new head.
finetune -v --task classify -m learned -o more --lr 1e-9 --epochs 1 train.tsv 2>log
grep -q 'the head as it was' log || fail "the head was not kept"
[ "$(accuracy more)" = "$best" ] || fail "went on worse"
sed 's/bad$/awful/' train.tsv >renamed.tsv
finetune -v --task classify -m learned -o fresh --lr 1e-9 --epochs 1 renamed.tsv 2>log
! grep -q 'the head as it was' log || fail "kept the head of other labels"

# Stopped: nothing is left, and the parent sees the signal.
finetune --task classify -m discriminator -o stopped --epochs 1000000 train.tsv &
sleep 0.5
kill -TERM $!
status=0
wait $! || status=$?
[ $status = 143 ] || fail "after TERM: status $status"
! compgen -G 'stopped*' || fail "left something behind"

# An unwritable place is said before training starts.
status=0
timeout 10 finetune --task classify -m discriminator -o nowhere/out --epochs 1000000 train.tsv 2>err ||
    status=$?
[[ $status = 3 && $(wc -l <err) = 1 ]] || fail "no such place: status $status, $(cat err)"
tune slash/ --max-steps 1
tune slash/ --max-steps 1 -f
[ -e slash/model.safetensors ] || fail "-o slash/"
