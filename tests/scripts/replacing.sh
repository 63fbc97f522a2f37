#!/usr/bin/env bash
# What is replaced is replaced in one step, through links, with its mode kept; when something goes
# wrong all is as it was.
set -euo pipefail
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
none_left() { ! find . -name '*.tmp-*' -o -name '*.aside' -o -name '*.old-*' | grep . || fail 'something is left'; }
labelled 12 1 >rows
tail -n +2 rows | cut -f 1 >text
tiny_model discriminator
corpus-shard -o want.ts text

# A file: its mode, through a relative link, an absolute one, two of them, and one to nothing yet.
mkdir -p deep/er
echo old >deep/file
chmod 640 deep/file
ln -s ../file deep/er/link
ln -s "$PWD/deep/er/link" link
ln -s deep/new dangling
corpus-shard -f -o link text
[[ -L link && -L deep/er/link && $(stat -c %a deep/file) = 640 ]] || fail "$(ls -l link deep/er/link deep/file)"
cmp deep/file want.ts
corpus-shard -o dangling text
[ -L dangling ] || fail 'the link to nothing is none any more'
cmp deep/new want.ts
ln -s circle circle
status=0
corpus-shard -f -o circle text 2>err || status=$?
[[ $status = 3 && $(cat err) == *'circle: '*'symbolic links'* ]] || fail "circle: $status $(cat err)"
status=0
corpus-shard -o link text 2>err || status=$?
[[ $status = 2 ]] || fail "link without -f: $status $(cat err)"
none_left

# A directory, through a link on another folder; its mode.
mkdir store
tune() { finetune -q --task classify -m discriminator --epochs 1 "$@" rows; }
tune -o store/model
chmod 700 store/model
ln -s store/model model
before=$(stat -c %i store/model)
tune -f -o model --seed 2
[[ -L model && $(stat -c %a store/model) = 700 && $(stat -c %i store/model) != "$before" ]] || fail "$(ls -ld model store/model)"
ln -s store/later later
tune -o later
[[ -L later && -e store/later/config.json ]] || fail "$(ls -l . store)"
tune -f -o model/ --seed 3
[ -L model ] || fail 'a slash behind the link'
none_left

# It is there at every moment, and one of the two.
classify -m model text >one
tune -f -o model --seed 4
classify -m model text >two
(for seed in 3 4 3 4; do tune -f -o model --seed $seed; done) &
while kill -0 $! 2>/dev/null; do
    classify -m model text >got 2>err || { grep -q 'changed while' err || fail "not there: $(cat err)"; continue; }
    cmp -s got one || cmp -s got two || fail 'another one'
done
wait $!
[ -n "$SANITIZED" ] && exit 0

# Any step of it fails: all as it was.
cp -r store/model kept
for command in "tune -f -o model --seed 5" "model-import -q -f -o model discriminator"; do
    for fault in 'sync 1' 'sync 3' 'write 2'; do
        status=0
        RTD_FAULT=$fault RTD_FAULT_COUNT=count LD_PRELOAD=$BUILD/tests/faults.so $command 2>err || status=$?
        [ $status = 3 ] || fail "$command, $fault: status $status, $(cat err count)"
        diff -r store/model kept || fail "$command, $fault: changed"
        none_left
    done
    RTD_FAULT_COUNT=count LD_PRELOAD=$BUILD/tests/faults.so $command
    syncs=$(sed -n 's/^sync //p' count)
    rm -rf kept && cp -r store/model kept
    RTD_FAULT="sync $syncs" LD_PRELOAD=$BUILD/tests/faults.so $command 2>err && fail "$command: last sync"
    diff -r store/model kept || fail "$command, the last sync: changed"
    none_left
done
cp deep/file kept.file
for fault in 'sync 1' 'sync 2'; do
    RTD_FAULT=$fault LD_PRELOAD=$BUILD/tests/faults.so corpus-shard --text -f -o link text 2>err && fail "$fault: no failure"
    cmp deep/file kept.file || fail "$fault: changed"
    none_left
done


# Where two names cannot change places in one step.
RTD_FAULT='exchange 1' LD_PRELOAD=$BUILD/tests/faults.so tune -f -o model --seed 6
diff -r store/model kept >/dev/null && fail 'not replaced'
RTD_FAULT='exchange 1' LD_PRELOAD=$BUILD/tests/faults.so corpus-shard -f -o link text
[ -L link ] && cmp deep/file want.ts
none_left
