# Sourced by scripts, after models.sh: training and test data of every task that a tiny network can
# learn, from the texts that labelled makes.  Each takes ROWS SEED.
# shellcheck shell=bash
# Numbers, several labels, tags, answers and candidates after words in the text.
numbers() { labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR > 1 { $2 = 2 + 3 * ($2 == "good") } 1'; }
several() {
    labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR > 1 { s = $2; if ($1 ~ /was/) s = s ",past"; if ($1 ~ /^the/) s = ""; $2 = s } 1'
}
tagged() {
    labelled "$1" "$2" | awk -F '\t' 'NR > 1 { n = split($1, w, " ")
        for (i = 1; i <= n; i++) print w[i] "\t" (w[i] == "good" || w[i] == "bad" ? "B-MOOD" : w[i] == "was" ? "B-PAST" : "O")
        print "" }'
}
squad() {
    labelled "$1" "$2" | awk -F '\t' 'NR > 1 { at = index(" " $1 " ", " " $2 " ") - 1
        printf("%s{\"context\": \"%s\", \"qas\": [{\"id\": \"q%d\", \"question\": \"%s\", \"answers\": [%s], \"is_impossible\": %s}]}\n",
            NR > 2 ? "," : "{\"version\": \"v2.0\", \"data\": [{\"title\": \"t\", \"paragraphs\": [", $1, NR, NR % 3 ? "is it" : "the",
            NR % 3 ? "{\"text\": \"" $2 "\", \"answer_start\": " at "}" : "", NR % 3 ? "false" : "true") }
        END { print "]}]}" }'
}
ranked() { # good is right, whatever the query; it stands first or last
    labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR == 1 { print "query", "candidate", "label"; next }
        { a = $2 == "good"; print NR " " $1, a ? "it was good" : "it was bad", a + 0; print NR " " $1, a ? "it was bad" : "it was good", 1 - a }'
}
copies() { labelled "$1" "$2" | awk -F '\t' -v OFS='\t' 'NR == 1 { print "source", "target"; next } { print $1, "it was " $2 }'; }
# Instead of labelled's, in cases that print counts: the same texts with any awk.
without_chance() {
    # shellcheck disable=SC2317 # the functions above call it
    labelled() {
        awk -v n="$1" -v seed="$2" 'BEGIN { print "text\tlabel"
            for (i = seed; i < n + seed; i++) { w = i % 3 ? "good" : "bad"; print (i % 4 ? "the " w " was it" : w " is") "\t" w } }'
    }
}
