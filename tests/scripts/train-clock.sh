#!/usr/bin/env bash
# The clock of a run is its records: what it does when depends on their indices and on how many there
# are, and not on how often it was stopped, on threads, or on what of the stream was skipped.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
column() { # FILE NAME
    awk -F '\t' -v name="$2" 'NR == 1 { for (k = 1; k <= NF; k++) if ($k == name) at = k; next } { print $at }' "$1"
}
plain() { rtd-train -q --save-every 8 --keep 99 "${model[@]}" "$@"; }

# records are steps where the batch is constant, to the last bit
for phase in 0 11; do
    rm -rf steps records
    plain -o steps --steps 20 --mlm-warmup $phase masked.ts
    plain -o records --records 120 --mlm-warmup $phase masked.ts
    same steps records run.json training.safetensors
done
differ steps/run.json records/run.json

# what was done so far: records, tokens, FLOPs, time
awk -F '\t' 'NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
    {
        tokens += $at["tokens"]
        if ($at["records"] != 6 * (NR - 1) || $at["tokens_so_far"] != tokens || $at["flops"] <= flops ||
            $at["core_seconds"] < seconds || $at["tokens_per_second"] <= 0) exit 1
        flops = $at["flops"]
        seconds = $at["core_seconds"]
    }
    END { exit !(NR == 21 && seconds > 0) }' steps/metrics.tsv || complain 'metrics.tsv: not what was done so far'

# batches that change; no record but the last incomplete batch is left out, and none is read twice
grown=(--batch '2,4@0.1,8@0.4' --warmup 0.15 --schedule wsd:0.3 --objective 'mlm-warmup,electra@0.3' --average 0.4)
train() { plain "${grown[@]}" "$@"; }
train -o whole -j 1 --records 603 masked.ts
train -o threads -j 3 --records 603 <masked.ts
same whole threads
awk -F '\t' 'function off(a, b) { return a - b > 2e-5 * b + 1e-9 || b - a > 2e-5 * b + 1e-9 }
    NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
    {
        u = i / 603
        n = u < 0.1 ? 2 : u < 0.4 ? 4 : 8
        rate = 0.01 * (u < 0.7 ? 1 : (1 - u) / 0.3) * (i < 90 ? i / 90 : 1)
        if (i + n > 603 || off($at["lr"], rate) || $at["tokens"] > 32 * n || $at["tokens"] < 3 * n) exit 1
        i += n
    }
    END { exit !(i > 603 - 8) }' whole/metrics.tsv || complain 'not by the clock'

# stopped in any of the stages, or between them, and taken up, with and without the records before
for n in 20 61 63 246 598; do
    rm -rf cut
    ts-head -n $n masked.ts | train -o cut --records 603 2>err && complain "$n records are enough"
    grep -qE "stream ended at step [0-9]*, record [0-9]* of 603 \([0-9] records left over\)" err ||
        complain "$(cat err)"
    no_model cut
    at=$(sed -nE 's/.*record ([0-9]*) of 603.*/\1/p' err)
    if [ $((n % 2)) = 0 ]; then
        ts-cat --skip $((at - 1)) examples.ts | mask-gen | train -o cut -j 2 --records 603 --resume ||
            [ "${PIPESTATUS[2]}" = 0 ]
    else
        train -o cut --records 603 --resume masked.ts
    fi
    same whole cut checkpoint
done

# core-seconds go on from before; the mean of the weights is that of the last two fifths, is what
# is evaluated and published, and changes nothing else
[ "$(column cut/metrics.tsv core_seconds | sort -n | tail -n 1)" = "$(column cut/metrics.tsv core_seconds | tail -n 1)" ] ||
    complain 'core-seconds begin anew'
mean=(--records 96 --batch 4 --save-every 1 --keep 99)
plain -o last "${mean[@]}" --eval held.ts masked.ts
plain -o mean "${mean[@]}" --average 0.3 --eval held.ts masked.ts
cmp <(untimed last/metrics.tsv) <(untimed mean/metrics.tsv) || complain '--average: other training'
differ last/eval.tsv mean/eval.tsv
for net in discriminator generator; do
    cmp {last,mean}/checkpoint/step-24/$net/model.safetensors || complain '--average: other weights in checkpoints'
    differ mean/$net/model.safetensors last/$net/model.safetensors
done
python3 - <<'END' || complain '--average: not the mean of the last steps'
import json
import struct

def load(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header, data = json.loads(data[8:8 + size]), data[8 + size:]
    header.pop("__metadata__", None)
    return {k: struct.unpack(f"<{(t['data_offsets'][1] - t['data_offsets'][0]) // 4}f", data[slice(*t["data_offsets"])])
            for k, t in header.items()}

for net in "discriminator", "generator":
    # after step s, 4 s of 96 records are done: more than seven tenths from step 17 on
    steps = [load(f"last/checkpoint/step-{s}/{net}/model.safetensors") for s in range(17, 25)]
    mean = load(f"mean/{net}/model.safetensors")
    assert mean.keys() == steps[0].keys()
    for name, values in mean.items():
        for i, x in enumerate(values):
            assert abs(x - sum(s[name][i] for s in steps) / len(steps)) < 1e-6, name
END

# a part of the stream has the rates of the whole at its indices, and its end
part() { ts-cat --shard 1/3 examples.ts | mask-gen; }
part | train -o part --records 603
part | ts-head -n 77 | train -o part-cut --records 603 2>err && complain 'a part of a part is enough'
part | train -o part-cut --records 603 --resume
same part part-cut checkpoint
awk -F '\t' 'function off(a, b) { return a - b > 2e-5 * b + 1e-9 || b - a > 2e-5 * b + 1e-9 }
    NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; i = 1; next }
    {
        u = i / 603
        rate = 0.01 * (u < 0.7 ? 1 : (1 - u) / 0.3) * (i < 90 ? i / 90 : 1)
        if (off($at["lr"], rate)) exit 1
        i += 3 * (u < 0.1 ? 2 : u < 0.4 ? 4 : 8)
    }
    END { exit !(i <= 603 + 2 && i > 603 - 24) }' part/metrics.tsv || complain 'a part: not by the clock'

# a run that begins later begins later on its clock, says so, and must not begin too late
ts-cat --skip 300 examples.ts | mask-gen -o late.ts
rtd-train "${model[@]}" "${grown[@]}" -o late --records 603 late.ts 2>err
grep -q 'late.ts: begins with record 300 of 603: so does the run, as if those before had been learnt' err ||
    complain "$(cat err)"
[ "$(sed -n 2p late/metrics.tsv | cut -f 3)" = 0.01 ] || complain 'late: another rate'
part | rtd-train "${model[@]}" "${grown[@]}" -o part -f --records 603 2>err
if grep -q 'begins with' err; then complain "$(cat err)"; fi
for n in 300 307; do
    fails 1 "rtd-train: late.ts: begins with record 300: too late for a run of $n records" \
        rtd-train -q "${model[@]}" -f -o too-late --batch 8 --records $n late.ts
    no_model too-late
done
plain -o by-steps --steps 2 --warmup 0 --lr 0.02 late.ts # steps count from where it begins
[ "$(cut -f 3 by-steps/metrics.tsv | tail -n 2 | tr '\n' ' ')" = '0.02 0.01 ' ] || complain 'late: by steps'

# the second decay of Adam: of a step of the size it is for; as given where the batch is constant
plain -o plain --steps 3 masked.ts
plain -o six --steps 3 --beta2-batch 6 masked.ts
same plain six run.json training.safetensors
plain -o power --steps 3 --beta2-batch 3 --beta2 0.9 masked.ts
plain -o square --steps 3 --beta2 0.81 masked.ts
cmp power/discriminator/model.safetensors square/discriminator/model.safetensors || complain 'beta2: no power'
plain -o growing --records 40 --batch '2,4@0.5' --warmup 0 masked.ts
plain -o growing-32 --records 40 --batch '2,4@0.5' --warmup 0 --beta2-batch 32 masked.ts
same growing growing-32 run.json training.safetensors
plain -o growing-1 --records 40 --batch '2,4@0.5' --warmup 0 --beta2-batch 1 masked.ts
differ growing/discriminator/model.safetensors growing-1/discriminator/model.safetensors

# other forms of the rate
plain -o constant --records 60 --warmup 0 --schedule constant masked.ts
[ "$(cut -f 3 constant/metrics.tsv | sort -u | tr '\n' ' ')" = '0.01 lr ' ] || complain 'not constant'
plain -o wsd --records 60 --warmup 0 --schedule wsd masked.ts
plain -o wsd-given --records 60 --warmup 0 --schedule wsd:0.2 masked.ts
cmp <(untimed wsd/metrics.tsv) <(untimed wsd-given/metrics.tsv)
[ "$(sed -n '9,11p' wsd/metrics.tsv | cut -f 3 | tr '\n' ' ')" = '0.01 0.01 0.005 ' ] || complain 'not stable, then falling'

# what does not fit is refused by its name; a stream that is too short for a batch, too
usage=$'\nusage: rtd-train *'
refused() { # PATTERN ARGUMENT...
    rm -rf run
    fails 2 "rtd-train: $1$usage" rtd-train -q -o run "${model[@]}" "${@:2}" masked.ts
    [ ! -e run ] || complain "$1: something is written"
}
refused '--steps, --records, --time: one of them' --steps 3 --records 18
refused '--steps, --records, --time: one of them' --time 3 --records 18
refused '--time 0: *' --time 0
refused '--batch 2,4@0.5: shares of --records N, not of --steps' --steps 3 --batch 2,4@0.5
refused '--batch 4: wants the share of the run from which it holds, 4@0.5' --records 60 --batch 2,4
refused '--batch 3: wants a multiple of --lanes 2' --records 60 --batch 2,3@0.5
refused '--batch 8: more than the 6 records that it is for' --records 60 --batch 2,4@0.1,8@0.9
refused '--batch 6: more than the 5 records that it is for' --records 5
refused '--batch-tokens: not with a --batch that changes' --records 60 --batch 2,4@0.5 --batch-tokens 99
refused '--batch-tokens: by --steps, not by --records' --records 60 --batch-tokens 99
refused '--warmup 4: a step is no fixed part of this run: give a share of it' --records 60 --batch 2,4@0.5
refused '--mlm-warmup 4: a step is no fixed part of this run: *' --records 60 --batch 2,4@0.5 --warmup 0.1 --mlm-warmup 4
refused '--mlm-warmup 11: more than --records' --records 60 --mlm-warmup 11
refused '--warmup 1.5: wants a number of steps, or a share below 1' --records 60 --warmup 1.5
refused '--warmup 4: the only step would have rate 0' --records 11
refused '--schedule cosine: wants linear, constant or wsd?:SHARE?' --records 60 --schedule cosine
refused '--schedule wsd 2: wants a number from *' --records 60 --schedule wsd:2
refused '--beta2-batch 0: *' --records 60 --beta2-batch 0
refused '--average 0: *' --records 60 --average 0
ts-head -n 5 -o five.ts masked.ts
fails 1 'rtd-train: five.ts: stream ended at step 0, record 0 of 60 (5 records left over): less than a batch' \
    rtd-train -q "${model[@]}" -o short --records 60 five.ts

# the same command goes on; not another
rm -rf cut
ts-head -n 100 masked.ts | train -o cut --records 603 2>err || true
for option in '--records 604' '--batch 2,4@0.1' '--schedule wsd:0.4' '--schedule constant' '--schedule linear' \
    '--warmup 0.2' '--beta2-batch 8' '--average 0.2' '--objective electra'; do
    read -ra argv <<<"$option"
    fails 2 "rtd-train: cut/checkpoint/step-*: ${argv[0]#--} was * there and is * now: resume with the same command*" \
        rtd-train -q "${model[@]}" "${grown[@]}" -o cut --records 603 --resume "${argv[@]}" masked.ts
done
