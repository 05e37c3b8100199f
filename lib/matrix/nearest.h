/* Nearest rows of a dense matrix by cosine: of one row, or of each. */
#ifndef SIDMILL_MATRIX_NEAREST_H
#define SIDMILL_MATRIX_NEAREST_H

#include <stdint.h>

/* The k rows of x [rows, dim], row `query` left out, that are most similar to it: their indices in `index` and cosines in
 * `cosine`, [k] each, best first, ties by index. Zero rows are similar to none. Returns how many there are: fewer than k
 * where there are too few rows, 0 for a zero query row. */
int64_t nearest_rows(int64_t rows, int64_t dim, const float *x, int64_t query, int64_t k, int64_t *index, float *cosine);

/* The same for every row r, as blocked products: the k best in index and cosine [rows, k] from r * k on, how many they are in found
 * [rows]. Costs rows^2 * dim steps, in parallel, and counts rows by progress_add(). */
void nearest_each(int64_t rows, int64_t dim, const float *x, int64_t k, int32_t *index, float *cosine, int64_t *found);

#endif
