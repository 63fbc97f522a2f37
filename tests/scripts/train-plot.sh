#!/usr/bin/env bash
# train-plot: what is in the pictures, where the curves are, and what is refused.
set -euo pipefail
complain() {
    echo "$*"
    exit 1
}
# SCALE: a run of which the loss is a falling line, the AUC (every 5th step) a rising one
run() { # DIR SCALE
    mkdir -p "$1"
    awk -v s="$2" 'BEGIN { print "step\ttokens\tlr\tdisc_loss\tgrad_norm\tflops"
        for (i = 1; i <= 40; i++) printf "%d\t1000\t%g\t%g\t%g\t%g\n", i, 0.01 * (1 - i / 40), s * (41 - i), i % 7, i * 1e9 }' >"$1/metrics.tsv"
    awk -v s="$2" 'BEGIN { print "step\tdisc_auc\tcopy_accuracy\tcopy_auc\tattention_entropy_1\tattention_entropy_2"
        for (i = 5; i <= 40; i += 5) printf "%d\t%g\t%s\t%s\t1\t%g\n", i, 0.5 + i / 100, i < 20 ? i / 40 : "", i < 20 ? "" : s / 3, 1 - i / 99 }' >"$1/eval.tsv"
}
odd="it's <b> & \"c\"; system \`touch pwned\`"
run one 1
run "$odd" 2

# as SVG: one document, with the names of the runs and panels; the same bytes again; as PNG
train-plot -o both.svg one "$odd"
python3 - "$odd" <<'END'
import sys
import xml.etree.ElementTree as tree
texts = "".join(tree.parse("both.svg").getroot().itertext())
for name in ["one", sys.argv[1], "loss of replaced-token detection", "AUC of", "copy meter", "entropy of attention",
             "learning rate", "norm of the gradient", "accuracy", "tokens, thousands"]:
    assert name in texts, name
assert "loss of language models" not in texts and "tokens a second" not in texts
END
[ ! -e pwned ]
train-plot -o again.svg one/ "$odd"
cmp both.svg again.svg
train-plot -o both.png one "$odd" --by flops
[ "$(head -c 8 both.png | xxd -p)" = 89504e470d0a1a0a ]
# namesakes have their paths
run other/one 3
train-plot -o names.svg one other/one --column lr
[ "$(grep -cE '>(other/)?one<' names.svg)" = 2 ] || complain 'namesakes'

# as text: the falling line falls, the rising one rises, over the numbers asked for
ascii() { # RUN COLUMN OPTION...
    train-plot --ascii --column "${@:2}" "$1" >out
    grep -E '^ +([0-9.]+ )?[+|].*[*A]' out | sed 's/^[^+|]*[+|]//' | awk '{ at = match($0, /[*A]/) } NR == 1 { first = at } END { print first, at }' >ends
}
ascii one disc_loss
awk '{ exit !($1 < 9 && $2 > 50) }' ends || complain "disc_loss: $(cat out)"
grep -q 'tokens, thousands' out || complain "tokens: $(cat out)"
[ "$(grep -oE ' [0-9]+ +$' out | tail -n 1)" -eq 40 ] || complain "40 thousand tokens: $(cat out)"
ascii one disc_auc --by flops
awk '{ exit !($1 > 50 && $2 < 15) }' ends || complain "disc_auc: $(cat out)"
grep -q 'floating-point operations, billions' out || complain "flops: $(cat out)"
# what held-out examples say goes before what training saw
mkdir evaluated
cp one/metrics.tsv evaluated
awk 'BEGIN { print "step\tdisc_loss"; for (i = 5; i <= 40; i += 5) printf "%d\t%d\n", i, i }' >evaluated/eval.tsv
ascii evaluated disc_loss
awk '{ exit !($1 > 50 && $2 < 15) }' ends || complain "disc_loss: $(cat out)"
train-plot --ascii --by steps -o text one
[ "$(grep -c '  steps ' text)" = 6 ] || complain "panels: $(cat text)"

# a run in the midst of a line, without an evaluation, or with none yet
mkdir young
{ head -n 3 one/metrics.tsv && printf '3\t10'; } >young/metrics.tsv
train-plot -o young.svg young
head -n 1 one/eval.tsv >young/eval.tsv
train-plot --ascii young >out

path=
# --- refused: one line, the status, and no picture ---
refused() { # STATUS PATTERN ARGUMENT...
    local want=$1 pattern=$2 status=0
    shift 2
    PATH=${path:-$PATH} "$BIN/train-plot" "$@" >out 2>err </dev/null || status=$?
    [ $status = "$want" ] || complain "$*: status $status, not $want: $(cat err)"
    # shellcheck disable=SC2053
    [[ $(head -n 1 err) == "train-plot: "$pattern ]] || complain "$*: said: $(cat err)"
    [ "$(wc -l <err)" = $((want == 2 ? 2 : 1)) ] || complain "$*: said: $(cat err)"
    [[ ! -s out && ! -e no.svg ]] || complain "$*: a picture"
}
refused 2 'no RUN given' -o no.svg
refused 2 'neither -o FILE nor --ascii given' one
refused 2 '-o no.jpg: wants a name that ends in .svg or .png' -o no.jpg one
refused 2 '--by weeks: wants one of tokens, flops, hours, steps' --by weeks -o no.svg one
refused 1 'one: no numbers in a column los' --column los -o no.svg one
refused 1 'one/metrics.tsv: no column core_seconds: written by an older version: *' --by hours -o no.svg one
refused 3 'none/metrics.tsv: *No such file or directory' -o no.svg one none
mkdir bad
head -n 1 one/metrics.tsv >bad/metrics.tsv
refused 1 'bad/metrics.tsv: no step has been logged yet' -o no.svg bad
sed '7s/1000/1o00/' one/metrics.tsv >bad/metrics.tsv
refused 1 'bad/metrics.tsv: line 7: column tokens: "1o00" is no number' -o no.svg one bad
cp one/metrics.tsv bad
sed '3s/\t.*//' one/eval.tsv >bad/eval.tsv
refused 1 'bad/eval.tsv: line 3: fewer fields than columns' -o no.svg bad
cp both.svg kept.svg
status=0
train-plot -o kept.svg one 2>err || status=$?
[ $status = 2 ] && cmp both.svg kept.svg
train-plot -f -o kept.svg one
if cmp -s both.svg kept.svg; then complain '-f: the old picture'; fi

# without gnuplot, with one that fails, one that is killed and one that says nothing
mkdir sys
path=$PWD/sys
refused 3 'gnuplot: not found: *' -o no.svg one
stub() {
    printf '#!/bin/sh\n%s\n' "$1" >sys/gnuplot
    chmod +x sys/gnuplot
}
stub 'echo "line 3: no terminal" >&2; exit 5'
refused 3 'gnuplot: status 5: line 3: no terminal*' -o no.svg one
stub 'kill -9 $$'
refused 3 'gnuplot: killed by signal 9' -o no.svg one
stub 'exit 0'
refused 3 'gnuplot: status 0: it printed nothing' -o no.svg one
