/* rtdtools - MIT licence
 *
 * What bytes look like: packings, archives, text, and things that are none of these.  Only what
 * is recognised here is handed to libarchive, and then only to the one reader for it: its own
 * guessing takes some plain texts for archives. */
#include <string.h>

#include "intake/archive_internal.h"
#include "base/utf8.h"

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
    return AT(0, "LZIP\1");
}
static bool is_zstd(const unsigned char *p, size_t n)
{
    return AT(0, "\x28\xb5\x2f\xfd") ||
           (n >= 4 && p[0] >> 4 == 5 && at(p, n, 1, "\x2a\x4d\x18", 3));
}
static bool is_lz4(const unsigned char *p, size_t n)
{
    return AT(0, "\x04\x22\x4d\x18") || AT(0, "\x02\x21\x4c\x18");
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
static bool is_cpio(const unsigned char *p, size_t n)
{
    if (AT(0, "\xc7\x71") || AT(0, "\x71\xc7"))
        return n >= 26;
    if (!AT(0, "070701") && !AT(0, "070702") && !AT(0, "070707"))
        return false;
    for (int i = 6; i < 76; i++) /* a header of digits: hexadecimal, or octal */
        if ((size_t)i >= n || !strchr("0123456789abcdefABCDEF", p[i]) || !p[i])
            return false;
    return true;
}
static bool is_ar(const unsigned char *p, size_t n)
{
    return AT(0, "!<arch>\n");
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
    return AT(32769, "CD001");
}
static bool is_warc(const unsigned char *p, size_t n)
{
    return AT(0, "WARC/0.") || AT(0, "WARC/1.");
}

static const struct rtd_format formats[] = {
    {"zip", is_zip, archive_read_support_format_zip_seekable, true},
    {"7z", is_7zip, archive_read_support_format_7zip, true},
    /* begins with zeros, like an empty tar: so it comes before it */
    {"iso9660", is_iso, archive_read_support_format_iso9660, false},
    {"tar", is_tar, archive_read_support_format_tar, false},
    {"cpio", is_cpio, archive_read_support_format_cpio, false},
    {"ar", is_ar, archive_read_support_format_ar, false},
    {"rar", is_rar, archive_read_support_format_rar, false},
    {"rar5", is_rar5, archive_read_support_format_rar5, false},
    {"cab", is_cab, archive_read_support_format_cab, false},
    {"xar", is_xar, archive_read_support_format_xar, false},
    {"lha", is_lha, archive_read_support_format_lha, false},
    {"warc", is_warc, archive_read_support_format_warc, false},
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
    bool always; /* begins like text, but is none */
    const char *name;
} known[] = {
    {"%PDF-", 5, true, "a PDF document"},
    {"{\\rtf", 5, true, "an RTF document"},
    {"\xff\xfe", 2, true, "UTF-16 text (iconv makes UTF-8 of it)"},
    {"\xfe\xff", 2, true, "UTF-16 text (iconv makes UTF-8 of it)"},
    {"\x89PNG", 4, false, "a PNG image"},
    {"\xff\xd8\xff", 3, false, "a JPEG image"},
    {"GIF8", 4, false, "a GIF image"},
    {"\x7f"
     "ELF",
     4, false, "an ELF program"},
    {"MZ", 2, false, "a Windows program"},
    {"\x89LZO", 4, false, "lzop data"},
    {"SQLite format 3", 15, false, "an SQLite database"},
    {"\xd0\xcf\x11\xe0", 4, false, "an old Office document"},
    {"PAR1", 4, false, "a Parquet file"},
    {"\x93NUMPY", 6, false, "a NumPy array"},
    {"\x89HDF", 4, false, "an HDF5 file"},
};

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
        if ((binary || known[i].always) && at(p, n, 0, known[i].magic, known[i].len))
            return known[i].name;
    return binary ? "binary data, or text that is not UTF-8" : NULL;
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
            return rtd_fail(err, RTD_EDATA, "%s: not %s data, in spite of its name", path, want);
        }
        if (want)
            return format && !strcmp(format, want)
                       ? RTD_OK
                       : rtd_fail(err, RTD_EDATA, "%s: not a %s archive, in spite of its name",
                                  path, want);
        n -= k; /* what stands before it: .tar.gz */
        i = 0;
    }
    return RTD_OK;
}
