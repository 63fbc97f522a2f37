#!/usr/bin/env bash
# run: plain
# PyTorch reads what we write, and we read what it writes.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
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
tiny_bert
labelled 60 1 >labels.train
for kind in numbers ranked copies tagged squad; do $kind 60 1 >$kind.train; done
# Without a learning rate the encoder of every directory is the one it came from.
for base in discriminator bert; do
    mkdir "of-$base"
    tune() { # NAME OPTION...
        finetune -m $base -o "of-$base/$1" --epochs 1 --max-steps 1 --lr 0 "${@:2}"
    }
    tune classify --task classify labels.train
    tune rank --task rank ranked.train
    tune tag --task tag tagged.train
    tune answer --task answer squad.train
    tune joint --task joint --slots tagged.train labels.train
    tune generate --task generate copies.train
    tune many --task mood=classify --task number=regress --task words=tag --task said=answer --task best=rank --task text=generate \
        {labels,numbers,tagged,squad,ranked,copies}.train
done
$python - "$ROOT/tests/golden/tiny" <<'P' || fail "PyTorch"
import json, struct, sys, torch, collections, os

def once(pairs):
    assert len(dict(pairs)) == len(pairs), 'a name twice'
    return collections.OrderedDict(pairs)

def load(path):
    data = open(path, 'rb').read()
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n], object_pairs_hook=once)
    head.pop('__metadata__', None)
    out = collections.OrderedDict()
    for name, t in head.items():
        a, b = t['data_offsets']
        assert t['dtype'] == 'F32', name
        out[name] = torch.frombuffer(bytearray(data[8 + n + a:8 + n + b]), dtype=torch.float32).reshape(t['shape'])
    return out

def shapes(table):
    return {name: tuple(t.shape) for name, t in table.items()}

def same(what, got, want):
    assert got == want, (what, sorted(set(got.items()) ^ set(want.items())))

# Electra's directories with one head are as the golden ones, but for the number of labels.
for task in 'classify', 'tag', 'answer':
    ours = shapes(load('of-discriminator/%s/model.safetensors' % task))
    golden = shapes(load('%s/%s/model.safetensors' % (sys.argv[1], task)))
    last = {'classify': 'classifier.out_proj', 'tag': 'classifier', 'answer': None}[task]
    if last:
        labels = len(json.load(open('of-discriminator/%s/config.json' % task))['id2label'])
        golden[last + '.weight'] = (labels,) + golden[last + '.weight'][1:]
        golden[last + '.bias'] = (labels,)
    same(task, ours, golden)

# The heads of Hugging Face's Bert classes.
h = json.load(open('bert/config.json'))['hidden_size']
dense = lambda name, n: {name + '.weight': (n, h), name + '.bias': (n,)}
pooler = dense('bert.pooler.dense', h)
heads = {
    'classify': {**pooler, **dense('classifier', 2)},
    'rank': {**pooler, **dense('classifier', 1)},
    'tag': dense('classifier', 3),
    'answer': dense('qa_outputs', 2),
}
encoder = {
    'discriminator': {k: v for k, v in load('discriminator/model.safetensors').items() if k.startswith('electra.')},
    'bert': {'bert.' + k: v for k, v in load('bert/model.safetensors').items() if k.split('.')[0] in ('embeddings', 'encoder')},
}
for task, head in heads.items():
    same('bert ' + task, shapes(load('of-bert/%s/model.safetensors' % task)), {**shapes(encoder['bert']), **head})

# AutoModel takes what is under the prefix (a pooler is its own); what else there is must not be in its way, nor in that of
# the classes with one head.
for base, prefix in ('discriminator', 'electra.'), ('bert', 'bert.'):
    for kind in 'classify', 'rank', 'tag', 'answer', 'joint', 'generate', 'many':
        table = load('of-%s/%s/model.safetensors' % (base, kind))
        for name, t in encoder[base].items():
            assert torch.equal(table[name], t), (base, kind, name)
        inside = {k for k in table if k.startswith(prefix) and k not in pooler}
        assert inside == set(encoder[base]), (base, kind, inside ^ set(encoder[base]))
        if kind in ('joint', 'generate', 'many'):
            first = {k.split('.')[0] for k in table if not k.startswith(prefix)}
            assert first and first <= {'heads', 'generator_predictions', 'generator_lm_head'}, (base, kind, first)
            named = [one['name'] for one in json.load(open('of-%s/%s/config.json' % (base, kind)))['rtdtools']['heads']]
            own = {k.split('.')[1] for k in table if k.startswith('heads.')}
            assert own == set(named) - {'generate', 'text'} and len(set(named)) == len(named), (base, kind, own, named)

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
