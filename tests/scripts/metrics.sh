#!/usr/bin/env bash
# Our metrics are those of the standard scripts; a number that differs, one that is not known and an
# empty folder are failures.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
golden=$ROOT/tests/golden/metrics
"$BUILD/tests/metrics" "$golden" >out || fail "$(cat out)"
cp -r "$golden" changed
chmod -R u+w changed
sed -i 's/"spearman": 0.8363/"spearman": 0.8364/' changed/expected.json
"$BUILD/tests/metrics" changed >out && fail "a wrong number passed"
grep -q 'FAIL regression.tsv.spearman' out || fail "$(cat out)"
cp "$golden/expected.json" changed/expected.json
sed -i 's/"mrr":/"mrs":/' changed/expected.json
"$BUILD/tests/metrics" changed >out && fail "an unknown key passed"
echo '{}' >changed/expected.json
"$BUILD/tests/metrics" changed >out && fail "nothing compared, and it passed"
[ -z "$SHARED" ] || "$BUILD/tests/metrics" "$SHARED/golden/metrics" >out || fail "$(cat out)"
