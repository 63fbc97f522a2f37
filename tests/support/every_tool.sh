# Sourced by scripts that drive every tool with one small input each: what goes wrong around a tool is
# tried on all of them.
# shellcheck shell=bash
# shellcheck source=tests/support/models.sh
. "$ROOT/tests/support/models.sh"
# shellcheck source=tests/support/task_data.sh
. "$ROOT/tests/support/task_data.sh"
# shellcheck source=tests/support/train.sh
. "$ROOT/tests/support/train.sh"

# In the current folder: inputs, a model of every task, and `commands`, lines of INPUT COMMAND...; INPUT
# (or -, nothing) is standard input, and OUT the file or directory that a command writes.
every_tool() {
    local task
    train_fixture
    tiny_model discriminator
    awk -F ' [|] ' '/^[0-9]/ { print $2; if (++k % 3 == 0) print ""; if (k == 30) exit }' \
        /usr/share/wordnet/data.noun >text
    tar cf text.tar text && gzip -n text.tar
    corpus-shard -o docs.ts text
    wordpiece --vocab vocab.txt -o tokens.ts docs.ts
    seq-pack -l 32 -o packed.ts tokens.ts
    piece-vectors --width 8 --sample 0 -o vectors.safetensors tokens.ts # in so little text no piece is rare
    mask-gen -o few.ts packed.ts
    ts-dump packed.ts >dump.jsonl
    for task in numbers several tagged squad ranked copies; do "$task" 12 1 >"$task"; done
    labelled 12 1 >labels
    cp labels rows
    for task in classify:labels regress:numbers multilabel:several tag:tagged answer:squad rank:ranked \
        generate:copies; do
        finetune -q --task "${task%:*}" -m discriminator --epochs 1 -o "${task%:*}" "${task#*:}"
    done
    finetune -q --task joint -m discriminator --epochs 1 -o joint --slots tagged labels
    cut -f 1 labels | tail -n +2 >lines
    awk '{ print "is it\t" $0 }' lines >pairs
    classify -m classify lines >said.classify
    classify -m regress lines >said.regress
    classify -m multilabel lines >said.multilabel
    tag -m tag lines >said.tag
    tag -m joint lines >said.joint
    answer -m answer --squad squad --no-answer none >said.answer
    awk -F '\t' 'NR > 1 && NR % 2 == 0 { printf "%s\t%s", $1, $2 } NR > 1 && NR % 2 { print "\t" $2 }' ranked >queries
    rank -m rank queries >said.rank
    generate -m generate --max-length 8 lines >said.generate
    cat >commands <<END
text corpus-shard
text.tar.gz corpus-shard --text --dedup -o OUT
text corpus-shard -d OUT --shards 2
docs.ts vocab-train --size 300 -o OUT
docs.ts wordpiece --vocab vocab.txt -o OUT
text wordpiece --vocab vocab.txt
tokens.ts wordpiece --decode
tokens.ts seq-pack -l 32
tokens.ts piece-vectors --width 8 -j 1 -o OUT
- piece-vectors --nearest the vectors.safetensors
packed.ts mask-gen -o OUT
packed.ts ts-cat
packed.ts ts-head -n 3 -o OUT
packed.ts ts-info
packed.ts ts-info --json
packed.ts ts-info --counts
packed.ts ts-dump
packed.ts ts-shuf -o OUT
dump.jsonl ts-load --kind examples --max-length 32 --vocab vocab.txt -o OUT
few.ts rtd-train -q ${model[*]} --embeddings vectors.safetensors -j 1 --batch 4 --steps 2 --eval held.ts --eval-every 1 -o OUT
lines classify -m classify -j 1
lines classify -m regress -j 2 --json
lines classify -m multilabel -j 1 --all
lines classify -m classify -j 1 --tensor
lines tag -m tag -j 1
lines tag -m joint -j 1
pairs answer -m answer -j 1 --json
- answer -m answer -j 1 --squad squad -o OUT
queries rank -q -m rank -j 1
lines generate -q -m generate -j 1 --max-length 8 --beam 2
lines detect -m discriminator -j 1 --json
lines embed -m discriminator -j 1
pairs embed -m discriminator -j 1 --pair
said.classify evaluate --task classify --gold labels --per-class --confusion
said.regress evaluate --task regress --gold numbers
said.multilabel evaluate --task multilabel --gold several --json
said.tag evaluate --task tag --gold tagged --per-class
said.joint evaluate --task joint --gold labels --slots tagged
said.answer evaluate --task answer --gold squad --no-answer none
said.rank evaluate --task rank --gold ranked
said.generate evaluate --task generate --gold copies
- finetune -q -j 1 --task classify -m discriminator --epochs 1 --dev labels -o OUT labels
- finetune -q -j 1 --task joint -m discriminator --epochs 1 --slots tagged -o OUT labels
- finetune -q -j 1 --task answer -m discriminator --epochs 1 -o OUT squad
- model-import -q -o OUT classify
- model-info classify joint
- model-info --json --tensors joint
END
}
