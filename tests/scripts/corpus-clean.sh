#!/usr/bin/env bash
# corpus-shard --text against a second implementation of cleaning and of documents: texts of many
# scripts, every kind of blank and line end, random bytes.
set -euo pipefail
cat >clean.py <<'EOF'
import re, sys
BLANK = ' \t\u00a0\u1680\u202f\u205f\u3000' + ''.join(map(chr, range(0x2000, 0x200b)))
def documents(data, unit):
    s = data.decode('utf-8', 'replace').replace('\ufeff', '')
    s = re.sub('\r\n|[\r\n\u0085\u2028\u2029]', '\n', s).translate({11: ' ', 12: ' '})
    s = re.sub('[\x00-\x08\x0e-\x1f\x7f-\x9f]', '', s)
    lines = [l.strip(BLANK) for l in s.split('\n')]
    if unit == 'file':
        lines = [[l for l in lines if l]]
    elif unit == 'line':
        lines = [[l] for l in lines if l]
    else:
        lines = [d.split('\n') for d in re.split('\n\n+', '\n'.join(lines).strip('\n'))]
    return ['\n'.join(d) for d in lines if d != [''] and d]
for name in sys.argv[1:]:
    for unit in 'blank', 'line', 'file':
        docs = documents(open(name, 'rb').read(), unit)
        with open(f'{name}.{unit}', 'wb') as out:
            out.write('\n\n'.join(docs).encode() + (b'\n' if docs else b''))
EOF
cat >make.py <<'EOF'
import random
random.seed(5)
rights = ['All human beings are born free and equal in dignity and rights.',
          'Todos los seres humanos nacen libres e iguales en dignidad y derechos.',
          'Все люди рождаются свободными и равными в своем достоинстве и правах.',
          'Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.',
          'يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.',
          'כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.',
          'सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।',
          '人人生而自由，在尊严和权利上一律平等。', 'すべての人間は、生まれながらにして自由である。',
          '모든 인간은 태어날 때부터 자유로우며 존엄하다.', 'มนุษย์ทั้งหลายเกิดมามีอิสระ', '😀👩‍👩‍👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿 e\u0301 \u200f\u200d']
ends = ['\n', '\r\n', '\r', '\n\n', '\u2028', '\u0085', '\n \u3000\n', '\v\n\f\n']
def text(n):
    return ''.join(random.choice(['', ' ', '\t', '\u3000', '\u00a0 ', '\ufeff', '\0', '\x1b', '\u0081'])
                   + random.choice(rights) + random.choice(['', ' ', '\u2003\u202f'])
                   + random.choice(ends) for _ in range(n)).encode()
for i in range(6):
    open(f't{i}', 'wb').write(text(2000 if i == 0 else 40))
for i in range(6, 14):  # damaged in up to one byte of twenty
    b = bytearray(text(60))
    for _ in range(len(b) // (20 * (1 + i % 3))):
        b[random.randrange(len(b))] = random.choice([0xff, 0xc3, 0xe2, 0xf0, 0x80, 0xed, 0x0a, 0x41])
    open(f't{i}', 'wb').write(b)
open('t14', 'wb').write(b'\xef\xbb\xbf')
open('t15', 'wb').write(b'no line end')
EOF
python3 make.py
inputs=(t*)
python3 clean.py "${inputs[@]}"
for f in "${inputs[@]}"; do
    for unit in blank line file; do
        corpus-shard -q --doc $unit --text "$f" >got
        cmp got "$f.$unit"
        corpus-shard -q --doc $unit --text <got >again # what is clean stays as it is
        [ $unit = line ] || cmp again got
    done
done
[ "$(wc -c <t0.line)" -gt 100000 ]
