#!/usr/bin/env bash
# run: plain
# pipelines/domain: texts of training sets alone, an encoder that goes on on them, and what it hands to
# experiments, which is another's test.
set -euo pipefail
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
cp -r "$ROOT/pipelines" copy
printf '#!/bin/sh\nprintf "%%s\\n" "$@" >asked\n' >copy/experiments
mkdir -p data/swda data/dailydialog data/aeslc
for set in swda dailydialog; do
    for part in train dev test; do
        awk -v set=$set -v part=$part 'BEGIN {
            print set == "swda" ? "dialogue\tturn\tspeaker\ttext\tact" : "dialogue\tturn\ttext\tact\temotion"
            for (d = 1; d <= 20; d++) for (t = 1; t <= 4; t++)
                print d "\t" t (set == "swda" ? "\tA" : "") "\tthe " (part == "train" ? "cat" : "dog") " is in dialogue " d "\tact" (set == "swda" ? "" : "\tjoy")
        }' | zstd -qo data/$set/$part.tsv.zst
    done
done
printf 'source\ttarget\nthe cat and you\tcat\nan other cat with that\tcat\n' | zstd -qo data/aeslc/train.tsv.zst
domain() { copy/domain -D data -r results.tsv -w d -j 1 -b 2 -l 16 "$@" 2>err; }
domain -n 3 -a 2 -c more start=discriminator dialogue -- --lr 0.01 --objective mlm
[ "$(grep -c cat d/dialogue.txt) $(grep -c dog d/dialogue.txt) $(grep -c '^$' d/dialogue.txt)" = '160 0 40' ] || fail "$(head d/dialogue.txt)"
[ "$(jq -c '[.vocab_size, .architectures[0]]' d/more/model/discriminator/config.json)" = '[99,"ElectraForPreTraining"]' ] ||
    fail "$(cat d/more/model/discriminator/config.json)"
cmp -s d/more/model/discriminator/model.safetensors discriminator/model.safetensors && fail 'nothing was learnt'
head -n 97 d/more/model/discriminator/vocab.txt | cmp - discriminator/vocab.txt
[ "$(tr '\n' ' ' <asked)" = '-D data -r results.tsv -w d/tasks -j 1 -o swda -o dailydialog-acts -o dailydialog-emotions start=discriminator start-more=d/more/model/discriminator ' ] ||
    fail "$(cat asked)"
rm asked
domain -n 3 -a 2 -c more start=discriminator dialogue -- --lr 0.01 --objective mlm
[ -e asked ] || fail 'once more: nothing is measured'
domain -t 1s start=discriminator mail -- --lanes 1
[ "$(jq .options.steps d/mail/model/run.json)" = "$(awk '{ print $2 / 2 }' d/mail-*.plan)" ] || fail "$(cat d/mail-*.plan d/mail/model/run.json)"
[ "$(cat d/mail.txt)" = "$(printf '\nthe cat and you\n\nan other cat with that')" ] || fail "$(cat d/mail.txt)"
grep -qx 'start-mail=d/mail/model/discriminator' asked || fail "$(cat asked)"
while IFS='|' read -r message arguments; do
    status=0
    # shellcheck disable=SC2086
    copy/domain $arguments >out 2>err || status=$?
    [[ $status == 2 && $(cat err) == "domain: $message"* && ! -s out ]] || fail "$arguments: $status $(cat err)"
done <<'E2'
START=MODEL and DOMAIN are needed|-D data -r results.tsv start=discriminator
discriminator: want START=MODEL|-D data -r results.tsv discriminator dialogue
-D DATA is needed|-r results.tsv start=discriminator dialogue
-r RESULTS.tsv is needed|-D data start=discriminator dialogue
news: want dialogue or mail|-D data -r results.tsv start=discriminator news
unknown option -x|-x 3
E2
