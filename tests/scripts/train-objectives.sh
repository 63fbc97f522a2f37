#!/usr/bin/env bash
# Every objective: the same bytes for any number of threads, with and without evaluation, and after
# an interruption; its columns; and what is published is an ELECTRA that others read.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
train_fixture
labelled 20 1 >labels
train() { rtd-train -q --steps 12 --save-every 5 "${model[@]}" --batch 8 --lanes 4 "$@"; }
ts-head -n 56 -o seven.ts masked.ts

# What Hugging Face's class of that name has: tensors and keys of the golden directory, but for the
# widths, ours being wide enough for embeddings_project.
like_golden() { # DIR GOLDEN
    "$ROOT/tests/support/tensors.py" "$1/model.safetensors" list | grep -v embeddings_project | sort >ours
    "$ROOT/tests/support/tensors.py" "$ROOT/tests/golden/tiny/$2/model.safetensors" list |
        grep -v embeddings_project | sort >golden
    diff ours golden || complain "$1: tensors"
    diff <(jq -S .architectures "$1/config.json") <(jq -S .architectures "$ROOT/tests/golden/tiny/$2/config.json") ||
        complain "$1: architecture"
    [ "$(jq --slurpfile g "$ROOT/tests/golden/tiny/$2/config.json" '($g[0] | keys) - keys' "$1/config.json")" = '[]' ] ||
        complain "$1: keys of config.json"
}
# The columns of FILE that have a value in its last line.
filled() { awk -F '\t' 'NR == 1 { split($0, name) } END { for (i = 1; i <= NF; i++) if ($i != "") printf "%s ", name[i] }' "$1"; }

while read -r run options; do
    read -ra argv <<<"$options"
    train -o "$run" -j 1 "${argv[@]}" --eval held.ts --eval-every 6 masked.ts
    train -o again -j 3 "${argv[@]}" masked.ts
    same "$run" again eval.tsv
    rm -r again
    if train -o again -j 2 "${argv[@]}" --eval held.ts --eval-every 6 seven.ts 2>err; then complain "$run: too short"; fi
    [ -e again/checkpoint/step-7 ] || complain "$run: $(cat err)"
    train -o again "${argv[@]}" --eval held.ts --eval-every 6 --resume masked.ts
    same "$run" again checkpoint
    rm -r again
    finetune -q --task classify -m "$run/discriminator" -o tuned --epochs 1 --max-steps 1 labels
    [ "$(jq -r '.architectures[0]' tuned/config.json)" = ElectraForSequenceClassification ]
    rm -r tuned
done <<'END'
mlm --objective mlm
mlm-electra --objective mlm,electra@0.5
electra-mlm --objective electra,mlm@0.5
warm-up --objective mlm-warmup
clm --objective clm
mixed --objective mixed --clm-share 0.3
electra-15 --objective mixed,electra-15@0.4
replace --objective replace-mlm
all-tokens --objective mlm,all-tokens-mlm@0.4
contrast --objective contrast
unigram --generator unigram
frozen --objective mlm,electra@0.5 --generator replace/generator --temperature 3:1
END

like_golden mlm/discriminator generator
like_golden mlm-electra/discriminator discriminator
like_golden electra-mlm/discriminator generator
like_golden warm-up/discriminator generator
for run in clm mixed replace all-tokens; do like_golden $run/discriminator generator; done
like_golden electra-15/discriminator discriminator
for run in mlm-electra electra-mlm warm-up electra-15 replace all-tokens; do like_golden $run/generator generator; done
[ ! -e mlm/generator ] || complain 'a generator that nobody trained'
[ "$(filled mlm/metrics.tsv)" = 'step tokens lr loss masked_lm_loss masked_lm_accuracy grad_norm records tokens_so_far flops core_seconds tokens_per_second ' ]
[ "$(filled clm/eval.tsv)" = 'step clm_loss clm_accuracy copy_accuracy copy_accuracy_alone attention_entropy_1 attention_entropy_2 ' ]
[ "$(filled mixed/eval.tsv)" = 'step masked_lm_loss masked_lm_accuracy clm_loss clm_accuracy copy_accuracy copy_accuracy_alone attention_entropy_1 attention_entropy_2 ' ]
like_golden contrast/discriminator generator
train -f -o share --objective contrast --contrast-temperature 1 masked.ts
differ share/discriminator/model.safetensors contrast/discriminator/model.safetensors
[[ "$(filled contrast/eval.tsv)" == 'step masked_lm_loss masked_lm_accuracy contrast_loss contrast_accuracy '* ]]
[ "$(filled mlm/eval.tsv)" = 'step masked_lm_loss masked_lm_accuracy copy_accuracy copy_accuracy_alone attention_entropy_1 attention_entropy_2 ' ]
# phases: what each line of metrics.tsv has, heads that are shared or dropped
awk -F '\t' 'NR > 1 && ($1 <= 6) != ($7 == "" && $8 == "" && $12 == "") { exit 1 }' mlm-electra/metrics.tsv ||
    complain "mlm-electra: $(cat mlm-electra/metrics.tsv)"
awk -F '\t' 'NR > 1 && ($1 > 6) != ($7 == "" && $8 == "" && $12 == "") { exit 1 }' electra-mlm/metrics.tsv ||
    complain "electra-mlm: $(cat electra-mlm/metrics.tsv)"
if "$ROOT/tests/support/tensors.py" mlm/checkpoint/step-5/training.safetensors list | grep -E 'generator\.|detect|warmup'; then
    complain 'mlm: weights of others in the checkpoint'
fi
train -f -o share --objective mixed --clm-share 0.6 masked.ts
differ share/discriminator/model.safetensors mixed/discriminator/model.safetensors
# generators that do not learn: none is published, none is in a checkpoint; a frozen one says in every
# evaluation what it said when it was made
for run in unigram frozen; do
    like_golden $run/discriminator discriminator
    [ ! -e $run/generator ] || complain "$run: a generator that nobody trained"
    if "$ROOT/tests/support/tensors.py" $run/checkpoint/step-5/training.safetensors list | grep -F .generator.; then
        complain "$run: a generator in the checkpoint"
    fi
done
said() { tail -n 1 "$1/eval.tsv" | cut -f 2-4; }
[ "$(said frozen)" = "$(said replace)" ] || complain "frozen: $(said frozen), not $(said replace)"
for option in '--temperature 3' '--disallow-correct' '--generator unigram'; do
    read -ra argv <<<"$option"
    train -f -o share --objective mlm,electra@0.5 --generator replace/generator --temperature 3:1 "${argv[@]}" masked.ts
    differ share/discriminator/model.safetensors frozen/discriminator/model.safetensors
done
train -f -o share --generator unigram --disallow-correct --eval held.ts masked.ts
differ share/discriminator/model.safetensors unigram/discriminator/model.safetensors
tail -n 1 share/eval.tsv | awk -F '\t' '$4 != 0 { exit 1 }' || complain "--disallow-correct: $(cat share/eval.tsv)"
usage=$'\nusage: rtd-train *'
refuse() { rm -rf no && fails "$1" "rtd-train: $2" rtd-train -q --steps 12 "${model[@]}" -o no "${@:3}" && no_model no; }
refuse 2 "--generator unigram: no objective of the run has a generator$usage" --objective mlm --generator unigram masked.ts
refuse 2 "--generator unigram: mlm-warmup trains one of its own: take mlm$usage" --mlm-warmup 2 --generator unigram masked.ts
refuse 2 "--temperature 1:0: *$usage" --temperature 1:0 masked.ts
refuse 1 'electra-15/discriminator: *no head for fill' --generator electra-15/discriminator masked.ts
refuse 3 'nowhere: *' --generator nowhere masked.ts
(cat vocab.txt; echo more) >other.txt
ts-dump masked.ts | ts-load --kind masked --vocab other.txt --max-length 32 -o other.ts
refuse 1 'replace/generator: its vocabulary is not the one of other.ts' --generator replace/generator other.ts
refuse 1 'replace/generator: 32 positions and 2 types, but the run has 64 and 2' --positions 64 --generator replace/generator masked.ts
[ ! -e no/checkpoint ] || complain 'refused after work'
fails 2 'rtd-train: frozen/run.json: generator was * there and is * now*' rtd-train -q --steps 12 "${model[@]}" \
    --batch 8 --lanes 4 --objective mlm,electra@0.5 --temperature 3:1 --generator all-tokens/generator -o frozen --resume masked.ts
echo 'a b c d' >text
fails 1 'detect: mlm/discriminator: ElectraForMaskedLM: no head for detect' detect -m mlm/discriminator text
