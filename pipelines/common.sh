# Sourced by the recipes of this folder, which set here to it.
# shellcheck shell=bash

fail() { # STATUS TEXT
    echo "${0##*/}: $2" >&2
    exit "$1"
}
# The comment at the head of the script.
help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

# A number above 0, with or without a unit, as a plain one.
plain() { # OPTION VALUE [UNIT=FACTOR]...
    awk -v v="$2" -v units="${*:3}" 'BEGIN { n = split(units, u, " ")
        for (i = 1; i <= n; i++) { split(u[i], p, "="); if (sub(p[1] "$", "", v)) { by = p[2]; break } }
        if (v !~ /^[0-9]+(\.[0-9]*)?(e\+?[0-9]+)?$/ || v + 0 <= 0) exit 1
        printf "%.0f", v * (by ? by : 1) }' || fail 2 "$1 $2: not a number above 0"
}

# A consumer that has all it needs leaves its upstream to die of SIGPIPE: 141 is fine but at the end.
pipe_ok() {
    local last=${!#} s
    for s; do [ "$s" -eq 0 ] || [ "$s" -eq 141 ] || return "$s"; done
    return "$last"
}

# Sets spent to what this shell's children have taken so far, seconds of one core.
note_time() { # FOLDER: for scratch
    times >"$1/times" # a subshell would tell of its own children
    spent=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "m"); s += 60 * t[1] + t[2] } print s }' "$1/times")
    rm "$1/times"
}

cpu_name() { awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo; }
