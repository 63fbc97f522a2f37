#!/usr/bin/env bash
# vocab-train agrees with the reference trainer on 8 MB of real text, as far as the reference agrees
# with itself.
set -euo pipefail
data=${SHARED:+$SHARED/golden/vocab-train}
if [ ! -e "${data:-/nowhere}/text.zst" ]; then
    echo 'golden/vocab-train is not there'
    exit 77
fi
begin=$(date +%s%N)
vocab-train --size 30000 --min-frequency 0 -o vocab.txt "$data/text.zst"
ms=$((($(date +%s%N) - begin) / 1000000))
[ "$(wc -l <vocab.txt)" = 30000 ]
sort "$data/pieces-sorted.txt" >want
want=$(wc -l <want)
both=$(sort vocab.txt | comm -12 - want | wc -l)
echo "$both of $want pieces, $ms ms"
[ "$want" = 29980 ]
[ $((both * 1000)) -ge $((want * 998)) ]
[ -n "$SANITIZED" ] || [ "$ms" -lt 10000 ]
