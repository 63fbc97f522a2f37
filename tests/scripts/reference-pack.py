#!/usr/bin/env python3
# rtdtools - MIT licence
"""Pack documents the way the original builder does, written down a second time and plainly.

stdin: ts-dump of a stream of tokens (JSON lines); argv: MAX_LENGTH SEED CLS SEP.
stdout: the examples, a JSON object a line with input_ids and token_type_ids.

Differences from the original, all wanted: coins come from Philox counters (document, example), and
what is cut off begins the next example."""
import json
import sys


def philox(seed, purpose, index, block):
    c = [block, purpose << 16, index & 0xFFFFFFFF, index >> 32]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


class Builder:
    def __init__(self, max_length, seed, cls, sep):
        self.max_length, self.seed, self.cls, self.sep = max_length, seed, cls, sep

    def document(self, number, sentences):
        self.number, self.example = number, 0
        self.start([])
        for sentence in sentences:
            if sentence:
                yield from self.add(sentence)
        while self.length:  # the blank line after the document, until nothing is carried
            yield from self.create()

    def start(self, carried):
        """Begin an example: its coins, and what the last one left over as a first sentence."""
        short, value, single, self.late = philox(self.seed, 1, self.number, self.example)
        unit = [(x >> 8) / 2**24 for x in (short, single, self.late)]
        self.target = self.max_length
        if unit[0] < 0.05:
            self.target = 5 + (value * (self.max_length - 5 + 1) >> 32)
        self.aim = 10**9 if unit[1] < 0.1 else (self.target - 3) // 2
        self.late = unit[2] < 0.5
        self.sentences, self.length = [], 0
        if carried:
            self.sentences, self.length = [carried], len(carried)

    def add(self, sentence):
        while self.length >= self.target:  # a carried sentence may be enough by itself
            yield from self.create()
        self.sentences.append(sentence)
        self.length += len(sentence)
        while self.length >= self.target:
            yield from self.create()

    def create(self):
        one, two = [], []
        for s in self.sentences:
            if not one or len(one) + len(s) < self.aim or (not two and len(one) < self.aim and self.late):
                one = one + s
            else:
                two = two + s
        room = max(0, self.max_length - min(len(one), self.max_length - 2) - 3)
        rest = one[self.max_length - 2:] + two[room:]
        one, two = one[:self.max_length - 2], two[:room]
        ids = [self.cls] + one + [self.sep] + (two + [self.sep] if two else [])
        types = [0] * (len(one) + 2) + [1] * (len(ids) - len(one) - 2)
        yield {"input_ids": ids, "token_type_ids": types}
        self.example += 1
        self.start(rest)


def main():
    builder = Builder(*map(int, sys.argv[1:5]))
    for line in sys.stdin:
        doc = json.loads(line)
        sentences, at = [], 0
        for n in doc["sentence_lengths"]:
            sentences.append(doc["input_ids"][at:at + n])
            at += n
        for example in builder.document(doc["index"], sentences):
            print(json.dumps(example))


main()
