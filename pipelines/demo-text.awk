#!/usr/bin/awk -f
# Synsets, sorted by the document they belong to (field 1, put before the fields of wordnet.awk), to
# plain text: one sentence a line, a blank line between documents.
BEGIN {
    FS = "\t"
}
{
    if (NR > 1 && $1 != last)
        print ""
    last = $1
    for (i = 6; i <= NF; i++)
        print $i
}
