#!/usr/bin/env bash
# run: plain
# ts-shuf keeps to its budget, but for a frame read, a frame written and the program itself.
set -euo pipefail
"$ROOT/tests/scripts/data-half.py" random vocab.txt 120 >random.json
ts-load --kind tokens --vocab vocab.txt random.json | seq-pack -o examples.ts
ts-cat --repeat 160 examples.ts >many.ts
size=$(stat -c %s many.ts)
[ "$size" -gt 150000000 ] || { echo "only $size bytes"; exit 1; }
peak() { # MEM: MiB
    ts-shuf -v -S "$1" many.ts 2>&1 >/dev/null | sed -nE 's/.*peak memory ([0-9]+).*/\1/p'
}
small=$(peak 8M) medium=$(peak 64M) large=$(peak 1G)
echo "input $((size >> 20)) MiB; peak with 8M $small, 64M $medium, 1G $large MiB"
[ "$small" -lt 88 ] && [ "$medium" -lt 144 ] && [ "$large" -gt 150 ]
