#!/usr/bin/env bash
# Vectors of pieces from a text, and a training that starts from them.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
usage=$'\nusage: *'

# two pieces of the same company are nearest to one another, without ever standing together
python3 - >planted.json <<'END'
import json
import random
rng = random.Random(3)
for _ in range(1500):
    pair = rng.randrange(10)
    company = rng.sample(range(30 + 6 * pair, 36 + 6 * pair), 4)
    ids = company[:2] + [10 + 2 * pair + rng.randrange(2)] + company[2:]
    print(json.dumps({"input_ids": ids, "sentence_lengths": [len(ids)]}))
END
ts-load --kind tokens --vocab vocab.txt -o planted.ts planted.json
piece-vectors --width 16 --sample 0 -o planted.safetensors planted.ts # so small a text has no rare pieces
piece() { sed -n "$(($1 + 1))p" vocab.txt; }
for id in {10..29}; do
    read -r nearest cosine < <(piece-vectors --nearest "$(piece "$id")" -n 1 planted.safetensors)
    [ "$nearest" = "$(piece $((id ^ 1)))" ] || complain "nearest to $(piece "$id"): $nearest $cosine"
    awk "BEGIN { exit !($cosine > 0.9 && $cosine <= 1) }" || complain "$(piece "$id"): $cosine"
done
piece-vectors --nearest "$(piece 10)" -n 1000 planted.safetensors >all
[ "$(lines all)" = 79 ] || complain "$(lines all) neighbours" # 80 pieces stand in the text
sort -s -t $'\t' -k 2,2gr all | cmp - all || complain 'not the nearest first'

# the same bytes for any number of threads and frames, from a pipe, compressed; not with another seed
ts-load --kind tokens --vocab vocab.txt -o tokens.ts random.json
"$BUILD/tests/reframe" 4096 tokens.ts frames.ts
learn() { piece-vectors --width 8 --sample 1e-2 "$@"; }
learn -j 1 -o one.safetensors tokens.ts
learn -j 3 -o three.safetensors frames.ts
cmp one.safetensors three.safetensors
ts-cat tokens.ts | learn -j 2 | cmp - one.safetensors
zstd -q tokens.ts
learn tokens.ts.zst | cmp - one.safetensors
for other in '--seed 2' '--window 2' '--sample 0' '--width 9'; do
    read -ra argv <<<"$other"
    learn "${argv[@]}" -f -o other.safetensors tokens.ts
    cmp -s one.safetensors other.safetensors && complain "$other: the same vectors"
done
# of examples [CLS] and [SEP] have none
learn -o examples.safetensors examples.ts
fails 1 'piece-vectors: examples.safetensors: \[SEP] has no vector' \
    piece-vectors --nearest '[SEP]' examples.safetensors

# refused
fails 1 'piece-vectors: masked.ts: stream holds masked, wants tokens' piece-vectors -o made masked.ts
fails 1 'piece-vectors: vocab.txt: *' piece-vectors -o made vocab.txt
head -c 20000 frames.ts >cut.ts
fails 1 'piece-vectors: cut.ts: *' piece-vectors -o made cut.ts
ts-head -n 0 -o none.ts tokens.ts
fails 1 'piece-vectors: none.ts: 0 tokens: too little text to learn from' piece-vectors -o made none.ts
[ ! -e made ] || complain 'something was written'
fails 2 "piece-vectors: --nearest nopiece: no piece of one.safetensors$usage" \
    piece-vectors --nearest nopiece one.safetensors
fails 2 "piece-vectors: --nearest: wants a file of vectors$usage" piece-vectors --nearest the
fails 2 "piece-vectors: --width: only for learning$usage" piece-vectors --nearest the --width 3 one.safetensors
fails 2 "piece-vectors: --limit: only for --nearest$usage" piece-vectors -n 3 tokens.ts
fails 2 "piece-vectors: --memory 1M: at least 32M$usage" piece-vectors -S 1M tokens.ts
for bad in '--width 0' '--window 0' '--window 101' '--sample 2' '--seed x'; do
    read -ra argv <<<"$bad"
    fails 2 "piece-vectors: ${argv[0]} *$usage" piece-vectors "${argv[@]}" tokens.ts
done
fails 1 'piece-vectors: tokens.ts: *' piece-vectors --nearest the tokens.ts
head -c 4000 one.safetensors >cut.safetensors
fails 1 'piece-vectors: cut.safetensors: *' piece-vectors --nearest the cut.safetensors

# --- a training that starts from them ---
train() { rtd-train -q --steps 12 --save-every 5 "${model[@]}" "$@" masked.ts; }
from=(--embeddings one.safetensors --init-positions sinusoid)
train -o plain
train -o whole -j 1 "${from[@]}"
train -o again -j 2 "${from[@]}"
same whole again
learn --seed 2 -f -o other.safetensors tokens.ts
for other in '--embeddings other.safetensors' '--embeddings-scale 0.1' '--init-positions normal'; do
    read -ra argv <<<"$other"
    train -o other -f "${from[@]}" "${argv[@]}"
    differ whole/discriminator/model.safetensors other/discriminator/model.safetensors
done
# taken up: with the same file or without it, not with another one or as if there had been none
begun() { # the run as it stood after 5 steps
    rm -rf cut
    cp -r whole cut
    rm -r cut/discriminator cut/generator cut/checkpoint/step-10
}
begun
train -o cut --resume "${from[@]}"
same whole cut
for other in '--embeddings other.safetensors --init-positions sinusoid' '--embeddings one.safetensors' \
    '--init-positions sinusoid' ''; do
    read -ra argv <<<"$other"
    begun
    fails 2 "rtd-train: cut/checkpoint/step-5: *: resume with the same command$usage" \
        rtd-train -q --steps 12 --save-every 5 "${model[@]}" -o cut --resume "${argv[@]}" masked.ts
    no_model cut
done
mv one.safetensors moved
train -o cut --resume "${from[@]}"
same whole cut
train -o cut --resume "${from[@]}" # finished, and known to be the same
fails 3 'rtd-train: one.safetensors: cannot open: *' rtd-train -q --steps 12 "${model[@]}" -o new --resume \
    "${from[@]}" masked.ts
no_model new
mv moved one.safetensors
# refused by name
(cat vocab.txt; echo more) >other.txt
ts-load --kind tokens --vocab other.txt random.json | learn -o vocabulary.safetensors
learn --width 9 -f -o other.safetensors tokens.ts
refused() { # STATUS PATTERN ARGUMENT...
    fails "$1" "rtd-train: $2" rtd-train -q --steps 12 "${model[@]}" -o new -f "${@:3}" masked.ts
    no_model new
}
refused 1 "vocabulary.safetensors: its vocabulary is not the stream's" --embeddings vocabulary.safetensors
refused 2 "other.safetensors: vectors of width 9, but --embedding 8 wants 8$usage" --embeddings other.safetensors
refused 1 'cut.safetensors: *' --embeddings cut.safetensors
refused 1 'whole/discriminator/model.safetensors: no vectors of pieces: *' \
    --embeddings whole/discriminator/model.safetensors
refused 2 "--embeddings-scale: only with --embeddings$usage" --embeddings-scale 0.1
refused 2 "--init-positions line: wants normal or sinusoid$usage" --init-positions line
