#!/usr/bin/env bash
# Every form in which weights are published becomes the same model; what is damaged, or more than
# tensors, is refused in one line.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
forms=$ROOT/tests/golden/forms tiny=$ROOT/tests/golden/tiny
tensors() { # FILE: names and bytes of a safetensors file, in the order of the names
    python3 - "$1" <<'P'
import json, struct, sys, hashlib
data = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
head = json.loads(data[8:8 + n])
head.pop('__metadata__', None)
for name in sorted(head):
    a, b = head[name]['data_offsets']
    print(name, head[name]['dtype'], 'x'.join(map(str, head[name]['shape'])), hashlib.sha256(data[8 + n + a:8 + n + b]).hexdigest())
P
}
tensors "$tiny/discriminator/model.safetensors" >want
for form in bin-zip bin-legacy bin-views gamma-beta sharded; do
    model-import -o "$form" "$forms/$form"
    tensors "$form/model.safetensors" | cmp - want || fail "$form"
    model-info "$form" | grep -qx 'digest	verified' || fail "$form: not sealed"
done
model-import -o bf16 "$forms/bf16"
tensors bf16/model.safetensors | cut -d ' ' -f 1-3 | cmp - <(cut -d ' ' -f 1-3 want) || fail bf16

# TensorFlow: both networks, in one data file and in two; Adam's moments on demand.
tensors "$tiny/generator/model.safetensors" >want-generator
for form in tiny-one tiny-two; do
    model-import --heads 2 -o $form "$ROOT/tests/golden/tf1/$form"
    tensors $form/discriminator/model.safetensors | cmp - want || fail $form
    tensors $form/generator/model.safetensors | cmp - want-generator || fail "$form: generator"
    [ "$(jq .num_attention_heads $form/generator/config.json)" = 1 ] || fail "$form: heads of the generator"
done
# The file checkpoint names the path that it had where it was trained; or it is not there.
cp -r "$ROOT/tests/golden/tf1/tiny-one" moved
chmod -R u+w moved
sed -i 's|path: "|path: "/home/somebody/models/|' moved/checkpoint
model-import --heads 2 -o from-moved moved
tensors from-moved/discriminator/model.safetensors | cmp - want || fail "a checkpoint that was moved"
rm moved/checkpoint
model-import --heads 2 -f -o from-moved moved
tensors from-moved/discriminator/model.safetensors | cmp - want || fail "no file checkpoint"
cp moved/model.ckpt-1234567.index moved/other.index
! model-import --heads 2 -f -o from-moved moved 2>err || fail "two checkpoints"
# PyTorch's files behind an index.
cp -r "$forms/bin-zip" bins
chmod -R u+w bins
mv bins/pytorch_model.bin bins/a.bin
awk '{ printf "%s\"%s\": \"a.bin\"", (NR > 1 ? "," : "{\"weight_map\": {"), $1 } END { print "}}" }' want >bins/pytorch_model.bin.index.json
model-import -o from-bins bins
tensors from-bins/model.safetensors | cmp - want || fail "pytorch_model.bin.index.json"
sed -i 's/}}/, "more": "a.bin"}}/' bins/pytorch_model.bin.index.json
! model-import -o never bins 2>err || fail "an index that promises more"
grep -q 'bins: more is in no file' err || fail "$(cat err)"
model-import --heads 2 --moments --vocab "$ROOT/tests/golden/vocab97.txt" -o moments "$ROOT/tests/golden/tf1/tiny-one/model.ckpt-1234567"
tensors moments/discriminator/moments.safetensors | grep -c '^m\.' | grep -qx "$(wc -l <want)" || fail "moments"
echo 'a b c' | detect -m moments/discriminator >/dev/null

# The vocabulary of tokenizer.json, and its settings.
cp -r "$forms/bin-zip" json
chmod -R u+w json
jq -Rn '[inputs] | to_entries | map({(.value): .key}) | add | {model: {type: "WordPiece", vocab: .},
    normalizer: {type: "BertNormalizer", lowercase: false, strip_accents: null}}' "$ROOT/tests/golden/vocab97.txt" >json/tokenizer.json
model-import -o from-json json
cmp from-json/vocab.txt "$ROOT/tests/golden/vocab97.txt" || fail "tokenizer.json"
[ "$(jq .normalizer.lowercase from-json/tokenizer.json)" = false ] || fail "settings of tokenizer.json"
sed -i 's/WordPiece/BPE/' json/tokenizer.json
model-import -o never json 2>err && fail "a tokenizer of another type"
grep -q 'other than WordPiece: BPE' err || fail "$(cat err)"
rm json/tokenizer.json

# A pickle that asks for more than tensors; keys that change the arithmetic.
perl -e 'print "\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00true\x85R."' >json/pytorch_model.bin
model-import -o never json 2>err && fail "a pickle that runs a command"
[ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
# A table that holds itself, in either form, and one that names another twice, sixty deep.
python3 - <<'P'
import struct, zipfile
def text(s): return b'X' + struct.pack('<I', len(s)) + s
def old(table): return (b'\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.' + b'\x80\x02M\xe9\x03.' + b'\x80\x02}.' +
    b'\x80\x02' + table + b'.' + b'\x80\x02]' + text(b'0') + b'a.' + struct.pack('<Q', 4) + bytes(16))
itself = b'}q\x00' + text(b'model') + b'h\x00s'
with zipfile.ZipFile('itself', 'w') as z:
    z.writestr('a/data.pkl', b'\x80\x02' + itself + b'.')
open('itself-old', 'wb').write(old(itself))
open('twice', 'wb').write(old(b'}q\x00' + b''.join(b'}q%c' % k + b''.join(text(n) + b'h%c' % (k - 1) + b's' for n in (b'a', b'b'))
    for k in range(1, 60))))
P
for file in itself itself-old twice; do
    cp $file json/pytorch_model.bin
    status=0
    timeout 60 model-import -o never json 2>err || status=$?
    [[ $status = 1 && $(wc -l <err) = 1 && ! -e never ]] || fail "$file: status $status: $(head -c 300 err)"
done
jq '.position_embedding_type = "relative_key"' "$forms/bin-zip/config.json" >json/config.json
model-import -o never json 2>err && fail "another arithmetic"
grep -q 'position_embedding_type' err || fail "$(cat err)"
[ ! -e never ] || fail "half-written"

# Names of DataParallel's; a number that is not finite; a vocabulary of another size.
python3 - "$tiny/discriminator/model.safetensors" <<'P'
import json, os, struct, sys
data = open(sys.argv[1], 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
head, body = json.loads(data[8:8 + n]), bytearray(data[8 + n:])
head.pop('__metadata__', None)
def write(folder, head, body):
    text = json.dumps(head).encode()
    os.mkdir(folder)
    open(folder + '/model.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + body)
write('wrapped', {'module.' + k: v for k, v in head.items()}, body)
at = head['electra.embeddings.LayerNorm.bias']['data_offsets'][0]
body[at:at + 4] = struct.pack('<f', float('nan'))
write('infinite', head, body)
P
for d in wrapped infinite; do cp "$tiny/discriminator/config.json" $d; done
model-import -o from-wrapped wrapped
tensors from-wrapped/model.safetensors | cmp - want || fail "module."
refused() { # TEXT SOURCE
    if model-import -o never "$2" 2>err; then fail "$2: imported"; fi
    grep -qx "model-import: $1" err || fail "$(cat err)"
}
refused 'infinite/model.safetensors: electra.embeddings.LayerNorm.bias holds numbers that are not finite' infinite
{ cat "$ROOT/tests/golden/vocab97.txt"; echo more; } >wrapped/vocab.txt
refused 'wrapped/vocab.txt: holds 98 pieces, config.json says vocab_size 97' wrapped
rm wrapped/vocab.txt
jq '.intermediate_size = 8' "$tiny/discriminator/config.json" >wrapped/config.json
refused 'wrapped/model.safetensors: .*' wrapped

# Sources that are none; heads that nobody named.
mkdir empty
refused 'empty: no config.json, and no file "checkpoint" or one \*.index of TensorFlow.s' empty
refused 'nowhere: neither a directory nor the prefix of a checkpoint: No such file or directory' nowhere
model-import -o guessed "$ROOT/tests/golden/tf1/tiny-one" 2>err
grep -q ': 1 attention head assumed for a width of 16 ' err || fail "$(cat err)"

# Damage anywhere is one line and no model; never a crash.
damage() { # FORM FILE SOURCE...
    local form=$1 file=$2 size i at
    shift 2
    rm -rf broken never
    cp -r "$1" broken
    chmod -R u+w broken
    size=$(stat -c %s "broken/$file")
    for ((i = 0; i < 40; i++)); do
        cat "$1/$file" >"broken/$file"
        at=$((size * i / 40))
        if ((i % 2)); then
            truncate -s $at "broken/$file"
        else
            printf '\xff' | dd of="broken/$file" bs=1 seek=$at conv=notrunc status=none
        fi
        if model-import --heads 2 -o never broken 2>err; then
            rm -rf never # a changed weight of a form without checksums
        else
            status=$?
            [[ $status = 1 && $(wc -l <err) = 1 ]] || fail "$form, damage $i: status $status: $(cat err)"
            [ ! -e never ] || fail "$form, damage $i: half-written"
        fi
    done
}
for form in bin-zip bin-legacy bin-views; do damage $form pytorch_model.bin "$forms/$form"; done
damage sharded model.safetensors.index.json "$forms/sharded"
damage tf1 model.ckpt-1234567.index "$ROOT/tests/golden/tf1/tiny-one"
damage tf1 model.ckpt-1234567.data-00000-of-00001 "$ROOT/tests/golden/tf1/tiny-one"
