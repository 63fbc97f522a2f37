#!/usr/bin/env bash
# run: plain
# pipelines/recipes with little of everything: shared data, pieces that go on to the bytes of a run in
# one, budgets, results and tables.
set -euo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
# shellcheck source=tests/support/task_data.sh
. "$ROOT/tests/support/task_data.sh"
# shellcheck source=tests/support/probe_data.sh
. "$ROOT/tests/support/probe_data.sh"
recipes() { "$ROOT/pipelines/recipes" "$@" 2>err; }
fixture_text 1500 >text
net='--layers 1 --hidden 64 --ffn 128 --embedding 16 --generator-hidden 16 --dropout 0 --lanes 1'
cat >list <<END
# a comment
one
    records 1600
    vocab   --size 400
    pack    --max-length 32
    mask    --mask-prob 0.3
    train   $net --batch 8 --lr 1e-3 --objective mlm-warmup,electra@0.9

two: one
    train+  --lr 2e-3
    mask    --mask-prob 0.15

short: one
    records 64
    pack    --max-length 16

grown: one
    records 800
    train+  --batch 4,16@0.5
    mask    --mask-prob 0.3:0.1
    pack+   --related 0.5

seeded: short
    vectors --width 16 --seed 3
    counts  yes
END
few=(-w w -r r.tsv --marks '0.008 0.016 8' --holdout 0.1 -j 1)

# two runs, of which one is stopped twice, by --until and by a signal, and ends like one that is not
recipes "${few[@]}" -o one -o two --until 1000 list text >out
[ "$(cut -f 1,2,4 out | tr '\t\n' ' ;')" = 'one 1 goes on;two 1 goes on;' ]
awk -F '\t' '$3 < 1000 { exit 1 }' out
[ ! -e w/runs/one-1/discriminator ]
"$ROOT/pipelines/recipes" "${few[@]}" -o one list text >out 2>err &
pid=$!
until [ "$(wc -l <w/runs/one-1.log)" -gt 6 ]; do sleep 0.02; done
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status = 143 ] || [ -e w/runs/one-1/discriminator ]
flock -n w/runs/one-1/.lock true # the trainer has ended, too
recipes "${few[@]}" -o one -o two list text >out
[ "$(cut -f 1,2,4 out | tr '\t\n' ' ;')" = 'one 1 done;two 1 done;' ]
recipes "${few[@]}" -w whole -r whole.tsv -o one list text >/dev/null
cmp w/runs/one-1/discriminator/model.safetensors whole/runs/one-1/discriminator/model.safetensors
diff <(grep ^one r.tsv | cut -f 1-6,8-) <(grep ^one whole.tsv | cut -f 1-6,8-)
# by hand
ts-cat --repeat 9 w/examples-*/examples.ts.zst | mask-gen --mask-prob 0.3 |
    eval rtd-train -q --steps 200 "$net" --batch 8 --lr 1e-3 --mlm-warmup 180 -j 1 -o hand
cmp w/runs/one-1/discriminator/model.safetensors hand/discriminator/model.safetensors
if cmp -s w/runs/two-1/discriminator/model.safetensors hand/discriminator/model.safetensors; then exit 1; fi

# data are made once, of one vocabulary and packing; models are kept behind the marks
[ "$(find w -name vocab.txt -path '*/vocab-*' | wc -l)" = 1 ] && [ "$(find w -name examples.ts.zst | wc -l)" = 1 ]
[ -e w/runs/one-1.at/0.008M/model.safetensors ] && [ -e w/runs/one-1.at/0.016M/config.json ]
[ ! -e w/runs/one-1.at/8M ]

# a line for each measure at each mark that was passed and at the end, near it and once
[ "$(cut -f 4 r.tsv | sort -u | tr '\n' ' ')" = '0.008M 0.016M end mark ' ]
awk -F '\t' '$4 ~ /M$/ && ($5 < 0.8e6 * $4 || $5 > 1.2e6 * $4) { exit 1 }' r.tsv
[ -z "$(cut -f 1-4,8 r.tsv | sort | uniq -d)" ]
[ "$(awk -F '\t' '$1 == "one" && $4 == "end" && $8 == "masked_lm_loss" { print $9 }' r.tsv)" = \
    "$(awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } END { print $at["masked_lm_loss"] }' w/runs/one-1/eval.tsv)" ]
recipes "${few[@]}" -o one list text >/dev/null
[ -z "$(cut -f 1-4,8 r.tsv | sort | uniq -d)" ]
recipes -t -r r.tsv >out
grep -qE '^\| one \| [0-9.]+ \| [0-9.]+ \|$' out
grep -qE '^\| at the end \| M tokens \| .*disc_auc' out

# a batch that grows: records are counted, tokens add up
recipes "${few[@]}" -o grown list text >out
[ "$(jq '.options.records' w/runs/grown-1/run.json)" = 800 ]
packed=$(find w -name examples.ts.zst -newer w/runs/one-1/run.json)
ts-cat --repeat 9 "$packed" | mask-gen --mask-prob 0.3:0.1 --over 800 |
    eval rtd-train -q --records 800 "$net" --batch 4,16@0.5 --lr 1e-3 --objective mlm-warmup,electra@0.9 -j 1 -o grown
cmp w/runs/grown-1/discriminator/model.safetensors grown/discriminator/model.safetensors
mean=$(ts-info "$packed" | awk '$1 == "tokens" { print $4 }')
awk -F '\t' -v m="$mean" '{ if ($3 < 780 * m || $3 > 820 * m) { print $3 " tokens, not " 800 * m; exit 1 } }' out
[ -e w/runs/grown-1.at/0.008M ]
# measured on the same all the same
ts-info "$packed" | grep -q 'seq-pack.*related=0.5'
[ "$(find w -name eval.ts.zst | wc -l)" = 1 ]
if ts-info w/eval-*/eval.ts.zst | grep 'related=0.5'; then exit 1; fi

# from vectors of the same text and vocabulary, whose time counts
recipes "${few[@]}" -o seeded list text >/dev/null
wordpiece -q --vocab w/vocab-*/vocab.txt w/train.docs.ts.zst | piece-vectors -q --width 16 --seed 3 -o vectors
cmp vectors w/vectors-*/vectors
[ "$(jq '.options | has("embeddings") and has("piece-counts")' w/runs/seeded-1/run.json)" = true ]
counted=(w/examples-*/counts.tsv)
ts-info --pieces "$(dirname "${counted[0]}")/examples.ts.zst" | cmp - "${counted[0]}"
awk -F '\t' -v took="$(cat w/vectors-*/seconds)" '$1 == "seeded" && $7 < took { exit 1 }' r.tsv

# half the FLOPs, half the steps; another seed is another run
steps() { tail -n 1 "w/runs/$1/metrics.tsv" | cut -f 1; }
recipes "${few[@]}" -o short -s 1 -s 2 list text >out
[ "$(cut -f 1,2,4 out | tr '\t\n' ' ;')" = 'short 1 done;short 2 done;' ]
[ "$(find w -name examples.ts.zst | wc -l)" = 3 ]
if cmp -s w/runs/short-{1,2}/discriminator/model.safetensors; then exit 1; fi
for budget in 12e9 6e9; do
    rm -r w/runs
    recipes "${few[@]}" -o short --budget $budget list text >/dev/null
    # the phases cost differently
    awk -F '\t' -v b=$budget '$1 == "short" && $2 == 1 && $3 == b && $4 == "end" && ($6 < 0.85 * b || $6 > 1.15 * b) {
        print $6; exit 1 }' r.tsv
    steps short-1 >steps.$budget
done
[ "$(($(<steps.12e9) / 2))" = "$(<steps.6e9)" ] && [ "$(<steps.6e9)" -gt 4 ]

# a finished model is probed, once
probe_data data
recipes "${few[@]}" -o short --budget 6e9 --probe data --quick list text >/dev/null
recipes "${few[@]}" -o short --budget 6e9 --probe data --quick list text >/dev/null
[ "$(awk -F '\t' '$8 == "probe_quick" && $4 == "end" && $3 == 6e9 { print $9 }' r.tsv)" = \
    "$(awk -F '\t' '$4 == "dev" { s += $6 } END { printf "%.2f", s / 4 }' probe.tsv)" ]

# of the recipes that come with it the tools know all options
here=$ROOT/pipelines
# shellcheck source=pipelines/recipe-settings.sh
. "$here/recipe-settings.sh"
: >empty
awk -f "$here/recipes.awk" "$here/recipes.list" >names
[ "$(head -n 1 names)" = today ]
while read -r name; do
    settings_of "$here/recipes.list" "$name"
    masks_until 304000
    for tool in "rtd-train ${train[*]} --records 304000 -o never" "mask-gen ${mask[*]}" "seq-pack ${pack[*]}"; do
        got=0
        $tool empty >/dev/null 2>err || got=$?
        [ $got = 1 ] || { echo "$name: $(<err)"; exit 1; }
    done
done <names

# what cannot be
status() { # STATUS PATTERN COMMAND...
    local want=$1 pattern=$2 got=0
    shift 2
    "$@" >out || got=$?
    # shellcheck disable=SC2053
    if [ $got != "$want" ] || [[ "$(<err)" != $pattern ]]; then
        echo "$*: $got, $(<err)"
        exit 1
    fi
}
status 2 '*no recipe is called three' recipes "${few[@]}" -o three list text
status 2 '*other settings*' recipes "${few[@]}" list list
status 2 '*--budget many: not a number*' recipes "${few[@]}" --budget many list text
status 3 '*nowhere: not there' recipes "${few[@]}" list nowhere
status 2 '*less than a step' recipes "${few[@]}" -o short --budget 10 list text
for line in 'one:' '  size 3' 'three: four'; do
    { cat list; echo "$line"; } >wrong
    status 2 'recipes: wrong: line 26: *' recipes "${few[@]}" wrong text
done
