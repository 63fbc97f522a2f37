# Sourced by scripts, after task_data.sh: the data sets of pipelines/probe, small and made up, in the
# layout of the real ones.
# shellcheck shell=bash
probe_data() { # FOLDER
    local part n=24
    mkdir -p "$1"/{sst2,clinc150,mrpc,stsb,sick,conll2003,conll2000,snips,squad,corpus}
    for part in train dev test; do
        n=$((n + 1)) # other texts
        labelled 40 $n | zstd -q -o "$1/sst2/sentences-$part.tsv.zst"
        labelled 40 $n | zstd -q -o "$1/clinc150/$part.tsv.zst"
        labelled 40 $n | awk -F '\t' -v OFS='\t' 'NR == 1 { print "text_a", "text_b", "label"; next }
            { print $1, $2 " it was", $2 == "good" }' | zstd -q -o "$1/mrpc/$part.tsv.zst"
        labelled 40 $n | awk -F '\t' -v OFS='\t' 'NR == 1 { print "text_a", "text_b", "label"; next }
            { print $1, $2 " it was", NR % 5 }' | zstd -q -o "$1/stsb/$part.tsv.zst"
        labelled 40 $n | awk -F '\t' -v OFS='\t' 'NR == 1 { print "text_a", "text_b", "label", "relatedness"; next }
            { print $1, $2 " it was", $2, NR % 5 }' | zstd -q -o "$1/sick/$part.tsv.zst"
        tagged 40 $n | zstd -q -o "$1/conll2003/$part.conll.zst"
        tagged 40 $n | zstd -q -o "$1/conll2000/$part.conll.zst"
        tagged 40 $n | zstd -q -o "$1/snips/slots-$part.conll.zst"
    done
    rm "$1/conll2000/dev.conll.zst"
    squad 40 1 | jq -c '.data |= [.[0].paragraphs[] | {paragraphs: [.]}]' | zstd -q -o "$1/squad/tydiqa-goldp-en-train.json.zst"
    for part in valid test; do
        awk -v part=$part 'BEGIN { srand(part == "test")
            for (i = 0; i < 120; i++) { line = substr("abcdefghijklmnopqrstuvwxyz", 1 + int(rand() * 26), 1) "longest"
                for (k = 0; k < 9; k++) line = line " " substr("thatwith", 1 + 4 * int(rand() * 2), 4); print line " . " } }' |
            zstd -q -o "$1/corpus/wikitext2-$part.txt.zst"
    done
}
