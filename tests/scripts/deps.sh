#!/usr/bin/env bash
# run: plain
# make deps: silent when nothing is missing; installs only what is; asks for nothing that is not
# needed; says what to do where it can do nothing.
# shellcheck disable=SC2016 # the stand-ins are written here, and expand what they name
set -euo pipefail
"$ROOT/.ci/deps" >out 2>&1
[ ! -s out ]

# a system of our own: what deps uses, and neither jq nor mandoc
mkdir sys
for program in bash env grep sh awk mktemp rm cat gcc shellcheck clang-format cppcheck python3 zstd xz bzip2 file xxhsum flock gnuplot; do
    ln -s "$(command -v $program)" sys/
done
stub() { # NAME BODY
    printf '#!/bin/bash\n%s\n' "$2" >"sys/$1"
    chmod +x "sys/$1"
}
deps() { # STATUS: runs deps there
    local status=0
    PATH=$PWD/sys "$ROOT/.ci/deps" >out 2>err || status=$?
    [ $status = "$1" ] || { echo "status $status, wanted $1:"; cat out err; exit 1; }
}

stub id 'echo 0'
deps 3 # no apt at all
grep -qx 'mandoc jq' err

stub apt-get 'exit 9'
stub id 'echo 1000'
deps 3 # neither root nor sudo
grep -qx 'apt-get install --no-install-recommends -y mandoc jq' err

stub sudo 'echo sudo >>calls; exec "$@"'
stub apt-get 'echo "$*" >>calls; [ "$1" = install ]'
deps 0
[ "$(cat calls)" = $'sudo\ninstall -qq -y --no-install-recommends mandoc jq' ]

# lists that are out of date
rm calls
stub id 'echo 0'
stub apt-get 'echo "$1" >>calls; [ "$1" = update ] || [ "$(grep -c . calls)" = 3 ]'
deps 0
[ "$(tr '\n' ' ' <calls)" = 'install update install ' ]

rm calls
stub apt-get 'echo "$1" >>calls; echo "E: no such package"; exit 100'
deps 3
grep -q 'no such package' err
