# Sourced by pretrain: choosing by --recipe and --time, and the card of the model that came of it.  The
# caller has common.sh and recipe-settings.sh, and sets list, recipe, asked (a size or empty), seconds,
# time (as written), dir, sources, seed and threads.
# shellcheck shell=bash

number() { awk -v x="$1" "BEGIN { v = $2; printf v < 1000 ? \"%.3g\" : \"%.0f\", v }"; } # X EXPRESSION

# Sets can: the records that the time is good for, by the speed of the first ones.
plan() { # EXAMPLES OPTION...
    local mask=("${mask[@]}")
    masks_until 1000000000
    can=$(ts-cat --repeat 10000 "$1" | mask-gen "${mask[@]}" |
        rtd-train -q "${train[@]}" "${@:2}" --time "$time" --plan -j "$threads" || pipe_ok "${PIPESTATUS[@]}")
    can=$(cut -f 2 <<<"$can")
}

# The same in millions of tokens, by a sample of the text: sets would.
plan_sample() {
    local at=$dir/sample
    rm -rf "$at"
    mkdir "$at"
    corpus-shard -q -n 2000 -o "$at/docs.ts" "${sources[@]}"
    vocab-train -q "${vocab[@]}" -o "$at/vocab.txt" "$at/docs.ts"
    wordpiece -q --vocab "$at/vocab.txt" "$at/docs.ts" | seq-pack "${pack[@]}" -o "$at/examples.ts"
    plan "$at/examples.ts"
    would=$(number "$can" "x * $(info tokens "$at/examples.ts") / $(info records "$at/examples.ts") / 1e6")
    rm -rf "$at"
}

# Chooses a size: all settings of its recipe, and $dir/plan: size and words, then the reasons.
# What was chosen once stays, as long as the text does.
choose() {
    local sizes have size least='' best='' note=''
    sizes=$(awk -f "$here/recipes.awk" "$list") || fail 2 "$list: $sizes"
    sizes=$(sed -n "s/^$recipe-//p" <<<"$sizes")
    [ -n "$sizes" ] || fail 2 "$list: no recipe is called $recipe"
    if [ -n "$asked" ]; then
        grep -qxF -e "$asked" <<<"$sizes" || fail 2 "--size $asked: $recipe has $(paste -s -d ' ' <<<"$sizes")"
        sizes=$asked
    fi
    if ! stale "$dir/plan" "${sources[@]}"; then
        read -r best _ <"$dir/plan"
        settings_of "$list" "$recipe-$best"
        return
    fi
    have=$(corpus-shard -q --text "${sources[@]}" | wc -w)
    for size in $(tac <<<"$sizes"); do
        settings_of "$list" "$recipe-$size"
        least="$words million words, for $size"
        if awk -v h="$have" -v w="$words" 'BEGIN { exit h >= w * 1e6 }'; then
            note+="$size wants $words million words of text"$'\n'
            continue
        fi
        plan_sample
        if awk -v x="$would" -v t="$tokens" 'BEGIN { exit x >= t }'; then
            note+="$size wants $tokens million tokens: $time allow $would, $(number "$tokens" "x / $would * $seconds / 60") minutes would do"$'\n'
            continue
        fi
        best=$size
        note+="$size: $time allow $would million tokens"$'\n'
        break
    done
    if [ -z "$best" ]; then
        size=$(number "$have" 'x / 1e6')
        case $(tail -n 1 <<<"${note%$'\n'}") in
        *tokens*) fail 2 "too little time: $(tail -n 1 <<<"${note%$'\n'}")" ;;
        *) fail 1 "too little text, $size million words: $recipe wants $least; add text, or fine-tune a published encoder" ;;
        esac
    fi
    printf '%s %s\n%s' "$best" "$have" "$note" >"$dir/plan.tmp"
    mv "$dir/plan.tmp" "$dir/plan"
    sed "1d; s/^/pretrain: $(number "$have" 'x / 1e6') million words; /" "$dir/plan" >&2
}

# Sets records, those of the run: as many as the time is good for, but no more passes than a recipe
# wants.  $dir/records keeps them, as long as the examples stay.
count_records() { # EXAMPLES OPTION...
    if stale "$dir/records" "$1"; then
        plan "$@"
        awk -v can="$can" -v n="$(info records "$1")" -v p="${passes:-1e9}" \
            'BEGIN { printf "%.0f\n", can < n * p ? can : n * p }' >"$dir/records.tmp"
        mv "$dir/records.tmp" "$dir/records"
    fi
    records=$(<"$dir/records")
}

info() { ts-info "$2" | awk -v n="$1" '$1 == n { sub(/,$/, "", $2); print $2; exit }'; } # NAME FILE

# The model's card, beside the model as well.
write_card() { # FILE
    local model=$dir/model/discriminator last
    last=$(tail -n 1 "$dir/model/metrics.tsv" | cut -f 1)
    {
        printf -- '---\nlibrary_name: transformers\ntags:\n- electra\n---\n# %s\n\n' "$(basename "$(readlink -f "$dir")")"
        echo "A text encoder, pre-trained by \`pretrain --recipe $recipe\` of rtdtools on the text below and nothing else."
        echo
        printf '```sh\nfinetune --task classify -m %s -o classifier train.tsv\n```\n\n## Text\n\n' "${model##*/}"
        printf '| source | bytes | sha256 |\n|---|---|---|\n'
        for source in "${sources[@]}"; do
            [ ! -f "$source" ] ||
                printf '| %s | %s | %s |\n' "${source##*/}" "$(stat -L -c %s "$source")" "$(sha256sum <"$source" | cut -d ' ' -f 1)"
        done
        printf '\n| | |\n|---|---|\n| words | %s |\n| examples | %s |\n| tokens, one pass | %s |\n| held out, examples | %s |\n\n' \
            "$(awk 'NR == 1 { print $2 }' "$dir/plan")" "$(info records "$examples")" "$(info tokens "$examples")" \
            "$([ ${#held[@]} -eq 0 ] && echo 0 || info records "${held[1]}")"
        printf '## Settings\n\nChosen from the text, %s on %s threads (%s):\n\n' "$time" "$threads" "$(cpu_name)"
        sed '1d; s/^/- /' "$dir/plan"
        printf '\n| | |\n|---|---|\n| parameters | %s |\n| vocab-train | %s |\n| seq-pack | %s |\n| mask-gen | %s |\n' \
            "$(model-info --json "$model" | jq .parameters)" "${vocab[*]}" "${pack[*]}" "${mask[*]}"
        [ ${#vectors[@]} -eq 0 ] || printf '| piece-vectors | %s |\n' "${vectors[*]}"
        printf '| rtd-train | %s |\n| steps | %s |\n| examples read | %s (%s passes) |\n\n' \
            "${train[*]} ${length[*]} --seed $seed" "$last" "$records" "$(number "$records" "x / $(info records "$examples")")"
        if [ -s "$dir/model/eval.tsv" ]; then
            printf '## Scores\n\nOn the text held out, at the end:\n\n| | |\n|---|---|\n'
            awk -F '\t' 'NR == 1 { split($0, name); next } { last = $0 }
                END { n = split(last, v); for (i = 2; i <= n; i++) if (v[i] != "") print "| " name[i] " | " v[i] " |" }' \
                "$dir/model/eval.tsv"
            echo
        fi
        printf '## Provenance\n\n```\n'
        rtd-train --version | head -n 1
        ts-info "$examples" | grep -E '^(vocabulary|provenance|digest)'
        printf '```\n'
    } >"$1.tmp"
    cp "$1.tmp" "$model/README.md"
    mv "$1.tmp" "$1"
}
