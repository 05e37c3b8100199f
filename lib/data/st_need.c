#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/simd.h"
#include "data/st.h"

typedef enum { ANY_TYPE, FLOAT_TYPE, INTEGER_TYPE, BYTE_TYPE } type_class;

static bool in_class(st_dtype t, type_class c)
{
    switch (c) {
    case ANY_TYPE: return true;
    case FLOAT_TYPE: return st_dtype_is_float(t);
    case INTEGER_TYPE: return !st_dtype_is_float(t);
    case BYTE_TYPE: return t == ST_U8;
    }
    return false;
}

static const char *class_name(type_class c)
{
    switch (c) {
    case ANY_TYPE: return "any type";
    case FLOAT_TYPE: return "a float type";
    case INTEGER_TYPE: return "an integer type";
    case BYTE_TYPE: return "U8";
    }
    return "";
}

/* Writes a shape as "[3,*]"; extents below 0 stand for any. */
static void put_shape(buf_t *b, int dims, const int64_t *shape)
{
    buf_puts(b, "[");
    for (int d = 0; d < dims; d++) {
        if (d) buf_puts(b, ",");
        if (shape[d] < 0) buf_puts(b, "*");
        else buf_printf(b, "%lld", (long long)shape[d]);
    }
    buf_puts(b, "]");
}

static const st_tensor_t *need(const st_file_t *f, const char *name, type_class c, int dims, int64_t *shape)
{
    const st_tensor_t *t = st_find(f, name);
    bool fits = t && in_class(t->dtype, c) && t->dims == dims;
    for (int d = 0; fits && d < dims; d++) fits = shape[d] < 0 || shape[d] == t->shape[d];
    if (!fits) {
        buf_t expected = {0}, found = {0};
        put_shape(&expected, dims, shape);
        if (!t) die_at(f->name, 0, "no tensor '%s', expected one of %s %s", name, class_name(c), expected.data);
        put_shape(&found, t->dims, t->shape);
        st_bad(f, name, "found %s %s, expected %s %s", st_dtype_name(t->dtype), found.data, class_name(c), expected.data);
    }
    for (int d = 0; d < dims; d++) shape[d] = t->shape[d];
    return t;
}

const st_tensor_t *st_need(const st_file_t *f, const char *name, int dims, int64_t *shape)
{
    return need(f, name, ANY_TYPE, dims, shape);
}

static long long row_of(const st_tensor_t *t, int64_t i)
{
    return t->dims ? (long long)(i / (t->count / t->shape[0])) : 0;
}

static _Noreturn void not_finite(const st_file_t *f, const st_tensor_t *t, int64_t i, double v)
{
    const char *what = isnan(v) ? "NaN" : isinf(v) ? "infinity" : "a value beyond F32";
    st_bad(f, t->name, "row %lld holds %s, expected finite numbers", row_of(t, i), what);
}

SIMD_CLONES
static bool all_finite(int64_t n, const float *x)
{
    uint32_t beyond = 0;
#pragma omp simd reduction(| : beyond)
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        beyond |= (u & 0x7f800000) == 0x7f800000;
    }
    return !beyond;
}

enum { BLOCK = 1 << 21 /* elements that are seen before the file's pages are let go, so that a large tensor is not in memory twice */ };

/* A view of elements from `from` on, `most` at most. */
static st_tensor_t block_of(const st_tensor_t *t, int64_t from, int64_t most)
{
    st_tensor_t block = *t;
    block.count = t->count - from < most ? t->count - from : most;
    block.size = (size_t)block.count * st_dtype_size(t->dtype);
    block.data += (size_t)from * st_dtype_size(t->dtype);
    return block;
}

/* Checks `count` elements from `from` on, a piece at a time. */
static void check_finite(const st_file_t *f, const st_tensor_t *t, int64_t from, int64_t count)
{
    enum { PIECE = 1 << 14 };
    float *x = xfloats(PIECE);
    for (const int64_t end = from + count; from < end; from += PIECE) {
        const st_tensor_t piece = block_of(t, from, end - from < PIECE ? end - from : PIECE);
        st_floats(&piece, x);
        if (all_finite(piece.count, x)) continue;
        for (int64_t i = 0; i < piece.count; i++)
            if (!isfinite(x[i])) not_finite(f, t, from + i, st_value(&piece, i));
    }
    free(x);
}

const st_tensor_t *st_need_finite(const st_file_t *f, const char *name, int dims, int64_t *shape)
{
    const st_tensor_t *t = need(f, name, FLOAT_TYPE, dims, shape);
    for (int64_t from = 0; from < t->count; from += BLOCK) {
        const st_tensor_t block = block_of(t, from, BLOCK);
        check_finite(f, t, from, block.count);
        st_release(f, block.data, block.size);
    }
    return t;
}

float *st_need_f32(const st_file_t *f, const char *name, int dims, int64_t *shape)
{
    const st_tensor_t *t = need(f, name, FLOAT_TYPE, dims, shape);
    float *out = xfloats((size_t)t->count);
    for (int64_t from = 0; from < t->count; from += BLOCK) {
        const st_tensor_t block = block_of(t, from, BLOCK);
        st_floats(&block, out + from);
        for (int64_t i = from; i < from + block.count; i++)
            if (!isfinite(out[i])) not_finite(f, t, i, st_value(t, i));
        st_release(f, block.data, block.size);
    }
    return out;
}

/* Reads element i, which must lie in [low, high]. */
static int64_t need_integer(const st_file_t *f, const st_tensor_t *t, int64_t i, int64_t low, int64_t high)
{
    int64_t v;
    if (!st_integer(t, i, &v))
        st_bad(f, t->name, "row %lld holds %.0f, expected %lld to %lld", row_of(t, i), st_value(t, i), (long long)low,
               (long long)high);
    if (v < low || v > high)
        st_bad(f, t->name, "row %lld holds %lld, expected %lld to %lld", row_of(t, i), (long long)v, (long long)low,
               (long long)high);
    return v;
}

/* Copies all elements, which must lie in [low, high], to `out` by `put`. */
static void copy_integers(const st_file_t *f, const st_tensor_t *t, int64_t low, int64_t high, void *out,
                          void (*put)(void *out, int64_t i, int64_t v))
{
    for (int64_t from = 0; from < t->count; from += BLOCK) {
        const st_tensor_t block = block_of(t, from, BLOCK);
        for (int64_t i = from; i < from + block.count; i++) put(out, i, need_integer(f, t, i, low, high));
        st_release(f, block.data, block.size);
    }
}

static void put_i32(void *out, int64_t i, int64_t v) { ((int32_t *)out)[i] = (int32_t)v; }
static void put_i64(void *out, int64_t i, int64_t v) { ((int64_t *)out)[i] = v; }
static void put_u8(void *out, int64_t i, int64_t v) { ((uint8_t *)out)[i] = (uint8_t)v; }

int32_t *st_need_i32(const st_file_t *f, const char *name, int dims, int64_t *shape)
{
    const st_tensor_t *t = need(f, name, INTEGER_TYPE, dims, shape);
    int32_t *out = NEW_ARRAY(int32_t, t->count);
    copy_integers(f, t, INT32_MIN, INT32_MAX, out, put_i32);
    return out;
}

int64_t *st_need_i64(const st_file_t *f, const char *name, int dims, int64_t *shape)
{
    const st_tensor_t *t = need(f, name, INTEGER_TYPE, dims, shape);
    int64_t *out = NEW_ARRAY(int64_t, t->count);
    copy_integers(f, t, INT64_MIN, INT64_MAX, out, put_i64);
    return out;
}

uint8_t *st_need_u8(const st_file_t *f, const char *name, int dims, int64_t *shape)
{
    const st_tensor_t *t = need(f, name, INTEGER_TYPE, dims, shape);
    uint8_t *out = NEW_ARRAY(uint8_t, t->count);
    copy_integers(f, t, 0, UINT8_MAX, out, put_u8);
    return out;
}

strtab_t st_need_strings(const st_file_t *f, const char *name, int64_t count)
{
    int64_t bytes = -1;
    const st_tensor_t *t = need(f, name, BYTE_TYPE, 1, &bytes);
    strtab_t table;
    if (!strtab_parse(&table, (const char *)t->data, (size_t)t->count))
        st_bad(f, name, "not a string table, expected UTF-8 strings, none empty or with a tab, each ended by a newline");
    st_release(f, t->data, t->size);
    if (count >= 0 && table.count != count)
        st_bad(f, name, "found %lld strings, expected %lld", (long long)table.count, (long long)count);
    return table;
}

strtab_t st_need_ids(const st_file_t *f, const char *name, int64_t count)
{
    strtab_t table = st_need_strings(f, name, count);
    int64_t repeated = strtab_index(&table);
    if (repeated >= 0)
        st_bad(f, name, "row %lld: id \"%s\" was there before, expected unique ids", (long long)repeated,
               strtab_dup(&table, repeated));
    return table;
}

void st_check_schema(const st_file_t *f, const char *schema)
{
    const char *found = st_meta(f, "schema");
    if (found && strcmp(found, schema) != 0) die_at(f->name, 0, "is of schema %s, expected %s", found, schema);
}
