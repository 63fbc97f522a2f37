#!/usr/bin/env bash
# A model whose only vocabulary is another's tokenizer.json: as it stands, imported and fine-tuned it
# makes the same of a text; special pieces written in a text are those pieces in every tool, but for
# --plain-text and a model made with it.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
tiny=$ROOT/tests/golden/tiny vocab=$ROOT/tests/golden/vocab97.txt
model() { # NAME KIND FILTER: a directory with a tokenizer.json that the filter changes
    mkdir "$1"
    cat "$tiny/$2/config.json" >"$1/config.json"
    cat "$tiny/$2/model.safetensors" >"$1/model.safetensors"
    jq -Rn "[inputs] | {model: {type: \"WordPiece\", unk_token: \"[UNK]\", continuing_subword_prefix: \"##\", max_input_chars_per_word: 100,
        vocab: (to_entries | map({(.value): .key}) | add)}, added_tokens: [], post_processor: null, pre_tokenizer: {type: \"BertPreTokenizer\"},
        normalizer: {type: \"BertNormalizer\", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true}} | $3" \
        "$vocab" >"$1/tokenizer.json"
}
cat >texts <<'T'
the cat, the dog... and a
The Cat was Good
[SEP] the [MASK] <e> dog</e>
runs!! the,cat
T
# The last two rows of the table are added tokens, one of which takes its blanks with it.
added='.model.vocab |= with_entries(select(.value < 95)) | .added_tokens = [{id: 95, content: "<e>", rstrip: true}, {id: 96, content: "</e>", special: true}]'
filters=('.pre_tokenizer.type = "Whitespace"' '.normalizer.lowercase = false' '.normalizer = null' "$added"
    '.model.continuing_subword_prefix = "@@" | .model.vocab |= with_entries(.key |= sub("^##(?=.)"; "@@"))'
    '.model.max_input_chars_per_word = 2' '.normalizer = {type: "Sequence", normalizers: [{type: "Lowercase"}, .normalizer]}')
for i in "${!filters[@]}"; do
    model "m$i" classify "${filters[i]}"
    model-import -q -o "i$i" "m$i"
    classify -q -m "m$i" --all texts >one
    classify -q -m "i$i" --all texts | cmp - one || fail "${filters[i]}: imported, other answers"
    cut -f 2 one | sort -u | wc -l | grep -qx 4 || fail "${filters[i]}: texts that must differ do not"
done
model plain classify .
classify -q -m plain --all texts >want
for i in 0 1 2 3 5; do ! classify -q -m "m$i" --all texts | cmp -s - want || fail "${filters[i]}: of no effect"; done
# In what we write tokenizer.json has the ids of vocab.txt, is sealed, and vocab.txt is enough.
jq -r '.model.vocab | to_entries | sort_by(.value)[].key' i6/tokenizer.json | cmp - "$vocab" || fail "ids of tokenizer.json"
[ "$(jq -r .tokenizer_class i6/tokenizer_config.json i3/tokenizer_config.json | xargs)" = "ElectraTokenizer PreTrainedTokenizerFast" ] || fail classes
cp -r i3 broken
sed -i 's/"rstrip": true/"rstrip": null/' broken/tokenizer.json
! classify -q -m broken texts 2>err || fail "not sealed"
grep -q 'broken/tokenizer.json: checksum mismatch' err || fail "$(cat err)"
# Fine-tuned, its rules stay.
printf 'text\tlabel\nthe <e> cat\tx\nThe dog</e>\ty\n' >train.tsv
finetune -q --task classify -m m3 -o tuned --epochs 1 train.tsv
[ "$(jq -c '.added_tokens[5:]' tuned/tokenizer.json)" = "$(jq -c '.added_tokens[5:]' i3/tokenizer.json)" ] || fail "fine-tuned: added tokens"
! jq -e .split_special_tokens tuned/tokenizer_config.json >null || fail "split_special_tokens without --plain-text"

# Special pieces: in every tool the piece, and with --plain-text its letters.
model discriminator discriminator .
for kind in tag answer; do model $kind $kind .; done
echo 'the [SEP] cat' >special
pieces() { jq -r '.pieces | map(.piece) | join(" ")'; }
[ "$(detect -m discriminator --json special | pieces)" = 'the [SEP] cat' ] || fail detect
[ "$(detect -m discriminator --json --plain-text special | pieces)" = 'the [UNK] s ##e ##p [UNK] cat' ] || fail "detect --plain-text"
rows() { "$@" --tensor | ts-dump --field logits | jq '.logits | length'; }
[ "$(rows tag -m tag special) $(rows tag -m tag --plain-text special)" = '5 9' ] || fail tag
printf 'the\n[SEP]\ncat\n\n' >special.conll
[ "$(rows tag -m tag --conll special.conll) $(rows tag -m tag --conll --plain-text special.conll)" = '5 9' ] || fail "tag --conll"
printf 'the\ta [SEP] cat\n' >question
[ "$(rows answer -m answer question) $(rows answer -m answer --plain-text question)" = '7 11' ] || fail answer
! cmp -s <(classify -m plain special) <(classify -m plain --plain-text special) || fail classify
! cmp -s <(embed -m discriminator special) <(embed -m discriminator --plain-text special) || fail embed
for plain in '' --plain-text; do # the option of the training is the model's, and an answering tool's wins
    # shellcheck disable=SC2086
    finetune -q --task classify -m plain -o "learnt$plain" --epochs 1 $plain train.tsv
done
[ "$(jq .split_special_tokens learnt--plain-text/tokenizer_config.json)" = true ] || fail split_special_tokens
cmp <(classify -m learnt special) <(classify -m learnt--plain-text special) >null 2>&1 && fail "a model with --plain-text"
cmp <(classify -m learnt --plain-text special) <(classify -m learnt--plain-text special) || fail "--plain-text over the model's word"
model-import -q -o again learnt--plain-text
cmp <(classify -m again special) <(classify -m learnt--plain-text special) || fail "--plain-text imported"
# What would make other ids is refused in one line, by both doors.
model mecab classify .
echo '{"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "mecab"}' >mecab/tokenizer_config.json
model nfkc classify '.normalizer = {type: "NFKC"}'
model roberta classify '.post_processor = {type: "RobertaProcessing"}'
for word in mecab nfkc roberta; do
    for run in "model-import -o never $word" "classify -m $word special"; do
        status=0
        $run >out 2>err || status=$?
        if [ $status != 1 ] || [ -s out ] || [ -e never ] || [ "$(wc -l <err)" != 1 ] ||
            ! grep -qi ": ${word}[a-z]* \(is not\|(MeCab) is not\)" err; then
            fail "$run: status $status, $(cat err)"
        fi
    done
done
