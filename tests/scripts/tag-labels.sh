#!/usr/bin/env bash
# run: plain
# What labels mean, from training to measures: parts of speech, IOB1 as it stands, letters without a
# type, BILOU; and the same entities whichever way they are written.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
# Sentences of words whose labels follow from the word: "he his" and "on" are entities of two types,
# "that his" and "at" the same behind one of their own type; the others are outside.
sentences() { # ROWS SEED SCHEME
    awk -v n="$1" -v seed="$2" -v scheme="$3" '
        function label(first, last, touches, type) {
            if (scheme == "iob2") return (first ? "B-" : "I-") type
            if (scheme ~ /^iob1/) return (touches ? "B-" : "I-") type
            if (scheme == "bilou") return (first && last ? "U-" : first ? "B-" : last ? "L-" : "I-") type
            if (scheme == "letters") return first ? "B" : "I"
            return type
        }
        BEGIN {
            srand(seed)
            split("the of and to in", w, " ")
            for (i = 0; i < n; i++) {
                before = ""
                for (k = 0; k < 4; k++) {
                    type = rand() < 0.5 ? "PER" : "LOC"
                    if (rand() < 0.4) {
                        print w[1 + int(rand() * 5)] "\t" (scheme == "pos" ? "X" : "O")
                        before = ""
                        continue
                    }
                    two = type == "PER" && scheme != "pos"
                    touches = before == type && !(scheme == "iob1-found" && two)
                    print (type == "PER" ? (touches ? "that" : "he") : (touches ? "at" : "on")) "\t" label(1, !two, touches, type)
                    if (two) print "his\t" label(0, 1, 0, type)
                    before = type
                }
                print ""
            }
        }'
}
learn() { # SCHEME OPTION...
    local scheme=$1
    shift
    sentences 300 1 "$scheme" >"$scheme.train"
    sentences 60 2 "$scheme" >"$scheme.test"
    rm -rf model
    finetune --task tag -m discriminator -o model --lr 5e-3 --epochs 6 -q "$@" "$scheme.train"
    tag -m model --conll "$scheme.test" >said 2>err || fail "$scheme: $(cat err)"
}
f1() { # SCHEME OPTION...
    local scheme=$1
    shift
    evaluate --task tag --gold "$scheme.test" "$@" | awk -F '\t' '$1 == "f1" { print $2 }'
}
labels() { jq -c '.id2label | [.[]] | sort' model/config.json; }
entities() { jq -c '[.entities[] | .type + ":" + .text]'; }

# Parts of speech: equal neighbours are one entity, X is a label like any other.
learn pos
[ "$(labels)" = '["LOC","PER","X"]' ] || fail "pos: $(labels)"
[ "$(f1 pos said)" = 1 ] || fail "parts of speech are not learnt: $(f1 pos said)"
[ "$(echo 'the of he he on the' | tag -m model | entities)" = '["X:the of","PER:he he","LOC:on","X:the"]' ] ||
    fail "pos: $(echo 'the of he he on the' | tag -m model)"

# IOB1 is learnt as IOB2 ...
learn iob1
[ "$(labels)" = '["B-LOC","B-PER","I-PER","O"]' ] || fail "iob1: $(labels)"
[ "$(f1 iob1 said)" = 1 ] || fail "iob1: $(f1 iob1 said)"
# ... or as it stands, which is recognised in the model where a type has no B-, and stated where all have.
learn iob1-found --scheme plain
[ "$(labels)" = '["B-LOC","I-LOC","I-PER","O"]' ] || fail "iob1 as it stands: $(labels)"
[ "$(f1 iob1-found said)" = 1 ] || fail "iob1 as it stands: $(f1 iob1-found said)"
learn iob1 --scheme plain
[ "$(labels)" = '["B-LOC","B-PER","I-LOC","I-PER","O"]' ] || fail "iob1 as it stands: $(labels)"
tag -m model --scheme iob1 --conll iob1.test >said
[ "$(f1 iob1 said)" = 1 ] || fail "iob1 that is stated: $(f1 iob1 said)"
text='the on at he his that his of on'
[ "$(echo "$text" | tag -m model --scheme iob1 | entities)" = '["LOC:on","LOC:at","PER:he his","PER:that his","LOC:on"]' ] ||
    fail "iob1 that is stated: $(echo "$text" | tag -m model --scheme iob1)"

# Letters alone: entities without a type.
learn letters
[ "$(labels)" = '["B","I","O"]' ] || fail "letters: $(labels)"
[ "$(echo 'the he his on of' | tag -m model | entities)" = '[":he his",":on"]' ] || fail "letters"
[ "$(f1 letters said)" = 1 ] || fail "letters: $(f1 letters said)"

# BILOU, and --bioes of it: the same entities.
learn bilou
[ "$(labels)" = '["B-PER","L-PER","O","U-LOC"]' ] || fail "bilou: $(labels)"
[ "$(f1 bilou said)" = 1 ] || fail "bilou: $(f1 bilou said)"
learn bilou --bioes
[ "$(labels)" = '["B-PER","E-PER","O","S-LOC"]' ] || fail "bilou as bioes: $(labels)"
[ "$(f1 bilou said)" = 1 ] || fail "bilou as bioes: $(f1 bilou said)"

# The same entities in four spellings agree with each other, as CoNLL and as JSON lines.
for scheme in iob2 iob1 bilou; do
    sentences 60 2 "$scheme" >"$scheme.test"
done
for a in iob2 iob1 bilou; do
    for b in iob2 iob1 bilou; do
        [ "$(f1 "$a" "$b.test")" = 1 ] || fail "$a against $b: $(f1 "$a" "$b.test")"
    done
    tag -m model --conll "$a.test" | awk -v RS= '{ s = $1; for (i = 3; i < NF; i += 2) s = s " " $i; print s }' >lines
    tag -m model lines >said
    [ "$(f1 "$a" said)" = 1 ] || fail "$a against JSON lines"
done

# What is stated is taken: names of types that look like prefixes.
printf 'a\tB-PER\nb\tI-PER\n\n' >gold
printf 'a\tB-PER\nb\tO\n\n' >other
entities_of() { evaluate --task tag --gold gold "$@" other | awk -F '\t' '$1 == "entities" { print $2 }'; }
[ "$(entities_of)" = 1 ] || fail "prefixes"
[ "$(entities_of --scheme plain)" = 2 ] || fail "--scheme plain"
evaluate --task tag --gold gold --scheme iob other 2>err && fail "an unknown scheme"
grep -q 'want iob1, iob2, bioes, bilou or plain' err || fail "$(cat err)"

# A first column that counts, as in CoNLL-U, is no column of words: refused, or stated.
awk -v RS= '{ print "# sent_id = " NR; for (i = 1; i < NF; i += 2) print (i + 1) / 2 "\t" $i "\t_\t" $(i + 1) "\t_"; print "" }' \
    pos.train >conllu
finetune --task tag -m discriminator -o never conllu 2>err && fail "numbers are learnt as words"
grep -q 'the first column counts, the words are in another one (--text 2' err || fail "$(cat err)"
finetune --task tag -m discriminator -o counted --lr 5e-3 --epochs 6 -q --text 2 --label 4 conllu
tag -m counted --conll conllu >said 2>err && fail "numbers are tagged as words"
grep -q 'the first column counts' err || fail "$(cat err)"
tag -m counted --conll --text 2 conllu >said
[ "$(evaluate --task tag --gold conllu --text 2 --label 4 said | awk -F '\t' '$1 == "token_accuracy" { print $2 }')" = 1 ] || fail "CoNLL-U"

# Comments go through, from file to file.
printf '# sent_id = 1\n# text = x\nthe\nhe\nhis\n\n# sent_id = 2\non\n\n' >words
tag -m model --conll words >said
printf '# sent_id = 1\n# text = x\nthe\tO\nhe\tB-PER\nhis\tE-PER\n\n# sent_id = 2\non\tS-LOC\n\n' | diff - said || fail "comments"
evaluate --task tag --gold said said >scores 2>err || fail "$(cat err)"
grep -qx 'entities	2' scores || fail "comments are entities: $(cat scores)"
