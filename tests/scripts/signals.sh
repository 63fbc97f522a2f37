#!/usr/bin/env bash
# run: plain
# A signal at any moment of any tool ends it by that signal, soon, and nothing of its output is left:
# before it reads, between looking at the flag and waiting, while it waits for input or for a reader.
# A file over its size limit is a failed write.
# shellcheck disable=SC2086,SC2094 # commands are words; OUT is a name for one to write
set -uo pipefail
# shellcheck source=tests/support/every_tool.sh
. "$ROOT/tests/support/every_tool.sh"
set -e
every_tool 2>/dev/null
set +e
bad=0
says() {
    echo "$*"
    bad=1
}
nothing_left() { # WHAT
    local left
    left=$(find . -maxdepth 1 -name 'OUT*')
    [ -z "$left" ] || says "$1: leaves $left"
    rm -rf OUT OUT.*
}

# Every tool that reads standard input, which never comes: 24 signals in its first 50 ms; and one
# between its look at the flag and its first read.
mkfifo silent
exec 8<>silent
awk '$1 != "-" && !seen[$2 ($2 == "evaluate" || $2 == "classify" ? $4 : "")]++' commands >readers
[ "$(cut -d ' ' -f 2 readers | sort -u | wc -l)" -ge 19 ] || says "too few tools: $(cat readers)"
python3 - <<'END' || bad=1
import os, random, signal, subprocess, sys, time
rng, bad, started = random.Random(16), 0, 0
def start(command, **more):
    global started
    started += 1  # trainers lock what they write
    command = command.replace(" OUT", f" OUT.{started}")
    def default():
        for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(s, signal.SIG_DFL)
    return subprocess.Popen(command.split()[1:], stdin=open("silent", "r+b", 0), stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, preexec_fn=default, env=dict(os.environ, **more))
def ended(what, p, sent):
    global bad
    try:
        status = p.wait(10)  # a second on an idle machine
    except subprocess.TimeoutExpired:
        p.kill()
        status = "waits for ever"
    said = p.stderr.read()
    if status != -sent or said:
        bad += 1
        print(f"{what}: {status} {said}")
for command in open("readers").read().splitlines():
    shim = os.environ["BUILD"] + "/tests/faults.so"
    ended(f"{command}: a signal before the first read of its input",
          start(command, LD_PRELOAD=shim, RTD_FAULT="term-stdin 1"), signal.SIGTERM)
    some = []
    for at in sorted(rng.random() * 0.05 for _ in range(24)):
        some.append((start(command), time.monotonic() + at, at, rng.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])))
    for p, when, at, sent in sorted(some, key=lambda x: x[1]):
        time.sleep(max(0, when - time.monotonic()))
        p.send_signal(sent)
    for p, _, at, sent in some:
        ended(f"{command}: {sent.name} after {at * 1000:.1f} ms", p, sent)
sys.exit(bad != 0)
END
find . -maxdepth 2 -path './OUT*/*' ! -name .lock | grep . && says 'something was written'
rm -rf OUT.*

# A named pipe that nobody writes to, and one that nobody reads.
mkfifo lonely
for command in 'ts-info lonely' 'ts-cat packed.ts -o lonely' 'corpus-shard lonely' 'classify -m classify lonely'; do
    $command >/dev/null 2>err &
    sleep 0.1
    kill -TERM $!
    wait $!
    status=$?
    [[ $status = 143 && ! -s err ]] || says "$command: status $status, $(cat err)"
done

# A reader that has stopped reading: the first signal ends a filter that waits for it, also where it
# comes just before the write.
i=0
while [ $i -lt 400 ]; do
    cat text
    i=$((i + 1))
done >much
corpus-shard -o much.ts much
mkfifo stalled
exec 9<>stalled
for command in 'ts-cat much.ts' 'ts-dump much.ts' 'corpus-shard much' 'wordpiece --vocab vocab.txt much' \
    'detect -m discriminator much' 'corpus-shard --text much'; do
    for fault in none 'term-write 1'; do
        if [ "$fault" = none ]; then
            $command >stalled 2>err &
            sleep 0.3
            kill -TERM $!
        else
            RTD_FAULT=$fault LD_PRELOAD=$BUILD/tests/faults.so $command >stalled 2>err &
        fi
        child=$!
        (sleep 10 && kill -KILL $child) 2>/dev/null &
        watch=$!
        wait $child
        status=$?
        kill $watch 2>/dev/null
        [[ $status = 143 && ! -s err ]] || says "$command, $fault: status $status, $(cat err)"
        timeout 1 dd bs=1M count=1 <&9 >/dev/null 2>&1
    done
done

# A parent's alarm still kills.
perl -e 'alarm 1; exec @ARGV' ts-info <silent >/dev/null 2>&1
[ $? = 142 ] || says "an alarm of the parent's: status $?"

# Over the limit of a file's size, in 512-byte blocks.
for command in 'corpus-shard much -o OUT' 'ts-cat much.ts -o OUT' 'corpus-shard --text -o OUT much' \
    'finetune -q --task classify -m discriminator --epochs 1 -o OUT labels' 'model-import -q -o OUT classify' \
    'ts-shuf much.ts -o OUT'; do
    bash -c 'ulimit -f 2; exec "$@"' _ $command >/dev/null 2>err
    status=$?
    [[ $status = 3 && $(wc -l <err) = 1 && $(cat err) == *': File too large' ]] || says "$command, limited: status $status, $(cat err)"
    nothing_left "$command, limited"
done
exit $bad
