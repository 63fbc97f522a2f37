#!/usr/bin/env bash
# 1,000 starts beside four busy processes choose the same kernels.
set -euo pipefail
STARTS=1000 "$ROOT/tests/scripts/kernels.sh"
