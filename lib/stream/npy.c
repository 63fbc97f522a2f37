/* rtdtools - MIT licence
 *
 * A field of all records as one NumPy array. */
#include <stdio.h>
#include <string.h>

#include "stream/print.h"

void rtd_npy_init(struct rtd_npy *a, const struct rtd_field *f)
{
    memset(a, 0, sizeof *a);
    a->f = f;
}

static size_t step_bytes(const struct rtd_npy *a)
{
    return a->f->width * rtd_dtype_size(a->f->dtype);
}

int rtd_npy_add(struct rtd_npy *a, const void *data, uint32_t len, struct rtd_err *err)
{
    a->steps += len;
    if (len > a->longest)
        a->longest = len;
    int st = rtd_buf_append(&a->rows, &len, sizeof len, err);
    return st ? st : rtd_buf_append(&a->data, data, len * step_bytes(a), err);
}

static int write_header(const struct rtd_npy *a, bool pad, struct rtd_out *out, struct rtd_err *err)
{
    static const char *const descr[] = {
        [RTD_U8] = "|u1",  [RTD_I32] = "<i4", [RTD_U32] = "<u4",
        [RTD_I64] = "<i8", [RTD_F32] = "<f4",
    };
    char text[512];
    uint64_t records = a->rows.len / sizeof(uint32_t);
    int n = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%llu,",
                     descr[a->f->dtype], (unsigned long long)(pad ? records : a->steps));
    if (pad && a->f->axis >= 0)
        n += snprintf(text + n, sizeof text - (size_t)n, " %u,", a->longest);
    for (int d = 0; d < a->f->ndim; d++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %u,", a->f->dims[d]);
    n += snprintf(text + n, sizeof text - (size_t)n, "), }");
    unsigned char head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t len = (sizeof head + (size_t)n + 1 + 63) / 64 * 64 - sizeof head;
    memset(text + n, ' ', len - 1 - (size_t)n);
    text[len - 1] = '\n';
    head[8] = (unsigned char)(len & 255);
    head[9] = (unsigned char)(len >> 8);
    int st = rtd_out_write(out, head, sizeof head, err);
    return st ? st : rtd_out_write(out, text, len, err);
}

int rtd_npy_write(const struct rtd_npy *a, struct rtd_out *out, struct rtd_err *err)
{
    int st = write_header(a, false, out, err);
    return st ? st : rtd_out_write(out, a->data.data, a->data.len, err);
}

static int fill_row(const struct rtd_npy *a, int32_t value, struct rtd_buf *row,
                    struct rtd_err *err)
{
    size_t n = a->longest * a->f->width, size = rtd_dtype_size(a->f->dtype);
    int64_t wide = value;
    float real = (float)value;
    const void *one = a->f->dtype == RTD_F32 ? (const void *)&real : &wide;
    int st = rtd_buf_reserve(row, n * size, err);
    for (size_t i = 0; !st && i < n; i++)
        st = rtd_buf_append(row, one, size, err); /* the low bytes come first */
    return st;
}

int rtd_npy_write_padded(const struct rtd_npy *a, int32_t fill, struct rtd_out *out,
                         struct rtd_err *err)
{
    const uint32_t *rows = a->rows.data;
    const char *data = a->data.data;
    size_t step = step_bytes(a);
    struct rtd_buf row = {0};
    int st = fill_row(a, fill, &row, err);
    if (!st)
        st = write_header(a, true, out, err);
    for (size_t i = 0; !st && i < a->rows.len / sizeof *rows; i++) {
        st = rtd_out_write(out, data, rows[i] * step, err);
        if (!st)
            st = rtd_out_write(out, row.data, (a->longest - rows[i]) * step, err);
        data += rows[i] * step;
    }
    rtd_buf_free(&row);
    return st;
}

void rtd_npy_free(struct rtd_npy *a)
{
    rtd_buf_free(&a->data);
    rtd_buf_free(&a->rows);
}
