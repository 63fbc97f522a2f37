# Sourced by cases and scripts: tiny model directories with a vocabulary, in the current folder.
# shellcheck shell=bash
tiny_model() { # FOLDER [NAME]: classify, discriminator, ..., of the folder's own name
    mkdir "$1"
    cat "$ROOT/tests/golden/tiny/${2:-$1}/config.json" >"$1/config.json"
    cat "$ROOT/tests/golden/tiny/${2:-$1}/model.safetensors" >"$1/model.safetensors"
    cat "$ROOT/tests/golden/vocab97.txt" >"$1/vocab.txt"
}
# Texts of 1 to 14 words, labelled good or bad after a word in them that has to be found.
labelled() { # ROWS SEED
    awk -v n="$1" -v seed="$2" 'BEGIN {
        srand(seed)
        words = split("the of and to in is was it for on with as by at he that his from", w, " ")
        print "text\tlabel"
        for (i = 0; i < n; i++) {
            label = rand() < 0.5 ? "good" : "bad"
            length_ = 1 + int(rand() * 14); place = 1 + int(rand() * length_); line = ""
            for (k = 1; k <= length_; k++)
                line = line (k > 1 ? " " : "") (k == place ? label : w[1 + int(rand() * words)])
            print line "\t" label
        }
    }'
}
# Numbers of answers, which differ in their last digits from one kind of CPU to another.
rounded() {
    perl -pe 's/-?\d+\.\d+(e-?\d+)?/sprintf("%.3f", $&)/ge'
}
# A bert in the folder bert: an encoder without a projection, under other names, without a prefix.
tiny_bert() {
    zstd -dcq "$ROOT/tests/golden/square.tar.zst" | tar x
    mv "$(dirname "$(find . -path '*square/discriminator/config.json')")" bert
    { cat "$ROOT/tests/golden/vocab97.txt"; seq -f "[unused%g]" 97 299; } >bert/vocab.txt
    jq '.model_type = "bert" | .architectures = ["BertModel"] | del(.embedding_size)' bert/config.json >config
    mv config bert/config.json
    perl -0777 -pi -e 'my $n = unpack("Q<", $_); my $h = substr($_, 8, $n); my $l = length $h; $h =~ s/"electra\./"/g;
        $h .= " " x ($l - length $h); substr($_, 8, $n) = $h' bert/model.safetensors
    model-info bert >/dev/null
}
