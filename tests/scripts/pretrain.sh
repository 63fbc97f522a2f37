#!/usr/bin/env bash
# run: plain
# pipelines/pretrain: by hand, and by a recipe that chooses; resuming, the card, refusals.
set -euo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"
pretrain() { "$ROOT/pipelines/pretrain" -j 1 "$@" 2>err; }
fixture_text 1500 >text
net='--layers 1 --hidden 16 --heads 2 --ffn 24 --embedding 8 --generator-hidden 8 --lanes 1'
cat >list <<END
test-little
    words   0.001
    tokens  0.001
    passes  3
    vocab   --size 400
    pack    --max-length 32
    mask    --mask-prob 0.3
    train   $net --batch 8 --lr 1e-3 --dropout 0
test-wide: test-little
    train+  --hidden 32
test-late: test-little
    tokens  1000000
test-large: test-little
    words   1000
END
by_recipe=(--list list --recipe test)

# by hand: the model that the pipeline makes
# shellcheck disable=SC2086
pretrain -n 30 -b 8 -l 32 -m 0.2 -s 300 -S 3 hand text -- $net --lr 2e-3
corpus-shard text | vocab-train --size 300 -o vocab.txt
corpus-shard text | wordpiece --vocab vocab.txt | seq-pack -l 32 --seed 3 | ts-shuf --seed 3 |
    mask-gen --mask-prob 0.2 --seed 3 | eval rtd-train -q --steps 30 --batch 8 "$net" --lr 2e-3 --seed 3 -o direct
cmp hand/model/discriminator/model.safetensors direct/discriminator/model.safetensors
[ ! -s err ] && [ ! -e hand/README.md ]

# by time: one number for masks, passes and training, and it stays
# shellcheck disable=SC2086
timed() { pretrain --time "$1" -b 8,16@0.5 -l 32 -m 0.3:0.15 -V vocab.txt -S 3 timed text -- $net; }
timed 2s
records=$(<timed/records)
count=$(ts-info --count timed/examples.ts.zst)
ts-cat --repeat $(((records + count - 1) / count)) timed/examples.ts.zst |
    mask-gen --mask-prob 0.3:0.15 --over "$records" --seed 3 |
    eval rtd-train -q --records "$records" --batch 8,16@0.5 "$net" --seed 3 -o direct-timed
cmp timed/model/discriminator/model.safetensors direct-timed/discriminator/model.safetensors
rm -r timed/model
timed 2s
[ "$(<timed/records)" = "$records" ]
cmp timed/model/discriminator/model.safetensors direct-timed/discriminator/model.safetensors

# the largest that there is text and time for; no more passes than it wants
pretrain "${by_recipe[@]}" --time 1h chosen text
[ ! -s err ]
read -r size words <chosen/plan
[ "$size" = wide ] && [ "$words" = "$(corpus-shard -q --text text | wc -w)" ]
grep -q '^large wants 1000 million words' chosen/plan
grep -q '^late wants 1000000 million tokens: 1h allow [0-9.]*, [0-9.]* minutes would do' chosen/plan
grep -q '^pretrain: 0.0[0-9]* million words; wide: 1h allow' chosen/log
[ "$(jq .hidden_size chosen/model/discriminator/config.json)" = 32 ]
count=$(ts-info --count chosen/examples.ts.zst)
[ "$(tail -n 1 chosen/model/metrics.tsv | cut -f 1)" = $((count * 3 / 8)) ]
# nothing of what is measured on was learnt from
[ "$(ts-info --count chosen/held.ts.zst)" -gt 0 ]
ts-dump chosen/examples.ts.zst | jq -c .input_ids | sort -u >learnt
ts-dump chosen/held.ts.zst | jq -c '.masked_lm_positions as $p | .masked_lm_ids as $o
    | reduce range($p | length) as $i (.input_ids; .[$p[$i]] = $o[$i])' | sort -u >held
[ -s held ] && [ -z "$(comm -12 learnt held)" ]

# the card says what was done
card=chosen/README.md
grep -qF "| text | $(stat -c %s text) | $(sha256sum <text | cut -d ' ' -f 1) |" $card
grep -qF "| words | $words |" $card
grep -qF "| examples | $count |" $card
grep -qF -- '- wide: 1h allow' $card
grep -qF "| steps | $((count * 3 / 8)) |" $card
grep -qF "| examples read | $((count * 3)) (3 passes) |" $card
grep -qF "| disc_auc | $(awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } END { print $at["disc_auc"] }' chosen/model/eval.tsv) |" $card
grep -qF "| parameters | $(model-info --json chosen/model/discriminator | jq .parameters) |" $card
grep -q '^provenance  seq-pack' $card
cmp $card chosen/model/discriminator/README.md

# again: nothing is done; with less time: fewer records, fixed when it began
cp -r chosen before
pretrain "${by_recipe[@]}" --time 1h chosen text
diff -r chosen before
sed -i 's/^    passes .*/    passes  8/' list
mkdir slow
cat >slow/rtd-train <<END
#!/bin/sh
case "\$*" in *--plan*) printf 'records\t500\tmemory\t1\n' ;; *) exec $BIN/rtd-train "\$@" ;; esac
END
chmod +x slow/rtd-train
PATH=$PWD/slow:$PATH pretrain "${by_recipe[@]}" --size little short text
[ "$(<short/records)" = 500 ] && [ "$(tail -n 1 short/model/metrics.tsv | cut -f 1)" = 62 ]

# stopped and taken up, with the same end
pretrain "${by_recipe[@]}" --size little whole text
set -m
pretrain "${by_recipe[@]}" --size little cut text &
set +m
until [ -n "$(find cut/model/metrics.tsv -size +1c 2>/dev/null)" ]; do sleep 0.02; done
kill -TERM -- -$!
wait $! 2>/dev/null || true
flock cut/.lock true # what it had started may end later
pretrain "${by_recipe[@]}" --size little cut text
cmp cut/model/discriminator/model.safetensors whole/model/discriminator/model.safetensors
[ -e cut/README.md ]

# what cannot be
refused() { # STATUS PATTERN OPERAND...
    local want=$1 pattern=$2 got=0
    shift 2
    pretrain "$@" || got=$?
    # shellcheck disable=SC2053
    if [ $got != "$want" ] || [[ "$(tail -n 1 err)" != $pattern ]]; then
        echo "$*: $got, $(<err)"
        exit 1
    fi
}
echo 'a few words' >few
refused 1 'pretrain: too little text, 3e-06 million words: test wants 0.001 million words, for little; add text*' "${by_recipe[@]}" a few
refused 1 '*too little text, 0.0* million words: test wants 1000 million words, for large; *' "${by_recipe[@]}" --size large b text
refused 2 '*too little time: late wants 1000000 million tokens: 8h allow * minutes would do' "${by_recipe[@]}" --size late c text
refused 2 '*--size huge: test has little wide late large' "${by_recipe[@]}" --size huge d text
refused 2 '*no recipe is called other' --list list --recipe other e text
refused 2 '*--time soon: not a number*' "${by_recipe[@]}" --time soon f text
refused 2 '*-b: --recipe chooses that' "${by_recipe[@]}" -b 8 g text
refused 2 '*-n and --time: one of them' -n 8 --time=3h h text
refused 2 '*--size goes with --recipe' -n 8 --size=small h text
refused 2 '*begun with other settings*' "${by_recipe[@]}" --time 2h chosen text
refused 3 '*nowhere: not there' --recipe night i nowhere
# the recipes that come with it are those of the manual
awk -f "$ROOT/pipelines/recipes.awk" "$ROOT/pipelines/pretrain.list" | while read -r name; do
    awk -v name="$name" -f "$ROOT/pipelines/recipes.awk" "$ROOT/pipelines/pretrain.list" |
        awk -v name="$name" '{ v[$1] = $2 } END { print ".It " name " Ta " v["words"] " M Ta " v["tokens"] " M Ta " v["passes"] }'
done >rows
[ -s rows ]
diff rows <(grep '^[.]It night' "$ROOT/man/rtdtools-recipes.7")
