#!/usr/bin/env bash
# run: plain
# Heads that a directory holds are taken from it, whole, whichever stand beside them; others are new; half a head is refused.
set -euo pipefail
. "$ROOT/tests/support/models.sh"
. "$ROOT/tests/support/task_data.sh"
fail() {
    echo "$*"
    exit 1
}
tiny_model discriminator
tiny_model generator
tiny_bert
labelled 40 1 >labels.tsv
copies 40 1 >copies.tsv
tagged 40 1 >tagged.conll
tune() { # FROM OUT OPTION...: learns nothing, so that what was there stays
    finetune -q -f --epochs 1 --lr 0 -m "$1" -o "$2" "${@:3}"
}
same() { # MODEL PREFIX MODEL PREFIX
    python3 "$ROOT/tests/support/tensors.py" "$1/model.safetensors" hash "$2" >sums
    python3 "$ROOT/tests/support/tensors.py" "$3/model.safetensors" hash "$4" >sums.other
    [ -s sums ] || fail "$1: no $2"
    cmp -s sums sums.other
}
whole() { # MODEL MODEL: every tensor
    same "$1" '' "$2" ''
}

# A task more on a model that has one, and then both in either order.
tune discriminator one --task a=classify labels.tsv
tune one two --seed 2 --task a=classify labels.tsv --task b=generate copies.tsv
same one heads.a. two heads.a. || fail "one more task: the first is new"
generate -m two --max-length 4 <copies.tsv >said 2>&1 || fail "$(cat said)"
tune two again --seed 3 --task a=classify labels.tsv --task b=generate copies.tsv
whole two again || fail "the same tasks again: $(diff sums sums.other)"
tune two turned --seed 3 --task b=generate copies.tsv --task a=classify labels.tsv
whole two turned || fail "in another order: $(diff sums sums.other)"
tune two three --seed 3 --task t=tag tagged.conll --task b=generate copies.tsv --task a=classify labels.tsv
for head in heads.a. generator_predictions. generator_lm_head.; do
    same two $head three $head || fail "a third task: $head"
done
tune two alone --seed 3 --task b=generate copies.tsv
same two generator_predictions. alone generator_predictions. || fail "the second alone"
finetune -v -f --epochs 1 -m two -o four --task a=classify labels.tsv --task b=generate copies.tsv --task c=tag tagged.conll 2>err
grep -q ', a as it was, b as it was, c new; ' err || fail "$(cat err)"

# Another task, labels or name: new.
sed 's/good$/fine/' labels.tsv >other.tsv
tune two new --seed 3 --task a=classify other.tsv
! same two heads.a.dense. new heads.a.dense. || fail "a head of other labels was taken"
tune two new --seed 3 --task z=classify labels.tsv
! same two heads.a.dense. new heads.z.dense. || fail "a head of another name was taken"

# Two language models have tensors of their own, and keep them where only one is left.
tune discriminator pair --task a=generate copies.tsv --task b=generate copies.tsv
! same pair generator_predictions.dense. pair heads.b.dense. || fail "two language models begin alike"
tune pair left --seed 3 --task b=generate copies.tsv
same pair heads.b.dense. left generator_predictions.dense. || fail "the second language model alone"
same pair heads.b.LayerNorm. left generator_predictions.LayerNorm. || fail "the second language model alone"
generate -m pair --head b --max-length 4 <copies.tsv >said 2>&1
generate -m left --max-length 4 <copies.tsv 2>&1 | cmp - said || fail "the second language model writes otherwise"

# Half a head, whichever half, in whichever model: nothing is made of it.
half() { # MODEL TENSOR OPTION...
    local status=0
    rm -rf cut
    cp -r "$1" cut
    python3 "$ROOT/tests/support/tensors.py" cut/model.safetensors drop "$2"
    python3 "$ROOT/tests/support/tensors.py" cut/model.safetensors unseal
    finetune -q --epochs 1 -m cut -o never "${@:3}" 2>err || status=$?
    [[ $status = 1 && ! -e never && $(cat err) == *"$2: tensor missing"* ]] || fail "$1 without $2: status $status, $(cat err)"
}
for tensor in heads.a.dense.weight heads.a.out_proj.bias generator_predictions.LayerNorm.weight generator_predictions.dense.bias \
    generator_lm_head.bias; do
    half two "$tensor" --task a=classify labels.tsv --task b=generate copies.tsv
done
tune bert of-bert --task classify labels.tsv
tune of-bert as-it-was --seed 2 --task classify labels.tsv
whole of-bert as-it-was || fail "bert: another head"
for tensor in bert.pooler.dense.weight classifier.weight; do
    half of-bert "$tensor" --task classify labels.tsv
done
half of-bert bert.pooler.dense.bias --task classify other.tsv # a new head, but a pooler that is there in part

# A generator's head: all of it, or what is not taken is said.
finetune -f --epochs 1 --lr 0 --task generate -m generator --generator generator -o full copies.tsv 2>err
[ ! -s err ] || fail "$(cat err)"
same generator generator_predictions. full generator_predictions. || fail "--generator: another head"
finetune -f --epochs 1 --lr 0 --task generate -m discriminator --generator generator -o part copies.tsv 2>err
grep -q 'generator: [1-4] of 5 tensors of the head taken; the others, of another shape, are new' err || fail "$(cat err)"
