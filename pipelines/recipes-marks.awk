# From a run's metrics.tsv and eval.tsv: the evaluation nearest to each mark (millions of tokens) that
# the run has passed, and, when it has ended, the last; lines of the results of recipes.  Without
# marks: how many tokens metrics.tsv has come to.  a_step: tokens of a step, for files that do not say.
BEGIN { FS = OFS = "\t" }
FNR == 1 {
    file++
    split("", at)
    for (i = 1; i <= NF; i++) { at[$i] = i; title[file, i] = $i }
    columns[file] = NF
    next
}
function value(name) { return name in at ? $at[name] : "" }
file == 1 {
    n++
    step[n] = value("step")
    tokens[n] = value("total_tokens") != "" ? value("total_tokens") : step[n] * a_step
    flops[n] = value("flops")
    seconds[n] = value("core_seconds")
    warm[n] = value("warmup_loss")
    next
}
{
    # the row of the metrics that this evaluation belongs to: the last that is not behind it
    while (k < n && step[k + 1] <= $at["step"]) k++
    rows++
    seen[rows] = k && step[k] == $at["step"] ? tokens[k] : (k ? tokens[k] : 0) + ($at["step"] - (k ? step[k] : 0)) * a_step
    row[rows] = $0
    near[rows] = k
}
function tell(r, mark,    i, cells, k) {
    split(row[r], cells, FS)
    k = near[r]
    for (i = 1; i <= columns[2]; i++)
        if (title[2, i] ~ /loss$|accuracy$|_auc|^copy_|entropy/ && cells[i] != "")
            print recipe, seed, budget, mark, sprintf("%.0f", seen[r]), flops[k], seconds[k], title[2, i], cells[i]
    if (k && warm[k] != "") print recipe, seed, budget, mark, sprintf("%.0f", seen[r]), flops[k], seconds[k], "training_warmup_loss", warm[k]
}
END {
    if (marks == "") { printf "%.0f\n", n ? tokens[n] : 0; exit }
    m = split(marks, mark, " ")
    for (i = 1; i <= m; i++) {
        want = mark[i] * 1e6
        best = 0
        for (r = 1; r <= rows; r++)
            if (!best || (seen[r] - want) ^ 2 < (seen[best] - want) ^ 2) best = r
        if (best && (ended || seen[rows] >= want) && (seen[best] - want) ^ 2 <= (want / 5) ^ 2) tell(best, mark[i] "M")
    }
    if (ended && rows) tell(rows, "end")
}
