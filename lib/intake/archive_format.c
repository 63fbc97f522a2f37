/* rtdtools - MIT licence
 *
 * What bytes look like: packings, archives, text, and things that are none of these.  Only what
 * is recognised here is handed to libarchive, and then only to the one reader for it: its own
 * guessing takes some plain texts for archives. */
#include <string.h>
#include <strings.h>

#include "base/lfs.h"
#include "base/utf8.h"
#include "intake/archive_internal.h"

static bool at(const unsigned char *p, size_t n, size_t offset, const char *magic, size_t len)
{
    return n >= offset + len && !memcmp(p + offset, magic, len);
}
#define AT(offset, magic) at(p, n, offset, magic, sizeof(magic) - 1)

/* --- packings --- */
static bool is_gzip(const unsigned char *p, size_t n)
{
    return AT(0, "\x1f\x8b");
}
static bool is_bzip2(const unsigned char *p, size_t n)
{
    return AT(0, "BZh") && n >= 10 && p[3] >= '1' && p[3] <= '9' &&
           (AT(4, "1AY&SY") || AT(4, "\x17\x72\x45\x38\x50\x90"));
}
static bool is_xz(const unsigned char *p, size_t n)
{
    return AT(0, "\xfd"
                 "7zXZ\0");
}
static bool is_lzma(const unsigned char *p, size_t n)
{
    /* the usual properties, and a dictionary of a power of two */
    return n >= 13 && AT(0, "\x5d\0") && p[2] == 0 && (p[3] & (p[3] - 1)) == 0 &&
           (p[4] & (p[4] - 1)) == 0 && (p[3] == 0) != (p[4] == 0);
}
static bool is_lzip(const unsigned char *p, size_t n)
{
    /* version 1, and a dictionary of 4 KiB to 512 MiB */
    return AT(0, "LZIP\1") && n >= 6 && (p[5] & 31) >= 12 && (p[5] & 31) <= 29;
}
static bool is_zstd(const unsigned char *p, size_t n)
{
    return rtd_is_zstd(p, n);
}
static bool is_lz4(const unsigned char *p, size_t n)
{
    if (AT(0, "\x02\x21\x4c\x18")) /* the old form: a block's length */
        return n < 8 || p[7] == 0;
    /* version 1, no reserved bit, blocks of 64 KiB to 4 MiB */
    return AT(0, "\x04\x22\x4d\x18") && n >= 6 && (p[4] & 0xc2) == 0x40 && (p[5] & 0x8f) == 0 &&
           p[5] >= 0x40;
}
static bool is_compress(const unsigned char *p, size_t n)
{
    return AT(0, "\x1f\x9d");
}
static bool is_rpm(const unsigned char *p, size_t n)
{
    return AT(0, "\xed\xab\xee\xdb");
}

static const struct rtd_packing packings[] = {
    {"gzip", is_gzip, NULL},
    {"bzip2", is_bzip2, archive_read_support_filter_bzip2},
    {"xz", is_xz, archive_read_support_filter_xz},
    {"lzma", is_lzma, archive_read_support_filter_lzma},
    {"lzip", is_lzip, archive_read_support_filter_lzip},
    {"zstd", is_zstd, archive_read_support_filter_zstd},
    {"lz4", is_lz4, archive_read_support_filter_lz4},
    {"compress", is_compress, archive_read_support_filter_compress},
    {"rpm", is_rpm, archive_read_support_filter_rpm},
};

const struct rtd_packing *rtd_packing_of(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < sizeof packings / sizeof *packings; i++)
        if (packings[i].match(p, n))
            return &packings[i];
    return NULL;
}

/* --- archives --- */
static bool is_tar(const unsigned char *p, size_t n)
{
    if (n < 512)
        return false;
    long sum = 0, signed_sum = 0, want = 0;
    for (int i = 0; i < 512; i++) {
        unsigned char c = i >= 148 && i < 156 ? ' ' : p[i];
        sum += c;
        signed_sum += (signed char)c;
    }
    if (sum == 8 * ' ') { /* a zero block: only two of them make an archive, an empty one */
        for (size_t i = 0; i < 1024; i++)
            if (n < 1024 || p[i])
                return false;
        return true;
    }
    int i = 148;
    while (i < 156 && p[i] == ' ')
        i++;
    if (i == 156 || p[i] < '0' || p[i] > '7')
        return false;
    for (; i < 156 && p[i] >= '0' && p[i] <= '7'; i++)
        want = want * 8 + (p[i] - '0');
    return want == sum || want == signed_sum;
}
static bool is_zip(const unsigned char *p, size_t n)
{
    return AT(0, "PK\3\4") || AT(0, "PK\5\6") || AT(0, "PK\7\10") || AT(0, "PK00PK\3\4");
}
static bool is_7zip(const unsigned char *p, size_t n)
{
    return AT(0, "7z\xbc\xaf\x27\x1c");
}
/* A name of len bytes at `at`: a NUL ends it, and there is none before. */
static bool name_at(const unsigned char *p, size_t n, size_t at, size_t len)
{
    if (len < 1 || len > 4096 || at + len > RTD_WINDOW)
        return false;
    if (at + len > n) /* cut */
        return n <= at || !memchr(p + at, 0, n - at);
    return memchr(p + at, 0, len) == p + at + len - 1;
}
/* len digits at `at`; of a head that is cut, those that are there. */
static bool digits_at(const unsigned char *p, size_t n, size_t at, size_t len, int base,
                      size_t *value)
{
    *value = 0;
    for (size_t i = at; i < at + len && i < n; i++) {
        const char *set = "0123456789abcdef", *k;
        if (!p[i] || !(k = strchr(set, p[i] | (p[i] >= 'A' ? 32 : 0))) || k - set >= base)
            return false;
        *value = *value * (size_t)base + (size_t)(k - set);
    }
    return true;
}
static bool is_old_cpio(const unsigned char *p, size_t n, int low)
{
    size_t head[13], type;
    if (n < 26)
        return false;
    for (int i = 0; i < 13; i++) /* 16-bit words of either order */
        head[i] = (size_t)(p[2 * i + low] | p[2 * i + 1 - low] << 8);
    type = head[3] & 0170000;
    return head[0] == 070707 && strchr("\1\2\4\6\10\12\14", (int)(type >> 12)) && type &&
           name_at(p, n, 26, head[10]);
}
static bool is_cpio(const unsigned char *p, size_t n)
{
    size_t all, name;
    if (AT(0, "070707"))
        return n >= 76 && digits_at(p, n, 0, 76, 8, &all) && digits_at(p, n, 59, 6, 8, &name) &&
               name_at(p, n, 76, name);
    if (AT(0, "070701") || AT(0, "070702"))
        return n >= 76 && digits_at(p, n, 0, 110, 16, &all) && digits_at(p, n, 94, 8, 16, &name) &&
               (n < 102 || name_at(p, n, 110, name));
    return is_old_cpio(p, n, 0) || is_old_cpio(p, n, 1);
}
static bool is_ar(const unsigned char *p, size_t n)
{
    /* a head of 60 bytes for each member, which ends so */
    return AT(0, "!<arch>\n") && (n == 8 || AT(66, "`\n"));
}
static bool is_rar(const unsigned char *p, size_t n)
{
    return AT(0, "Rar!\x1a\7\0");
}
static bool is_rar5(const unsigned char *p, size_t n)
{
    return AT(0, "Rar!\x1a\7\1\0");
}
static bool is_cab(const unsigned char *p, size_t n)
{
    return AT(0, "MSCF\0\0\0\0");
}
static bool is_xar(const unsigned char *p, size_t n)
{
    return AT(0, "xar!\0");
}
static bool is_lha(const unsigned char *p, size_t n)
{
    return n >= 21 && p[2] == '-' && p[3] == 'l' && (p[4] == 'h' || p[4] == 'z') && p[6] == '-' &&
           p[20] <= 3;
}
static bool is_iso(const unsigned char *p, size_t n)
{
    return AT(32769, "CD001\1") && (p[32768] <= 3 || p[32768] == 255);
}
static bool begins(const unsigned char *line, size_t n, const char *name)
{
    return n >= strlen(name) && !strncasecmp((const char *)line, name, strlen(name));
}
/* "WARC/1.0", and before the first empty line those fields that every record has. */
static bool is_warc(const unsigned char *p, size_t n)
{
    if (!AT(0, "WARC/") || n < 8 || p[5] < '0' || p[5] > '9' || p[6] != '.')
        return false;
    size_t i = 7;
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    if (i == 7 || !(AT(i, "\r\n") || AT(i, "\n")))
        return false;
    unsigned known = 0;
    while (i < n) {
        i += p[i] == '\r';
        i += i < n && p[i] == '\n';
        size_t line = i;
        while (i < n && p[i] != '\r' && p[i] != '\n')
            i++;
        if (i == line && i < n)
            return known == 3;
        if (i == n)
            break;
        known |= begins(p + line, i - line, "WARC-Type:") ? 1u : 0;
        known |= begins(p + line, i - line, "Content-Length:") ? 2u : 0;
    }
    return known != 0; /* a head that is cut */
}

static const struct rtd_format formats[] = {
    {"zip", is_zip, rtd_members_libarchive, archive_read_support_format_zip_seekable, true},
    {"7z", is_7zip, rtd_members_libarchive, archive_read_support_format_7zip, true},
    /* begins with zeros, like an empty tar: so it comes before it */
    {"iso9660", is_iso, rtd_members_libarchive, archive_read_support_format_iso9660, false},
    {"tar", is_tar, rtd_members_libarchive, archive_read_support_format_tar, false},
    {"cpio", is_cpio, rtd_members_libarchive, archive_read_support_format_cpio, false},
    {"ar", is_ar, rtd_members_libarchive, archive_read_support_format_ar, false},
    {"rar", is_rar, rtd_members_libarchive, archive_read_support_format_rar, false},
    {"rar5", is_rar5, rtd_members_libarchive, archive_read_support_format_rar5, false},
    {"cab", is_cab, rtd_members_libarchive, archive_read_support_format_cab, false},
    {"xar", is_xar, rtd_members_libarchive, archive_read_support_format_xar, false},
    {"lha", is_lha, rtd_members_libarchive, archive_read_support_format_lha, false},
    {"warc", is_warc, rtd_members_warc, NULL, false},
};

const struct rtd_format *rtd_format_of(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].match(p, n))
            return &formats[i];
    return NULL;
}

/* --- text --- */
static const struct {
    const char *magic;
    size_t len;
    const char *name;
} known[] = {
    {"\xff\xfe", 2, "UTF-16 text (iconv -f UTF-16 -t UTF-8 FILE | corpus-shard)"},
    {"\xfe\xff", 2, "UTF-16 text (iconv -f UTF-16 -t UTF-8 FILE | corpus-shard)"},
    {"\x89PNG", 4, "a PNG image"},
    {"\xff\xd8\xff", 3, "a JPEG image"},
    {"GIF8", 4, "a GIF image"},
    {"\x7f"
     "ELF",
     4, "an ELF program"},
    {"MZ", 2, "a Windows program"},
    {"\x89LZO", 4, "lzop data"},
    {"SQLite format 3", 15, "an SQLite database"},
    {"\xd0\xcf\x11\xe0", 4, "an old Office document"},
    {"PAR1", 4,
     "a Parquet file (python3 -c 'import pandas, sys; pandas.read_parquet(sys.argv[1])"
     ".to_json(sys.stdout, orient=\"records\", lines=True)' FILE | corpus-shard --json)"},
    {"ARROW1", 6, "an Arrow file"},
    {"\x93NUMPY", 6, "a NumPy array"},
    {"\x89HDF", 4, "an HDF5 file"},
};

/* These begin like text, and are none. */
static bool is_pdf(const unsigned char *p, size_t n)
{
    return AT(0, "%PDF-") && n > 8 && p[5] >= '1' && p[5] <= '9' && p[6] == '.' && p[7] >= '0' &&
           p[7] <= '9' && (p[8] == '\r' || p[8] == '\n');
}
static bool is_rtf(const unsigned char *p, size_t n)
{
    return AT(0, "{\\rtf1") && n > 6 && (p[6] == '\\' || p[6] == '\r' || p[6] == '\n');
}

const char *rtd_not_text(const unsigned char *p, size_t n, bool all)
{
    size_t bad = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int k = rtd_utf8_step(p + i, n - i, &c);
        if (k == 0 && !all)
            break;
        bool odd = k <= 0 || c == 0x7f ||
                   (c < 0x20 && !(c >= '\b' && c <= '\r') && c != 0x1b && c != 0x1a);
        size_t step = k > 0 ? (size_t)k : k < 0 ? (size_t)-k : n - i;
        bad += odd ? step : 0;
        i += step;
    }
    bool binary = bad * 10 > n;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (binary && at(p, n, 0, known[i].magic, known[i].len))
            return known[i].name;
    if (is_pdf(p, n))
        return "a PDF document (pdftotext FILE - | corpus-shard)";
    if (is_rtf(p, n))
        return "an RTF document";
    if (rtd_is_lfs(p, n))
        return "a Git LFS pointer (git lfs pull fetches the file)";
    return binary
               ? "binary data, or text that is not UTF-8 (iconv -f LATIN1 -t UTF-8, or what it is)"
               : NULL;
}

/* --- names --- */
static const struct {
    const char *suffix, *packing, *format; /* NULL: not promised */
} suffixes[] = {
    {".gz", "gzip", NULL},     {".bz2", "bzip2", NULL},  {".xz", "xz", NULL},
    {".lzma", "lzma", NULL},   {".lz", "lzip", NULL},    {".zst", "zstd", NULL},
    {".lz4", "lz4", NULL},     {".Z", "compress", NULL}, {".tgz", "gzip", "tar"},
    {".tbz2", "bzip2", "tar"}, {".txz", "xz", "tar"},    {".tzst", "zstd", "tar"},
    {".tar", NULL, "tar"},     {".zip", NULL, "zip"},    {".7z", NULL, "7z"},
    {".cpio", NULL, "cpio"},
};

int rtd_check_suffix(const char *path, const char *const packed[4], const char *format,
                     struct rtd_err *err)
{
    size_t n = strlen(path);
    int layer = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes;) {
        size_t k = strlen(suffixes[i].suffix);
        if (n <= k || memcmp(path + n - k, suffixes[i].suffix, k)) {
            i++;
            continue;
        }
        const char *packing = suffixes[i].packing, *want = packing ? packing : suffixes[i].format;
        if (packing && layer < 4 && packed[layer] && !strcmp(packed[layer], packing)) {
            layer++;
            want = suffixes[i].format;
        } else if (packing) {
            return rtd_fail(err, RTD_EDATA,
                            "%s: not %s data, in spite of its name (through a pipe it is read as "
                            "what it is)",
                            path, want);
        }
        if (want)
            return format && !strcmp(format, want)
                       ? RTD_OK
                       : rtd_fail(err, RTD_EDATA,
                                  "%s: not a %s archive, in spite of its name (through a pipe it "
                                  "is read as what it is)",
                                  path, want);
        n -= k; /* what stands before it: .tar.gz */
        i = 0;
    }
    return RTD_OK;
}
