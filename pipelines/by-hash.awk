# The records whose hash, a number from 0 to 999, is one of from to to: the same records whatever
# stands around them.  A record is a line (header=1: but for the first, which is always there), or a
# paragraph (-v RS=, which keeps a blank line behind each).
BEGIN {
    for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i
    if (RS == "") ORS = "\n\n"
}
header && NR == 1 { print; next }
{
    n = length($0)
    h = 7
    for (i = 1; i <= n; i++) h = (h * 31 + code[substr($0, i, 1)]) % 1000003
    h %= 1000
    if (h >= from && h <= to) print
}
