#!/usr/bin/env bash
# run: plain
# What options of fine-tuning and answering do, one at a time, with tiny models.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
tiny_bert
tune() { # DIR OPTION...
    finetune -m discriminator -o "$1" -f --epochs 1 "${@:2}"
}
steps() { tail -n 1 "$1/metrics.tsv" | cut -f 1; }
same_model() { cmp "$1/model.safetensors" "$2/model.safetensors" || fail "$3: another model"; }
other_model() { ! cmp -s "$1/model.safetensors" "$2/model.safetensors" || fail "$3: the same model"; }

# --- finetune ---
# --bioes: the same tags from BIO, and from a file where entities begin with I-
printf '%s\n' 'the B-X' 'cat I-X' 'dog I-X' 'of O' 'you B-X' 'was O' 'a B-Y' 'b I-Y' | tr ' ' '\t' >bio.conll
sed 's/B-/I-/' bio.conll >iob1.conll
tune bio --task tag --bioes bio.conll
tune iob1 --task tag --bioes iob1.conll
labels=$(jq -c '.id2label | [.[]] | sort' bio/config.json)
[ "$labels" = '["B-X","B-Y","E-X","E-Y","I-X","O","S-X"]' ] || fail "--bioes: $labels"
same_model bio iob1 --bioes
tune plain --task tag bio.conll
[ "$(jq -c '.id2label | [.[]] | sort' plain/config.json)" = '["B-X","B-Y","I-X","I-Y","O"]' ] || fail "tags without --bioes"

# --stride, --question-length: a context of 24 pieces, and windows of 20 tokens, of which 3 and the
# question are not context: room for 15 with 2 pieces of question, 9 with 8.
question='is it for you or the cat dog'
context=$(printf 'the cat was good %.0s' {1..6})
as_squad() { # QUESTION
    printf '{"data": [{"paragraphs": [{"context": "%s", "qas": [{"id": "q", "question": "%s", "answers": [{"text": "cat was", "answer_start": 4}]}]}]}]}\n' \
        "$context" "$1"
}
as_squad "$question" >long.json
as_squad 'is it' >short.json
windows() { # WANTED OPTION...: a step each
    tune windows --task answer --length 20 --batch 1 "${@:2}"
    [ "$(steps windows)" = "$1" ] || fail "${*:2}: $(steps windows) windows, not $1"
}
windows 2 --stride 5 short.json   # 15, then 10 new ones
windows 4 --stride 11 short.json  # 15, then 4 each: 19, 23, 24
windows 3 --stride 1 long.json    # 9, then 8 each: 17, 24
windows 16 --stride 99 long.json  # 9, then one by one
windows 2 --stride 5 --question-length 2 long.json
cp -r windows two
windows 2 --stride 5 short.json
same_model windows two --question-length
printf '%s\t%s\n' "$question" "$context" >asked
printf 'is it\t%s\n' "$context" >briefly
answer -m two --length 20 --threshold 1 briefly >said
answer -m two --length 20 --threshold 1 --question-length 2 asked | cmp - said || fail "answer --question-length"
! answer -m two --length 20 --threshold 1 asked | cmp -s - said || fail "answer --question-length has no effect"
! answer -m two --length 20 --threshold 1 --stride 1 briefly | cmp -s - said || fail "answer --stride has no effect"

# --context: the last turns, as if there were no others
turns() { # FIRST-TURNS
    printf 'query\tcandidate\tlabel\n'
    labelled 40 3 | sed 1d | awk -F '\t' -v OFS='\t' -v first="$1" '{ print first $1, "it was good", 1; print first $1, "it was bad", 0 }'
}
turns '' >last.tsv
turns 'you had a cat __eou__ ' >both.tsv
turns 'he was an __eou__ you had a cat __eou__ ' >all.tsv
tune last --task rank last.tsv
tune both --task rank both.tsv
tune one --task rank --context 1 all.tsv
tune two --task rank --context 2 all.tsv
tune all --task rank all.tsv
same_model last one '--context 1'
same_model both two '--context 2'
other_model all both '--context 2'
cut -f 1 all.tsv | sed 1d | uniq >queries
cut -f 1 last.tsv | sed 1d | uniq >queries.last
printf '%s\n' 'it was bad' 'it was good' 'the dog' >candidates
sed 's/$/\tit was bad\tit was good\tthe dog/' queries.last | rank -m last >said
[ "$(wc -l <said)" = 40 ] || fail "$(cat said)"
rank -m last --candidates candidates queries.last | cmp - said || fail "rank --candidates"
rank -m last --candidates candidates --context 1 queries | cmp - said || fail "rank --context 1"
! rank -m last --candidates candidates --context 2 queries | cmp -s - said || fail "rank --context 2 is as 1"

# --target-length: [CLS] 3 pieces [SEP] and 6 pieces [SEP]
printf 'source\ttarget\nthe cat was\tit was good and he had\n' >copy.tsv
for pair in 64:12 6:12 4:10 2:8; do
    tune copy --task generate --target-length ${pair%:*} copy.tsv
    [ "$(jq .rtdtools.trained_length copy/config.json)" = ${pair#*:} ] || fail "--target-length ${pair%:*}: $(jq -c .rtdtools copy/config.json)"
done

# --swap: every pair also the other way round; in one step the loss is that of a file with both
labelled 20 1 | awk -F '\t' -v OFS='\t' 'NR == 1 { print "text_a", "text_b", "label"; next } { print $1, "the cat", $2 }' >pairs.tsv
awk -F '\t' -v OFS='\t' '1; NR > 1 { print $2, $1, $3 }' pairs.tsv >doubled.tsv
loss() { sed -n 2p "$1/metrics.tsv" | cut -f 4; }
tune swapped --task classify --swap --batch 40 --dropout 0 pairs.tsv
tune doubled --task classify --batch 40 --dropout 0 doubled.tsv
tune pairs --task classify --batch 40 --dropout 0 pairs.tsv
close() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 1e-5 && d > -1e-5) }'; }
close "$(loss swapped)" "$(loss doubled)" || fail "--swap: loss $(loss swapped), not $(loss doubled)"
! close "$(loss swapped)" "$(loss pairs)" || fail "--swap has no effect"
tune swapped --task classify --swap --batch 1 pairs.tsv
[ "$(steps swapped)" = 40 ] || fail "--swap: $(steps swapped) steps"

# --official-layer-decay: Adam's first step is as long as the rate, that of layers is cut once more
train=(--task classify --warmup 0 --weight-decay 0 --max-steps 1 --layer-decay 0.5 labelled.train)
labelled 60 1 >labelled.train
tune start "${train[@]}" --lr 0
tune plain "${train[@]}"
tune official "${train[@]}" --official-layer-decay
python3 - <<'P' || fail "--official-layer-decay"
import array, json, struct
def load(name):
    data = open(name + '/model.safetensors', 'rb').read()
    n = struct.unpack('<Q', data[:8])[0]
    head = json.loads(data[8:8 + n])
    return {k: array.array('f', data[8 + n + v['data_offsets'][0]:8 + n + v['data_offsets'][1]]) for k, v in head.items() if k != '__metadata__'}
start, plain, official = (load(name) for name in ('start', 'plain', 'official'))
moved = lambda table, name: max(abs(x - y) for x, y in zip(table[name], start[name]))
# the rate, and what a layer's is of it: the head's, the upper and the lower layer's, the embeddings'
for part, factor in ('classifier.out_proj.weight', 1), ('electra.encoder.layer.1.output.dense.weight', 1 / 2), \
        ('electra.encoder.layer.0.output.dense.weight', 1 / 4), ('electra.embeddings.word_embeddings.weight', 1 / 8):
    more = factor if factor == 1 else factor / 2
    assert abs(moved(plain, part) / (1e-4 * factor) - 1) < 0.02, (part, moved(plain, part))
    assert abs(moved(official, part) / (1e-4 * more) - 1) < 0.02, (part, moved(official, part))
P

# --- generate: three texts of five say "it", two go on; the network learns that, whatever the source ---
labelled 200 1 | awk -F '\t' -v OFS='\t' 'NR == 1 { print "source", "target"; next }
    { print $1, NR % 5 < 3 ? "it" : "it was good and bad for you" }' >either.tsv
finetune -m bert -o either --task generate --lr 5e-3 --epochs 8 either.tsv
labelled 20 2 | sed 1d | cut -f 1 >sources
say() { generate -q -m either --length 60 --jsonl --json "$@" objects; }
jq -Rc '{source: .}' sources >objects
words() { jq -r .text | wc -w; }
greedy=$(say | words) short=$(say --beam 4 --length-penalty 0 | words) long=$(say --beam 4 --length-penalty 3 | words)
[[ $greedy = 20 && $short = 20 && $long -gt 30 ]] || fail "--length-penalty: $greedy words, with 0 $short, with 3 $long"
# the score: log-probability over length to that power, [SEP] counted
say --beam 4 --length-penalty 0 >sums
say --beam 4 --length-penalty 0.5 >roots
jq -es '(length / 2) as $n | .[:$n] as $a | .[$n:] as $b | [range($n) | select($a[.].text == $b[.].text)
    | ($a[.].score / $b[.].score / ($a[.].text | split(" ") | length + 1 | sqrt) - 1 | fabs) < 1e-4] | length > 0 and all' \
    sums roots >/dev/null || fail "--length-penalty: $(head -n 2 sums roots)"
for n in 2 6; do # unasked, they have one piece
    say --min-length $n >least
    jq -es "all(.text | split(\" \") | length >= $n)" least >/dev/null || fail "--min-length $n: $(cat least)"
done
# greedy: what a step says does not depend on those that may follow; a beam of one is the same
say --min-length 12 --max-length 12 >whole
say --min-length 12 --max-length 12 --beam 1 --length-penalty 3 | jq -r .text >stepwise
jq -r .text whole | cmp - stepwise || fail "--beam 1 is not greedy"
say --min-length 12 --max-length 12 --sample --top-k 1 --temperature 9 | jq -r .text | cmp - stepwise || fail "the most probable pieces are not greedy's"
say --min-length 5 --max-length 5 | jq -r .text >five
cut -d ' ' -f 1-5 stepwise | cmp - five || fail "greedy looks ahead: $(head -n 1 stepwise five)"
# n-grams that stand twice, n of 1 to 3
repeats() { # N
    jq -r .text | awk -v n="$1" '{ delete seen; for (i = 1; i + n - 1 <= NF; i++) {
        g = ""; for (k = 0; k < n; k++) g = g " " $(i + k); twice += seen[g]++ > 0 } } END { print twice + 0 }'
}
for n in 1 2 3; do
    for beam in 1 3; do
        got=$(say --min-length 20 --max-length 24 --beam $beam --no-repeat-ngram $n | repeats $n)
        [ "$got" = 0 ] || fail "--no-repeat-ngram $n --beam $beam: $got twice"
    done
    [ "$(say --min-length 20 --max-length 24 | repeats $n)" -gt 0 ] || fail "nothing stands twice even without --no-repeat-ngram $n"
done
# first pieces drawn for a source: of two, of the fewest that have the probability, of all
printf 'the cat\n%.0s' {1..200} >same
drawn() { generate -m either --sample --max-length 1 "$@" same | sort -u | wc -l; }
[ "$(drawn --temperature 50)" -gt 50 ] || fail "--sample: $(drawn --temperature 50) pieces"
[ "$(drawn --temperature 50 --top-k 2)" = 2 ] || fail "--top-k 2: $(drawn --temperature 50 --top-k 2)"
[ "$(drawn --temperature 50 --top-k 7)" = 7 ] || fail "--top-k 7: $(drawn --temperature 50 --top-k 7)"
[ "$(drawn --temperature 50 --top-p 0.0001)" = 1 ] || fail "--top-p 0.0001"
half=$(drawn --temperature 50 --top-p 0.2)
[[ $half -gt 7 && $half -lt 80 ]] || fail "--top-p 0.2: $half of 300 pieces"
[ "$(drawn --temperature 0.01)" = 1 ] || fail "--temperature 0.01"

# --- embed ---
embed -m bert sources >normal
embed -m bert --layer 2 sources | cmp - normal || fail "--layer: the last is another"
for layer in 0 1; do ! embed -m bert --layer $layer sources | cmp -s - normal || fail "--layer $layer has no effect"; done
if embed -m bert --layer 3 sources >said 2>err; then fail "a layer too many"; fi
embed -m bert --pooling mean sources | cmp - normal || fail "--pooling mean is not what is done else"
! embed -m bert --pooling cls sources | cmp -s - normal || fail "--pooling cls has no effect"
# below all layers the first token knows nothing of the others
[ "$(embed -m bert --layer 0 --pooling cls sources | sort -u | wc -l)" = 1 ] || fail "--pooling cls is not the first token"
[ "$(embed -m bert --layer 1 --pooling cls sources | sort -u | wc -l)" -gt 15 ] || fail "--layer 1: no other states"
[ "$(embed -m bert --layer 0 sources | sort -u | wc -l)" -gt 15 ] || fail "--pooling mean of the embeddings"
# a vector is of length 1, or the same direction at its own length
embed -m bert --no-normalise sources | paste - normal | awk -F '\t' '{
    n = NF / 2; own = one = 0
    for (i = 1; i <= n; i++) { own += $i ^ 2; one += $(n + i) ^ 2 }
    for (i = 1; i <= n; i++) { d = $i / sqrt(own) - $(n + i); bad += d > 1e-5 || d < -1e-5 }
    bad += one < 0.99999 || one > 1.00001; long += own > 1.1 || own < 0.9
} END { exit bad || long < NR }' || fail "--no-normalise"
