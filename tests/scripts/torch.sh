#!/usr/bin/env bash
# run: plain
# PyTorch reads what we write, and we read what it writes.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
python=/usr/bin/python3
$python -c 'import torch' 2>/dev/null || {
    echo "python3-torch is not there"
    exit 77
}
tiny_model discriminator
labelled 60 1 >train.tsv
finetune --task classify -m discriminator -o topics --epochs 1 train.tsv
$python - "$ROOT/tests/golden/tiny" <<'P' || fail "PyTorch"
import json, struct, sys, torch, collections, os

def load(path):
    data = open(path, 'rb').read()
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n])
    head.pop('__metadata__', None)
    out = collections.OrderedDict()
    for name, t in head.items():
        a, b = t['data_offsets']
        assert t['dtype'] == 'F32', name
        out[name] = torch.frombuffer(bytearray(data[8 + n + a:8 + n + b]), dtype=torch.float32).reshape(t['shape'])
    return out

ours, golden = load('topics/model.safetensors'), load(sys.argv[1] + '/classify/model.safetensors')
assert list(sorted(ours)) == list(sorted(golden)), set(ours) ^ set(golden)
for name in ours:
    if not name.startswith('classifier.out_proj'):  # two labels here, three there
        assert ours[name].shape == golden[name].shape, name

base = load(sys.argv[1] + '/discriminator/model.safetensors')
config = open(sys.argv[1] + '/discriminator/config.json').read()
torch.manual_seed(0)
big = torch.randn(40, 8)
forms = {
    'zip': (base, True), 'legacy': (base, False),
    'half': ({k: v.half() for k, v in base.items()}, True),
    'bfloat': ({k: v.bfloat16() for k, v in base.items()}, False),
    'double': ({k: v.double() for k, v in base.items()}, True),
    'nested': ({'state_dict': base}, True),
    'parameters': ({k: torch.nn.Parameter(v) for k, v in base.items()}, True),
    'views': ({k: (v.t().contiguous().t() if v.dim() == 2 else v) for k, v in base.items()}, False),
}
for name, (table, new) in forms.items():
    os.mkdir(name)
    open(name + '/config.json', 'w').write(config)
    table = collections.OrderedDict(table)
    if name in ('zip', 'legacy'):
        table['electra.embeddings.position_ids'] = torch.arange(32).unsqueeze(0)
    torch.save(table, name + '/pytorch_model.bin', _use_new_zipfile_serialization=new)
os.mkdir('evil')
open('evil/config.json', 'w').write(config)
class Evil:
    def __reduce__(self):
        return (os.system, ('touch executed',))
torch.save({'a': Evil()}, 'evil/pytorch_model.bin')
P
for form in zip legacy half bfloat double nested parameters views; do model-import -o "from-$form" $form || fail $form; done
if model-import -o never evil 2>err; then fail "a pickle that runs a command"; fi
[[ $(wc -l <err) = 1 && ! -e executed ]] || fail "$(cat err)"
for form in legacy double nested parameters views; do
    cmp from-zip/model.safetensors from-$form/model.safetensors || fail $form
done
$python - <<'P' || fail "rounding"
import json, struct
def load(path):
    data = open(path, 'rb').read()
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n])
    return data[8 + n:], {k: v['data_offsets'] for k, v in head.items() if k != '__metadata__'}
import array
def floats(path, name):
    data, at = load(path)
    a, b = at[name]
    return array.array('f', data[a:b])
name = 'electra.encoder.layer.0.output.dense.weight'
exact = floats('from-zip/model.safetensors', name)
for form, worst in (('half', 2 ** -11), ('bfloat', 2 ** -8)):
    for x, y in zip(exact, floats('from-%s/model.safetensors' % form, name)):
        assert abs(x - y) <= worst * abs(x) + 1e-7, (form, x, y)
P
