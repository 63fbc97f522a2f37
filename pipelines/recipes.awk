# The settings of one recipe of a list (see recipes.list) as lines "SETTING OPTION...".  Without
# name: the recipes' names.
BEGIN { n = split("records vocab pack mask vectors train", order, " ") }
/^[ \t]*(#|$)/ { next }
/^[^ \t]/ {
    at = $1
    sub(/:$/, "", at)
    if (at in known) { printf "line %d: %s is there twice\n", FNR, at >"/dev/stderr"; status = 2; exit }
    known[at] = 1
    if (name == "") print at
    if ($1 ~ /:$/ && !($2 in known)) { printf "line %d: %s: no recipe above is called %s\n", FNR, at, $2 >"/dev/stderr"; status = 2; exit }
    if ($1 ~ /:$/) for (i = 1; i <= n; i++) if (($2, order[i]) in set) set[at, order[i]] = set[$2, order[i]]
    next
}
{
    key = $1
    add = sub(/\+$/, "", key)
    if (at == "" || " records vocab pack mask vectors train " !~ " " key " ") {
        printf "line %d: %s: no such setting\n", FNR, $1 >"/dev/stderr"
        status = 2
        exit
    }
    sub(/^[ \t]*[^ \t]+[ \t]*/, "")
    set[at, key] = add && set[at, key] != "" ? set[at, key] " " $0 : $0
}
END {
    if (status) exit status
    if (name == "") exit
    if (!(name in known)) { printf "no recipe is called %s\n", name >"/dev/stderr"; exit 2 }
    for (i = 1; i <= n; i++) if ((name, order[i]) in set) print order[i], set[name, order[i]]
}
