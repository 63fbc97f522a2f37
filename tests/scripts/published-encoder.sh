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
# gone on from, and not yet anywhere: the same vectors, names, shapes and keys
sed -n 1,9p stsb.tsv | cut -f 1 | wordpiece -q --vocab "$model/vocab.txt" | seq-pack -l 32 | mask-gen -o few.ts
rtd-train -q --init "$model" --warmup 0 --lr 1e-12 --steps 1 --batch 2 --lanes 1 -o on few.ts
embed -m on/discriminator text | paste - one | awk -F '\t' '{ for (i = 1; i <= 384; i++) { d = $i - $(i + 384); bad += d > 1e-6 || d < -1e-6 } }
    END { exit NR != 3 || NF != 768 || bad > 0 }' || fail "gone on from: other vectors"
names() {
    python3 -c 'import json, struct, sys
f = open(sys.argv[1], "rb")
head = json.loads(f.read(*struct.unpack("<Q", f.read(8))))
print(*sorted((n, *t["shape"]) for n, t in head.items() if n != "__metadata__" and t["dtype"] != "I64"), sep="\n")' "$1/model.safetensors"
}
cmp <(names "$model") <(names on/discriminator) || fail "gone on from: other tensors"
cmp <(jq -S . "$model/config.json") <(jq -S 'del(.classifier_dropout, .torch_dtype)' on/discriminator/config.json) || fail "$(cat on/discriminator/config.json)"
cmp "$model/vocab.txt" on/discriminator/vocab.txt
cmp "$model/1_Pooling/config.json" on/discriminator/1_Pooling/config.json
embed -m "$model" --pooling cls --layer 3 text | cmp -s - one && fail "--pooling and --layer have no effect"
head -n 65 stsb.tsv >few.tsv
finetune --task regress -m "$model" -o scores --epochs 1 few.tsv
[ "$(jq -r '.architectures[0], .id2label["0"]' scores/config.json | tr '\n' ' ')" = "BertForSequenceClassification LABEL_0 " ] || fail "$(cat scores/config.json)"
classify -m scores --header few.tsv >said
[ "$(wc -l <said)" = 65 ] || fail "$(wc -l <said) lines"
