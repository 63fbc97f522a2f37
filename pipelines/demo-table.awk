#!/usr/bin/awk -f
# results.tsv (seed, labels, network, learning rate, dev, test; accuracies as fractions) to the table
# of the demo, and what three seeds or more say of it.
BEGIN {
    FS = "\t"
}
NR > 1 {
    key = $3 SUBSEP $2
    x = 100 * $6
    n[key]++
    sum[key] += x
    squares[key] += x * x
    if (!($2 in sizes)) {
        sizes[$2]
        size[++nsizes] = $2
    }
    if (n[key] > seeds)
        seeds = n[key]
    rate[key] = rate[key] (n[key] > 1 ? " " : "") $4
}

function mean(key) {
    return sum[key] / n[key]
}

# the standard deviation over seeds, with n - 1
function spread(key,    v) {
    v = (squares[key] - sum[key] * sum[key] / n[key]) / (n[key] - 1)
    return v > 0 ? sqrt(v) : 0
}

function row(title, network,    i, key) {
    printf "%-28s", title
    for (i = 1; i <= nsizes; i++) {
        key = network SUBSEP size[i]
        if (seeds > 1 && network != "majority")
            printf "  %6.1f +- %-4.1f", mean(key), spread(key)
        else
            printf "  %6.1f        ", mean(key)
    }
    print ""
}

END {
    printf "Accuracy in percent on %d unseen definitions, 45 categories%s\n\n", tested, \
        (seeds > 1 ? "; mean and standard deviation of " seeds " seeds" : "")
    printf "%-28s", "labelled definitions"
    for (i = 1; i <= nsizes; i++)
        printf "  %6d        ", size[i]
    print ""
    row("most frequent category", "majority")
    row("the network from scratch", "scratch")
    row("the network pre-trained", "pretrained")
    printf "%-28s", "gain"
    for (i = 1; i <= nsizes; i++)
        printf "  %+6.1f        ", mean("pretrained" SUBSEP size[i]) - mean("scratch" SUBSEP size[i])
    print "\n\nLearning rates chosen on the dev split:"
    for (i = 1; i <= nsizes; i++)
        printf "  %d labels: scratch %s; pre-trained %s\n", size[i], \
            rate["scratch" SUBSEP size[i]], rate["pretrained" SUBSEP size[i]]
    if (seeds < 3) {
        print "One run says little about the gain: make demo SEEDS=3 gives its spread."
        exit
    }
    for (i = 1; i <= nsizes; i++) {
        p = "pretrained" SUBSEP size[i]
        s = "scratch" SUBSEP size[i]
        gain = mean(p) - mean(s)
        pooled = sqrt((spread(p) ^ 2 + spread(s) ^ 2) / 2)
        printf "%d labels: pre-training gains %.1f points, %s pooled standard deviations: %s\n", \
            size[i], gain, (pooled > 0 ? sprintf("%.1f", gain / pooled) : "countless"), \
            (gain > 3 && gain > 2 * pooled ? "it wins" : \
            "not the win asked for (more than 3 points and more than 2 deviations)")
    }
}
