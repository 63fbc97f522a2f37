#!/usr/bin/env bash
# run: plain
# A pipeline into the trainer, one of its stages killed while it runs: no finished model, a message,
# and a status that says so; then the same command with --resume goes on.
set -euo pipefail
# shellcheck source=tests/support/fixture.sh
. "$ROOT/tests/support/fixture.sh"
fixture 600
small=(--layers 1 --hidden 16 --heads 2 --embedding 16 --generator-hidden 8 --batch 256 --save-every 10)

stage() { # NUMBER COMMAND...
    local n=$1
    shift
    echo "$BASHPID" >"pid.$n"
    exec "$@" 2>"err.$n"
}
start() { # STEPS OPTION...
    rm -f pid.? err.? statuses
    {
        set +e
        stage 0 ts-cat --repeat 1000 examples.ts | stage 1 mask-gen |
            stage 2 rtd-train "${small[@]}" -j 1 -o run --steps "$@"
        echo "${PIPESTATUS[*]}" >statuses
    } 2>/dev/null &
}
finish() {
    wait $! || true
    read -ra status <statuses
}
fail() {
    echo "stage ${victim:-}: statuses ${status[*]}: $*"
    cat err.?
    exit 1
}

for victim in 1 2; do
    rm -rf run
    start 100000
    until [ -n "$(find run/checkpoint -name 'step-*' ! -name '*.tmp*' 2>/dev/null)" ]; do sleep 0.02; done
    kill -KILL "$(cat "pid.$victim")"
    finish
    [ "${status[victim]}" = 137 ] || fail 'not killed'
    if [ -e run/discriminator ] || [ -e run/generator ]; then fail 'a finished model'; fi
    if [ "$victim" != 2 ]; then
        [ "${status[2]}" = 1 ] || fail 'the trainer should have failed'
        [ "$(grep -c '^rtd-train: .*\(unterminated\|upstream\|ended\)' err.2)" = 1 ] || fail 'no word about it'
    fi
    steps=$(find run/checkpoint -name 'step-*' ! -name '*.tmp*' | sed 's/.*-//' | sort -n | tail -n 1)
    # the step count is part of the command; so the end is not reached, but it goes on from there
    start 100000 --resume
    until [ -d "run/checkpoint/step-$((steps / 10 * 10 + 20))" ]; do
        [ ! -e statuses ] || { finish; fail 'did not go on'; }
        sleep 0.02
    done
    kill -TERM "$(cat pid.2)"
    finish
    [ "${status[2]}" = 143 ] || fail 'TERM should end it'
    [ ! -e run/discriminator ] || fail 'a finished model'
done
