# From questions and paragraphs in which \001 stands before the answer: a row of the question and the
# answer's sentence, and one of the question and the sentence after it (after the last: the first), as
# in QNLI.  The first file holds rows whose questions are left out.
BEGIN {
    FS = OFS = "\t"
    print "text_a", "text_b", "label"
}
NR == FNR {
    known[$1] = 1
    next
}
!($1 in known) {
    rest = $2
    n = 0
    while (match(rest, /[.!?]"? +\001?[A-Z0-9"]/)) {
        end = RSTART
        if (substr(rest, end + 1, 1) == "\"") end++
        sentence[++n] = substr(rest, 1, end)
        rest = substr(rest, end + 1)
        sub(/^ +/, "", rest)
    }
    sentence[++n] = rest
    for (i = 1; i <= n && !index(sentence[i], "\001"); i++) continue
    if (n > 1 && i <= n) {
        sub(/\001/, "", sentence[i])
        print $1, sentence[i], "entailment"
        print $1, sentence[i % n + 1], "not_entailment"
    }
}
