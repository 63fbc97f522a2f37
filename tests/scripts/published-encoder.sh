#!/usr/bin/env bash
# run: plain
# A real published encoder, as people download it: every tool takes it as it stands.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
model=$SHARED/models/minilm-l6
[[ -n $SHARED && -d $model ]] || {
    echo "the published encoder is not there"
    exit 77
}
"$BUILD/tests/parity" --reference "$model/reference.safetensors" "$model" >out || fail "$(cat out)"
! "$BUILD/tests/parity" --reference "$model/model.safetensors" "$model" >out 2>&1 || fail "no reference, and it passed"
model-info "$model" | grep -qx 'architecture	BertModel' || fail "model-info"
zstd -dcq "$SHARED/data/stsb/test.tsv.zst" >stsb.tsv
embed -m "$model" --pair --header --text text_a,text_b stsb.tsv >said
evaluate --task regress --gold stsb.tsv said >metrics
awk -F '\t' '$1 == "spearman" { d = 100 * $2 - 82.03; found = d * d <= 0.02 * 0.02 } END { exit !found }' metrics ||
    fail "$(cat metrics)"
# What it is when imported, without a prefix and with one, and as a vector in a stream.
model-import -o imported "$model"
head -n 3 stsb.tsv | cut -f 1 >text
embed -m "$model" text >one
embed -m imported text | cmp - one || fail "imported: other vectors"
embed -m "$model" --tensor text | ts-dump | jq -c '.hidden | length' | sort -u | grep -qx 384 || fail "--tensor"
embed -m "$model" --pooling cls --layer 3 text | cmp -s - one && fail "--pooling and --layer have no effect"
head -n 65 stsb.tsv >few.tsv
finetune --task regress -m "$model" -o scores --epochs 1 few.tsv
[ "$(jq -r '.architectures[0], .id2label["0"]' scores/config.json | tr '\n' ' ')" = "BertForSequenceClassification LABEL_0 " ] || fail "$(cat scores/config.json)"
classify -m scores --header few.tsv >said
[ "$(wc -l <said)" = 65 ] || fail "$(wc -l <said) lines"
