/* rtdtools - MIT licence
 *
 * Weights on their way in from other programs' files: named tensors of floats. */
#ifndef RTD_IMPORT_WEIGHTS_H
#define RTD_IMPORT_WEIGHTS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/names.h"
#include "model/safetensors.h"

enum { RTD_WEIGHTS_MAX = 1 << 18, RTD_WEIGHT_NAME = 512 }; /* tensors, and bytes of a name */

struct rtd_weight {
    const char *name; /* owned by names */
    int ndim;
    size_t dims[RTD_ST_MAX_DIMS];
    size_t count;
    float *data; /* [count], owned */
};
struct rtd_weights {
    struct rtd_weight *w; /* [n] */
    size_t n, cap;
    struct rtd_names names; /* of w, by number */
};
void rtd_weights_free(struct rtd_weights *all);
/* A new tensor with room for its data; NULL: no memory, dims that make no sense, a name that is
 * there already, or more than the limits above. */
struct rtd_weight *rtd_weights_add(struct rtd_weights *all, const char *name, int ndim,
                                   const size_t *dims, struct rtd_err *err);
const struct rtd_weight *rtd_weights_find(const struct rtd_weights *all, const char *name);
/* Give all of them the names that rename makes in place; it has room for RTD_WEIGHT_NAME. */
int rtd_weights_rename(struct rtd_weights *all, void (*rename)(char *name), struct rtd_err *err);

/* RTD_EDATA where a tensor holds NaN or infinity: such a model answers nothing but nonsense. */
int rtd_weights_check(const struct rtd_weights *all, const char *file, struct rtd_err *err);

/* Element types of files. */
enum rtd_element { RTD_EL_F32, RTD_EL_F64, RTD_EL_F16, RTD_EL_BF16, RTD_EL_OTHER };
size_t rtd_element_size(enum rtd_element type);
/* Element i of a little-endian array. */
float rtd_element_at(enum rtd_element type, const unsigned char *data, size_t i);

/* --- readers; each adds all tensors of floats that it finds.  What they take is linear in the size
 * of their files: tensors that share bytes hold at most RTD_WEIGHTS_SHARE times these. --- */
enum { RTD_WEIGHTS_SHARE = 16 };
/* The weights of a directory, in the first form that is there: safetensors or PyTorch's, in one
 * file or several behind an index.  *form: what it is (static); file: the file or the index. */
int rtd_read_weights(struct rtd_weights *all, const char *dir, const char **form,
                     char file[PATH_MAX], struct rtd_err *err);
/* pytorch_model.bin: both forms of torch.save. */
int rtd_read_torch(struct rtd_weights *all, const char *path, struct rtd_err *err);
/* A checkpoint of TensorFlow 1 by its prefix (PREFIX.index, PREFIX.data-00000-of-00001, ...). */
int rtd_read_tensorflow(struct rtd_weights *all, const char *prefix, struct rtd_err *err);

#endif
