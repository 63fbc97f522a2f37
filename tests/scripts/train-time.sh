#!/usr/bin/env bash
# A run by time is one by records, as many as the time is good for: the same bytes, and its number
# stays what it was when it is taken up.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
endless() { ts-cat --repeat 100000 examples.ts | mask-gen; }
train() { rtd-train --save-every 0 --log-every 50 "${model[@]}" --warmup 0.1 --batch '2,4@0.3' --objective 'mlm,electra@0.5' "$@"; }

train -o timed --time 2s < <(endless) 2>err
records=$(jq .options.records timed/run.json)
[ "$records" -ge 14 ] || complain "$records records"
grep -qE "^rtd-train: 0.0 minutes are good for $records records, [0-9.]* M tokens$" err || complain "$(cat err)"
train -q -o counted --records "$records" < <(endless)
same timed counted
rm -rf timed/discriminator timed/generator timed/checkpoint
train -q -o timed --time 1d --resume < <(endless) # another time is no matter any more
same timed counted

# stopped, and taken up on a machine that is too slow: to the same end, and it says when
train -q -o whole --records 1000 masked.ts
ts-head -n 300 masked.ts | train -q -o cut --records 1000 2>err && complain '300 records are enough'
train -o cut --time 0.001 --resume masked.ts 2>err
same whole cut checkpoint
[ "$(grep -cE '^rtd-train: slower than planned: about [0-9.]* minutes to go until record 1000$' err)" = 1 ] ||
    complain "$(cat err)"
ts-head -n 300 masked.ts | train -q -f -o cut --records 1000 2>err && complain '300 records are enough'
train -o cut --time 1h --resume masked.ts 2>err
if grep -q 'slower' err; then complain "$(cat err)"; fi

# the plan alone: a line, no directory, no more read than is needed
train --plan --time 1m masked.ts >plan 2>err
grep -qxE $'records\t[1-9][0-9]*\tmemory\t[1-9][0-9]*' plan || complain "$(cat plan err)"
train --plan --time 2h masked.ts >longer 2>err
awk '{ n[NR] = $2 } END { exit !(n[2] > 10 * n[1]) }' plan longer || complain "$(cat plan longer)"
train --plan --time 1m --eval held.ts --eval-every 1 masked.ts >evaluated 2>err
awk '{ n[NR] = $2 } END { exit !(n[1] > 1.5 * n[2]) }' plan evaluated || complain "$(cat plan evaluated)"
ts-head -n 4 -o four.ts masked.ts
"$BUILD/tests/reframe" 64 four.ts single.ts
mkfifo feed
exec 7<>feed # never ends
cat single.ts >&7
timeout 60 rtd-train -q "${model[@]}" --batch 4 --plan --time 1m feed >plan || complain 'it reads on'
exec 7>&-
grep -q ^records plan || complain "$(cat plan)"
[ "$(rtd-train -q --plan --records 600 "${model[@]}" masked.ts | cut -f 1-3)" = $'records\t600\tmemory' ]
[ "$(rtd-train -q --plan --steps 60 "${model[@]}" masked.ts | cut -f 1-3)" = $'steps\t60\tmemory' ]
rtd-train -q --plan --steps 60 "${model[@]}" masked.ts >small
rtd-train -q --plan --steps 60 "${model[@]}" --hidden 64 masked.ts >large
[ "$(cut -f 4 small)" -lt "$(cut -f 4 large)" ]

# refused before any work is lost
ts-head -n 3 -o three.ts masked.ts
fails 1 'rtd-train: three.ts: has 3 records: less than a batch of 4' train -q -o few --time 1m three.ts
no_model few
usage=$'\nusage: rtd-train *'
fails 2 "rtd-train: --time: enough for * records, but --batch wants 512: * seconds would do$usage" \
    rtd-train -q "${model[@]}" --batch 256 -o little --time 0.0001m masked.ts
fails 2 "rtd-train: --mlm-warmup: not with --time: *$usage" rtd-train -q -o few "${model[@]}" --mlm-warmup 3 --time 1m three.ts
fails 2 "rtd-train: --time 3w: wants a number*$usage" train -q -o few -f --time 3w three.ts
rtd-train -q -o steps --steps 3 --save-every 1 "${model[@]}" masked.ts
rm -r steps/discriminator steps/generator
fails 2 "rtd-train: steps/run.json: the run goes by --steps: *$usage" \
    rtd-train -q -o steps --time 1m --resume "${model[@]}" masked.ts
rm steps/run.json
fails 1 'rtd-train: steps: no run.json: give --records N' rtd-train -q -o steps --time 1m --resume "${model[@]}" masked.ts
