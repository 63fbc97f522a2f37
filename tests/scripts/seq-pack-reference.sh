#!/usr/bin/env bash
# seq-pack gives exactly the examples of a plain second implementation, and a document's examples
# whatever other documents are there.
set -euo pipefail
here=$ROOT/tests/scripts

"$here/data-half.py" pages vocab.txt "$ROOT"/man/*.[1-8] "$ROOT"/LICENSE "$ROOT"/Makefile >pages.json
ts-load --kind tokens --vocab vocab.txt -o pages.ts pages.json
"$here/data-half.py" random vocab.txt 90 >random.json
ts-load --kind tokens --vocab vocab.txt --index -o random.ts random.json

for data in pages random; do
    ts-dump --index $data.ts >$data.tokens
    for run in "8 1" "31 7" "128 1" "128 2" "512 1"; do
        read -r length seed <<<"$run"
        seq-pack -l "$length" --seed "$seed" -o "$data.$length.$seed.ts" $data.ts
        ts-dump "$data.$length.$seed.ts" | jq -cS . >got
        "$here/reference-pack.py" "$length" "$seed" 2 3 <$data.tokens | jq -cS . >want
        cmp got want
        [ -s got ]
    done
    cmp -s $data.128.1.ts $data.128.2.ts && { echo "$data: the seed has no effect"; exit 1; }
done

# numbered from 0; the length is in the header
ts-dump --index --field input_ids random.31.7.ts | jq .index | awk '$1 != NR - 1 { exit 1 }'
[ "$(ts-info --json --header random.31.7.ts | jq .max_length)" = 31 ]
ts-info --json --header random.31.7.ts | jq -e '.provenance[-1] |
    .tool == "seq-pack" and .seed == 7 and .max_length == 31' >/dev/null

# the examples of a part of the documents are a part of the examples
for r in 0 1 2 3; do
    ts-cat --shard $r/4 random.ts | seq-pack | ts-dump
done | sort >got
ts-dump random.128.1.ts | sort >want
cmp got want

# as the option says, and as it does not
seq-pack random.ts >default.ts
cmp default.ts random.128.1.ts
