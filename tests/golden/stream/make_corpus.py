#!/usr/bin/env python3
# rtdtools - MIT licence
#
# Makes the bad-*, unsupported-* and some good-* files of this folder, in the format of
# man/tensor-stream.5, each wrong in one place and right, checksums included, everywhere else.
# Their bytes are kept in the tree; this says how they came about.
import json
import os
import struct
import subprocess
import sys

TABLE = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def pad(data):
    return data + bytes(-len(data) % 64)


VOCAB = b'[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\nc\n'


def zstd(data, *options):
    return subprocess.run(['zstd', '-qc', '--stream-size=%d' % len(data), *options], input=data,
                          check=True, stdout=subprocess.PIPE).stdout


def about_vocab(**changes):
    return dict({'bytes': len(VOCAB), 'chinese': True, 'cls': 2, 'digest': DIGEST,
                 'lower_case': True, 'mask': 4, 'max_word': 100, 'pad': 0, 'sep': 3, 'size': 8,
                 'strip_accents': True, 'unk': 1}, **changes)


# xxh128sum of VOCAB
DIGEST = sys.argv[1]


def field(name, dtype, axis, dims=()):
    return {'name': name, 'dtype': dtype, 'axis': axis, 'dims': list(dims)}


FIELDS = {
    'documents': (['bytes'], [field('text', 'u8', 'bytes')]),
    'tokens': (['tokens', 'sentences'], [field('input_ids', 'i32', 'tokens'),
                                         field('sentence_lengths', 'i32', 'sentences')]),
    'masked': (['tokens', 'masked'], [field('input_ids', 'i32', 'tokens'),
                                      field('token_type_ids', 'u8', 'tokens'),
                                      field('masked_lm_positions', 'i32', 'masked'),
                                      field('masked_lm_ids', 'i32', 'masked')]),
}


def head(which, vocab=None, text=None, major=1, minor=0, ignored=b'', padding=None, crc=None,
         lengths=None, about=None, **changes):
    axes, fields = FIELDS.get(which, ([], []))
    keys = {'kind': which, 'axes': axes, 'fields': fields, 'max_frame': 1024,
            'provenance': [{'tool': 'make_corpus', 'version': '1'}]}
    if which != 'documents' and vocab is None:
        vocab = zstd(VOCAB)
        keys['vocabulary'] = about or about_vocab()
    keys.update(changes)
    keys = {k: v for k, v in keys.items() if v is not None}
    if text is None:
        text = json.dumps(keys, sort_keys=True, separators=(',', ':')).encode()
    vocab = vocab or b''
    body = pad(text + vocab)
    if padding:
        body = body[:-1] + padding
    pre = b'\x89RTD\r\n\x1a\n' + struct.pack('<HHII', major, minor,
                                             *(lengths or (len(text), len(vocab))))
    pre = (pre + ignored).ljust(56, b'\0') + struct.pack('<I', crc32c(body) if crc is None else crc)
    return pre + struct.pack('<I', crc32c(pre)) + body


class Frames:
    def __init__(self, header, axes):
        self.bytes, self.seq, self.axes = header, 0, axes
        self.crcs, self.frames, self.records, self.size = b'', 0, 0, 0
        self.sums = [0] * axes

    def frame(self, kind, body, first=0, records=0, stride=0, flags=0, ignored=b'', seq=None,
              claims=None, crc=None, pre_crc=None):
        crc = crc32c(body) if crc is None else crc
        pre = kind + struct.pack('<IQQQII', flags, len(body) if claims is None else claims,
                                 self.seq if seq is None else seq, first, records, stride)
        pre = (pre + ignored).ljust(56, b'\0') + struct.pack('<I', crc)
        self.bytes += pre + struct.pack('<I', crc32c(pre) if pre_crc is None else pre_crc) + body
        self.seq += 1
        return crc

    def data(self, lengths, columns, first=0, stride=1, records=None, extra=b'', padding=None,
             **how):
        body = b''.join(pad(struct.pack('<%dI' % len(n), *n)) for n in lengths)
        body += b''.join(pad(c) for c in columns) + extra
        if padding:
            body = body[:-1] + padding
        n = len(lengths[0]) if records is None else records
        crc = self.frame(b'DATA', body, first, n, stride, **how)
        self.crcs += struct.pack('<I', crc)
        self.frames, self.records, self.size = self.frames + 1, self.records + n, self.size + len(body)
        for a, n in enumerate(lengths):
            self.sums[a] += sum(n)
        return self

    def end(self, more=0, axes=None, tail=b''):
        sums = self.sums if axes is None else axes
        body = struct.pack('<QQQII', self.frames, self.records + more, self.size,
                           crc32c(self.crcs), len(sums))
        self.frame(b'END.', pad(body + struct.pack('<%dQ' % len(sums), *sums) + tail))
        return self


def i32(*values):
    return struct.pack('<%di' % len(values), *values)


def documents(*texts, head_=None, end=True, **how):
    f = Frames(head_ or head('documents'), 1)
    f.data([[len(t) for t in texts]], [b''.join(texts)], **how)
    return f.end() if end else f


def tokens(ids=(5, 6, 7), sentences=(2, 1), head_=None, **how):
    f = Frames(head_ or head('tokens'), 2)
    f.data([[len(ids)], [len(sentences)]], [i32(*ids), i32(*sentences)], **how)
    return f.end()


def masked(ids=(2, 5, 4, 3), positions=(2,), originals=(6,), **how):
    f = Frames(head('masked', **how), 2)
    f.data([[len(ids)], [len(positions)]],
           [i32(*ids), bytes(len(ids)), i32(*positions), i32(*originals)])
    return f.end()


GOOD = documents(b'One.', b'Two.').bytes
files = {}


def save(name, stream):
    files[name] = stream.bytes if isinstance(stream, Frames) else stream


# --- good ---
f = Frames(head('outputs', vocab=b'', axes=['tokens', 'words'], fields=[
    field('flag', 'u8', None), field('offsets', 'i32', 'tokens', [2]),
    field('hidden', 'f32', 'tokens', [2, 3]), field('logits', 'f32', None, [2]),
    field('when', 'i64', None), field('hash', 'u32', 'words')]), 2)
f.data([[1, 0, 2], [0, 1, 2]],
       [bytes([7, 8, 255]), i32(0, 4, 5, 9, -1, 12), struct.pack('<18f', *[k / 4 for k in range(18)]),
        struct.pack('<6f', 0.5, -2.25, 1e-9, 3e30, 0.1, -0.0),
        struct.pack('<3q', -2**63, 2**63 - 1, 0), struct.pack('<3I', 1, 2**32 - 1, 5)])
save('good-outputs.ts', f.end())
f = Frames(head('documents', minor=7, ignored=b'later', added={'x': [1]}), 1)
f.frame(b'NOTE', pad(b'a frame that readers of 1.0 skip'), flags=1)
f.data([[4]], [b'One.'], ignored=b'later too')
f.frame(b'NOTE', b'', flags=3)
save('good-minor.ts', f.end())
f = Frames(head('documents', max_frame=128), 1)
f.data([[600]], [b'x' * 600])
save('good-long-record.ts', f.end())



def more(which, axes, *fields, **how):
    """The kind with optional fields, which minor version 1 has."""
    return head(which, minor=1, axes=FIELDS[which][0] + axes, fields=FIELDS[which][1] + list(fields), **how)


def spans(*offsets):
    f = Frames(more('tokens', [], field('offsets', 'i32', 'tokens', [2])), 2)
    f.data([[3, 0], [2, 0]], [i32(5, 6, 7), i32(2, 1), i32(*offsets)])
    return f.end()


def sampled(*ids):
    f = Frames(more('masked', [], field('sampled_ids', 'i32', 'masked'), max_length=8), 2)
    f.data([[4, 2], [2, 0]], [i32(2, 5, 4, 3, 2, 3), bytes(6), i32(1, 2), i32(5, 6), i32(*ids)])
    return f.end()


f = Frames(more('documents', ['name', 'title', 'reason'], field('source', 'u8', 'name'),
                field('title', 'u8', 'title'), field('reason', 'u8', 'reason')), 4)
f.data([[4, 4], [1, 0], [5, 0], [0, 9]], [b'One.Two.', b'a', 'Älß'.encode(), b'too short'])
save('good-documents-1.1.ts', f.end())
save('good-tokens-1.1.ts', spans(0, 1, 1, 2, 4, 4))
save('good-masked-1.1.ts', sampled(7, 6))

# --- the whole ---
save('bad-empty.ts', b'')
save('bad-text.ts', b'The magic of a stream is not the beginning of any text in UTF-8.\n')
save('bad-line-ends.ts', GOOD.replace(b'\r\n', b'\n'))
save('bad-cut.ts', GOOD[:-200])
save('bad-no-end.ts', documents(b'One.', end=False))
save('bad-byte-after-end.ts', GOOD + b'\n')
save('bad-two-streams.ts', GOOD + GOOD)
save('bad-header-in-the-middle.ts', documents(b'One.', end=False).bytes + GOOD)
# --- header ---
save('bad-header-prelude-crc.ts', GOOD[:63] + bytes([GOOD[63] ^ 1]) + GOOD[64:])
save('bad-header-crc.ts', documents(b'One.', head_=head('documents', crc=1)))
save('bad-header-padding.ts', documents(b'One.', head_=head('documents', padding=b'x')))
save('bad-header-size.ts', head('documents', lengths=((32 << 20) + 1, 0)))
save('bad-header-claims.ts', head('documents', lengths=(32 << 20, 0)))
save('bad-json.ts', documents(b'One.', head_=head('documents', text=b'{"kind":"documents",')))
save('bad-json-list.ts', documents(b'One.', head_=head('documents', text=b'[]')))
save('bad-json-key-twice.ts', documents(
    b'One.', head_=head('documents', text=b'{"kind":"documents","kind":"tokens"}')))
for name, changes in {
    'kind': {'kind': None}, 'kind-control': {'kind': 'a\x1b[2J'}, 'kind-long': {'kind': 'k' * 32},
    'no-fields': {'fields': []}, 'fields-65': {'fields': [field('f%d' % k, 'u8', None)
                                                          for k in range(65)]},
    'field-twice': {'fields': [field('a', 'u8', 'bytes')] * 2},
    'axes-17': {'axes': ['a%d' % k for k in range(17)]}, 'axis-twice': {'axes': ['bytes', 'bytes']},
    'axis-unknown': {'fields': [field('a', 'u8', 'words')]},
    'dtype': {'fields': [field('a', 'f16', 'bytes')]},
    'dims-zero': {'fields': [field('a', 'u8', 'bytes', [0])]},
    'dims-9': {'fields': [field('a', 'u8', 'bytes', [1] * 9)]},
    'dims-product': {'fields': [field('a', 'i64', 'bytes', [2**31, 2**31, 4])]},
    'max-frame': {'max_frame': 2**30 + 64}, 'max-frame-text': {'max_frame': '16M'},
    'max-length-zero': {'max_length': 0}, 'provenance': {'provenance': ['me']},
}.items():
    save('bad-header-%s.ts' % name, documents(b'One.', head_=head('documents', **changes)))
for name, changes in {
    'missing': {'vocab': b'', 'vocabulary': about_vocab()},
    'undescribed': {'vocab': zstd(VOCAB), 'vocabulary': None},
    'digest': {'about': about_vocab(digest='0' * 32)}, 'size': {'about': about_vocab(size=9)},
    'id': {'about': about_vocab(mask=8)}, 'setting': {'about': about_vocab(lower_case=1)},
    'bytes': {'about': about_vocab(bytes=1 << 25)},
    'bomb': {'vocab': zstd(bytes(33 << 20)), 'vocabulary': about_vocab(bytes=33 << 20)},
    'not-zstd': {'vocab': VOCAB, 'vocabulary': about_vocab()},
    'damaged': {'vocab': zstd(VOCAB)[:-5] + b'?' + zstd(VOCAB)[-4:], 'vocabulary': about_vocab()},
    'two-frames': {'vocab': zstd(VOCAB) + zstd(b'd\n'), 'vocabulary': about_vocab()},
}.items():
    save('bad-vocab-%s.ts' % name, tokens(head_=head('tokens', **changes)))
# --- frames ---
save('bad-prelude-crc.ts', documents(b'One.', pre_crc=1))
save('bad-body-crc.ts', documents(b'One.', crc=1))
save('bad-sequence.ts', documents(b'One.', seq=1))
save('bad-body-length.ts', documents(b'One.', extra=b'abc'))
save('bad-body-size.ts', documents(b'One.', claims=(1 << 30) + 64))
save('bad-body-claims.ts', documents(b'One.', claims=1 << 30, end=False))
save('bad-body-too-long.ts', documents(b'One.', extra=bytes(64)))
save('bad-body-too-short.ts', documents(b'One.', records=17))
save('bad-body-padding.ts', documents(b'One.', padding=b'x'))
f = Frames(head('documents'), 1)
save('bad-lengths.ts', f.data([[2**32 - 1, 2**32 - 1]], [b'One.']).end())
f = Frames(head('documents'), 1)
f.frame(b'DATA', pad(struct.pack('<II', 4, 1)) + pad(b'One.'), 0, 1, 1)
save('bad-lengths-padding.ts', f.end())
save('bad-no-records.ts', documents(records=0))
save('bad-stride.ts', documents(b'One.', stride=0))
save('bad-index-overflow.ts', documents(b'One.', b'Two.', first=2**63 - 1))
f = Frames(head('documents'), 1)
save('bad-index-order.ts', f.data([[4]], [b'One.'], first=9).data([[4]], [b'Two.'], first=9).end())
f = Frames(head('documents', max_frame=128), 1)
save('bad-max-frame.ts', f.data([[300, 300]], [b'x' * 600]).end())
f = Frames(head('documents'), 1).data([[4]], [b'One.'])
save('bad-end-records.ts', f.end(more=1))
f = Frames(head('documents'), 1).data([[4]], [b'One.'])
save('bad-end-lengths.ts', f.end(axes=[5]))
f = Frames(head('documents'), 1).data([[4]], [b'One.'])
save('bad-end-axes.ts', f.end(axes=[4, 0]))
f = Frames(head('documents'), 1).data([[4]], [b'One.'])
save('bad-end-padding.ts', f.end(tail=b'x'))
f = Frames(head('documents'), 1).data([[4]], [b'One.'])
f.crcs = f.crcs[::-1]
save('bad-end-crcs.ts', f.end())


def aborted(tool, why, tool_len=None):
    f_ = Frames(head('documents'), 1).data([[4]], [b'One.'])
    f_.frame(b'ABRT', pad(struct.pack('<II', len(tool) if tool_len is None else tool_len,
                                      len(why)) + tool + why))
    return f_


save('bad-abort.ts', aborted(b'wordpiece', b'corpus.txt: line 7: not UTF-8'))
save('bad-abort-control.ts', aborted(b'word\npiece', b'\x1b[2J\x07 two\nlines \xff\xfe'))
save('bad-abort-long.ts', aborted(b'wordpiece', b'x' * 1100))
save('bad-abort-lengths.ts', aborted(b'wordpiece', b'reason', tool_len=2**32 - 1))
# --- contents ---
save('bad-id.ts', tokens((5, 8, 7)))
save('bad-id-negative.ts', tokens((5, -1, 7)))
save('bad-sentence-empty.ts', tokens(sentences=(3, 0)))
save('bad-sentences-sum.ts', tokens(sentences=(2, 2)))
save('bad-positions-order.ts', masked(positions=(2, 2), originals=(6, 6)))
save('bad-positions-negative.ts', masked(positions=(-1,)))
save('bad-positions-outside.ts', masked(positions=(4,)))
save('bad-masked-id.ts', masked(originals=(8,)))
save('bad-too-long.ts', masked(max_length=3))
save('bad-offsets.ts', spans(0, 1, 3, 2, 4, 5))
save('bad-offsets-negative.ts', spans(-1, 1, 1, 2, 4, 5))
save('bad-sampled-id.ts', sampled(7, 8))
# --- not for us ---
save('unsupported-major.ts', documents(b'One.', head_=head('documents', major=2, minor=3)))
f = Frames(head('documents'), 1)
f.frame(b'MORE', pad(b'a frame that must be understood'))
save('unsupported-frame.ts', f.data([[4]], [b'One.']).end())
save('unsupported-flags.ts', documents(b'One.', flags=2))
# --- compressed ---
packed = zstd(GOOD, '--check')
save('bad-cut.ts.zst', packed[:-6])
save('bad-checksum.ts.zst', packed[:-1] + bytes([packed[-1] ^ 1]))
save('bad-trailing.ts.zst', packed + b'\n')
save('bad-empty.ts.zst', zstd(b'', '--check'))
assert packed[4] & 0x20 == 0x20  # single segment: give it a window of 256 MiB instead
save('bad-window.ts.zst', packed[:4] + bytes([packed[4] & ~0x20, 18 << 3]) + packed[5:])

for name, data in files.items():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), 'wb') as out:
        out.write(data)
