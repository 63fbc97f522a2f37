#!/usr/bin/env bash
# seq-pack, mask-gen and ts-shuf: a cut or changed stream ends in status 1, one line that says where,
# and an output that the next tool refuses; a reader that goes away ends them without a word.
set -euo pipefail
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a b c d e >vocab.txt
printf '{"input_ids": [5, 6, %s], "sentence_lengths": [2, 1]}\n' 5 6 7 8 |
    ts-load --kind tokens --vocab vocab.txt -o tokens.ts
seq-pack -l 8 -o examples.ts tokens.ts

refused() { # TOOL FILE WHAT
    local status=0
    "$1" "$2" >out 2>err || status=$?
    if [[ $status != 1 || $(wc -l <err) != 1 || $(cat err) != "$1: $2: "* ]]; then
        echo "$1, $3: status $status: $(cat err)"
        exit 1
    fi
    status=0
    ts-info --check out 2>err || status=$?
    [ $status = 1 ] || { echo "$1, $3: the output passes"; exit 1; }
}

for run in 'seq-pack tokens.ts' 'mask-gen examples.ts' 'ts-shuf examples.ts'; do
    read -r tool file <<<"$run"
    size=$(stat -c %s "$file")
    for ((at = 0; at < size; at += 199)); do
        head -c $at "$file" >damaged.ts
        refused "$tool" damaged.ts "cut at byte $at"
        byte=$(od -An -tu1 -j $at -N 1 "$file")
        # shellcheck disable=SC2059
        { head -c $at "$file"; printf "\\$(printf %o $((byte ^ 16)))"; tail -c +$((at + 2)) "$file"; } >damaged.ts
        refused "$tool" damaged.ts "byte $at changed"
    done
    ts-cat --repeat 5000 "$file" >many.ts
    status=0
    { "$tool" many.ts || echo $? >&3; } 3>status 2>err | head -c 1 >/dev/null
    [[ $(cat status) == 141 && ! -s err ]] || { echo "$tool | head: $(cat status err)"; exit 1; }
done
