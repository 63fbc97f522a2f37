#!/usr/bin/awk -f
# WordNet's data.noun, data.verb, data.adj, data.adv (wndb(5WN)) to one line a synset, TAB between:
#   key of the split, part of speech and offset, parent's, category, definition, example ...
# The key is a hash of the definition's words alone, so that synsets with the same definition
# always share a side of any split made by it.  The parent is the first hypernym, or the head of a
# cluster of adjectives; "-" where there is none.
BEGIN {
    split("adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute " \
        "noun.body noun.cognition noun.communication noun.event noun.feeling noun.food noun.group " \
        "noun.location noun.motive noun.object noun.person noun.phenomenon noun.plant " \
        "noun.possession noun.process noun.quantity noun.relation noun.shape noun.state " \
        "noun.substance noun.time verb.body verb.change verb.cognition verb.communication " \
        "verb.competition verb.consumption verb.contact verb.creation verb.emotion verb.motion " \
        "verb.perception verb.possession verb.social verb.stative verb.weather adj.ppl", category, " ")
    for (i = 1; i < 256; i++)
        code[sprintf("%c", i)] = i
}

# A hash below the prime 4294967291; every product stays exact in a double.
function hash(s,    h, i, n) {
    n = length(s)
    h = 1
    for (i = 1; i <= n; i++)
        h = (h * 69069 + code[substr(s, i, 1)]) % 4294967291
    for (i = 0; i < 4; i++)
        h = (h * 69069 + 12345) % 4294967291
    return sprintf("%010.0f", h)
}

function hexadecimal(s,    i, n) {
    for (i = 1; i <= length(s); i++)
        n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
    return n
}

function trim(s) {
    sub(/^[ ;:,]+/, "", s)
    sub(/[ ;:,]+$/, "", s)
    gsub(/[ \t]+/, " ", s)
    return s
}

/^[0-9]/ {
    bar = index($0, " | ")
    gloss = substr($0, bar + 3)
    n = split(substr($0, 1, bar - 1), f, " ")
    pos = f[3] == "s" ? "a" : f[3]
    at = 5 + 2 * hexadecimal(f[4])
    parent = "-"
    for (i = 0; i < f[at] + 0 && parent == "-"; i++) {
        p = at + 1 + 4 * i
        if (f[p] == "@" || f[p] == "@i" || (f[p] == "&" && f[3] == "s"))
            parent = f[p + 2] f[p + 1]
    }
    # The definition ends where the first quotation begins; the quotations are the examples.
    n = split(gloss, part, "\"")
    definition = trim(part[1])
    examples = ""
    if (definition == "") {
        gsub(/"/, "", gloss)
        definition = trim(gloss)
        n = 1
    }
    for (i = 2; i <= n; i += 2)
        if (trim(part[i]) != "")
            examples = examples "\t" trim(part[i])
    words = tolower(definition)
    gsub(/[^a-z0-9]+/, " ", words)
    sub(/^ /, "", words)
    sub(/ $/, "", words)
    print hash(words) "\t" pos f[1] "\t" parent "\t" category[f[2] + 1] "\t" definition examples
}
