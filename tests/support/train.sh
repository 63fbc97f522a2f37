# Sourced by scripts about rtd-train: a small stream, a small model, and comparisons of runs.
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by those scripts

# vocab.txt, examples.ts (1,200 of up to 32 tokens), masked.ts, held.ts (200 others, masked)
train_fixture() {
    cp "$ROOT/tests/golden/vocab97.txt" vocab.txt
    python3 - >random.json <<'END'
import json
import random
rng = random.Random(5)
for _ in range(300):
    lengths = [rng.randint(1, 12) for _ in range(rng.randint(8, 40))]
    ids = [5 + int(92 * rng.random() ** 3) for _ in range(sum(lengths))]
    print(json.dumps({"input_ids": ids, "sentence_lengths": lengths}))
END
    ts-load --kind tokens --vocab vocab.txt random.json | seq-pack -l 32 -o all.ts
    ts-head -n 1200 -o examples.ts all.ts
    mask-gen -o masked.ts examples.ts
    ts-cat --skip 1200 all.ts | ts-head -n 200 | mask-gen --seed 7 -o held.ts
}
model=(--size tiny --layers 2 --hidden 16 --heads 2 --ffn 24 --embedding 8 --generator-hidden 12
    --positions 32 --batch 6 --lanes 2 --micro-tokens 50 --lr 0.01 --warmup 4 --log-every 1)

complain() {
    echo "$*"
    exit 1
}
# A metrics.tsv without its last two columns, which time the work.
untimed() { awk -F '\t' -v OFS='\t' '{ NF -= 2; print }' "$1"; } # FILE
# Two runs left the same files with the same bytes; further arguments: names not to look at.
same() { # DIR DIR [NAME...]
    local exclude=() name
    for name in .lock metrics.tsv "${@:3}"; do exclude+=(-x "$name"); done
    diff -r "${exclude[@]}" "$1" "$2" >difference || complain "$1 and $2 differ: $(head -n 5 difference)"
    case " ${*:3} " in *' metrics.tsv '*) ;; *)
        diff <(untimed "$1/metrics.tsv") <(untimed "$2/metrics.tsv") >difference ||
            complain "$1 and $2 differ: metrics.tsv: $(head -n 5 difference)"
        ;;
    esac
    [ -e "$1/discriminator/model.safetensors" ] || complain "$1: no model"
}
differ() { # FILE FILE
    if cmp -s "$1" "$2"; then complain "$1 and $2 are the same"; fi
}
# A command's status and, in `err`, its last line on stderr.
fails() { # STATUS PATTERN COMMAND...
    local want=$1 pattern=$2 status=0
    shift 2
    "$@" >out 2>err </dev/null || status=$?
    [ $status = "$want" ] || complain "$*: status $status, wanted $want: $(cat err)"
    # shellcheck disable=SC2053
    [[ $(cat err) == $pattern ]] || complain "$*: said: $(cat err)"
    [ ! -s out ] || complain "$*: writes to stdout"
}
no_model() { # DIR
    [[ ! -e $1/discriminator && ! -e $1/generator ]] || complain "$1: a model"
}
lines() { if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi; }
# Wait until FILE has N lines, or process PID is gone.
wait_lines() { # FILE N PID
    while [ "$(lines "$1")" -lt "$2" ] && kill -0 "$3" 2>/dev/null; do sleep 0.02; done
}
