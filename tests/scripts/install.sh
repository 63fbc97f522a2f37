#!/usr/bin/env bash
# run: plain
# make install puts everything into place, what is installed works from there, uninstall removes it.
set -euo pipefail
args=(-s --no-print-directory -C "$ROOT" BUILD="${BUILD##*/}" BIN="${BIN##*/}" PREFIX=/opt/r DESTDIR="$PWD/root")
make "${args[@]}" install
cd root/opt/r
for source in "$ROOT"/tools/*.c; do
    tool=$(basename "$source" .c)
    [ -x "bin/$tool" ] || { echo "$tool is not installed"; exit 1; }
    "bin/$tool" --version >/dev/null
done
for page in "$ROOT"/man/*.[1-8]; do
    cmp "$page" "share/man/man${page##*.}/${page##*/}"
done
for recipe in "$ROOT"/pipelines/*; do
    case $recipe in *.tsv) continue ;; esac # results, no recipe
    [ -x "share/rtdtools/${recipe##*/}" ]
done
share/rtdtools/demo --help | grep -q DIR
share/rtdtools/pretrain -h | grep -q DIR
cd ../../..
make "${args[@]}" uninstall
left=$(find root ! -type d)
[ -z "$left" ] || { echo "uninstall leaves $left"; exit 1; }
