/* The matrix products of every network, and how their operands are stored: that, and nothing else. Two backends run on the
 * processor: f32 through OpenBLAS, and bf16 operands with f32 accumulation through oneDNN. Attention, norms, activations,
 * softmaxes and the optimiser are shared f32 code on plain arrays (nn/ops.h, nn/attention.h, nn/optim.h), and all memory is the
 * caller's: another device would need those in this table too, and buffers of its own. */
#ifndef SIDMILL_NN_BACKEND_H
#define SIDMILL_NN_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A matrix operand in the backend's own element type. */
typedef void operand_t;

typedef struct {
    const char *name;      /* "openblas-f32", "onednn-bf16" */
    size_t operand_size;   /* bytes of one operand element */
    int64_t row_multiple;  /* row counts are rounded up to this, so that few kernels are made */

    /* Converts n floats to operand elements. */
    void (*pack)(const float *src, int64_t n, operand_t *dst);

    /* C [m, n] = op(A) op(B), row-major and dense; A is [m, k] ([k, m] if ta), B is [k, n] ([n, k] if tb). */
    void (*matmul)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c);

    /* The same, added to C. Onto zeros it gives the bytes of the other. */
    void (*matmul_add)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c);

    /* The same, of columns of wider matrices: rows of A, as they lie, are lda elements apart, those of C ldc; `add` to C or not. */
    void (*matmul_columns)(bool ta, bool tb, bool add, int64_t m, int64_t n, int64_t k, const operand_t *a, int64_t lda, const operand_t *b, float *c,
                           int64_t ldc);
} backend_t;

/* `name`: "auto" (the fastest that this machine has), "f32" or "bf16". Asking for bf16 where the library or the processor
 * lacks it ends the process with EX_UNAVAILABLE. Also holds BLAS and OpenMP to one thread in every thread of the pool. */
const backend_t *backend_open(const char *name);

extern const char *const backend_names[]; /* for CLI_CHOICE */

/* Element i of an operand array. */
static inline operand_t *operand_at(const backend_t *b, const operand_t *base, int64_t i)
{
    return (char *)(uintptr_t)base + (size_t)i * b->operand_size;
}

/* Floats as operands: where a backend's operands are floats, those themselves; else n of them converted into `space`. */
static inline bool operands_are_floats(const backend_t *b) { return b->operand_size == sizeof(float); }
static inline const operand_t *operands_of(const backend_t *b, const float *x, int64_t n, operand_t *space)
{
    if (operands_are_floats(b)) return x;
    b->pack(x, n, space);
    return space;
}

/* Zeroed space for n operand elements. */
operand_t *operands_new(const backend_t *b, int64_t n);

static inline int64_t round_rows(const backend_t *b, int64_t rows)
{
    return (rows + b->row_multiple - 1) / b->row_multiple * b->row_multiple;
}

#endif
