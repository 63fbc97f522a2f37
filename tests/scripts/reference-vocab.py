#!/usr/bin/env python3
"""A plain second vocabulary learner, slow: reference-vocab.py SIZE MIN_FREQUENCY <TEXT (ASCII)

Pairs are counted afresh before every merge.  Of equally frequent ones the first in the order of
their pieces' numbers wins."""
import collections
import re
import sys

size, least = map(int, sys.argv[1:])
words = collections.Counter(re.findall(r"[a-z0-9]+|[!-/:-@\[-`{-~]", sys.stdin.read().lower()))
chars = sorted({c for w in words for c in w})
inside = sorted({c for w in words for c in w[1:]})
pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + chars + ["##" + c for c in inside]
number = {p: i for i, p in enumerate(pieces)}
spelt = {w: [w[0]] + ["##" + c for c in w[1:]] for w in words}
while len(pieces) < size:
    pairs = collections.Counter()
    for word, parts in spelt.items():
        for pair in zip(parts, parts[1:]):
            pairs[pair] += words[word]
    if not pairs:
        break
    (left, right), count = min(
        pairs.items(), key=lambda x: (-x[1], number[x[0][0]], number[x[0][1]]))
    if count < least:
        break
    made = left + right[2:]
    if made not in number:
        number[made] = len(pieces)
        pieces.append(made)
    for word, parts in spelt.items():
        i = 0
        while i + 1 < len(parts):
            if parts[i] == left and parts[i + 1] == right:
                parts[i:i + 2] = [made]
            i += 1
print("\n".join(pieces))
