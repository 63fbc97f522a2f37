#!/usr/bin/env bash
# run: plain
# What a run promises is checked before a name appears: that there is something to learn from, that a step learns, that a run
# that goes on is the run that was stopped; and what it will cost is said first.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
fail() {
    echo "$*"
    exit 1
}
refused() { # STATUS MESSAGE OPTION...: nothing appears under the name
    local want=$1 message=$2 status=0
    shift 2
    finetune -o never "$@" 2>err || status=$?
    [[ $status = "$want" && ! -e never && $(cat err) == *"$message"* ]] || fail "$*: status $status, $(cat err)"
    [ -z "$(find . -maxdepth 1 -name 'never*')" ] || fail "$*: left $(echo never*)"
}
tiny_model discriminator
cp -r discriminator elsewhere
labelled 12 1 >labels.tsv
squad 12 1 >squad.json
jq '.data[].paragraphs[].qas |= map(select(.answers != []) | .answers[].text = "nowhere")' squad.json >lost.json
echo '{"data": []}' >empty.json

# Nothing to learn from, or to measure with.
refused 1 'lost.json: no examples' --task answer -m discriminator lost.json
refused 1 'empty.json: no questions' --task answer -m discriminator --dev empty.json squad.json
refused 1 'lost.json: no examples' -m discriminator --task a=classify labels.tsv --task b=answer lost.json
refused 2 '--max-tokens: no example is that short' --task classify -m discriminator --epochs 20 --max-tokens 10 labels.tsv

# A place that cannot be written is known before training.
refused 3 "$(printf 'n%.0s' {1..250})" --task classify -m discriminator -o "$(printf 'n%.0s' {1..250})" labels.tsv
refused 2 'an empty name' --task classify -m discriminator -o '' labels.tsv
refused 3 'nowhere/out' --task classify -m discriminator -o nowhere/out labels.tsv

# The only step of a run is one.
finetune --task classify -m discriminator -o one --epochs 1 labels.tsv
awk -F '\t' 'NR == 2 && $1 == 1 && $3 == 1e-4 { ok = 1 } END { exit !ok }' one/metrics.tsv || fail "$(cat one/metrics.tsv)"
finetune --task classify -m discriminator -o none --epochs 1 --lr 0 labels.tsv
! cmp -s one/model.safetensors none/model.safetensors || fail "one step: nothing was learnt"

# A run that goes on: with the same weights, wherever they are, and the same kernels.
run=(finetune --task classify --epochs 400 --batch 2 --lr 1e-3 --resume -j 1 labels.tsv)
RTD_KERNELS=plain "${run[@]}" -m discriminator -o whole
RTD_KERNELS=plain "${run[@]}" -m discriminator -o part &
for ((i = 0; i < 500; i++)); do [ ! -e part.state ] || break; sleep 0.02; done
kill -9 $!
wait $! 2>/dev/null || true
[[ -e part.state && ! -e part ]] || fail "was too fast to be stopped"
again() { # STATUS MESSAGE OPTION...
    local want=$1 message=$2 status=0
    shift 2
    cp part.state kept
    "${run[@]}" -o part "$@" 2>err || status=$?
    [[ $status = "$want" && ! -e part && $(cat err) == *"$message"* ]] || fail "$*: status $status, $(cat err)"
    cmp part.state kept || fail "$*: changed the state"
}
mv discriminator first
finetune -q --task classify -m first -o other --epochs 1 labels.tsv
mkdir discriminator
cp first/* discriminator
cp other/model.safetensors discriminator
python3 "$ROOT/tests/support/tensors.py" discriminator/model.safetensors unseal
again 2 'starting model' -m discriminator
for edit in '.hidden_act = "relu"' '.num_attention_heads = 1' '.layer_norm_eps = 1e-5'; do
    rm -rf edited && cp -r elsewhere edited
    jq "$edit" elsewhere/config.json >edited/config.json
    again 2 'starting model' -m edited
done
sed 's/good$/bad/; 2s/bad$/good/' labels.tsv >turned.tsv
run[${#run[@]} - 1]=turned.tsv
again 2 'other data' -m elsewhere
run[${#run[@]} - 1]=labels.tsv
if grep -q avx2 /proc/cpuinfo; then
    RTD_KERNELS=avx2 again 2 'made with the kernels plain-' -m elsewhere
fi
"${run[@]}" -o part -m elsewhere 2>err # without RTD_KERNELS: those of the state
diff -r whole part || fail "went on otherwise: $(cat err)"
[ ! -e part.state ] || fail "the state is left"

# What it will cost.
value() { awk -F '\t' -v n="$1" '$1 == n { print $2 }' plan; }
planned() { # NAME=VALUE... -- OPTION...
    local pairs=()
    while [ "$1" != -- ]; do
        pairs+=("$1")
        shift
    done
    shift
    finetune --plan "$@" >plan 2>err || fail "$*: $(cat err)"
    for pair in "${pairs[@]}"; do
        [ "$(value "${pair%=*}")" = "${pair#*=}" ] || fail "--plan $*: want $pair: $(cat plan)"
    done
    awk -F '\t' '$1 == "seconds" && $2 > 0 { ok = 1 } END { exit !ok }' plan || fail "$(cat plan)"
}
tokens=$(awk -F '\t' 'NR > 1 { n += 2 + split($1, w, " ") } END { print n }' labels.tsv)
planned examples=12 sequences=12 tokens="$tokens" epochs=3 steps=9 warmup_steps=1 training_tokens=$((3 * tokens)) dev_sequences=12 \
    dev_tokens="$tokens" lanes=2 threads=1 -- --task classify -m elsewhere -j 1 --batch 4 --dev labels.tsv labels.tsv
planned steps=2 training_tokens=$(((4 * tokens + 3) / 6)) -- --task classify -m elsewhere --batch 4 --max-steps 2 labels.tsv
before=$(ls)
planned -- --task classify -m elsewhere -o planned --resume labels.tsv
[ "$(ls)" = "$before" ] || fail "--plan wrote something: $(ls)"

# The windows of a long context: so many that each shares a third of the length with the one before it; more is said.
python3 - <<'PY'
import json
text = ' '.join(['the'] * 100 + ['cat'] + ['the'] * 99)
one = {"context": text, "qas": [{"id": "a", "question": "is it", "answers": [{"text": "cat", "answer_start": 400}]}]}
json.dump({"version": "1.1", "data": [{"title": "t", "paragraphs": [one]}]}, open("long.json", "w"))
one["qas"][0]["question"] = ' '.join(['is it'] * 40)
json.dump({"version": "1.1", "data": [{"title": "t", "paragraphs": [one]}]}, open("asked.json", "w"))
PY
# 30 tokens, 3 of them special, 2 the question's: 25 of the context, 10 shared: 1 + ceil((200 - 25) / 15) windows
planned sequences=13 -- --task answer -m elsewhere --length 30 long.json
# a question of 80 tokens is cut to 15; 12 are left, 6 of them shared: 1 + ceil((200 - 12) / 6)
planned sequences=33 -- --task answer -m elsewhere --length 30 asked.json
planned sequences=176 -- --task answer -m elsewhere --length 30 --stride 128 long.json
grep -q 'long.json: 1 of 1 question in windows that move by one piece each' err || fail "--stride 128: $(cat err)"
planned sequences=15 -- --task answer -m elsewhere --length 30 --stride 12 long.json
[ ! -s err ] || fail "--stride 12: $(cat err)"
finetune -q --task answer -m elsewhere -o answerer --epochs 1 --length 30 long.json
jq -r '.data[0].paragraphs[0] | [.qas[0].question, .context] | @tsv' long.json >question
answer -m answerer --length 30 question >said 2>err
[ ! -s err ] || fail "answer: $(cat err)"
answer -m answerer --length 30 --stride 128 question >said 2>err
grep -q '1 of 1 question in windows that move by one piece each' err || fail "answer --stride 128: $(cat err)"

# Threads that have nothing to do are said where they were asked for.
finetune --task classify -m elsewhere -o idle -j 5 labels.tsv 2>err
grep -qx 'finetune: training uses 2 of 5 threads, for it has 2 lanes (--lanes 4: more, and other last digits)' err || fail "$(cat err)"
finetune --task classify -m elsewhere -o idle -f -j 2 labels.tsv 2>err
[ ! -s err ] || fail "$(cat err)"
