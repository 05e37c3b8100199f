#include "nn/backend.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/st.h"
#include "nn/gemm.h"

const char *const backend_names[] = {"auto", "f32", "bf16", NULL};

static void pack_f32(const float *src, int64_t n, operand_t *dst) { memcpy(dst, src, (size_t)n * sizeof(float)); }

static void matmul_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c)
{
    gemm_f32(ta, tb, m, n, k, 1, a, b, 0, c);
}

static void matmul_add_f32(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c)
{
    gemm_f32(ta, tb, m, n, k, 1, a, b, 1, c);
}

static void matmul_columns_f32(bool ta, bool tb, bool add, int64_t m, int64_t n, int64_t k, const operand_t *a, int64_t lda, const operand_t *b,
                               float *c, int64_t ldc)
{
    gemm_f32_strided(ta, tb, m, n, k, 1, a, lda, b, tb ? k : n, add ? 1 : 0, c, ldc);
}

static const backend_t f32 = {"openblas-f32", sizeof(float), 16, pack_f32, matmul_f32, matmul_add_f32, matmul_columns_f32};

operand_t *operands_new(const backend_t *b, int64_t n)
{
    return xfloats(size_mul((size_t)n, b->operand_size) / sizeof(float) + 1);
}

#ifdef HAVE_ONEDNN
#include <dnnl.h>

static dnnl_engine_t engine;

static void check(dnnl_status_t s, const char *what)
{
    if (s != dnnl_success) die(EX_SOFTWARE, "oneDNN: %s failed (status %d)", what, (int)s);
}

static void pack_bf16(const float *src, int64_t n, operand_t *dst) { st_bf16_of(n, src, dst); }

/* A product's shape; and one, ready to run: every thread keeps its own, because the memory handles change at each call. */
typedef struct {
    int64_t m, n, k, lda, ldc; /* elements from a row of A and of C to the next, as they lie */
    bool ta, tb, add;
} shape_t;

typedef struct product {
    shape_t shape;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c, scratch;
    struct product *next;
} product_t;

enum { BUCKETS = 256 };
static _Thread_local product_t *products[BUCKETS];
static _Thread_local dnnl_stream_t stream;

static dnnl_memory_desc_t matrix(int64_t rows, int64_t cols, bool transposed, int64_t apart, dnnl_data_type_t type)
{
    dnnl_memory_desc_t d;
    dnnl_dims_t dims = {rows, cols}, strides = {transposed ? 1 : apart, transposed ? apart : 1};
    check(dnnl_memory_desc_init_by_strides(&d, 2, dims, type, strides), "memory descriptor");
    return d;
}

static dnnl_memory_t memory_of(const dnnl_memory_desc_t *d, void *handle)
{
    dnnl_memory_t m;
    check(dnnl_memory_create(&m, d, engine, handle), "memory");
    return m;
}

/* Makes the product replace what C holds, or with `add` be added to it. */
static dnnl_primitive_attr_t attributes(bool add)
{
    dnnl_primitive_attr_t attr;
    check(dnnl_primitive_attr_create(&attr), "attributes");
    check(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user), "scratchpad mode");
    if (!add) return attr;
    dnnl_post_ops_t ops;
    check(dnnl_post_ops_create(&ops), "post-ops");
    check(dnnl_post_ops_append_sum(ops, 1), "post-op sum");
    check(dnnl_primitive_attr_set_post_ops(attr, ops), "post-ops");
    dnnl_post_ops_destroy(ops);
    return attr;
}

static product_t *product_make(shape_t s)
{
    product_t *p = NEW(product_t);
    p->shape = s;
    dnnl_memory_desc_t a = matrix(s.m, s.k, s.ta, s.lda, dnnl_bf16), b = matrix(s.k, s.n, s.tb, s.tb ? s.k : s.n, dnnl_bf16);
    dnnl_memory_desc_t c = matrix(s.m, s.n, false, s.ldc, dnnl_f32);
    dnnl_matmul_desc_t d;
    check(dnnl_matmul_desc_init(&d, &a, &b, NULL, &c), "matmul descriptor");
    dnnl_primitive_attr_t attr = attributes(s.add);
    dnnl_primitive_desc_t pd;
    check(dnnl_primitive_desc_create(&pd, &d, attr, engine, NULL), "matmul");
    check(dnnl_primitive_create(&p->primitive, pd), "matmul");
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    size_t bytes = dnnl_memory_desc_get_size(scratch);
    p->a = memory_of(&a, NULL);
    p->b = memory_of(&b, NULL);
    p->c = memory_of(&c, NULL);
    p->scratch = memory_of(scratch, bytes ? xfloats(bytes / sizeof(float) + 1) : NULL);
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return p;
}

static bool same_shape(const shape_t *a, const shape_t *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->lda == b->lda && a->ldc == b->ldc && a->ta == b->ta && a->tb == b->tb &&
           a->add == b->add;
}

static product_t *product_find(const shape_t *s)
{
    uint64_t h = (uint64_t)s->m * 31 + (uint64_t)s->n * 1031 + (uint64_t)s->k * 65537 + (uint64_t)s->lda * 257 + (uint64_t)s->ldc * 8209 +
                 (uint64_t)s->ta * 7 + (uint64_t)s->tb * 13 + (uint64_t)s->add * 29;
    product_t **slot = &products[(h ^ (h >> 8) ^ (h >> 16)) % BUCKETS];
    for (product_t *p = *slot; p; p = p->next)
        if (same_shape(&p->shape, s)) return p;
    product_t *p = product_make(*s);
    p->next = *slot;
    *slot = p;
    return p;
}

static void multiply(shape_t s, const operand_t *a, const operand_t *b, float *c)
{
    if (s.m <= 0 || s.n <= 0) return;
    if (s.k <= 0) {
        for (int64_t i = 0; !s.add && i < s.m; i++) memset(c + i * s.ldc, 0, (size_t)s.n * sizeof *c);
        return;
    }
    if (!stream) check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
    product_t *p = product_find(&s);
    check(dnnl_memory_set_data_handle_v2(p->a, (void *)(uintptr_t)a, stream), "memory");
    check(dnnl_memory_set_data_handle_v2(p->b, (void *)(uintptr_t)b, stream), "memory");
    check(dnnl_memory_set_data_handle_v2(p->c, c, stream), "memory");
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c},
                              {DNNL_ARG_SCRATCHPAD, p->scratch}};
    check(dnnl_primitive_execute(p->primitive, stream, 4, args), "matmul");
}

static void matmul_bf16(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c)
{
    multiply((shape_t){m, n, k, ta ? m : k, n, ta, tb, false}, a, b, c);
}

static void matmul_add_bf16(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const operand_t *a, const operand_t *b, float *c)
{
    multiply((shape_t){m, n, k, ta ? m : k, n, ta, tb, true}, a, b, c);
}

static void matmul_columns_bf16(bool ta, bool tb, bool add, int64_t m, int64_t n, int64_t k, const operand_t *a, int64_t lda, const operand_t *b,
                                float *c, int64_t ldc)
{
    multiply((shape_t){m, n, k, lda, ldc, ta, tb, add}, a, b, c);
}

static const backend_t bf16 = {"onednn-bf16", sizeof(uint16_t), 64, pack_bf16, matmul_bf16, matmul_add_bf16, matmul_columns_bf16};

static bool can_bf16(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    return isa == dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl_cpu_isa_avx512_core_amx;
}

static bool has_amx(void) { return dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx512_core_amx; }

static const backend_t *open_bf16(void)
{
    if (!engine) check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
    return &bf16;
}
#else
static bool can_bf16(void) { return false; }
static bool has_amx(void) { return false; }
static const backend_t *open_bf16(void) { return NULL; }
#endif

const backend_t *backend_open(const char *name)
{
    gemm_init();
    if (!strcmp(name, "f32")) return &f32;
    /* Without the tile unit, bf16 products measured slower than OpenBLAS's f32 ones: 110 against 185 GFLOP/s a core. */
    if (!strcmp(name, "auto")) return has_amx() ? open_bf16() : &f32;
    if (!can_bf16()) die(EX_UNAVAILABLE, "--gemm bf16: needs oneDNN and a processor with AMX or AVX512-BF16; use --gemm f32");
    return open_bf16();
}
