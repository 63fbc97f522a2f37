#!/usr/bin/env bash
# A network of ELECTRA-Small's proportions against a reference implementation's, with every set of
# kernels that this CPU has.
set -euo pipefail
mid=$SHARED/golden/mid
if [ -z "$SHARED" ] || [ ! -d "$mid" ]; then
    echo "no ../shared/golden/mid"
    exit 77
fi
for set in plain avx2 avx512; do
    status=0
    RTD_KERNELS=$set "$BUILD/tests/parity" "$mid" 2>&1 || status=$?
    # 2: not on this CPU
    if [ $status != 0 ] && { [ $status != 2 ] || [ $set = plain ]; }; then
        exit 1
    fi
done
