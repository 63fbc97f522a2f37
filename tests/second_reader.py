#!/usr/bin/env python3
# rtdtools - MIT licence
#
# A second reader of tensor streams, written from man/tensor-stream.5 alone, to hold page and code
# together.  Prints what `ts-dump --index` prints; any fault ends it with status 1.
import json
import math
import struct
import subprocess
import sys

DTYPES = {'u8': 'B', 'i32': 'i', 'u32': 'I', 'i64': 'q', 'f32': 'f'}
TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)  # 0x1EDC6F41 reflected
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def need(condition, what):
    if not condition:
        sys.exit('second_reader: ' + what)


def pad(n):
    return (n + 63) // 64 * 64


class Stream:
    def __init__(self, file):
        self.file = file

    def read(self, n):
        data = self.file.read(n)
        need(len(data) == n, 'the input stops')
        return data

    def prelude(self):
        data = self.read(64)
        need(crc32c(data[:60]) == struct.unpack('<I', data[60:])[0], 'CRC of a prelude')
        return data

    def header(self):
        pre = self.prelude()
        magic, major, _, text, vocab, crc = struct.unpack('<8sHHII36xI4x', pre)
        need(magic == b'\x89RTD\r\n\x1a\n' and major == 1, 'magic or version')
        need(text + vocab <= 32 << 20, 'size of the header')
        data = self.read(pad(text + vocab))
        need(crc32c(data) == crc, 'CRC of the header')
        need(not any(data[text + vocab:]), 'padding')
        self.head = json.loads(data[:text].decode('utf-8'))
        self.vocab_size = self.head.get('vocabulary', {}).get('size', 1 << 31)
        need(('vocabulary' in self.head) == (vocab > 0), 'vocabulary')
        if vocab:
            words = subprocess.run(['zstd', '-dcq'], input=data[text:text + vocab], check=True,
                                   stdout=subprocess.PIPE).stdout
            need(len(words) == self.head['vocabulary']['bytes'], 'bytes of the vocabulary')
            need(len(words.split(b'\n')) - words.endswith(b'\n') == self.vocab_size, 'pieces')

    def data(self, body, records, first, stride):
        at, lengths, columns = 0, {}, {}
        need(records and stride, 'no records or stride')
        need(len(body) <= self.head['max_frame'] or records == 1, 'max_frame')
        need(first > self.last and first + (records - 1) * stride < 1 << 63, 'index')
        self.last = first + (records - 1) * stride

        def take(letter, count):
            nonlocal at
            size = struct.calcsize('<' + letter) * count
            need(at + pad(size) <= len(body), 'body too short')
            values = struct.unpack('<%d%s' % (count, letter), body[at:at + size])
            need(not any(body[at + size:at + pad(size)]), 'padding')
            at += pad(size)
            return values
        for a, axis in enumerate(self.head['axes']):
            lengths[axis] = take('I', records)
            self.sums[a] += sum(lengths[axis])
        for field in self.head['fields']:
            width = math.prod(field['dims'])
            steps = lengths[field['axis']] if field['axis'] is not None else [1] * records
            values, k, column = take(DTYPES[field['dtype']], sum(steps) * width), 0, []
            columns[field['name']] = column
            for n in steps:
                column.append(values[k:k + n * width])
                k += n * width
        need(at == len(body), 'body too long')
        for i in range(records):
            self.record(first + i * stride, {name: c[i] for name, c in columns.items()})

    def record(self, index, r):
        tokens, out = r.get('input_ids', ()), {'index': index}
        for name in ('input_ids', 'masked_lm_ids', 'sampled_ids'):
            need(all(0 <= v < self.vocab_size for v in r.get(name, ())), 'ids')
        if 'sentence_lengths' in r:
            need(sum(r['sentence_lengths']) == len(tokens) and
                 min(r['sentence_lengths'], default=1) > 0, 'sentence_lengths')
        if self.head['kind'] == 'tokens':
            span = r.get('offsets', ())
            need(all(0 <= a <= b for a, b in zip(span[::2], span[1::2])), 'offsets')
        before = -1
        for p in r.get('masked_lm_positions', ()):
            need(before < p < len(tokens), 'masked_lm_positions')
            before = p
        need(len(tokens) <= self.head.get('max_length', 1 << 32), 'max_length')
        for field in self.head['fields']:
            v = [float('%.9g' % x) if type(x) is float else x for x in r[field['name']]]
            text = field['dtype'] == 'u8' and field['axis'] in ('bytes', 'name', 'title', 'reason')
            for d in reversed(field['dims']):
                v = [list(v[i:i + d]) for i in range(0, len(v), d)]
            v = v[0] if field['axis'] is None else v
            out[field['name']] = bytes(v).decode('utf-8', 'replace') if text else v
        print(json.dumps(out, ensure_ascii=False, separators=(',', ':')))

    def frames(self):
        seq, frames, records, size, crcs, self.last = 0, 0, 0, 0, b'', -1
        self.sums = [0] * len(self.head['axes'])
        while True:
            kind, flags, n, number, first, count, stride, crc = struct.unpack(
                '<4sIQQQII16xI4x', self.prelude())
            need(number == seq and n % 64 == 0 and n <= 1 << 30, 'sequence number or length')
            seq, body = seq + 1, self.read(n)
            need(crc32c(body) == crc, 'CRC of a body')
            need(flags == 0 if kind in (b'DATA', b'END.', b'ABRT') else flags & 1, 'type, flags')
            if kind == b'DATA':
                self.data(body, count, first, stride)
                frames, records, size = frames + 1, records + count, size + n
                crcs += struct.pack('<I', crc)
            elif kind == b'ABRT':
                tool, why = struct.unpack('<II', body[:8])
                need(False, 'upstream %r failed: %r' % (body[8:8 + tool], body[8 + tool:][:why]))
            elif kind == b'END.':
                end = struct.pack('<QQQII', frames, records, size, crc32c(crcs), len(self.sums))
                end += struct.pack('<%dQ' % len(self.sums), *self.sums)
                need(body == end + bytes(pad(len(end)) - len(end)), 'totals')
                need(self.file.read(1) == b'', 'more after END')
                return


stream = Stream(open(sys.argv[1], 'rb') if len(sys.argv) > 1 else sys.stdin.buffer)
stream.header()
stream.frames()
