#!/usr/bin/env bash
# run: plain
# A tool has in it what it uses: BLIS only what multiplies matrices, libarchive only what opens
# archives; --version names those and no others.
set -euo pipefail
bad=0
complain() {
    echo "$*"
    bad=1
}
for source in "$ROOT"/tools/*.c; do
    tool=$(basename "$source" .c)
    nm "$BIN/$tool" >symbols
    readelf -d "$BIN/$tool" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' >needed
    blis=$(grep -c ' [tT] bli_' symbols || true)
    if grep -q ' T rtd_gemm$' symbols; then
        [ "$blis" -gt 0 ] || complain "$tool: products without BLIS?"
    elif [ "$blis" -gt 0 ]; then
        complain "$tool: $blis functions of BLIS, and no product"
    fi
    if grep -q libarchive needed && ! grep -q ' U archive_read_new' symbols; then
        complain "$tool: needs libarchive and reads no archive"
    fi
    case $tool in evaluate | ts-* | mask-gen | seq-pack | wordpiece | vocab-train)
        [ "$blis" = 0 ] || complain "$tool: has BLIS in it"
        if grep -q libarchive needed; then complain "$tool: needs libarchive"; fi
        ;;
    esac
    "$tool" --version >version
    for name in BLIS libarchive zstd; do
        case $name in
        BLIS) there=$blis ;;
        *) there=$(grep -c "lib${name#lib}" needed || true) ;;
        esac
        said=$(grep -c "[ (]$name [0-9]" version || true)
        [ $((there > 0)) = $((said > 0)) ] || complain "$tool: $name: linked $there, but: $(cat version)"
    done
done
exit $bad
