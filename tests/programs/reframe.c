/* rtdtools - MIT licence
 *
 * reframe BYTES IN OUT: the records of a stream in frames of at most BYTES, OUT "-" for standard
 * output, every frame pushed out when it is full. */
#include <stdio.h>
#include <stdlib.h>

#include "stream/stream.h"

static int copy(struct rtd_reader *in, struct rtd_writer *out, struct rtd_err *err)
{
    for (;;) {
        struct rtd_record rec;
        int st = rtd_reader_next(in, &rec, err);
        if (st || rec.end)
            return st;
        st = rtd_writer_append(out, rec.index, rec.data, rec.lengths, err);
        if (st)
            return st;
    }
}

int main(int argc, char **argv)
{
    struct rtd_err err = {0};
    struct rtd_reader *in = NULL;
    struct rtd_writer *out = NULL;
    struct rtd_header h = {0};
    if (argc != 4)
        return 2;
    int st = rtd_reader_open(&in, argv[2], &err);
    if (!st)
        st = rtd_header_copy(&h, rtd_reader_header(in), &err);
    if (!st) {
        h.max_frame = strtoull(argv[1], NULL, 10);
        st = rtd_writer_open(&out, argv[3], 0, &h, 1, &err);
    }
    if (!st)
        st = copy(in, out, &err);
    if (!st)
        st = rtd_writer_end(out, &err);
    else
        rtd_writer_abort(out, &err);
    if (st)
        fprintf(stderr, "reframe: %s\n", err.text);
    rtd_header_free(&h);
    rtd_reader_close(in);
    return st ? 1 : 0;
}
