# Sourced by scripts: a little of everything the tools read, made with the tools, in the current
# folder.  text (plain), docs.ts, vocab.txt, tokens.ts, examples.ts, masked.ts, dump.jsonl.
# shellcheck shell=bash
fixture_text() { # LINES: definitions of WordNet, three to a document
    awk -F ' [|] ' -v n="$1" '/^[0-9]/ { print $2; if (++k % 3 == 0) print ""; if (k == n) exit }' \
        /usr/share/wordnet/data.noun
}
fixture() { # LINES
    fixture_text "$1" >text
    corpus-shard -o docs.ts text
    vocab-train --size 1000 -o vocab.txt docs.ts
    wordpiece --vocab vocab.txt -o tokens.ts docs.ts
    seq-pack -o examples.ts tokens.ts
    mask-gen -o masked.ts examples.ts
    ts-dump examples.ts >dump.jsonl
}
