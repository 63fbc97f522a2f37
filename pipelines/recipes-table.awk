# The results of recipes as two tables: the masked-LM loss of the network that is wanted by tokens,
# and how runs ended; means over the seeds, with their deviation.
BEGIN { FS = "\t" }
FNR == 1 { next }
{
    run = $1 ($3 != "" ? " (" $3 + 0 " FLOPs)" : "")
    if (!(run in known)) { known[run] = 1; name[++names] = run }
    if (!($4 in is_mark)) { is_mark[$4] = 1; if ($4 != "end") { mark[++marks] = $4 } }
    if (!($8 in is_measure)) { is_measure[$8] = 1; measure[++measures] = $8 }
    add(run, $4, $8, $9)
    if (!((run, $2, $4) in once) && $5 != "") {
        once[run, $2, $4] = 1
        add(run, $4, "M tokens", $5 / 1e6)
        if ($6 != "") add(run, $4, "TFLOP", $6 / 1e12)
        if ($7 != "") add(run, $4, "minutes of a core", $7 / 60)
    }
}
function add(r, m, what, v) { n[r, m, what]++; sum[r, m, what] += v; square[r, m, what] += v * v }
function cell(r, m, what,    k, v) {
    k = n[r, m, what]
    if (!k) return ""
    v = k > 1 ? (square[r, m, what] - sum[r, m, what] ^ 2 / k) / (k - 1) : 0
    return sprintf("%.4g", sum[r, m, what] / k) (k > 1 ? sprintf(" ± %.2g", sqrt(v > 0 ? v : 0)) : "")
}
# of the discriminator, where it learns beside a generator; else the only one there is
function loss(r, m,    c) {
    c = cell(r, m, "warmup_loss")
    if (c == "") c = cell(r, m, "training_warmup_loss")
    return c == "" ? cell(r, m, "masked_lm_loss") : c
}
END {
    for (i = 2; i <= marks; i++)
        for (j = i; j > 1 && mark[j] + 0 < mark[j - 1] + 0; j--) { t = mark[j]; mark[j] = mark[j - 1]; mark[j - 1] = t }
    line = "| masked-LM loss after |"
    rule = "|---|"
    for (i = 1; i <= marks; i++) { line = line " " mark[i] " |"; rule = rule "---|" }
    print line
    print rule
    for (k = 1; k <= names; k++) {
        line = "| " name[k] " |"
        for (i = 1; i <= marks; i++) line = line " " loss(name[k], mark[i]) " |"
        print line
    }
    if (!("end" in is_mark)) exit
    split("M tokens\tTFLOP\tminutes of a core", first, "\t")
    for (i = 1; i <= 3; i++) column[++columns] = first[i]
    for (i = 1; i <= measures; i++) column[++columns] = measure[i]
    line = "| at the end |"
    rule = "|---|"
    for (c = 1; c <= columns; c++) {
        any[c] = 0
        for (k = 1; k <= names; k++) any[c] += n[name[k], "end", column[c]]
        if (any[c]) { line = line " " column[c] " |"; rule = rule "---|" }
    }
    print ""
    print line
    print rule
    for (k = 1; k <= names; k++) {
        line = "| " name[k] " |"
        for (c = 1; c <= columns; c++) if (any[c]) line = line " " cell(name[k], "end", column[c]) " |"
        if (cell(name[k], "end", "M tokens") != "") print line
    }
}
