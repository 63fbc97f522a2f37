#!/usr/bin/env bash
# run: plain
# Every tool, with every allocation and every system call failing once.
set -euo pipefail
# shellcheck source=tests/support/every_tool.sh
. "$ROOT/tests/support/every_tool.sh"
every_tool
python3 "$ROOT/tests/support/faults.py" 0 alloc open read stdin write sync rename
