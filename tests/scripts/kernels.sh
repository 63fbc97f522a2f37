#!/usr/bin/env bash
# run: plain
# Which kernels compute: what the user sets stands, or is refused; else the CPU decides, and starts
# beside busy processes decide alike.
set -euo pipefail
complain() {
    echo "$*"
    exit 1
}
choice=$BUILD/tests/choice
chosen() { # NAME REASON ENVIRONMENT...: choice says "kernels NAME: REASON"
    local said
    said=$(env "${@:3}" "$choice" 2>&1) || true
    # shellcheck disable=SC2053
    [[ $said == kernels\ $1:\ $2 ]] || complain "${*:3}: $said"
}
refused() { # PATTERN ENVIRONMENT...
    local said status=0
    said=$(env "${@:2}" "$choice" 2>&1) || status=$?
    # shellcheck disable=SC2053
    [[ $status = 2 && $said == $1 ]] || complain "${*:2}: $status, $said"
}

chosen plain-blis-generic 'RTD_KERNELS says so' RTD_KERNELS=plain
chosen plain-blis-generic 'RTD_KERNELS says so' RTD_KERNELS=plain-blis-generic
chosen '*' 'the *' RTD_KERNELS=
refused '*RTD_KERNELS=none: no such kernel set on this CPU' RTD_KERNELS=none
refused '*RTD_KERNELS=plain-6x64: *' RTD_KERNELS=plain-6x64
refused '*RTD_KERNELS=plain-blis-mips: *' RTD_KERNELS=plain-blis-mips
# BLIS takes a name for 0 and dies of a number that it does not have
refused '*BLIS_ARCH_TYPE=haswell: not the number of *' BLIS_ARCH_TYPE=haswell
refused '*BLIS_ARCH_TYPE=99: not the number of *' BLIS_ARCH_TYPE=99
has() { grep -qw "$1" /proc/cpuinfo; }
if has avx2 && has fma; then
    chosen 'avx2-blis-*' 'RTD_KERNELS says so' RTD_KERNELS=avx2
    chosen avx2-blis-haswell 'RTD_KERNELS says so' RTD_KERNELS=avx2-blis-haswell
    chosen '*-blis-haswell' 'BLIS_ARCH_TYPE says so' BLIS_ARCH_TYPE=3
    chosen plain-blis-haswell 'BLIS_ARCH_TYPE says so' BLIS_ARCH_TYPE=3 RTD_KERNELS=plain
    refused '*RTD_KERNELS=avx2-6x64: *' RTD_KERNELS=avx2-6x64
else
    refused '*RTD_KERNELS=avx2: *' RTD_KERNELS=avx2
fi
if has avx512f && has avx512bw && has avx512dq && has avx512vl; then
    chosen avx512-6x64 'RTD_KERNELS says so' RTD_KERNELS=avx512
    chosen avx512-blis-skx 'BLIS_ARCH_TYPE says so' BLIS_ARCH_TYPE=0
    chosen 'avx512-*' 'measured on this CPU *' RTD_KERNELS=measured
else
    refused '*RTD_KERNELS=avx512-6x64: *' RTD_KERNELS=avx512-6x64
    refused '*BLIS_ARCH_TYPE=0: *' BLIS_ARCH_TYPE=0
fi

# starts beside four busy processes (tests/long/kernels.sh: 1,000)
busy=()
trap 'kill "${busy[@]}"' EXIT
for _ in 1 2 3 4; do
    (while :; do :; done) &
    busy+=($!)
done
for ((i = 0; i < ${STARTS:-20}; i++)); do RTD_KERNELS=measured "$choice"; done >starts
cut -d: -f1 starts | sort | uniq -c >answers
[ "$(wc -l <answers)" = 1 ] || complain "starts chose differently: $(cat answers)"
