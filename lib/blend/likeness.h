/* What lies near what by embedding: item-item weights, as sparse rows. */
#ifndef SIDMILL_BLEND_LIKENESS_H
#define SIDMILL_BLEND_LIKENESS_H

#include <stdint.h>

#include "matrix/sparse.h"

typedef struct {
    int64_t count;      /* items of a row at most */
    double temperature; /* > 0 */
} likeness_options_t;

/* Row a lists the items whose vectors in x [items, dim] have the largest cosines with its own, ascending by item, ties for the
 * last places by item: the weights are softmax(cosine / temperature) over the row. Zero vectors are near none, their rows are
 * empty. Costs items^2 * dim steps. Rows are made in parallel. Freed with csr_free(). */
csr_t likeness_rows(const float *x, int64_t items, int64_t dim, const likeness_options_t *options);

#endif
