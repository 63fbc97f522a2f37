# The settings of one recipe of a list (see recipes.list) as lines "SETTING OPTION...".  Without
# name: the recipes' names.  Of a wrong list what is wrong with it, and status 2.
BEGIN {
    keys = " words tokens passes records vocab pack mask vectors counts train "
    n = split(keys, order, " ")
}
/^[ \t]*(#|$)/ { next }
/^[^ \t]/ {
    at = $1
    sub(/:$/, "", at)
    if (at in known) { printf "line %d: %s is there twice\n", FNR, at; status = 2; exit }
    known[at] = 1
    names = names at "\n"
    if ($1 ~ /:$/ && !($2 in known)) { printf "line %d: %s: no recipe above is called %s\n", FNR, at, $2; status = 2; exit }
    if ($1 ~ /:$/) for (i = 1; i <= n; i++) if (($2, order[i]) in set) set[at, order[i]] = set[$2, order[i]]
    next
}
{
    key = $1
    add = sub(/\+$/, "", key)
    if (at == "" || keys !~ " " key " ") {
        printf "line %d: %s: no such setting\n", FNR, $1
        status = 2
        exit
    }
    sub(/^[ \t]*[^ \t]+[ \t]*/, "")
    set[at, key] = add && set[at, key] != "" ? set[at, key] " " $0 : $0
}
END {
    if (status) exit status
    if (name == "") { printf "%s", names; exit }
    for (i = 1; i <= n; i++) if ((name, order[i]) in set) print order[i], set[name, order[i]]
}
