#!/usr/bin/env bash
# Our metrics are those of the standard scripts; the program that says so fails on a number that
# differs, on whatever it does not know, and on what is missing.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
golden=$ROOT/tests/golden/metrics
"$BUILD/tests/metrics" "$golden" >out || fail "$(cat out)"
cp -r "$golden" changed
chmod -R u+w changed
refused() { # WHAT-THE-OUTPUT-HOLDS JQ-PROGRAM: of expected.json so changed
    jq "$2" "$golden/expected.json" >changed/expected.json
    ! "$BUILD/tests/metrics" changed >out 2>&1 || fail "passed: $2"
    grep -qF "FAIL $1" out || fail "$2: $(cat out)"
}
# Every number, at every place, counts.
paths=$(jq -c '[paths(type == "number")] | length' "$golden/expected.json")
grep -q ": $paths numbers, 0 failed" out || fail "not all $paths numbers: $(cat out)"
refused regression.tsv.spearman '."regression.tsv".spearman += 2e-6'
refused 'classes.tsv.confusion[2][1]' '."classes.tsv".confusion[2][1] += 1'
refused classes.tsv.per_class.c.support '."classes.tsv".per_class.c.support += 1'
refused squad2.no_answer_threshold '.squad2.no_answer_threshold = 0.4'
# What is not known, of any type and at any depth.
for value in 1 '"text"' null '[]' '{}' true '[[1]]' '{"a": 1}'; do
    refused other ".other = $value"
    refused regression.tsv.other ".\"regression.tsv\".other = $value"
    refused generation.jsonl.bleu.other ".\"generation.jsonl\".bleu.other = $value"
done
refused ranking.tsv.mrs '."ranking.tsv" |= (.mrs = .mrr | del(.mrr))'
# Known, but of another type or size.
for value in '"0.8"' null '[]' '{}' true '[0.8363810036124303]'; do
    refused regression.tsv.spearman ".\"regression.tsv\".spearman = $value"
done
for value in 1 '"text"' null '[]' '{}' true; do
    refused squad1 ".squad1 = $value"
    refused tags.conll.seqeval ".\"tags.conll\".seqeval = $value"
    refused classes.tsv.confusion ".\"classes.tsv\".confusion = $value"
done
refused classes.tsv.confusion 'del(."classes.tsv".confusion[2])'
refused classes.tsv.confusion '."classes.tsv".confusion += [[0, 0, 0]]'
refused 'classes.tsv.confusion[1]' 'del(."classes.tsv".confusion[1][2])'
refused 'classes.tsv.confusion[1]' '."classes.tsv".confusion[1] += [0]'
refused classes.tsv.per_class 'del(."classes.tsv".per_class.c)'
refused classes.tsv.per_class.d '."classes.tsv".per_class.d = ."classes.tsv".per_class.c'
refused generation.jsonl.bleu.precisions 'del(."generation.jsonl".bleu.precisions[3])'
# Predictions that nothing is expected of.
while read -r case; do refused "$case: " "del(.[\"$case\"])"; done < <(jq -r 'keys[]' "$golden/expected.json")
rm changed/ranking.tsv
jq 'del(."ranking.tsv")' "$golden/expected.json" >changed/expected.json
"$BUILD/tests/metrics" changed >out || fail "without rankings: $(cat out)"
mkdir empty
for text in '{}' '[]' '1' '{"squad1": '; do
    echo "$text" >empty/expected.json
    ! "$BUILD/tests/metrics" empty >out 2>&1 || fail "passed: $text"
done
# What evaluate prints besides: mean error (1 + 2) / 2; right candidates at ranks 1, 2 (of equal
# scores the earlier is first), 4 and nowhere; one text of three is one of its references.
mkdir own
printf '%s\t%s\n' gold predicted 1 2 3 1 >own/regression.tsv
printf '%s\t%s\t%s\t%s\n' query candidate gold score  a 0 1 0.5  a 1 0 0.5  b 0 0 0.5  b 1 1 0.5 \
    c 0 0 4  c 1 0 3  c 2 0 2  c 3 1 1  d 0 0 1 >own/ranking.tsv
printf '{"predicted": "%s", "references": ["the cat sat", "a dog"]}\n' 'a dog' 'A dog' '' >own/generation.jsonl
cat >expected <<'END'
{"regression.tsv": {"mae": 1.5}, "ranking.tsv": {"accuracy": 0.25, "recall_at_2": 0.5, "recall_at_5": 0.75},
 "generation.jsonl": {"exact": 0.3333333333}}
END
cp expected own/expected.json
"$BUILD/tests/metrics" own >out || fail "$(cat out)"
sed 's/"mae": 1.5/"mae": 2, &/' expected >own/expected.json
! "$BUILD/tests/metrics" own >out 2>&1 || fail "passed: a key twice"
jq 'walk(if type == "number" then . + 1e-5 else . end)' expected >own/expected.json
! "$BUILD/tests/metrics" own >out || fail "passed: other figures of evaluate"
[ "$(grep -c ^FAIL out)" = 5 ] || fail "$(cat out)"
[ -z "$SHARED" ] || "$BUILD/tests/metrics" "$SHARED/golden/metrics" >out || fail "$(cat out)"
