/* rtdtools - MIT licence */
#include "support/integers.h"

#include <string.h>

bool integers_of(const struct rtd_st_tensor *t, int32_t *out)
{
    const unsigned char *p = t->data;
    for (size_t i = 0; i < t->count; i++) {
        int64_t x = 0;
        int16_t i16;
        int32_t i32;
        switch (t->dtype) {
        case RTD_ST_I64:
            memcpy(&x, p + 8 * i, 8);
            break;
        case RTD_ST_I32:
            memcpy(&i32, p + 4 * i, 4);
            x = i32;
            break;
        case RTD_ST_I16:
            memcpy(&i16, p + 2 * i, 2);
            x = i16;
            break;
        case RTD_ST_I8:
            x = (signed char)p[i];
            break;
        case RTD_ST_U8:
        case RTD_ST_BOOL:
            x = p[i];
            break;
        default:
            return false;
        }
        if (x < INT32_MIN || x > INT32_MAX)
            return false;
        out[i] = (int32_t)x;
    }
    return true;
}
