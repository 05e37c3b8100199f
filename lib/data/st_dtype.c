#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "data/st.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor data is little-endian and used as it lies");

static const struct {
    const char *name;
    size_t size;
} dtypes[ST_DTYPES] = {
    [ST_BOOL] = {"BOOL", 1}, [ST_U8] = {"U8", 1},   [ST_I8] = {"I8", 1},
    [ST_F8_E5M2] = {"F8_E5M2", 1}, [ST_F8_E4M3] = {"F8_E4M3", 1},
    [ST_I16] = {"I16", 2},   [ST_U16] = {"U16", 2}, [ST_F16] = {"F16", 2},   [ST_BF16] = {"BF16", 2},
    [ST_I32] = {"I32", 4},   [ST_U32] = {"U32", 4}, [ST_F32] = {"F32", 4},
    [ST_F64] = {"F64", 8},   [ST_I64] = {"I64", 8}, [ST_U64] = {"U64", 8},
};

const char *st_dtype_name(st_dtype t) { return dtypes[t].name; }
size_t st_dtype_size(st_dtype t) { return dtypes[t].size; }

bool st_dtype_parse(const char *name, st_dtype *t)
{
    for (int d = 0; d < ST_DTYPES; d++)
        if (!strcmp(dtypes[d].name, name)) {
            *t = (st_dtype)d;
            return true;
        }
    return false;
}

bool st_dtype_is_float(st_dtype t)
{
    switch (t) {
    case ST_F8_E5M2: case ST_F8_E4M3: case ST_F16: case ST_BF16: case ST_F32: case ST_F64: return true;
    default: return false;
    }
}

/* A small float with IEEE 754's subnormals; with `special`, the largest exponent means infinities and NaN. */
static double small_float(unsigned bits, int exponent_bits, int fraction_bits, bool special)
{
    unsigned top = (1u << exponent_bits) - 1, fraction = bits & ((1u << fraction_bits) - 1);
    unsigned exponent = (bits >> fraction_bits) & top;
    int bias = (1 << (exponent_bits - 1)) - 1;
    double v;
    if (special && exponent == top) v = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent) v = ldexp((double)(fraction + (1u << fraction_bits)), (int)exponent - bias - fraction_bits);
    else v = ldexp((double)fraction, 1 - bias - fraction_bits);
    return bits >> (exponent_bits + fraction_bits) ? -v : v;
}

/* E4M3 has no infinities; all ones is its NaN (Micikevicius et al. 2022, "FP8 formats for deep learning", section 3). */
static double e4m3(unsigned bits) { return (bits & 0x7f) == 0x7f ? (double)NAN : small_float(bits, 4, 3, false); }

static double bf16(uint16_t bits)
{
    uint32_t u = (uint32_t)bits << 16;
    float v;
    memcpy(&v, &u, sizeof v);
    return (double)v;
}

#define AS(type) (*(type *)memcpy(&(type){0}, p, sizeof(type)))

double st_value(const st_tensor_t *t, int64_t i)
{
    const unsigned char *p = t->data + (size_t)i * dtypes[t->dtype].size;
    switch (t->dtype) {
    case ST_BOOL: return *p != 0;
    case ST_U8: return *p;
    case ST_I8: return AS(int8_t);
    case ST_F8_E5M2: return small_float(*p, 5, 2, true);
    case ST_F8_E4M3: return e4m3(*p);
    case ST_I16: return AS(int16_t);
    case ST_U16: return AS(uint16_t);
    case ST_F16: return small_float(AS(uint16_t), 5, 10, true);
    case ST_BF16: return bf16(AS(uint16_t));
    case ST_I32: return AS(int32_t);
    case ST_U32: return AS(uint32_t);
    case ST_F32: return (double)AS(float);
    case ST_F64: return AS(double);
    case ST_I64: return (double)AS(int64_t);
    case ST_U64: return (double)AS(uint64_t);
    case ST_DTYPES: break;
    }
    return (double)NAN;
}

SIMD_CLONES
static void floats_of_bf16(int64_t n, const unsigned char *restrict data, float *restrict out)
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, data + 2 * i, sizeof bits);
        uint32_t u = (uint32_t)bits << 16;
        memcpy(&out[i], &u, sizeof u);
    }
}

void st_floats_of_bf16(int64_t n, const uint16_t *src, float *out) { floats_of_bf16(n, (const unsigned char *)src, out); }

/* The fraction and exponent as they are, in F32's places, are the number divided by 2^112, subnormals included. */
SIMD_CLONES
static void floats_of_f16(int64_t n, const unsigned char *restrict data, float *restrict out)
{
    for (int64_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, data + 2 * i, sizeof bits);
        uint32_t u = (uint32_t)(bits & 0x7fff) << 13, special = (bits & 0x7c00) == 0x7c00 ? 0x7f800000 : 0;
        float f;
        memcpy(&f, &u, sizeof f);
        f *= 0x1p112f;
        memcpy(&u, &f, sizeof u);
        u |= special | (uint32_t)(bits & 0x8000) << 16;
        memcpy(&out[i], &u, sizeof u);
    }
}

SIMD_CLONES
void st_bf16_of(int64_t n, const float *restrict src, uint16_t *restrict out)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &src[i], sizeof u);
        out[i] = (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
    }
}

void st_floats(const st_tensor_t *t, float *out)
{
    if (t->dtype == ST_F32 && t->count) memcpy(out, t->data, (size_t)t->count * sizeof *out);
    else if (t->dtype == ST_BF16) floats_of_bf16(t->count, t->data, out);
    else if (t->dtype == ST_F16) floats_of_f16(t->count, t->data, out);
    else
        for (int64_t i = 0; i < t->count; i++) out[i] = (float)st_value(t, i);
}

bool st_integer(const st_tensor_t *t, int64_t i, int64_t *v)
{
    const unsigned char *p = t->data + (size_t)i * dtypes[t->dtype].size;
    switch (t->dtype) {
    case ST_I64: *v = AS(int64_t); return true;
    case ST_U64: {
        uint64_t u = AS(uint64_t);
        *v = (int64_t)u;
        return u <= INT64_MAX;
    }
    default: *v = (int64_t)st_value(t, i); return true;
    }
}

st_tensor_t st_rows(const st_tensor_t *t, int64_t first, int64_t end)
{
    st_tensor_t view = *t;
    int64_t width = t->shape[0] ? t->count / t->shape[0] : 0;
    view.shape[0] = end - first;
    view.count = (end - first) * width;
    view.data = t->data + (size_t)(first * width) * st_dtype_size(t->dtype);
    return view;
}
