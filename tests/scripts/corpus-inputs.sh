#!/usr/bin/env bash
# corpus-shard: the same documents from plain and packed text and from archives, from files and
# from pipes; cut anywhere, an input is refused.
set -euo pipefail
fail() {
    echo "$*"
    exit 1
}
expect() { # STATUS COMMAND...
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ $got = "$want" ] || fail "status $got, expected $want: $*: $(cat err)"
    [ "$want" = 0 ] || [ "$(wc -l <err)" = 1 ] || [ "$want" = 2 ] || fail "not one line: $(cat err)"
}

python3 - <<'EOF'
import random, tarfile, zipfile, io, gzip, lzma, bz2
random.seed(3)
words = 'alpha beta gamma δέλτα 中文 emoji😀 and then some more'.split()
docs = ['\n'.join(' '.join(random.choices(words, k=random.randrange(1, 20)))
                  for _ in range(random.randrange(1, 5))) for _ in range(300)]
open('want', 'w').write('\n\n'.join(docs) + '\n')
text = lambda d: ('\n\n'.join(d) + '\n').encode()
open('all.txt', 'wb').write(text(docs))
members = [('d/one.txt', text(docs[:100])), ('d/two.txt.gz', gzip.compress(text(docs[100:200]), mtime=0)),
           ('d/noise.bin', bytes(random.randrange(256) for _ in range(3000))),
           ('d/empty.txt', b''), ('three.text', text(docs[200:]))]
for form in 'USTAR', 'GNU', 'PAX':
    with tarfile.open(f'{form}.tar', 'w', format=getattr(tarfile, form + '_FORMAT')) as t:
        for name, data in members:
            i = tarfile.TarInfo('./' + name if form == 'GNU' else name)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))
        for kind, name in (tarfile.SYMTYPE, 'link'), (tarfile.DIRTYPE, 'dir'), (tarfile.LNKTYPE, 'hard'):
            i = tarfile.TarInfo(name)
            i.type, i.linkname = kind, 'd/one.txt'
            t.addfile(i)
for name, how in ('stored.zip', 0), ('packed.zip', 8):
    with zipfile.ZipFile(name, 'w', how) as z:
        for n, data in members:
            z.writestr(zipfile.ZipInfo(n), data, compress_type=how)
z = bytearray(open('packed.zip', 'rb').read())  # the same, said to be encrypted
for sig, at in (b'PK\3\4', 6), (b'PK\1\2', 8):
    z[z.index(sig) + at] |= 1
open('encrypted.zip', 'wb').write(z)
small = text(docs[:3])
b = io.BytesIO()
with tarfile.open(fileobj=b, mode='w') as t:
    for n in 'a', 'b':
        i = tarfile.TarInfo(n)
        i.size = len(small)
        t.addfile(i, io.BytesIO(small))
tar = b.getvalue().rstrip(b'\0')
tar += bytes(-len(tar) % 512 + 1024)
open('small.tar', 'wb').write(tar)
open('small.txt.gz', 'wb').write(gzip.compress(small, mtime=0))
open('small.tar.gz', 'wb').write(gzip.compress(tar, mtime=0))
open('small.txt.xz', 'wb').write(lzma.compress(small))
open('small.txt.bz2', 'wb').write(bz2.compress(small))
open('small.txt', 'wb').write(small)
EOF
zstd -q small.txt
zstd -q USTAR.tar
xz -k GNU.tar
gzip -k PAX.tar
bzip2 -k USTAR.tar
cat small.txt.gz small.txt.gz >twice.txt.gz

corpus-shard all.txt >all.ts
corpus-shard --text all.txt | cmp - want
for f in all.txt ./*.tar ./*.tar.* stored.zip packed.zip; do
    [[ $f == *small* ]] && continue
    corpus-shard -q "$f" >got
    cmp got all.ts || fail "$f"
    corpus-shard -q <"$f" >got
    cmp got all.ts || fail "$f, standard input"
    (dd bs=1000 status=none | corpus-shard -q >got) <"$f"
    cmp got all.ts || fail "$f, a pipe"
    TMPDIR=/nonexistent corpus-shard -q -T . - <"$f" | cmp - all.ts
done
corpus-shard --text twice.txt.gz | cmp - <(cat small.txt small.txt)

# members: names, patterns, counts
corpus-shard -q --source USTAR.tar | ts-dump | jq -r .source | uniq >got
printf '%s\n' d/one.txt d/two.txt.gz three.text | cmp - got
corpus-shard -q --source GNU.tar | ts-dump | jq -r .source | uniq | cmp - got
corpus-shard -q --include 'one*' --include '*.text' --source USTAR.tar | ts-dump | jq -r .source | uniq >got
printf '%s\n' d/one.txt three.text | cmp - got
corpus-shard -q --include 'd/*' --exclude '*.gz' --exclude noise.bin --source USTAR.tar | ts-dump | jq -r .source | uniq >got
echo d/one.txt | cmp - got
corpus-shard USTAR.tar 2>err >out
printf 'corpus-shard: warning: 1 of 6 members skipped %s\n' 'that are not text (16.7%)' 'for their kind (-v names them) (16.7%)' |
    cmp - err
corpus-shard -v USTAR.tar 2>err >out
grep -q '^corpus-shard: USTAR.tar: d/noise.bin: skipped: ' err
grep -q '^corpus-shard: USTAR.tar: link: skipped: a symbolic link' err

# what would do is said: the rest of a tar without its end, a window that is too large, columns
head -c -1024 small.tar >open.tar
expect 1 corpus-shard open.tar
grep -q '2 members up to there are complete.*tar xOf FILE | corpus-shard' err || fail "$(cat err)"
tar xOf open.tar | corpus-shard -q --text | cmp - <(cat small.txt small.txt)
zstd -q --long=28 --stream-size=200000000 -c small.txt >long.txt.zst 2>/dev/null || true
if ! zstd -t long.txt.zst 2>/dev/null && zstd -qt --long=28 long.txt.zst; then
    for input in long.txt.zst twice.tar; do
        tar cf twice.tar long.txt.zst
        expect 1 corpus-shard -q "$input"
        grep -q 'window over 128 MiB: zstd -d --long=31 -c FILE | corpus-shard' err || fail "$input: $(cat err)"
        ! grep -q damaged err || fail "$input: $(cat err)"
    done
fi
{ printf PAR1 && head -c 100 /dev/zero && printf PAR1; } >t.parquet
expect 1 corpus-shard t.parquet
grep -q 'read_parquet.*| corpus-shard --json' err || fail "$(cat err)"
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12345\n' 7 >lfs.txt
for tool in corpus-shard 'wordpiece --vocab lfs.txt' vocab-train 'ts-load --kind documents'; do
    # shellcheck disable=SC2086
    expect 1 $tool lfs.txt
    grep -q 'git lfs pull' err || fail "$tool: $(cat err)"
done
tar cf lfs.tar lfs.txt all.txt
corpus-shard -v lfs.tar 2>err | cmp - all.ts
grep -q 'lfs.tar: lfs.txt: skipped: a Git LFS pointer' err || fail "$(cat err)"
# no descriptor left is not damage
gzip -k all.txt
for f in all.txt.gz USTAR.tar.zst packed.zip; do
    for ((n = 3; n < 8; n++)); do
        got=0
        (ulimit -n $n && exec corpus-shard -q "$f") >out 2>err || got=$?
        [ $got = 0 ] || [[ $got = 3 && $(cat err) == *'Too many open files' ]] || [ $got = 127 ] ||
            fail "$f, $n descriptors: status $got: $(cat err)"
    done
done

# bad archives
expect 1 corpus-shard encrypted.zip
grep -q encrypted err
printf 'PK\3\4garbage' >bad.zip
expect 1 corpus-shard bad.zip
expect 3 corpus-shard small.txt missing.txt
(trap '' XFSZ; ulimit -f 1; corpus-shard -q -T . <packed.zip 2>err | cat >/dev/null) && fail "full -T"
grep -q 'File too large' err

# cut: a tar at every block, the others at every third byte and at their last ones
for ((n = 512; n < $(stat -c %s small.tar); n += 512)); do
    head -c $n small.tar >cut.tar
    expect 1 corpus-shard cut.tar
done
for f in small.txt.gz small.tar.gz small.txt.xz small.txt.bz2 small.txt.zst; do
    size=$(stat -c %s "$f")
    for ((n = 0; n < size; n += n + 40 < size ? 13 : 3)); do
        head -c $n "$f" >"cut.$f"
        expect 1 corpus-shard "cut.$f"
        [ -s err ]
    done
    head -c $n small.txt.gz >cut.gz
done
# inside an archive, too
mkdir m && head -c 60 small.txt.gz >m/x.txt.gz && tar -cf m.tar m
expect 1 corpus-shard m.tar
grep -q 'm.tar: m/x.txt.gz: truncated gzip data' err
# and what was written has no end
corpus-shard -q cut.tar >x.ts 2>/dev/null || true
expect 1 ts-info --count x.ts
grep -q 'upstream corpus-shard failed' err

# one line of 64 MiB, in bounded memory
if [ -z "${SANITIZED:-}" ]; then
    head -c 64M /dev/zero | tr '\0' 'x' | corpus-shard -v --max-bytes 1M 2>err | ts-info --count >got
    [ "$(cat got)" = 64 ] || fail "64 MiB: $(cat got) parts"
    mib=$(sed -n 's/.*peak memory \([0-9]*\).*/\1/p' err)
    [ "$mib" -lt 48 ] || fail "64 MiB: $mib MiB of memory"
    grep -q '1 document split' err
fi
