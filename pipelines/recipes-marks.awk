# From a run's metrics.tsv and eval.tsv: the evaluation nearest to each mark (millions of tokens) that
# the run has passed, and, when it has ended, the last; lines of the results of recipes.  Without
# marks: how many tokens were read until step_wanted, or in all.  before: seconds of a core that were spent before the run.
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
    each[n] = value("tokens")
    # files of older versions tell the tokens of a step alone: between two lines the mean of both
    tokens[n] = value("tokens_so_far") != "" ? value("tokens_so_far") : until(step[n], n - 1, each[n])
    flops[n] = value("flops")
    seconds[n] = value("core_seconds")
    if (seconds[n] != "") seconds[n] += before
    warm[n] = value("warmup_loss")
    next
}
# Tokens until a step, which is line k of the metrics or behind it.
function until(s, k, now) {
    return k ? tokens[k] + (s - step[k]) * (each[k] + now) / 2 : s * now
}
# The last line of the metrics that is not behind a step.
function line_of(s,    k) {
    while (k < n && step[k + 1] + 0 <= s + 0) k++
    return k + 0
}
{
    rows++
    near[rows] = line_of($at["step"])
    seen[rows] = until($at["step"], near[rows], each[near[rows] + (near[rows] < n)])
    row[rows] = $0
}
function tell(r, mark,    i, cells, k, warm_there) {
    split(row[r], cells, FS)
    k = near[r]
    for (i = 1; i <= columns[2]; i++) {
        if (title[2, i] == "warmup_loss") warm_there = 1
        if (title[2, i] ~ /loss$|accuracy$|_auc|^copy_|entropy/ && cells[i] != "")
            print recipe, seed, budget, mark, sprintf("%.0f", seen[r]), flops[k], seconds[k], title[2, i], cells[i]
    }
    # what evaluations of older versions do not tell
    if (!warm_there && k && warm[k] != "")
        print recipe, seed, budget, mark, sprintf("%.0f", seen[r]), flops[k], seconds[k], "training_warmup_loss", warm[k]
}
END {
    if (marks == "") {
        if (step_wanted == "") step_wanted = step[n]
        k = line_of(step_wanted)
        printf "%.0f\n", n ? until(step_wanted, k, each[k + (k < n)]) : 0
        exit
    }
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
