/* rtdtools - MIT licence
 *
 * The recogniser of archive_format.c, and zstd's of io.h: a kind is known by its whole head, so
 * that no text is one, whatever its first two bytes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "intake/archive_internal.h"

static const char *kind(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    const struct rtd_packing *packing = rtd_packing_of(p, n);
    const struct rtd_format *format = rtd_format_of(p, n);
    return packing             ? packing->name
           : format            ? format->name
           : rtd_is_zstd(p, n) ? "zstd"
                               : rtd_not_text(p, n, n < RTD_WINDOW);
}

/* What may stand behind the first bytes. */
static const char *const tails[] = {
    "",
    "\n",
    " chu\xc3\xa1ng le, w\xc7\x92men z\xc7\x92u ba, h\xc7\x8eo ma?\n",
    "0707070707070707070707070707070707070707070707070707070707070707070707070707070707\n",
    "-lh5- and so on, for longer than any head is, which is a line of a page or so, no more\n",
    "                                                                                        \n",
};

/* One character; its bytes. */
static size_t put(char *text, uint32_t c)
{
    if (c < 0x80) {
        text[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        text[0] = (char)(0xc0 | c >> 6);
        text[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        text[0] = (char)(0xe0 | c >> 12);
        text[1] = (char)(0x80 | (c >> 6 & 63));
        text[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    text[0] = (char)(0xf0 | c >> 18);
    text[1] = (char)(0x80 | (c >> 12 & 63));
    text[2] = (char)(0x80 | (c >> 6 & 63));
    text[3] = (char)(0x80 | (c & 63));
    return 4;
}

static unsigned beginnings;

static void expect_text(char *text, size_t begin)
{
    beginnings++;
    for (size_t t = 0; t < sizeof tails / sizeof *tails; t++) {
        size_t n = begin + strlen(tails[t]);
        memcpy(text + begin, tails[t], strlen(tails[t]));
        const char *what = kind(text, n);
        if (what)
            fail_msg("a text that begins with %02x %02x is taken for %s", (unsigned char)text[0],
                     (unsigned char)text[1], what);
    }
}

/* All pairs of first bytes that valid text has: two characters of one byte, one and the lead of
 * another, the first two of a longer one. */
static void test_two_bytes(void **state)
{
    (void)state;
    static const uint32_t second[] = {0x80,   0xc5,   0x7ff,   0x800,  0x1e00,
                                      0x4e2d, 0xffee, 0x1f600, 0xe0041};
    char text[256];
    for (uint32_t a = 0; a < 0x7f; a++) {
        if (a < 0x20 && (a < '\t' || a > '\r'))
            continue;
        for (uint32_t b = 0; b < 0x7f; b++)
            if (b >= 0x20 || (b >= '\t' && b <= '\r'))
                expect_text(text, put(text, a) + put(text + 1, b));
        for (uint32_t lead = 0x80; lead < 0x800; lead += 64)
            expect_text(text, put(text, a) + put(text + 1, lead + 3));
        for (size_t k = 0; k < sizeof second / sizeof *second; k++)
            expect_text(text, put(text, a) + put(text + 1, second[k]));
    }
    for (uint32_t c = 0x80; c < 0x110000; c += c < 0x800 ? 1 : c < 0x10000 ? 64 : 4096)
        if (c < 0xd800 || c >= 0xe000)
            expect_text(text, put(text, c));
    assert_true(beginnings > 10000);
}

/* Texts that begin as a head does, or speak of one; and at every length. */
static void test_heads(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "q\xc7\x90 chu\xc3\xa1ng le, w\xc7\x92men z\xc7\x92u ba, h\xc7\x8eo ma?\n",
        "q\xc7\x92 a line of text that is longer than any head of a cpio archive may be\n",
        "BZh9 is how bzip2 begins\n",
        "BZh91AY&S\n",
        "P*M\x18 is how a frame to skip begins, and then comes a length\n",
        "_*M\x18 the same\n",
        "LZIP\x01 and a dictionary\n",
        "!<arch>\nis the first line of a library\n",
        "!<arch>\n                                                                            ",
        "070701 is the number of a cpio, and 070702 and 070707 are others\n",
        "0707070123456701234567012345670123456701234567012345670123456701234567012345670123 x\n",
        "WARC/1.0 is the version that most crawls have\n",
        "WARC/1.0\nis its first line, and WARC-Type: stands in another\n",
        "WARC/1.0\r\n\r\nWARC-Type: comes too late\r\n",
        "WARC/1.x\r\nWARC-Type: response\r\n\r\n",
        "PK is how a zip begins\n",
        "Rar! he said\n",
        "7z is a program\n",
        "MSCF is a cabinet\n",
        "xar! she said\n",
        "MZ is a programmer\n",
        "GIF87a is an image\n",
        "%PDF- is how a PDF begins\n",
        "%PDF-1.4 is a version\n",
        "{\\rtf1 is how an RTF begins\n",
        "PAR1 is a table\n",
        "version https://git-lfs.github.com/spec/v1 is the first line of a pointer\n",
        "  -lh5- is a method of LHA, with 21 bytes of head\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t n = 1; n <= strlen(texts[i]); n++) {
            const char *what = kind(texts[i], n);
            if (what && n == 8 && !strcmp(what, "ar")) /* a library without members */
                continue;
            if (what && strncmp(what, "binary", 6) != 0)
                fail_msg("the first %zu bytes of \"%s\" are taken for %s", n, texts[i], what);
        }
    static char long_text[40000];
    memset(long_text, 'x', sizeof long_text);
    memcpy(long_text + 32768, " CD001 is a number", 18);
    assert_null(kind(long_text, sizeof long_text));
}

/* And what is one is known. */
static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } heads[] = {
        {"\xc7\x71\1\0\2\0\xa4\x81\0\0\0\0\1\0\0\0\0\0\0\0\6\0\0\0\2\0a.txt\0hi", 34, "cpio"},
        {"\x71\xc7\0\1\0\2\x81\xa4\0\0\0\0\0\1\0\0\0\0\0\0\0\6\0\0\0\2a.txt\0hi", 34, "cpio"},
        {"\x50\x2a\x4d\x18\4\0\0\0abcd", 12, "zstd"},
        {"\x5f\x2a\x4d\x18\0\0\1\0abcd", 12, "zstd"},
        {"\x28\xb5\x2f\xfd", 4, "zstd"},
        {"\x04\x22\x4d\x18\x64\x40\xa7", 7, "lz4"},
        {"\x02\x21\x4c\x18\x10\0\0\0", 8, "lz4"},
        {"LZIP\1\x0c", 6, "lzip"},
        {"BZh91AY&SY", 10, "bzip2"},
        {"%PDF-1.7\n%\n", 11, "a PDF document (pdftotext FILE - | corpus-shard)"},
        {"{\\rtf1\\ansi Text}", 18, "an RTF document"},
        {"\xff\xfe"
         "a\0b\0",
         6, "UTF-16 text (iconv -f UTF-16 -t UTF-8 FILE | corpus-shard)"},
        {"\xfe\xff\x4e\x2d\x65\x87\x4e\x2d\x65\x87", 10,
         "UTF-16 text (iconv -f UTF-16 -t UTF-8 FILE | corpus-shard)"},
        {"!<arch>\n", 8, "ar"},
        {"!<arch>\na.txt/          1000000000  0     0     100644  2         `\nhi", 70, "ar"},
        {"WARC/1.1\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n", 53, "warc"},
        {"WARC/0.18\r\nContent-Length: 1\r\nwarc-type: resource\r\n\r\nx", 56, "warc"},
        {"WARC/1.0\nWARC-Type: conversion\nX: y\ncontent-length: 1\n\nx", 57, "warc"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const char *what = kind(heads[i].bytes, heads[i].n);
        if (!what || strcmp(what, heads[i].name))
            fail_msg("%s is taken for %s", heads[i].name, what ? what : "text");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_bytes),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
