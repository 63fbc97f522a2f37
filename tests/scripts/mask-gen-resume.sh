#!/usr/bin/env bash
# mask-gen's choices hang on seed and index alone: a stream that begins later, or a part of one, is
# masked as the whole is; every pass has masks of its own; what is masked can be put back.
set -euo pipefail
"$ROOT/tests/scripts/data-half.py" random vocab.txt 60 >random.json
ts-load --kind tokens --vocab vocab.txt -o tokens.ts random.json
seq-pack -l 64 -o examples.ts tokens.ts
n=$(ts-info --count examples.ts)
[ "$n" -gt 500 ]

ts-cat --repeat 3 examples.ts | mask-gen >all.ts
ts-dump --index all.ts >all
[ "$(wc -l <all)" = $((3 * n)) ]
for k in 0 1 17 $((n - 1)) "$n" $((n + 1)) $((2 * n + 5)) $((3 * n - 1)) $((3 * n)); do
    ts-cat --repeat 3 --skip "$k" examples.ts | mask-gen | ts-dump --index >part
    tail -n +$((k + 1)) all | cmp - part
done
for r in 0 1 2; do
    ts-cat --repeat 3 --shard $r/3 examples.ts | mask-gen | ts-dump --index >part
    awk -v r=$r '(NR - 1) % 3 == r' all | cmp - part
done

# a share that changes goes by the index, too; its ends are recorded, with the largest limit
falling=(--mask-prob 0.4:0.1 --over $((2 * n)))
ts-cat --repeat 3 examples.ts | mask-gen "${falling[@]}" >falling.ts
ts-dump --index falling.ts >falling
for k in 17 $((n - 1)) $((2 * n + 5)); do
    ts-cat --repeat 3 --skip "$k" examples.ts | mask-gen "${falling[@]}" | ts-dump --index >part
    tail -n +$((k + 1)) falling | cmp - part
done
ts-cat --repeat 3 --shard 1/3 examples.ts | mask-gen "${falling[@]}" | ts-dump --index >part
awk '(NR - 1) % 3 == 1' falling | cmp - part
ts-info --json falling.ts | jq -e ".provenance[-1] | .mask_prob == 0.4 and .mask_prob_end == 0.1 and
    .over == $((2 * n)) and .max_predictions == 25" >out || { ts-info --json falling.ts; exit 1; }
# the share of a tenth of the records, against the line: all but what rounding and limits take
jq -r '[(.input_ids | length), (.masked_lm_ids | length)] | @tsv' falling |
    awk -v n="$n" '{ at = int((NR - 1) * 5 / n); tokens[at] += $1; masked[at] += $2 }
        END {
            for (at = 0; at < 15; at++) {
                want = at < 10 ? 0.4 - 0.3 * (at + 0.5) / 10 : 0.1
                share = masked[at] / tokens[at]
                if (share < want - 0.02 || share > want + 0.02) { print at, share, want; exit 1 }
            }
        }'
for wrong in '--mask-prob 0.3:0.1' '--over 100' '--mask-prob 0.3:0 --over 9' '--mask-prob 0.2:0.2 --over 9' \
    '--mask-prob 0.3:0.1 --over 0'; do
    status=0
    # shellcheck disable=SC2086
    mask-gen $wrong examples.ts >out 2>err || status=$?
    if [ $status != 2 ] || ! grep -qE '^mask-gen: --(mask-prob|over)' err; then
        echo "$wrong: status $status: $(cat err)"
        exit 1
    fi
done

# put back, they are the examples
ts-cat --repeat 3 examples.ts | ts-dump | jq -cS . >want
jq -cS '. as $r | {token_type_ids, input_ids: (reduce range(.masked_lm_ids | length) as $i
    (.input_ids; .[$r.masked_lm_positions[$i]] = $r.masked_lm_ids[$i]))}' all >got
cmp want got

# other passes, other masks; a position or two agree by chance where there is little to choose
jq -c .masked_lm_positions all | awk -v n="$n" '
    NR <= n { first[NR] = $0; next }
    NR <= 2 * n { same += first[NR - n] == $0 }
    END { if (same > n / 10) { print same " of " n " masked alike"; exit 1 } }'

# seed and options have an effect, and are recorded
for option in '--seed 2' '--mask-prob 0.3' '--max-predictions 3' '--random-replace 0.1'; do
    # shellcheck disable=SC2086
    mask-gen $option examples.ts >other.ts
    head -n "$n" all >want
    ! ts-dump --index other.ts | cmp -s - want || { echo "$option: no effect"; exit 1; }
done
ts-info --json --header all.ts | jq -e '.provenance[-1] |
    .tool == "mask-gen" and .seed == 1 and .mask_prob == 0.15 and .max_predictions == 9' >/dev/null
ts-info --json --header other.ts | jq -e '.provenance[-1].random_replace == 0.1' >/dev/null
