#!/usr/bin/env bash
# Training that fails for want of disk, memory or input: what is done is saved, or the message says
# that it is not; no model; and the run can be taken up.
set -euo pipefail
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"
train_fixture
options=("${model[@]}" --steps 190 --save-every 0)
rtd-train -q "${options[@]}" -o whole masked.ts

# a read error: a connection that is reset
"$BUILD/tests/reframe" 4096 masked.ts frames.ts
python3 - "${options[@]}" <<'END' 2>err
import os
import socket
import struct
import subprocess
import sys
import time

listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
run = subprocess.Popen(["rtd-train", *sys.argv[1:], "-o", "reset"], stdin=client, stdout=sys.stderr)
client.close()
server.sendall(open("frames.ts", "rb").read()[:60000])
lines = 0
while run.poll() is None and lines < 6:
    time.sleep(0.05)
    if os.path.exists("reset/metrics.tsv"):
        lines = len(open("reset/metrics.tsv").readlines())
time.sleep(0.5)  # it waits for more
server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
server.close()
sys.exit(0 if run.wait() == 3 else f"status {run.returncode}")
END
step=$(($(lines reset/metrics.tsv) - 1))
grep -q "step $step of 190: checkpoint saved" err || complain "reset: $(cat err)"
grep -q '^rtd-train: .*Connection reset' err || complain "reset: $(cat err)"
no_model reset
rtd-train -q "${options[@]}" -o reset --resume masked.ts
same whole reset checkpoint

# no room for metrics.tsv, room for a checkpoint; and no room for a checkpoint either
limited() { (trap '' XFSZ; ulimit -f "$1"; exec rtd-train "${@:2}" 2>err); }
bytes() { stat -c %s "$1"; }
tiny=("${model[@]}" --layers 1 --hidden 2 --heads 1 --ffn 2 --embedding 2 --generator-hidden 2 --lanes 1
    --batch 1 --steps 1100)
rtd-train -q "${tiny[@]}" -o tiny --save-every 1100 masked.ts
room=0
while read -r file; do
    [ "$(bytes "$file")" -le "$room" ] || room=$(bytes "$file")
done < <(find tiny/checkpoint -type f)
room=$((room / 1024 + 2))
[ "$(bytes tiny/metrics.tsv)" -gt $((room * 1024 + 2048)) ] || complain 'metrics.tsv is not long enough'
limited $room "${tiny[@]}" -o journal --save-every 0 masked.ts && complain 'no room: status 0'
grep -q '^rtd-train: journal/metrics.tsv: cannot write: File too large$' err || complain "journal: $(cat err)"
saved=$(basename journal/checkpoint/step-*)
grep -q "^rtd-train: step ${saved#step-} of 1100: checkpoint saved$" err || complain "journal: $(cat err)"
no_model journal
rtd-train -q "${tiny[@]}" -o journal --resume --save-every 0 masked.ts
same tiny journal checkpoint metrics.tsv
# all lines but that of the step whose line did not fit
diff <(untimed tiny/metrics.tsv | grep -v "^${saved#step-}	") <(untimed journal/metrics.tsv)
status=0
limited 4 "${options[@]}" -o full masked.ts || status=$?
[ $status = 3 ] || complain "full: status $status: $(cat err)"
grep -q '^rtd-train: full/[^;]*: cannot write[^;]*; step [0-9]* is not saved: full/checkpoint/.*: cannot write' err ||
    complain "full: $(cat err)"
no_model full
status=0
limited 20 "${model[@]}" --steps 4 --save-every 2 -o unsaved masked.ts || status=$?
[ $status = 3 ] || complain "unsaved: status $status: $(cat err)"
grep -q '^rtd-train: unsaved/checkpoint/[^;]*: cannot write[^;]*; step 2 is not saved$' err || complain "unsaved: $(cat err)"
# the models themselves
status=0
limited 20 "${model[@]}" --steps 4 --save-every 0 -o last masked.ts || status=$?
[ $status = 3 ] || complain "last: status $status: $(cat err)"
grep -q '^rtd-train: last/generator[^;]*: cannot write[^;]*; step 4 is not saved: last/checkpoint/' err ||
    complain "last: $(cat err)"
no_model last

# no memory, at whatever it was taken
[ -z "$SANITIZED" ] || exit 0
short=("${model[@]}" --steps 3 -j 2)
rtd-train -q "${short[@]}" -o memory masked.ts
failed=0
for ((kb = 30000; kb < 400000; kb += kb < 120000 ? 2500 : 15000)); do
    rm -rf less
    status=0
    (ulimit -v $kb; exec rtd-train -q "${short[@]}" -o less masked.ts) 2>err || status=$?
    case $status in
    0) same memory less ;;
    3)
        failed=$((failed + 1))
        no_model less
        [ "$(wc -l <err)" = 1 ] || complain "$kb kB: $(cat err)"
        ;;
    127) ;; # the loader had not enough
    *) complain "$kb kB: status $status: $(cat err)" ;;
    esac
done
[ $failed -gt 0 ] || complain 'memory never failed'
