/* A backend whose operands are not floats, in plain loops: for machines whose processor has no bf16 products. */
#ifndef SIDMILL_UNIT_BF16_H
#define SIDMILL_UNIT_BF16_H

#include <string.h>

#include "data/st.h"
#include "nn/backend.h"

static inline double bf16_value(const operand_t *x, int64_t i)
{
    const uint32_t bits = (uint32_t)((const uint16_t *)x)[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static inline void bf16_pack(const float *src, int64_t n, operand_t *dst) { st_bf16_of(n, src, dst); }

static inline void bf16_add(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, int64_t lda, const operand_t *b, float *c,
                            int64_t ldc)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++) sum += bf16_value(a, ta ? l * lda + i : i * lda + l) * bf16_value(b, tb ? j * k + l : l * n + j);
            c[i * ldc + j] += (float)sum;
        }
}

static inline void bf16_matmul_add(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c)
{
    bf16_add(ta, tb, m, n, k, a, ta ? m : k, b, c, n);
}

static inline void bf16_matmul(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c)
{
    memset(c, 0, (size_t)(m * n) * sizeof *c);
    bf16_matmul_add(ta, tb, m, n, k, a, b, c);
}

static inline void bf16_matmul_columns(bool ta, bool tb, bool add, int64_t m, int64_t n, int64_t k, const operand_t *a, int64_t lda,
                                       const operand_t *b, float *c, int64_t ldc)
{
    for (int64_t i = 0; !add && i < m; i++) memset(c + i * ldc, 0, (size_t)n * sizeof *c);
    bf16_add(ta, tb, m, n, k, a, lda, b, c, ldc);
}

static const backend_t bf16_plain = {"plain-bf16", sizeof(uint16_t), 4, bf16_pack, bf16_matmul, bf16_matmul_add, bf16_matmul_columns};

#endif
