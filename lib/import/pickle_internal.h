/* rtdtools - MIT licence
 *
 * What the pickle machine and what it may make share. */
#ifndef RTD_IMPORT_PICKLE_INTERNAL_H
#define RTD_IMPORT_PICKLE_INTERNAL_H

#include "base/names.h"
#include "import/pickle.h"

struct rtd_pickle {
    struct rtd_pickle_value **all; /* [n], owned */
    size_t n, cap;
    struct rtd_pickle_value **stack; /* [depth] */
    size_t depth, stack_cap;
    struct rtd_pickle_value **memo;
    size_t memos;
    struct rtd_names keys;             /* of storages, */
    struct rtd_pickle_value **storage; /* [keys.n] and the first of each */
    size_t storage_cap;
    const unsigned char *data;
    size_t len, at;
    const char *name;
    struct rtd_err *err;
    struct rtd_pickle_value *root;
};

/* All of them set p->err, and return its status or NULL, when they fail. */
int rtd_pickle_bad(struct rtd_pickle *p, const char *what);
int rtd_pickle_no_memory(struct rtd_pickle *p);
struct rtd_pickle_value *rtd_pickle_make(struct rtd_pickle *p, enum rtd_pickle_kind kind);
struct rtd_pickle_value *rtd_pickle_make_text(struct rtd_pickle *p, enum rtd_pickle_kind kind,
                                              const void *text, size_t len);
int rtd_pickle_add_item(struct rtd_pickle *p, struct rtd_pickle_value *to,
                        struct rtd_pickle_value *item);
int rtd_pickle_push(struct rtd_pickle *p, struct rtd_pickle_value *v);
struct rtd_pickle_value *rtd_pickle_pop(struct rtd_pickle *p);

/* Operations: GLOBAL, STACK_GLOBAL, BINPERSID, REDUCE. */
int rtd_pickle_push_global(struct rtd_pickle *p);
int rtd_pickle_push_stack_global(struct rtd_pickle *p);
int rtd_pickle_push_storage(struct rtd_pickle *p);
int rtd_pickle_reduce(struct rtd_pickle *p);

#endif
