#!/usr/bin/env bash
# run: plain
# Every tool with one allocation that fails, its last ones and some of the others (tests/long has all),
# and with one system call that fails.
set -euo pipefail
# shellcheck source=tests/support/every_tool.sh
. "$ROOT/tests/support/every_tool.sh"
every_tool
python3 "$ROOT/tests/support/faults.py" 14 alloc
python3 "$ROOT/tests/support/faults.py" 3 open read stdin write sync rename
