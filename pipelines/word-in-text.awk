# From running text: rows of a word, a text and whether the word is in it, to see whether an encoder
# can find the same word in another text.  The word is the longest of the text, or of the 100th text
# after it.  first: an expression for the words to take, such as ^[a-e]; others are to train on, so
# that no word tested has been seen there.
BEGIN {
    OFS = "\t"
    n = 0
    print "text_a", "text_b", "label"
}
{
    sentences = split(tolower($0), sentence, / \. /)
    for (s = 1; s <= sentences; s++) {
        words = split(sentence[s], word, " ")
        longest = clean = ""
        for (w = 1; w <= words; w++)
            if (word[w] ~ /^[a-z]+$/) {
                clean = clean " " word[w]
                if (length(word[w]) > length(longest)) longest = word[w]
            }
        if (split(clean, word, " ") >= 8 && length(clean) < 200) {
            text[n] = substr(clean, 2)
            key[n++] = longest
        }
    }
}
END {
    for (i = 0; i < n; i++) {
        w = key[i % 2 ? i : (i + 100) % n]
        if (w ~ first && (i % 2 || !index(" " text[i] " ", " " w " ")))
            print w, text[i], i % 2 ? "yes" : "no"
    }
}
