#!/usr/bin/env bash
# The answering tools say the same bytes for any number of threads, any batching and any order, and
# refuse a damaged model.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model classify
tiny_model discriminator
labelled 3000 5 | cut -f 1 >text
printf '\n\nthe\n' >>text
for command in 'classify -m classify' 'classify -m classify --all --json' 'detect -m discriminator' \
    'classify -m classify --tensor' 'detect -m discriminator --tensor'; do
    $command -j 1 text >one
    for j in 2 3; do
        $command -j $j text | cmp - one || fail "$command: -j $j"
    done
    $command -j 2 --line-buffered text >buffered
    if [[ $command == *--tensor ]]; then # its frames end with every line, its records are the same
        ts-dump one >a
        ts-dump buffered >b
        cmp a b || fail "$command: --line-buffered"
        continue
    fi
    cmp one buffered || fail "$command: --line-buffered"
    [ "$(wc -l <one)" = 3004 ] || fail "$command: $(wc -l <one) lines"
    tac text | $command | tac | cmp - one || fail "$command: another order"
    split -n l/7 text part.
    for part in part.*; do $command "$part"; done | cmp - one || fail "$command: in parts"
    # shellcheck disable=SC2086
    $command part.* | cmp - one || fail "$command: several files"
    zstd -q <text | $command | cmp - one || fail "$command: compressed"
done

# One line in, one line out, at once.
mkfifo in out
classify -m classify --line-buffered <in >out &
exec 8>in 9<out
for word in good bad the; do
    echo $word >&8
    IFS= read -r -t 20 answer <&9 || fail "no answer to a line"
    [ "$answer" = "$(echo $word | classify -m classify)" ] || fail "another answer"
done
exec 8>&-
wait $! || fail "--line-buffered: status $?"

# A reader that has enough.
set +eo pipefail
yes the cat | classify -m classify --line-buffered 2>err | head -n 1 >/dev/null
statuses=("${PIPESTATUS[@]}")
set -eo pipefail
[[ ${statuses[1]} = 141 && ! -s err ]] || fail "SIGPIPE: status ${statuses[1]}, $(cat err)"

# A model of ours is refused when a byte of it changes.
labelled 20 1 >train.tsv
finetune --task classify -m discriminator -o model --epochs 1 train.tsv
for file in config.json model.safetensors vocab.txt tokenizer_config.json; do
    cp -r model hurt
    size=$(stat -c %s "hurt/$file")
    printf '\001' | dd of="hurt/$file" bs=1 seek=$((size / 2)) conv=notrunc status=none
    status=0
    echo the | classify -m hurt >out.txt 2>err || status=$?
    [[ $status = 1 && ! -s out.txt && $(wc -l <err) = 1 ]] || fail "$file changed: status $status, $(cat err)"
    cp "model/$file" "hurt/$file"
    truncate -s -1 "hurt/$file"
    status=0
    echo the | classify -m hurt >out.txt 2>err || status=$?
    [[ $status = 1 && ! -s out.txt && $(wc -l <err) = 1 ]] || fail "$file cut: status $status, $(cat err)"
    rm -r hurt
done

# An intended change is taken over when asked.
cp -r model mine
sed -i 's/good/fine/g' mine/config.json
! classify -m mine </dev/null 2>/dev/null || fail "an edited config.json was taken without asking"
model-info --accept mine
echo the | classify -m mine --all --header | head -n 1 | grep -qx 'label	bad	fine' || fail "not renamed"
