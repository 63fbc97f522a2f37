# A row for each dialogue of a TSV with the columns dialogue, text and emotion (a row a turn): its turns
# joined by " __eou__ ", and the different emotions in it joined by ",".  For finetune --task multilabel.
BEGIN { FS = OFS = "\t" }
NR == 1 {
    for (i = 1; i <= NF; i++) at[$i] = i
    print "text", "label"
    next
}
function flush_row() { if (text != "") print text, label }
$(at["dialogue"]) != dialogue {
    flush_row()
    dialogue = $(at["dialogue"])
    text = label = ""
    split("", seen)
}
{
    text = text (text == "" ? "" : " __eou__ ") $(at["text"])
    e = $(at["emotion"])
    if (e != "no_emotion" && !(e in seen)) {
        seen[e] = 1
        label = label (label == "" ? "" : ",") e
    }
}
END { flush_row() }
