#include "matrix/svd.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "matrix/nearest.h"

#include "unit.h"

static csr_t sparse_of(int64_t rows, int64_t cols, const float *dense)
{
    csr_t x = {.rows = rows, .cols = cols, .offsets = NEW_ARRAY(int64_t, rows + 1)};
    x.index = NEW_ARRAY(int32_t, rows * cols);
    x.value = NEW_ARRAY(float, rows * cols);
    for (int64_t r = 0; r < rows; r++) {
        x.offsets[r + 1] = x.offsets[r];
        for (int64_t c = 0; c < cols; c++) {
            if (dense[r * cols + c] == 0) continue;
            x.index[x.offsets[r + 1]] = (int32_t)c;
            x.value[x.offsets[r + 1]++] = dense[r * cols + c];
        }
    }
    return x;
}

/* A random sparse matrix, a tenth filled. */
static csr_t random_sparse(int64_t rows, int64_t cols, uint64_t key)
{
    float *dense = xfloats((size_t)(rows * cols));
    for (int64_t i = 0; i < rows * cols; i++)
        if (rng_uniform(rng_key(key, 0), (uint64_t)i) < 0.1f) dense[i] = (float)rng_normal(rng_key(key, 1), (uint64_t)i);
    csr_t x = sparse_of(rows, cols, dense);
    free(dense);
    return x;
}

static double column_dot(const svd_t *d, int64_t a, int64_t b)
{
    double sum = 0;
    for (int64_t i = 0; i < d->cols; i++) sum += (double)d->v[i * d->k + a] * (double)d->v[i * d->k + b];
    return sum;
}

/* Largest |V^T V - I| over the columns up to the rank. */
static double worst_from_orthonormal(const svd_t *d)
{
    double worst = 0;
    for (int64_t a = 0; a < d->rank; a++)
        for (int64_t b = a; b < d->rank; b++) worst = fmax(worst, fabs(column_dot(d, a, b) - (a == b)));
    return worst;
}

/* Largest |X - (X V) V^T|. */
static double worst_reconstruction(const csr_t *x, const svd_t *d)
{
    float *us = xfloats((size_t)(x->rows * d->k)), *row = xfloats((size_t)x->cols);
    double worst = 0;
    csr_product(x, d->k, d->v, us);
    for (int64_t r = 0; r < x->rows; r++) {
        memset(row, 0, (size_t)x->cols * sizeof *row);
        for (int64_t e = x->offsets[r]; e < x->offsets[r + 1]; e++) row[x->index[e]] = x->value[e];
        for (int64_t c = 0; c < x->cols; c++) {
            double sum = 0;
            for (int64_t j = 0; j < d->k; j++) sum += (double)us[r * d->k + j] * (double)d->v[c * d->k + j];
            worst = fmax(worst, fabs(sum - (double)row[c]));
        }
    }
    free(us);
    free(row);
    return worst;
}

TEST(singular_values_known_by_hand)
{
    /* [[3, 0], [4, 5]] has singular values sqrt(45) and sqrt(5), right vectors (1, 1)/sqrt 2 and (1, -1)/sqrt 2. */
    const float dense[] = {3, 0, 4, 5};
    csr_t x = sparse_of(2, 2, dense);
    const svd_options_t o = {.k = 2, .oversample = 8, .iterations = 2, .seed = 1};
    svd_t d = svd_truncated(&x, &o);
    CHECK(d.rank == 2);
    CHECK_NEAR(d.s[0], sqrt(45), 1e-5);
    CHECK_NEAR(d.s[1], sqrt(5), 1e-5);
    CHECK_NEAR((double)d.v[0], sqrt(0.5), 1e-6);
    CHECK_NEAR((double)d.v[2], sqrt(0.5), 1e-6);
    CHECK_NEAR(fabs((double)d.v[1]), sqrt(0.5), 1e-6);
    CHECK_NEAR((double)(d.v[1] + d.v[3]), 0, 1e-6);
    svd_free(&d);
    csr_free(&x);
}

TEST(a_diagonal_gives_its_entries_in_order)
{
    enum { N = 60 };
    float dense[N * N] = {0};
    for (int i = 0; i < N; i++) dense[i * N + i] = (float)pow(0.8, (i * 7) % N) * (i % 2 ? -1 : 1);
    csr_t x = sparse_of(N, N, dense);
    const svd_options_t o = {.k = 10, .oversample = 10, .iterations = 6, .seed = 3};
    svd_t d = svd_truncated(&x, &o);
    CHECK(d.rank == 10);
    for (int j = 0; j < 10; j++) CHECK_NEAR(d.s[j], pow(0.8, j), 2e-6);
    /* Column j points along the axis of the j-th largest entry, its largest component made positive. */
    for (int j = 0; j < 10; j++)
        for (int i = 0; i < N; i++) CHECK_NEAR((double)d.v[i * 10 + j], (i * 7) % N == j ? 1 : 0, 2e-3);
    svd_free(&d);
    csr_free(&x);
}

TEST(right_vectors_are_orthonormal_and_ordered)
{
    csr_t x = random_sparse(300, 500, rng_stream(5, "x"));
    const svd_options_t o = {.k = 40, .oversample = 20, .iterations = 3, .seed = 7};
    svd_t d = svd_truncated(&x, &o);
    CHECK(d.rank == 40);
    CHECK(worst_from_orthonormal(&d) < 1e-5);
    for (int j = 1; j < 40; j++) CHECK(d.s[j] <= d.s[j - 1]);
    for (int j = 0; j < 40; j++) {
        float best = 0;
        for (int64_t i = 0; i < d.cols; i++)
            if (fabsf(d.v[i * d.k + j]) > fabsf(best)) best = d.v[i * d.k + j];
        CHECK(best > 0);
    }
    svd_free(&d);
    csr_free(&x);
}

/* Whatever the shape, enough triples give the matrix back. */
static void check_full(int64_t rows, int64_t cols)
{
    csr_t x = random_sparse(rows, cols, rng_stream(11, "full"));
    const svd_options_t o = {.k = rows < cols ? rows : cols, .oversample = 5, .iterations = 1, .seed = 2};
    svd_t d = svd_truncated(&x, &o);
    CHECK(worst_reconstruction(&x, &d) < 2e-5);
    double sum = 0;
    for (int64_t j = 0; j < d.rank; j++) sum += d.s[j] * d.s[j];
    CHECK_NEAR(sum / csr_sum_squares(&x), 1, 1e-5);
    svd_free(&d);
    csr_free(&x);
}

TEST(all_triples_reconstruct_the_matrix)
{
    check_full(50, 80);
    check_full(80, 50);
    check_full(1, 30);
    check_full(30, 1);
}

TEST(low_rank_is_found_and_reconstructed_exactly)
{
    enum { ROWS = 120, COLS = 200, RANK = 7 };
    float *a = xfloats(ROWS * RANK), *b = xfloats(RANK * COLS), *dense = xfloats(ROWS * COLS);
    for (int i = 0; i < ROWS * RANK; i++) a[i] = (float)rng_normal(rng_stream(1, "a"), (uint64_t)i);
    for (int i = 0; i < RANK * COLS; i++) b[i] = (float)rng_normal(rng_stream(1, "b"), (uint64_t)i);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLS; c++)
            for (int j = 0; j < RANK; j++) dense[r * COLS + c] += a[r * RANK + j] * b[j * COLS + c];
    csr_t x = sparse_of(ROWS, COLS, dense);
    const svd_options_t o = {.k = 20, .oversample = 10, .iterations = 2, .seed = 9};
    svd_t d = svd_truncated(&x, &o);
    CHECK(d.rank == RANK);
    CHECK(worst_reconstruction(&x, &d) < 1e-4);
    for (int64_t j = RANK; j < d.k; j++) {
        CHECK(d.s[j] == 0);
        CHECK(column_dot(&d, j, j) == 0);
    }
    svd_free(&d);
    csr_free(&x);
    free(a);
    free(b);
    free(dense);
}

TEST(more_triples_than_the_matrix_has)
{
    const float dense[] = {0, 2, 0, 0, 0, 0};
    csr_t x = sparse_of(2, 3, dense);
    const svd_options_t o = {.k = 5, .oversample = 5, .iterations = 1, .seed = 1};
    svd_t d = svd_truncated(&x, &o);
    CHECK(d.rank == 1 && d.k == 2);
    CHECK_NEAR(d.s[0], 2, 1e-6);
    CHECK_NEAR((double)d.v[1 * 2], 1, 1e-6);
    svd_free(&d);
    csr_free(&x);
}

TEST(empty_matrices_have_rank_zero)
{
    const float zeros[6] = {0};
    csr_t all_zero = sparse_of(2, 3, zeros), no_columns = sparse_of(3, 0, zeros);
    const svd_options_t o = {.k = 2, .oversample = 5, .iterations = 1, .seed = 1};
    svd_t a = svd_truncated(&all_zero, &o), b = svd_truncated(&no_columns, &o);
    CHECK(a.rank == 0 && a.s[0] == 0 && column_dot(&a, 0, 0) == 0);
    CHECK(b.rank == 0 && b.cols == 0 && b.k == 0);
    svd_free(&a);
    svd_free(&b);
    csr_free(&all_zero);
    csr_free(&no_columns);
}

TEST(threads_do_not_change_a_bit)
{
    csr_t x = random_sparse(700, 900, rng_stream(21, "x"));
    const svd_options_t o = {.k = 30, .oversample = 10, .iterations = 2, .seed = 4};
    parallel_threads(1);
    svd_t one = svd_truncated(&x, &o);
    parallel_threads(3);
    svd_t three = svd_truncated(&x, &o);
    CHECK(!memcmp(one.v, three.v, (size_t)(one.cols * one.k) * sizeof(float)));
    CHECK(!memcmp(one.s, three.s, (size_t)one.k * sizeof(double)));
    svd_free(&one);
    svd_free(&three);
    csr_free(&x);
}

TEST(transpose_moves_every_element)
{
    csr_t x = random_sparse(40, 25, rng_stream(2, "t"));
    csr_t t = csr_transpose(&x), back = csr_transpose(&t);
    CHECK(t.rows == 25 && t.cols == 40 && back.rows == 40);
    CHECK(!memcmp(x.offsets, back.offsets, 41 * sizeof(int64_t)));
    CHECK(!memcmp(x.index, back.index, (size_t)x.offsets[40] * sizeof(int32_t)));
    CHECK(!memcmp(x.value, back.value, (size_t)x.offsets[40] * sizeof(float)));
    csr_free(&x);
    csr_free(&t);
    csr_free(&back);
}

TEST(nearest_rows_come_in_order)
{
    const float x[] = {1, 0, /* 1 */ 0, 2, /* 2 */ 3, 3, /* 3 */ 0, 0, /* 4 */ -1, 0, /* 5 */ 5, 5};
    int64_t index[5];
    float cosine[5];
    CHECK(nearest_rows(6, 2, x, 0, 5, index, cosine) == 4);
    CHECK(index[0] == 2 && index[1] == 5 && index[2] == 1 && index[3] == 4); /* ties by index, zero row left out */
    CHECK_NEAR((double)cosine[0], sqrt(0.5), 1e-6);
    CHECK_NEAR((double)cosine[3], -1, 1e-6);
    CHECK(nearest_rows(6, 2, x, 0, 1, index, cosine) == 1 && index[0] == 2);
    CHECK(nearest_rows(6, 2, x, 3, 5, index, cosine) == 0);
    CHECK(nearest_rows(1, 2, x, 0, 5, index, cosine) == 0);
}

UNIT_MAIN(UNIT(singular_values_known_by_hand), UNIT(a_diagonal_gives_its_entries_in_order),
          UNIT(right_vectors_are_orthonormal_and_ordered), UNIT(all_triples_reconstruct_the_matrix),
          UNIT(low_rank_is_found_and_reconstructed_exactly), UNIT(more_triples_than_the_matrix_has),
          UNIT(empty_matrices_have_rank_zero), UNIT(threads_do_not_change_a_bit), UNIT(transpose_moves_every_element),
          UNIT(nearest_rows_come_in_order))
