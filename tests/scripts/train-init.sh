#!/usr/bin/env bash
# rtd-train --init: what is loaded, what is learnt, what is published in which form, what is refused.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
train_fixture
still=(-q --warmup 0 --lr 1e-12 --steps 1 --batch 6 --lanes 2 --log-every 1) # a step that changes nothing
measured() { tail -n 1 "$1/eval.tsv" | cut -f 2-; }

# safetensors FILE: name and shape of its tensors, sorted; safetensors FILE NAME: the numbers
cat >safetensors.py <<'E2'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8:8 + n])
head.pop("__metadata__", 0)
if len(sys.argv) == 2:
    for name in sorted(head):
        print(name, head[name]["dtype"], head[name]["shape"])
for name in sys.argv[2:]:
    a, b = (8 + n + x for x in head[name]["data_offsets"])
    for x in struct.unpack(f"<{(b - a) // 4}f", data[a:b]):
        print(repr(x))
E2
tensors() { python3 safetensors.py "$@"; }

same_vectors() { # MODEL: those of `before`
    embed -m "$1" --prompt query texts | paste - before | awk -F '\t' '{ for (i = 1; i <= NF / 2; i++) { d = $i - $(i + NF / 2)
        bad += d > 1e-6 || d < -1e-6 } } END { exit NR != 3 || NF != 96 || bad > 0 }' || complain "$1: other vectors"
}

# --- an electra of ours: both networks and both heads are there from the first step on
rtd-train -q "${model[@]}" -o a --steps 60 --save-every 0 --eval held.ts masked.ts
rtd-train "${still[@]}" --init a/discriminator --eval held.ts -o b masked.ts
[ "$(measured a)" = "$(measured b)" ] || complain "evaluation: $(measured a), and gone on from: $(measured b)"
rtd-train "${still[@]}" --init a/discriminator --dropout 0 --batch 200 --lanes 1 -o c held.ts
[ "$(tail -n 1 c/metrics.tsv | cut -f 5)" = "$(measured a | cut -f 1)" ] || complain "the first step: $(tail -n 1 c/metrics.tsv)"
cmp a/discriminator/config.json b/discriminator/config.json || complain 'another config.json'
cmp <(tensors a/discriminator/model.safetensors) <(tensors b/discriminator/model.safetensors) || complain 'other tensors'
same_numbers() { # FILE FILE NAME...
    paste <(tensors "$1" "${@:3}") <(tensors "$2" "${@:3}") |
        awk '{ d = $1 - $2; if (d > 1e-6 || d < -1e-6) bad++ } END { exit !NR || bad }' || complain "$1 and $2: $3"
}
weights=discriminator/model.safetensors
same_numbers a/$weights b/$weights discriminator_predictions.dense.weight electra.encoder.layer.1.output.dense.weight
# the generator: beside, elsewhere, new
mkdir alone
cp -r a/discriminator alone
rtd-train "${still[@]}" --init alone/discriminator --init-generator a/generator --eval held.ts -o b -f masked.ts
[ "$(measured a)" = "$(measured b)" ] || complain "--init-generator: $(measured a), and gone on from: $(measured b)"
rtd-train "${still[@]}" --init alone/discriminator --generator-hidden 20 --generator-layers 1 --eval held.ts -o b -f masked.ts
[ "$(measured a | cut -f 1)" != "$(measured b | cut -f 1)" ] || complain 'a new generator?'
[ "$(jq -c '[.hidden_size, .num_hidden_layers, .architectures[0]]' b/generator/config.json)" = '[20,1,"ElectraForMaskedLM"]' ] ||
    complain "$(cat b/generator/config.json)"
# a language model's head, with an objective that trains it
rtd-train "${still[@]}" --objective mlm --init a/generator --eval held.ts -o b -f masked.ts
[ "$(measured a | cut -f 1)" = "$(measured b | cut -f 1)" ] || complain "a language model: $(measured b)"
cmp <(tensors a/generator/model.safetensors) <(tensors b/$weights) || complain 'other tensors of a language model'
cmp a/generator/config.json b/discriminator/config.json
[ ! -e b/generator ] || complain 'a generator that nothing trains'
# one beside that is another's is not taken, and it is said
cp -r a/generator alone/generator
jq '.embedding_size = 12' a/generator/config.json >alone/generator/config.json
rtd-train "${still[@]:1}" --init alone/discriminator -o b -f masked.ts 2>err
grep -q 'alone/discriminator/../generator.*: a new generator is made' err || complain "$(cat err)"

rm -r alone/generator
cp -r b/generator alone/generator # of a run in which the other network learnt something else
rtd-train "${still[@]:1}" --lr 0.1 --init alone/discriminator -o b -f masked.ts
cp -r b/discriminator alone/other
rtd-train "${still[@]:1}" --init alone/other -o b -f masked.ts 2>err
grep -q 'alone/other/../generator: its word table is another than the one of alone/other: a new generator is made' err || complain "$(cat err)"
rtd-train "${still[@]:1}" --init alone/other --init-generator a/generator -o b -f masked.ts 2>err
grep -q 'a/generator: its word table is another than the one of alone/other, which both networks use' err || complain "$(cat err)"

# --- a bert as sentence-transformers keep it: no prefix, old names, half precision, a pooler, another head
tiny_bert
mkdir bert/1_Pooling
echo '{"pooling_mode": "mean", "include_prompt": true}' >bert/1_Pooling/config.json
echo '{"max_seq_length": 24, "do_lower_case": false}' >bert/sentence_bert_config.json
echo '{"prompts": {"query": "of to "}, "default_prompt_name": null}' >bert/config_sentence_transformers.json
echo '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]' >bert/modules.json
jq '.hidden_act = "gelu_new" | .layer_norm_eps = 1e-7 | .hidden_dropout_prob = 0.05 | .attention_probs_dropout_prob = 0.05 | .transformers_version = "4.8.2"' \
    bert/config.json >config
mv config bert/config.json
python3 - <<'E2'
import json, struct
data = open("bert/model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head, data = json.loads(data[8:8 + n]), data[8 + n:]
out, at, body = {}, 0, b""
def put(name, dtype, shape, raw):
    global at, body
    out[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
    at += len(raw)
    body += raw
floats = lambda n, f: struct.pack(f"<{n}f", *(f(i) for i in range(n)))
for name, t in head.items():
    if name == "__metadata__" or name.startswith("discriminator"):
        continue
    a, b = t["data_offsets"]
    name = name.removeprefix("electra.").replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    half = name.endswith("0.intermediate.dense.weight")  # bfloat16 is the upper half
    raw = b"".join(data[i + 2:i + 4] for i in range(a, b, 4)) if half else data[a:b]
    put(name, "BF16" if half else "F32", t["shape"], raw)
put("pooler.dense.weight", "F32", [48, 48], floats(48 * 48, lambda i: i % 7 / 16))
put("pooler.dense.bias", "F32", [48], floats(48, lambda i: i / 64))
put("cls.predictions.bias", "F32", [300], floats(300, lambda i: i / 32))
put("cls.predictions.decoder.weight", "F32", [300, 48], floats(300 * 48, lambda i: 1.0))
put("embeddings.position_ids", "I64", [1, 64], struct.pack("<64q", *range(64)))
text = json.dumps(out).encode()
open("bert/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + body)
E2
printf '%s\n' 'the of and to' 'in is it' 'to to to' >texts
embed -m bert --prompt query texts >before
ts-dump masked.ts | ts-load --kind masked --vocab bert/vocab.txt --max-length 32 -o b-masked.ts
rtd-train "${still[@]}" --init bert -o b -f b-masked.ts
same_vectors b/discriminator # it has learnt nothing
form() { tensors "$1/model.safetensors" | sed 's/gamma/weight/; s/beta/bias/; s/BF16/F32/; /position_ids/d' | sort; }
cmp <(form bert) <(form b/discriminator) || complain "$(diff <(form bert) <(form b/discriminator))"
written='del(.classifier_dropout, .position_embedding_type, .torch_dtype)'
cmp <(jq -S . bert/config.json) <(jq -S "$written" b/discriminator/config.json) || complain "$(cat b/discriminator/config.json)"
for file in 1_Pooling/config.json sentence_bert_config.json config_sentence_transformers.json vocab.txt; do
    cmp bert/$file b/discriminator/$file
done
cmp <(jq -S . bert/modules.json) <(jq -S . b/discriminator/modules.json)
same_numbers bert/model.safetensors b/$weights pooler.dense.weight pooler.dense.bias cls.predictions.bias
[ "$(jq -c '[.model_type, .hidden_size, .embedding_size, .hidden_act, .transformers_version]' b/generator/config.json)" = \
    '["electra",12,48,"gelu_new",null]' ] || complain "$(cat b/generator/config.json)"
model-info b/generator >/dev/null

# it learns, and what it learns is in the same form, in checkpoints, too; a resume needs no directory
learn=(-q --init start/bert --batch 6 --lanes 2 --lr 0.01 --warmup 1 --steps 6 --mlm-warmup 2 --log-every 1)
mkdir start
cp -r bert start
rtd-train "${learn[@]}" -o whole b-masked.ts
[ "$(awk -F '\t' 'NR == 7 { print ($8 < 0.69 * 2) }' whole/metrics.tsv)" = 1 ] || complain "$(cat whole/metrics.tsv)"
embed -m whole/discriminator --prompt query texts | cmp -s - before && complain 'nothing was learnt'
cmp <(form bert) <(form whole/discriminator)
same_numbers whole/$weights whole/$weights pooler.dense.bias cls.predictions.bias
cmp <(tensors whole/$weights cls.predictions.decoder.weight) <(tensors whole/$weights embeddings.word_embeddings.weight) ||
    complain 'the tied table is not the table'
ts-head -n 24 -o short.ts b-masked.ts
for from in start/bert gone; do
    rm -rf parts
    ! rtd-train "${learn[@]}" -o parts short.ts 2>/dev/null || complain 'a short stream'
    embed -m parts/checkpoint/step-4/discriminator --prompt query texts >/dev/null
    if [ $from = gone ]; then mv start gone; fi
    rtd-train "${learn[@]}" -o parts --resume b-masked.ts
    same whole parts checkpoint
done
rtd-train "${learn[@]}" -o parts --resume b-masked.ts # complete, and no directory either
mv gone start
rm -r parts/discriminator parts/generator
printf 'the first\n' >>start/bert/vocab.txt
fails 1 'rtd-train: *start/bert*' rtd-train "${learn[@]}" -o parts --resume b-masked.ts
cp bert/vocab.txt start/bert/vocab.txt
rm -r start/bert
cp -r b/discriminator start/bert
fails 2 'rtd-train: parts/checkpoint/step-4: init was * there and is * now*' rtd-train "${learn[@]}" -o parts --resume b-masked.ts
fails 2 'rtd-train: parts/checkpoint/step-4: init was * there and is not set now*' \
    rtd-train -q --layers 2 --hidden 48 --heads 3 --ffn 96 --embedding 48 --positions 64 --generator-hidden 12 --dropout 0.05 --init-range 0.08 \
    "${learn[@]:3}" -o parts --resume b-masked.ts

# --- a bert with a language model's head, under full names: it is loaded, learns, and is written again
cp -r bert filler
jq '.architectures = ["BertForMaskedLM"]' bert/config.json >filler/config.json
python3 - <<'E2'
import json, struct
data = open("filler/model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head, data = json.loads(data[8:8 + n]), data[8 + n:]
head = {name if name.startswith("cls.") else "bert." + name: t for name, t in head.items()}
for name, n in {"dense.weight": 48 * 48, "dense.bias": 48, "LayerNorm.weight": 48, "LayerNorm.bias": 48}.items():
    head["cls.predictions.transform." + name] = {"dtype": "F32", "shape": [n] if n == 48 else [48, 48], "data_offsets": [len(data), len(data) + 4 * n]}
    data += struct.pack(f"<{n}f", *((i * 7 % 11 - 5) / 40 for i in range(n)))
text = json.dumps(head).encode()
open("filler/model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
E2
filled=(cls.predictions.transform.dense.weight cls.predictions.transform.LayerNorm.bias)
rtd-train "${still[@]}" --objective mlm --init filler -o b -f b-masked.ts
cmp <(form filler) <(form b/discriminator) || complain "$(diff <(form filler) <(form b/discriminator))"
cmp <(jq -S . filler/config.json) <(jq -S "$written" b/discriminator/config.json)
same_numbers filler/model.safetensors b/$weights "${filled[@]}" cls.predictions.bias bert.encoder.layer.1.output.dense.weight
rtd-train "${still[@]}" --objective mlm --lr 0.01 --init filler -o b -f b-masked.ts
cmp <(form filler) <(form b/discriminator) || complain 'another form when it has learnt'
for name in "${filled[@]}" cls.predictions.bias bert.encoder.layer.1.output.dense.weight; do
    cmp -s <(tensors filler/model.safetensors "$name") <(tensors b/$weights "$name") && complain "$name has learnt nothing"
done
# whatever is learnt, the form is the same
for objective in $(rtd-train --help | sed -n 's/.*what is learnt: \(.*\) (default.*/\1/p' | tr -d ','); do
    rtd-train -q --init filler --objective "$objective" --steps 1 --warmup 0 --batch 2 --lanes 1 -o b -f b-masked.ts
    cmp <(form filler) <(form b/discriminator) || complain "$objective: another form"
done

# --- more pieces: behind the old ones, and in the place of unused ones
sed 's/^\[unused200\]$/of##to/' bert/vocab.txt >more.txt
printf '%s\n' thein '##ation' 'q☃' >>more.txt
the=$(grep -nx the bert/vocab.txt | cut -d : -f 1)
ts-dump masked.ts | ts-load --kind masked --vocab more.txt --max-length 32 -o more.ts
rtd-train "${still[@]:1}" --init bert -o b -f more.ts 2>err
grep -q 'new pieces: 4$' err || complain "$(cat err)"
[ "$(jq .vocab_size b/discriminator/config.json)" = 303 ] || complain "$(cat b/discriminator/config.json)"
cmp more.txt b/discriminator/vocab.txt
same_vectors b/discriminator
python3 - bert/vocab.txt "$the" <(tensors b/$weights embeddings.word_embeddings.weight) <(tensors b/$weights cls.predictions.bias) <<'E2'
import sys
old = [line.rstrip("\n") for line in open(sys.argv[1])]
table, bias = ([float(x) for x in open(f)] for f in sys.argv[3:])
row = lambda i: table[48 * i:48 * i + 48] + [bias[i]]
def spell(word, inside=False):
    ids = []
    while word:
        n = max((n for n in range(1, len(word) + 1) if ("##" if inside or ids else "") + word[:n] in old), default=0)
        if not n:
            return [old.index("[UNK]")]
        ids.append(old.index(("##" if inside or ids else "") + word[:n]))
        word = word[n:]
    return ids
assert len(bias) == 303
for i, ids in {200: spell("of##to"), 300: spell("thein"), 301: spell("ation", True), 302: spell("q☃")}.items():
    print(i, ids)
    want = [sum(row(k)[c] for k in ids) / len(ids) for c in range(49)]
    assert all(abs(a - b) < 1e-5 for a, b in zip(row(i), want)), i
E2

# a vocabulary that was learnt so
printf '%s\n' 'the catalogue of the catalogues' 'catalogue or nothing' >catalogues
vocab-train -q --from bert/vocab.txt --add 3 --take-unused -o learnt.txt catalogues
{ cat bert/vocab.txt; tail -n 3 learnt.txt; } | cmp -s - learnt.txt && complain 'unused entries are left'
wordpiece -q --vocab learnt.txt catalogues | seq-pack -l 32 | mask-gen -o learnt.ts
rtd-train "${still[@]:1}" --batch 1 --lanes 1 --init bert -o b -f learnt.ts 2>err
grep -q 'new pieces: 3$' err || complain "$(cat err)"
cmp learnt.txt b/discriminator/vocab.txt

# --- refused: a usage error, in one line that names it, and no model
refused() { # PATTERN ARGUMENT...
    rm -rf run
    fails "${status:-2}" "rtd-train: $1" rtd-train -q --steps 2 -o run "${@:2}"
    no_model run
}
for option in '--layers 3' '--hidden 32' '--heads 2' '--ffn 64' '--embedding 8' '--positions 32'; do
    read -ra argv <<<"$option"
    refused "${argv[*]}: it is * in bert*" --init bert "${argv[@]}" b-masked.ts
done
refused '--size mini: layers 4, but 2 in bert*' --init bert --size mini b-masked.ts
refused '--generator-hidden 16: it is 12 in a/discriminator/../generator*' --init a/discriminator --generator-hidden 16 masked.ts
refused '--init-generator: only with --init*' --init-generator a/generator masked.ts
refused '--init-generator: --objective mlm trains none*' --init a/discriminator --init-generator a/generator --objective mlm masked.ts
refused '--embeddings: not with --init*' --init bert --embeddings masked.ts b-masked.ts
refused '--init-positions: not with --init*' --init bert --init-positions sinusoid b-masked.ts
refused '--init-layers: not with --init*' --init bert --init-layers mimetic b-masked.ts
ts-dump masked.ts | ts-load --kind masked --vocab bert/vocab.txt --max-length 65 -o long.ts
refused "long.ts: sequences of up to 65 tokens, but the model's positions are 64*" --init bert long.ts
status=1
refused 'masked.ts: its vocabulary does not continue the one of bert: id 97 is no piece, there \[unused97\]*' --init bert masked.ts
sed 's/^the$/THE/' bert/vocab.txt >other.txt
ts-dump masked.ts | ts-load --kind masked --vocab other.txt --max-length 32 -f -o other.ts
refused "other.ts: its vocabulary does not continue the one of bert: id $((the - 1)) is THE, there the*" --init bert other.ts
{ cat bert/vocab.txt; echo the; } >other.txt
ts-dump masked.ts | ts-load --kind masked --vocab other.txt --max-length 32 -f -o other.ts
refused 'other.ts: its vocabulary does not continue the one of bert: id 300 is the, there no piece*' --init bert other.ts
for setting in 'lower_case:--cased' 'strip_accents:--no-strip-accents' 'chinese:--no-chinese'; do
    wordpiece -q --vocab bert/vocab.txt "${setting#*:}" texts | seq-pack -l 32 | mask-gen -f -o other.ts
    refused "other.ts: tokeniser setting ${setting%:*} is false, but true in bert*" --init bert other.ts
done
wordpiece -q --vocab bert/vocab.txt --max-word 60 texts | seq-pack -l 32 | mask-gen -f -o other.ts
refused 'other.ts: tokeniser setting max_word is 60, but 100 in bert*' --init bert other.ts
jq -n '{version: "1.0", added_tokens: [], normalizer: {type: "BertNormalizer", lowercase: true, strip_accents: null, clean_text: true, handle_chinese_chars: true},
    pre_tokenizer: {type: "WhitespaceSplit"}, post_processor: null, model: {type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##",
    max_input_chars_per_word: 100, vocab: ($pieces | split("\n")[:-1] | to_entries | map({(.value): .key}) | add)}}' \
    --rawfile pieces bert/vocab.txt >start/bert/tokenizer.json
cp bert/*.json bert/model.safetensors start/bert
refused 'start/bert: where words end: no stream is made with this rule of its tokenizer*' --init start/bert b-masked.ts
unset status
fails 1 'rtd-train: a: no config.json: not a model directory (its folder discriminator is one)' rtd-train -q --steps 2 -o run --init a masked.ts
fails 1 'rtd-train: a/discriminator: not a generator of an electra' \
    rtd-train -q --steps 2 -o run --init alone/discriminator --init-generator a/discriminator masked.ts
fails 1 'rtd-train: a/generator: vocab_size is 97, but 300 in bert' \
    rtd-train -q --steps 2 -o run --init bert --init-generator a/generator b-masked.ts
fails 3 'rtd-train: no-such: cannot open the model: *' rtd-train -q --steps 2 -o run --init no-such masked.ts
