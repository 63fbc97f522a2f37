#!/usr/bin/env python3
# rtdtools - MIT licence
"""Documents to pack, as JSON lines for ts-load, and their vocabulary.

data-half.py pages VOCAB FILE...   a document a file, a sentence a line: text as people write it
data-half.py random VOCAB N        N documents of very different shapes, with gaps in their indices"""
import json
import random
import sys

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def pages(files):
    ids = {piece: i for i, piece in enumerate(SPECIAL)}
    for index, name in enumerate(files):
        with open(name, encoding="utf-8", errors="replace") as f:
            lines = [line.split() for line in f]
        sentences = [[ids.setdefault(word, len(ids)) for word in line] for line in lines if line]
        yield index, sentences
    yield None, list(ids)


def shapes(n):
    rng = random.Random(4)
    for index in range(n):
        count = rng.choice([0, 1, 2, rng.randrange(8), rng.randrange(60), rng.randrange(200)])
        longest = rng.choice([1, 3, 30, 50, 50, 300, 2000])
        sentences = [[rng.randrange(5, 1000) for _ in range(rng.randint(1, longest))]
                     for _ in range(min(count, 40000 // longest))]
        yield index * 3 + (index > n // 2) * 2**34, sentences
    yield None, SPECIAL + [f"w{i}" for i in range(995)]


def main():
    kind, vocab, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    for index, sentences in pages(rest) if kind == "pages" else shapes(int(rest[0])):
        if index is None:
            with open(vocab, "w", encoding="utf-8") as f:
                f.writelines(piece + "\n" for piece in sentences)
        else:
            print(json.dumps({"index": index, "input_ids": sum(sentences, []),
                              "sentence_lengths": [len(s) for s in sentences]}))


main()
