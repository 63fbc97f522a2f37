#!/usr/bin/env bash
# Models as others save them, as they stand and through model-import: the same vectors, or one line
# that says what is wrong, and what would do.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
tiny_bert
for name in $("$ROOT/tests/support/tensors.py" bert/model.safetensors list | grep ^discriminator_predictions); do
    "$ROOT/tests/support/tensors.py" bert/model.safetensors drop "$name"
done
printf '%s\n' 'the of and to' 'in is it' '' >texts
vectors() { embed -q -m "$1" "${@:2}" texts; }
copy() { # NAME BASE: a copy that can be changed
    rm -rf "$1"
    cp -r "$2" "$1"
}
tensors() { "$ROOT/tests/support/tensors.py" "$1/model.safetensors" "${@:2}"; }
config() { # NAME FILTER
    jq "$2" "$1/config.json" >changed
    mv changed "$1/config.json"
}
same() { # NAME BASE: through both doors
    vectors "$1" >got || fail "$1: refused"
    vectors "$2" | cmp - got || fail "$1: other numbers"
    rm -rf imported
    model-import -q -o imported "$1"
    vectors imported | cmp - got || fail "$1: other numbers once imported"
}
refused() { # NAME TEXT: by both doors, in one line, with status 1 and no output
    local status=0
    vectors "$1" >got 2>err || status=$?
    [[ $status = 1 && ! -s got && $(wc -l <err) = 1 ]] || fail "$1: status $status: $(cat err)"
    grep -q -- "$2" err || fail "$1: $(cat err)"
    status=0
    model-import -q -o imported-not "$1" 2>err || status=$?
    [[ $status = 1 && ! -e imported-not && $(wc -l <err) = 1 ]] || fail "$1: imported: status $status: $(cat err)"
    grep -q -- "$2" err || fail "$1, imported: $(cat err)"
}

# Names of tensors: LayerNorm's old ones, DataParallel's prefix, with and without the class's.
for base in discriminator bert; do
    copy old $base
    tensors old rename 'LayerNorm\.weight' LayerNorm.gamma
    tensors old rename 'LayerNorm\.bias' LayerNorm.beta
    same old $base
    copy wrapped old
    tensors wrapped rename '^' module.
    same wrapped $base
done
copy prefixed bert
tensors prefixed rename '^' bert.
same prefixed bert
copy prefixed old
tensors prefixed rename '^' bert.
same prefixed bert

# The kind, where config.json does not say it: by architectures, by names of tensors, or not at all.
kind() { # NAME KIND
    model-info "$1" | grep -qx "model_type	$2" || fail "$1: not a $2"
    same "$1" "$3"
}
copy untold bert
config untold 'del(.model_type)'
kind untold bert bert
config untold 'del(.architectures)'
refused untold 'model_type is missing'
tensors untold rename '^' bert.
kind untold bert bert
mv untold/config.json untold/bert_config.json
kind untold bert bert
copy untold discriminator
config untold 'del(.model_type, .architectures)'
kind untold electra discriminator
tensors untold rename '^electra\.' ''
kind untold electra discriminator
copy untold bert
config untold 'del(.model_type, .architectures)'
python3 - bert/config.json untold/model.safetensors <<'P'
import json, struct, sys
h = json.load(open(sys.argv[1]))["hidden_size"]
data = open(sys.argv[2], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head, body = json.loads(data[8:8 + n]), data[8 + n:]
for name, shape in ("pooler.dense.weight", [h, h]), ("pooler.dense.bias", [h]):
    size = 4 * h * (h if len(shape) == 2 else 1)
    head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + size]}
    body += bytes(size)
text = json.dumps(head).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + body)
P
kind untold bert bert

# Fewer pieces than rows of the table, and more.
copy short discriminator
head -n 90 "$ROOT/tests/golden/vocab97.txt" >short/vocab.txt
same short discriminator
echo more >>discriminator/vocab.txt
refused discriminator 'holds 98 pieces'
sed -i '$d' discriminator/vocab.txt

# A head that is promised and not there is no matter where it is not asked for.
copy headless discriminator
config headless '.architectures = ["ElectraForSequenceClassification"]'
same headless discriminator
! classify -q -m headless texts >got 2>err || fail "a head out of nothing"
grep -q 'classifier.dense.weight: tensor missing' err || fail "$(cat err)"

# Keys that change the arithmetic, and values of another kind.
while IFS='|' read -r filter text; do
    copy odd bert
    config odd "$filter"
    refused odd "$text"
done <<'E2'
.position_embedding_type = "relative_key"|position_embedding_type relative_key is not supported
.is_decoder = true|is_decoder is not supported
.is_decoder = "no"|is_decoder no is not supported
.add_cross_attention = true|add_cross_attention is not supported
.pruned_heads = {"0": [1]}|pruned_heads is not supported
.quantization_config = {"bits": 4}|quantization_config is not supported
.auto_map = {"AutoModel": "modeling.Mine"}|auto_map is not supported
.hidden_act = "silu"|hidden_act silu is not supported
.model_type = "roberta"|model_type roberta is not supported
.layer_norm_eps = "tiny"|layer_norm_eps: want a number
.num_hidden_layers = 2.5|num_hidden_layers: want a whole number
.num_hidden_layers = 3|tensor missing
.intermediate_size = 8|its shape is not the one of config.json
E2
copy even bert
config even '.embedding_size = 8 | .is_decoder = null | .pruned_heads = {} | .use_cache = true | .hidden_act = "gelu_python"'
sed -i '1s/{/{"odd": NaN, "huge": 1e999, "odd2": 123456789012345678901234567890,/' even/config.json
same even bert

# A language model's own output layer.
tiny_model generator
echo 'the [MASK] of' | generate --infill -m generator >want
config generator '.tie_word_embeddings = false'
! echo 'the [MASK] of' | generate --infill -m generator >got 2>err || fail "an untied output layer"
grep -q 'tie_word_embeddings false' err || fail "$(cat err)"
tensors generator drop generator_lm_head.weight
echo 'the [MASK] of' | generate --infill -m generator | cmp - want || fail "tie_word_embeddings"

# Rows of the table that are no piece are never written, however probable.
tiny_model short-generator generator
head -n 90 "$ROOT/tests/golden/vocab97.txt" >short-generator/vocab.txt
tensors short-generator put generator_lm_head.bias 95 1000
echo 'the [MASK] of' | generate --infill -m short-generator >got || fail "a row that is no piece"
grep -q '^the [^ ]* of$' got || fail "$(cat got)"

# Tensors of types that no weight has do not matter.
copy typed discriminator
python3 - typed/model.safetensors <<'P'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head, body = json.loads(data[8:8 + n]), data[8 + n:]
for dtype, size in ("U16", 2), ("U32", 4), ("U64", 8), ("F8_E4M3", 1), ("F8_E5M2", 1), ("I64", 8), ("BOOL", 1):
    head["buffer." + dtype] = {"dtype": dtype, "shape": [1], "data_offsets": [len(body), len(body) + size]}
    body += bytes(size)
text = json.dumps(head).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + body)
P
same typed discriminator

# Sizes that the weights do not have are refused before memory is taken.
copy absurd bert
for filter in '.vocab_size = 16000000' '.hidden_size = 65536' '.intermediate_size = 1000000' '.max_position_embeddings = 1000000' \
    '.num_hidden_layers = 128'; do
    cp bert/config.json absurd
    config absurd "$filter"
    if [ -z "$SANITIZED" ]; then
        (ulimit -v 400000 && refused absurd 'config.json\|missing')
    else
        refused absurd 'config.json\|missing'
    fi
done

# Numbers that are none.
for x in nan inf; do
    copy broken discriminator
    tensors broken put electra.encoder.layer.1.output.dense.weight 5 $x
    refused broken 'electra.encoder.layer.1.output.dense.weight holds numbers that are not finite'
done

# Other forms of weights in the place of model.safetensors: what would do.
copy others discriminator
rm others/model.safetensors
while read -r file text; do
    touch "others/$file"
    ! vectors others >got 2>err || fail "$file"
    grep -q "no model.safetensors, but $file: $text" err || fail "$(cat err)"
    rm "others/$file"
done <<'E2'
pytorch_model.bin model-import
model.safetensors.index.json model-import
tf_model.h5 .*save_pretrained
E2
copy others discriminator
echo '{}' >others/adapter_config.json
refused others 'adapter_config.json: adapters are not supported'

# Git LFS pointers in the place of any file.
for file in config.json model.safetensors vocab.txt; do
    copy pointer discriminator
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n' 7 >pointer/$file
    refused pointer "$file: a Git LFS pointer .*git lfs pull"
done
