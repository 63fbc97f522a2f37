/* rtdtools - MIT licence
 *
 * Pickles of torch.save, read without executing anything: a machine for the few operations that a
 * table of tensors needs, an allow-list of the few names it may mention, and an error for
 * everything else. */
#ifndef RTD_IMPORT_PICKLE_H
#define RTD_IMPORT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "import/weights.h"

enum rtd_pickle_kind {
    RTD_P_NONE,
    RTD_P_INT, /* and booleans */
    RTD_P_REAL,
    RTD_P_BIG, /* an integer of over 8 bytes: its bytes */
    RTD_P_TEXT,
    RTD_P_TUPLE,   /* and lists */
    RTD_P_DICT,    /* item[2 i] is a key, item[2 i + 1] its value */
    RTD_P_GLOBAL,  /* an allowed name, as text "module name" */
    RTD_P_STORAGE, /* text: its key */
    RTD_P_TENSOR,  /* item[0]: its storage */
    RTD_P_MARK,
};

struct rtd_pickle_value {
    enum rtd_pickle_kind kind;
    int64_t number;
    char *text; /* owned by the pickle */
    size_t len;
    struct rtd_pickle_value **item; /* [n], owned by the pickle */
    size_t n, cap;
    enum rtd_element element; /* storage */
    size_t size;              /* storage: bytes of an element */
    struct rtd_pickle_view {  /* tensor; owned by the pickle */
        int ndim;
        size_t dims[RTD_ST_MAX_DIMS], stride[RTD_ST_MAX_DIMS], offset;
    } * view;
};

struct rtd_pickle; /* all values of one pickle */
/* Read one pickle from data, of at most RTD_PICKLE_MAX values; *used: its bytes.  name is for
 * messages. */
enum { RTD_PICKLE_MAX = 1 << 22 };
int rtd_pickle_read(struct rtd_pickle **p, const unsigned char *data, size_t len, size_t *used,
                    const char *name, struct rtd_err *err);
const struct rtd_pickle_value *rtd_pickle_root(const struct rtd_pickle *p);
/* The first storage of that key which some value refers to, or NULL. */
const struct rtd_pickle_value *rtd_pickle_storage(const struct rtd_pickle *p, const char *key);
void rtd_pickle_free(struct rtd_pickle *p);

#endif
