# Sourced by recipes and pretrain: what a recipe of a list says (see recipes.list).
# shellcheck shell=bash
# shellcheck disable=SC2034 # used by the callers

# Sets words, tokens, passes, records, counts, and the arrays of options vocab, pack, mask, vectors, train.
settings_of() { # LIST RECIPE
    local key rest said
    said=$(awk -v name="$2" -f "$here/recipes.awk" "$1")
    words='' tokens='' passes='' records='' counts='' vocab=() pack=() mask=() vectors=() train=()
    while read -r key rest; do
        case $key in
        words) words=$rest ;;
        tokens) tokens=$rest ;;
        passes) passes=$rest ;;
        records) records=$rest ;;
        counts) counts=$rest ;;
        vocab) read -ra vocab <<<"$rest" ;;
        pack) read -ra pack <<<"$rest" ;;
        mask) read -ra mask <<<"$rest" ;;
        vectors) read -ra vectors <<<"$rest" ;;
        train) read -ra train <<<"$rest" ;;
        esac
    done <<<"$said"
    [ "${vectors[*]}" != none ] || vectors=()
    [ "$counts" != no ] || counts=''
}

# The value of an option among some, the last where it is there twice; empty where it is not.
value_of() { # OPTION WORD...
    local option=$1 value='' last='' word
    shift
    for word; do
        [ "$last" != "$option" ] || value=$word
        last=$word
    done
    echo "$value"
}

# The packing of what is measured on, which is alike for all recipes with sequences of that length.
measured_pack() {
    local length
    length=$(value_of --max-length "${pack[@]}")
    echo "--max-length=${length:-128}"
}

# A share of masks that changes in the course of a run has to know its end: adds to mask.
masks_until() { # RECORDS
    [[ $(value_of --mask-prob "${mask[@]}") != *:* ]] || mask+=(--over "$1")
}
