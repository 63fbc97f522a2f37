#!/usr/bin/env bash
# run: plain
# Two pre-training runs on Simple English Wikipedia against the held-out curves of a reference
# implementation on the same data (golden/curve of the shared reference data: data, sizes, schedule
# and band are in its README).  About ten minutes on two cores.
#   STEPS=40 tests/long/curve.sh   tries the script itself: every step up to there, nothing compared
set -euo pipefail
steps=${STEPS:-2000}
if [ -z "${SHARED:-}" ] || [ ! -d "$SHARED/golden/curve" ]; then
    echo "needs the shared reference data: golden/curve, data/corpus, data/vocab"
    exit 77
fi
zstd -dcq "$SHARED/data/vocab/bert-base-uncased.txt.zst" >vocab.txt
documents() { # FIRST LAST
    zstd -dcq "$SHARED/data/corpus/simplewiki-2021-12.txt.zst" |
        awk -v first="$1" -v last="$2" 'BEGIN { RS = ""; ORS = "\n\n" }
            NR > last { exit } NR >= first' || [ $? = 141 ]
}
examples() { wordpiece --vocab vocab.txt | seq-pack --drop-overflow -l 128 | ts-shuf; }
documents 1 30000 | examples | mask-gen -o train.ts.zst
documents 172001 999999 | examples | ts-head -n 1024 | mask-gen -o held-out.ts.zst

train() { # LR SEED
    rtd-train -q --size tiny --batch 32 --lr "$1" --seed "$2" --steps "$steps" --warmup $((steps / 10)) \
        --eval held-out.ts.zst --eval-every $((steps / 2)) -o "run-$1" train.ts.zst
}
compare() { # LR: our eval.tsv (by name of column) beside the reference at steps 1000 and 2000
    awk -F '\t' '
        BEGIN {
            n = split("eval_mlm_loss masked_lm_loss 0.12 eval_mlm_accuracy masked_lm_accuracy 0.015 " \
                "eval_sampled_accuracy sampled_masked_lm_accuracy 0.012 eval_disc_loss disc_loss " \
                "0.008 eval_replaced_rate replaced_rate 0.004 eval_disc_auc disc_auc 0.03", w, " ")
        }
        FNR == 1 { file++; for (i = 1; i <= NF; i++) column[file, $i] = i; next }
        file == 1 { for (i = 1; i <= NF; i++) reference[$1, i] = $i; next }
        $1 == 1000 || $1 == 2000 {
            for (k = 1; k <= n; k += 3) {
                ours = $column[2, w[k + 1]]
                theirs = reference[$1, column[1, w[k]]]
                off = ours - theirs
                bad = w[k] == "eval_disc_auc" ? -off > w[k + 2] : off > w[k + 2] || -off > w[k + 2]
                printf "%s step %d %-22s ours %.4f reference %.4f limit %s%s\n", lr, $1, w[k], ours,
                    theirs, w[k + 2], bad ? "  FAIL" : ""
                failed += bad
                seen++
            }
        }
        END { exit failed > 0 || seen != 12 }' lr="$1" "$SHARED/golden/curve/curve_lr$1.tsv" \
        "run-$1/eval.tsv"
}
status=0
for run in "2e-3 2" "5e-4 1"; do
    # shellcheck disable=SC2086 # a rate and a seed
    train $run
    [ "$steps" = 2000 ] || continue
    compare "${run% *}" | tee -a "${CURVE_TABLE:-/dev/null}" || status=1
done
exit $status
