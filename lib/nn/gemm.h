/* Matrix products. f32 through OpenBLAS everywhere; bf16 operands with f32 accumulation through oneDNN where the processor
 * has AMX or AVX512-BF16. Every call runs on the calling thread: the program is parallel over shards, not inside products. */
#ifndef SIDMILL_NN_GEMM_H
#define SIDMILL_NN_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* Holds OpenBLAS and OpenMP to one thread in every thread of the pool. Call once before the first product. */
void gemm_init(void);

/* C [m, n] = alpha op(A) op(B) + beta C, row-major and dense; op transposes where ta, tb are set: A is [m, k] ([k, m] if ta),
 * B is [k, n] ([n, k] if tb). */
void gemm_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, const float *b, float beta,
              float *c);

/* The same over parts of wider matrices: lda, ldb, ldc floats from one row to the next. */
void gemm_f32_strided(bool ta, bool tb, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda, const float *b,
                      int64_t ldb, float beta, float *c, int64_t ldc);

#endif
