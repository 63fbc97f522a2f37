#!/usr/bin/awk -f
# The output of wordnet.awk, sorted by its key, to the parts of the demo.  The first `test` distinct
# definitions, the next `dev`, `heldout` and `train` are set apart; synsets that share a definition
# share a part.  Writes test.tsv, dev.tsv, train.tsv (category and definition, each definition once),
# heldout.syn and corpus.syn (synsets as they came: the ones for reading only; corpus.syn has
# everything but test, dev and heldout).
BEGIN {
    FS = "\t"
    labelled["test"] = labelled["dev"] = labelled["train"] = 1
    for (part in labelled)
        print "label\ttext" > (part ".tsv")
}
{
    fresh = $1 != last
    last = $1
    n += fresh
    if (n <= test)
        part = "test"
    else if (n <= test + dev)
        part = "dev"
    else if (n <= test + dev + heldout)
        part = "heldout"
    else
        part = n <= test + dev + heldout + train ? "train" : "corpus"
    if (fresh && part in labelled)
        print $4 "\t" $5 > (part ".tsv")
    if (part == "heldout")
        print > "heldout.syn"
    else if (part == "train" || part == "corpus")
        print > "corpus.syn"
}
