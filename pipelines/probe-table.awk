# The results of probe as a table: a column for each model, its mean over the seeds with their
# deviation; with base=MODEL also its difference to that, with the standard error of the difference,
# over the seeds that both have.  suite and quick: the data sets; part: dev or test; only=MODEL
# seed=N: one run alone.
BEGIN {
    FS = "\t"
    sets = split(suite, set, " ")
    split(quick, few, " ")
    for (i in few) is_quick[few[i]] = 1
    for (i = 1; i <= sets; i++) { is_set[set[i]] = 1; quicks += set[i] in is_quick }
    set[sets + 1] = "mean of " quicks " (--quick)"
    set[sets + 2] = "mean of " sets
    set[sets + 3] = "learning rate"
    set[sets + 4] = "minutes of a core"
}
FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
{
    model = $at["model"]
    run = model SUBSEP $at["seed"]
    data = $at["data"]
    if (only != "" && (model != only || $at["seed"] != seed)) next
    if ($at["part"] == "dev" || $at["part"] == "rate") time[run] += $at["seconds"] / 60
    if ($at["part"] != part || !(data in is_set)) next
    if (!(model in known)) { known[model] = 1; name[++models] = model }
    if (!(run in begun)) { begun[run] = 1; runs[model]++; nth[model, runs[model]] = run }
    value[run, data] = $at["score"]
    metric[data] = $at["metric"]
    value[run, set[sets + 3]] = $at["rate"]
}
function cell(m, data, digits,    i, v, n, sum, square, deviation) {
    for (i = 1; i <= runs[m]; i++)
        if ((nth[m, i], data) in value) {
            v = value[nth[m, i], data]
            n++
            sum += v
            square += v * v
        }
    if (!n) return ""
    deviation = n > 1 ? (square - sum * sum / n) / (n - 1) : 0
    return sprintf("%." digits "f", sum / n) (n > 1 ? sprintf(" ± %." digits "f", sqrt(deviation > 0 ? deviation : 0)) : "")
}
function difference(m, data,    i, other, p, v, n, sum, square, variance) {
    for (i = 1; i <= runs[m]; i++) {
        split(nth[m, i], p, SUBSEP)
        other = base SUBSEP p[2]
        if ((nth[m, i], data) in value && (other, data) in value) {
            v = value[nth[m, i], data] - value[other, data]
            n++
            sum += v
            square += v * v
        }
    }
    if (!n) return ""
    variance = n > 1 ? (square - sum * sum / n) / (n - 1) / n : 0
    return sprintf("%+.2f", sum / n) (n > 1 ? sprintf(" ± %.2f", sqrt(variance > 0 ? variance : 0)) : "") " (" n ")"
}
END {
    if (base != "" && !(base in known)) { print "no results of " base; exit 1 }
    for (run in begun) {
        n = few_n = sum = few_sum = 0
        for (i = 1; i <= sets; i++)
            if ((run, set[i]) in value) {
                n++
                sum += value[run, set[i]]
                if (set[i] in is_quick) { few_n++; few_sum += value[run, set[i]] }
            }
        if (few_n == quicks) value[run, set[sets + 1]] = few_sum / few_n
        if (n == sets) value[run, set[sets + 2]] = sum / n
        value[run, set[sets + 4]] = time[run]
    }
    line = "| data (" part ") | metric |"
    rule = "|---|---|"
    for (m = 1; m <= models; m++) {
        line = line " " name[m] " |"
        rule = rule "---|"
        if (base == "" || name[m] == base) continue
        line = line " less " base " |"
        rule = rule "---|"
    }
    print line
    print rule
    for (i = 1; i <= sets + 4; i++) {
        line = ""
        for (m = 1; m <= models; m++) {
            c = cell(name[m], set[i], i == sets + 3 ? 4 : i == sets + 4 ? 1 : 2)
            if (c != "") some[i] = 1
            line = line " " c " |"
            if (base != "" && name[m] != base)
                line = line " " (i > sets + 2 ? "" : difference(name[m], set[i])) " |"
        }
        if (some[i]) print "| " set[i] " | " metric[set[i]] " |" line
    }
}
