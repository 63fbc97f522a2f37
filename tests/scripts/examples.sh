#!/usr/bin/env bash
# run: plain
# What the manuals' EXAMPLES and the README show is run as it stands, each block in a folder that
# holds what it may name (see below), with trainings cut to two steps of a tiny model.
set -uo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"

# What an example may take for granted.  What it writes with -o or -d is removed before it runs.
mkdir have
cd have || exit 1
set -e
fixture 600
mv text corpus.txt
for stream in docs tokens examples masked; do zstd -q $stream.ts; done
cp docs.ts documents.ts
cp docs.ts.zst corpus.ts.zst
ts-cat --skip 5 -o heldout-examples.ts.zst examples.ts # does not begin as the training does
mask-gen -o heldout.ts.zst heldout-examples.ts.zst
for name in all part-1 part-2; do cp examples.ts.zst $name.ts.zst; done
cp examples.ts a.ts
cp examples.ts b.ts
{
    printf 'label\ttext\n'
    head -n 40 corpus.txt | awk 'NF { print (++n % 2 ? "odd" : "even") "\t" $0 }'
} >train.tsv
cp train.tsv test.tsv
cp train.tsv dev.tsv
tail -n +2 train.tsv | cut -f 2 >texts
awk -F '\t' -v OFS='\t' 'NR > 1 { print $2, last, $1 } { last = $2 }' train.tsv >pairs.tsv
zstd -q corpus.txt
tar czf dump.tar.gz corpus.txt
mkdir books
gzip -c corpus.txt >books/one.txt.gz
corpus-shard -d shards corpus.txt
cp shards/manifest.json .
piece-vectors --width 16 --sample 0 -o vectors.safetensors tokens.ts
mask-gen examples.ts | rtd-train --size tiny --batch 4 --steps 2 -o run
finetune --task classify --epochs 1 -m run/discriminator -o topics train.tsv
classify -m topics --header --text text test.tsv >out.tsv
# tasks other than classification
cp -r run/discriminator minilm
mkdir downloads
cp -r minilm downloads/bert-base-uncased
cp -r minilm encoder
cp corpus.txt calls.txt
cp -r "$ROOT/tests/golden/tf1/tiny-one" downloads/electra_small
cp train.tsv mood.tsv
tail -n +2 train.tsv | awk -F '\t' 'NR == 1 { print "text\tlabel" > "intents.tsv" } { print $2 "\t" $1 > "intents.tsv"
    n = split($2, w, " "); for (i = 1; i <= n; i++) print w[i] "\t" (i == 1 ? "B-X" : "O"); print "" }' >slots.conll
cp slots.conll names.conll
cp slots.conll test.conll
awk -F '\t' -v OFS='\t' 'BEGIN { print "text_a", "text_b", "label" } { print $1, $2, NR % 5 }' pairs.tsv >stsb.tsv
awk -F '\t' -v OFS='\t' 'BEGIN { print "source", "target" } { print $1, $2 }' pairs.tsv >summaries.tsv
awk -F '\t' -v OFS='\t' 'BEGIN { print "query", "candidate", "label" } { print $1, $2, NR % 2 }' pairs.tsv >replies.tsv
echo '{"data": [{"paragraphs": [{"context": "a small dog", "qas": [{"id": "1", "question": "what?",
    "answers": [{"text": "dog", "answer_start": 8}]}]}]}]}' >dev.json
few=(-m minilm --max-steps 2)
finetune --task tag "${few[@]}" -o ner names.conll
finetune --task answer "${few[@]}" -o qa dev.json
finetune --task rank --negatives 1 "${few[@]}" -o replies replies.tsv
finetune --task generate "${few[@]}" -o summaries summaries.tsv
cd ..
set +e

# The commands of a page's EXAMPLES: blocks "### N" from .Bd -literal and .Dl.
blocks_of_page() {
    awk '
        /^\.Sh / { on = $2 == "EXAMPLES"; next }
        !on { next }
        /^\.Bd -literal/ { print "### " ++n; inside = 1; next }
        /^\.Ed/ { inside = 0; next }
        /^\.Dl / { print "### " ++n; sub(/^\.Dl /, ""); print; next }
        inside' "$1" | sed 's/\\e/\\/g; s/\\-/-/g; s/\\&//g; s/\\(dq/"/g; s/\\(aq/'"'"'/g; s/\\ba/|/g'
}
blocks_of_readme() { # those after the heading "The pipeline by hand"
    awk '
        /^## / { on = /by hand/ }
        on && /^```sh/ { print "### " ++n; inside = 1; next }
        /^```/ { inside = 0 }
        inside' "$1"
}

bad=0
count=0
try() { # NAME, script on stdin
    local name=$1
    sed -E 's/--steps [0-9]+/--steps 2/; s/--size [a-z+]+//; s/rtd-train /&--size tiny --batch 4 /' >script
    count=$((count + 1))
    rm -rf work
    cp -r have work
    grep -oE ' -[od] [^ |;)]+' script | while read -r _ file; do rm -rf "work/$file"; done
    local shell=(bash -e)
    if grep -q '^import ' script; then shell=(python3); fi
    if ! (cd work && timeout 60 "${shell[@]}" ../script >../out 2>../err <a.ts) ||
        grep -qE '^[a-z-]+: .*(cannot|unknown|not |failed)' err; then
        echo "$name:"
        sed 's/^/    /' script
        tail -n 5 out err
        bad=1
    fi
}
for page in "$ROOT"/man/*.[1-8]; do
    blocks_of_page "$page" >blocks
    n=$(grep -c '^### ' blocks)
    for ((i = 1; i <= n; i++)); do
        awk -v i="$i" '/^### / { on = $2 == i; next } on' blocks >block
        try "${page##*/} $i" <block
    done
done
blocks_of_readme "$ROOT/README.md" >blocks
sed '/^###/d' blocks | try README.md
echo "$count examples"
[ "$count" -gt 10 ] || bad=1
exit $bad
