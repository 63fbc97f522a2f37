#!/usr/bin/env bash
# Directories of sentence-transformers, in the keys of version 6 and those before: poolings alone and
# joined, what stands behind them, prompts, the longest text; as they stand and through
# model-import.  What is not computed is refused by name, what is broken by its place.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
printf '%s\n' 'the of and to' 'in is it' '' 'to to to' >texts
vectors() { embed -q --no-normalise -m "$@" texts; }
for how in cls max mean mean_sqrt_len_tokens; do vectors discriminator "--pooling=$how" >"$how"; done
paste cls max mean mean_sqrt_len_tokens >all
cmp -s cls max && fail "cls is max"
# by hand: the square root of the number of tokens, [CLS] and [SEP] included
paste mean mean_sqrt_len_tokens | awk -F '\t' '{ split("6 5 2 5", n, " "); for (i = 1; i <= NF / 2; i++) {
    d = $(i + NF / 2) - $i * sqrt(n[NR]); bad += d > 1e-5 || d < -1e-5 } } END { exit bad > 0 }' || fail "mean_sqrt_len_tokens"

new=sentence_transformers.sentence_transformer.modules.pooling.Pooling
first='{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}'
make() { # POOLING [FURTHER MODULES]: the directory m
    rm -rf m
    cp -r discriminator m
    mkdir m/1_Pooling
    printf '%s\n' "$1" >m/1_Pooling/config.json
    printf '[%s, {"path": "1_Pooling", "type": "%s"}%s]' "$first" $new "${2:+, $2}" >m/modules.json
}
same() { # WANT [OPTION...]: by both doors
    vectors m "${@:2}" >got || fail "$1: refused"
    cmp "$1" got || fail "$1: other numbers"
    rm -rf imported
    model-import -q -o imported m
    vectors imported "${@:2}" >got || fail "$1: refused once imported"
    cmp "$1" got || fail "$1: other numbers once imported"
}
refused() { # TEXT [OPTION...]: by embed, in one line, and once imported, if that is not refused, too
    local status=0
    vectors m "${@:2}" >got 2>err || status=$?
    [[ $status = 1 && ! -s got && $(wc -l <err) = 1 ]] || fail "$1: status $status: $(cat err)"
    grep -q -- "$1" err || fail "$(cat err)"
    rm -rf imported
    status=0
    model-import -q -o imported m 2>err || status=$?
    if [ $status = 0 ]; then vectors imported "${@:2}" >got 2>err || status=$?; fi
    grep -q -- "$1" err || fail "imported, $1: $(cat err)"
    [[ $status = 1 && ! -s got ]] || fail "imported, $1: taken"
}

# Poolings: a text, a list in its order, the old keys in theirs.
while IFS='|' read -r config want; do
    # shellcheck disable=SC2086
    paste $want >joined
    make "$config"
    same joined
done <<'E2'
{"embedding_dimension": 16, "pooling_mode": "cls", "include_prompt": true}|cls
{"pooling_mode": "max"}|max
{"pooling_mode": "mean_sqrt_len_tokens"}|mean_sqrt_len_tokens
{"pooling_mode": ["mean", "cls"]}|mean cls
{"pooling_mode": ["max"], "pooling_mode_cls_token": true}|max
{"word_embedding_dimension": 16, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false, "pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false}|cls
{"pooling_mode_mean_sqrt_len_tokens": true, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true, "pooling_mode_cls_token": true, "pooling_mode_lasttoken": false}|cls max mean mean_sqrt_len_tokens
{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false}|max
{"pooling_mode_mean_tokens": false}|mean
E2
make '{"pooling_mode": "cls"}'
same all --pooling cls,max,mean,mean_sqrt_len_tokens
mv m/1_Pooling m/elsewhere
sed -i s/1_Pooling/elsewhere/ m/modules.json
same cls
[ -e imported/elsewhere/config.json ] || fail "the pooling's folder"
echo '{"pooling_mode": "max"}' >imported/elsewhere/config.json
! vectors imported >got 2>err || fail "a changed pooling of ours"
grep -q 'elsewhere/config.json: checksum mismatch' err || fail "$(cat err)"
# the old names of types; the transformer in a folder of its own, and at the top what is none
make '{"pooling_mode_cls_token": true}'
echo '[{"idx": 0, "name": "0", "path": "0_Transformer", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]' >m/modules.json
mkdir m/0_Transformer
mv m/config.json m/model.safetensors m/vocab.txt m/0_Transformer
echo '{"__version__": "0.2.0"}' >m/config.json
same cls

# Behind the pooling.
embed -q -m discriminator --pooling max texts >unit
make '{"pooling_mode": "max"}' '{"path": "2_Dropout", "type": "sentence_transformers.models.Dropout"}, {"path": "3_Normalize", "type": "sentence_transformers.base.modules.normalize.Normalize"}'
same unit
dense() { # OUT ACTIVATION: 2_Dense that takes number o + 1 twice, plus 0.25, as number o
    mkdir m/2_Dense
    printf '{"in_features": 16, "out_features": %d, "bias": true, "activation_function": "%s"}' "$1" "$2" >m/2_Dense/config.json
    python3 - "$1" <<'P'
import json, struct, sys
out = int(sys.argv[1])
w = [2.0 * (i == o + 1) for o in range(out) for i in range(16)] + [0.25] * out
head = json.dumps({"linear.weight": {"dtype": "F32", "shape": [out, 16], "data_offsets": [0, 64 * out]},
                   "linear.bias": {"dtype": "F32", "shape": [out], "data_offsets": [64 * out, 68 * out]}}).encode()
open("m/2_Dense/model.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + struct.pack(f"<{len(w)}f", *w))
P
}
second='{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}'
for act in Tanh ReLU; do
    make '{"pooling_mode": "mean"}' "$second"
    dense 3 torch.nn.modules.activation.$act
    vectors m >exact
    paste exact mean | awk -F '\t' -v act=$act '{ for (o = 1; o <= 3; o++) { x = 2 * $(o + 4) + 0.25; e = exp(2 * x)
        d = $o - (act == "Tanh" ? (e - 1) / (e + 1) : (x > 0 ? x : 0)); bad += d > 1e-5 || d < -1e-5 } }
        END { exit NR != 4 || bad > 0 }' || fail "Dense, $act"
    same exact
done
# the weights in PyTorch's form: model-import reads them
mv m/2_Dense/model.safetensors weights
python3 - <<'P'
import json, struct, zipfile
data = open("weights", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head, data = json.loads(data[8:8 + n]), data[8 + n:]
text = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()
pickle, files = b"\x80\x02}(", {}
for key, (name, t) in enumerate(head.items()):
    shape = t["shape"]
    strides = [shape[1], 1] if len(shape) == 2 else [1]
    ints = lambda v: b"(" + b"".join(b"M" + struct.pack("<H", x) for x in v) + b"t"
    a, b = t["data_offsets"]
    files[str(key)] = data[a:b]
    pickle += (text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) +
               text("cpu") + b"M" + struct.pack("<H", (b - a) // 4) + b"tQK\x00" + ints(shape) + ints(strides) + b"\x89NtR")
with zipfile.ZipFile("m/2_Dense/pytorch_model.bin", "w") as z:
    z.writestr("a/data.pkl", pickle + b"u.")
    for key, raw in files.items():
        z.writestr("a/data/" + key, raw)
P
! vectors m >got 2>err || fail "a Dense in a pickle"
grep -q 'pytorch_model.bin: only model-import reads' err || fail "$(cat err)"
rm -rf imported
model-import -q -o imported m
vectors imported | cmp - exact || fail "a Dense in a pickle, imported"

# Refused by name.
while IFS='|' read -r text config further; do
    make "${config:-{\}}" "$further"
    [ ! -d m/2_Dense ] && [[ $further == *2_Dense* ]] && dense 3 "${act:-torch.nn.modules.activation.Tanh}"
    refused "$text"
done <<'E2'
pooling_mode lasttoken is not supported|{"pooling_mode": "lasttoken"}
pooling_mode weightedmean is not supported|{"pooling_mode": ["mean", "weightedmean"]}
pooling_mode_lasttoken is not supported|{"pooling_mode_lasttoken": true}
pooling_mode_weightedmean_tokens is not supported|{"pooling_mode_weightedmean_tokens": true}
pooling_mode_new_kind is not supported|{"pooling_mode_new_kind": true}
module sentence_transformers.models.LSTM is not supported|{}|{"path": "2_LSTM", "type": "sentence_transformers.models.LSTM"}
module sentence_transformers.models.LayerNorm is not supported|{}|{"path": "2_LayerNorm", "type": "sentence_transformers.models.LayerNorm"}
module mine.Dense is not supported|{}|{"path": "2_Mine", "type": "mine.Dense"}
module sentence_transformers.models.Pooling in this place|{}|{"path": "2_Pooling", "type": "sentence_transformers.models.Pooling"}
E2
make '{"pooling_mode": "lasttoken"}'
rm -rf imported
model-import -o imported m 2>err
grep -qx 'model-import: m/1_Pooling/config.json: pooling_mode lasttoken is not supported: embed refuses the model, other tools take it' err ||
    fail "$(cat err)"
make '{}'
echo "[$first]" >m/modules.json
refused 'without a Pooling is not supported'
for filter in '.use_residual = true' '.activation_function = "torch.nn.modules.activation.Softplus"' '.module_input_name = "token_embeddings"'; do
    make '{}' "$second"
    dense 3 torch.nn.modules.activation.Tanh
    jq "$filter" m/2_Dense/config.json >changed
    mv changed m/2_Dense/config.json
    refused 'is not supported'
done
make '{}' "$second"
dense 3 torch.nn.modules.activation.Tanh
sed -i 's/"in_features": 16/"in_features": 17/' m/2_Dense/config.json
refused 'linear.weight: not there, or of another shape'
make '{}'
echo '{"transformer_task": "fill-mask"}' >m/sentence_bert_config.json
refused 'transformer_task fill-mask is not supported'
make '{}'
echo '{"model_type": "SparseEncoder"}' >m/config_sentence_transformers.json
refused 'model_type SparseEncoder is not supported'

# Broken, not passed over; and not written by model-import.
for file in modules.json 1_Pooling/config.json config_sentence_transformers.json sentence_bert_config.json; do
    make '{}'
    echo '{"pooling_mode": ' >m/$file
    refused "$file: .*not JSON"
    [ ! -e imported ] || fail "$file: imported"
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12\n' 7 >m/$file
    refused "$file: a Git LFS pointer"
done
make '{}'
rm m/1_Pooling/config.json
refused '1_Pooling/config.json: missing'
make '{}'
sed -i 's|"1_Pooling"|"../discriminator"|' m/modules.json
refused "leads out of the directory"

# Prompts: by name, by default, none.
make '{"pooling_mode": "mean"}'
echo '{"prompts": {"query": "of to ", "plain": ""}, "default_prompt_name": null}' >m/config_sentence_transformers.json
sed 's/^/of to /' texts >prompted
embed -q --no-normalise -m discriminator prompted >want
same mean
same want --prompt query
same mean --prompt plain
sed -i 's/null/"query"/' m/config_sentence_transformers.json
same want
same mean --prompt ''
same mean --prompt plain
! vectors m --prompt passage >got 2>err || fail "no such prompt"
grep -q "no prompt 'passage' (it has: query, plain)" err || fail "$(cat err)"
make '{"pooling_mode": "mean", "include_prompt": false}'
cp imported/config_sentence_transformers.json m
refused 'include_prompt false'
same mean --prompt ''
sed -i 's/"query", *$/"other",/; s/name": "query"/name": "other"/' m/config_sentence_transformers.json
refused "no prompt 'other'"

# The longest text.
make '{"pooling_mode": "mean"}'
echo '{"max_seq_length": 5, "do_lower_case": false}' >m/sentence_bert_config.json
embed -q --no-normalise --length 5 -m discriminator texts >want
same want
echo '{"max_seq_length": 5000}' >m/sentence_bert_config.json
same mean
