#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

uint64_t rng_stream(uint64_t seed, const char *name) { return rng_key(seed, XXH64(name, strlen(name), 0)); }

uint64_t rng_below(uint64_t key, uint64_t index, uint64_t n)
{
    /* Multiply-shift; its bias, below n / 2^64, is far under anything measurable here. */
    return (uint64_t)((__extension__(unsigned __int128)rng_u64(key, index) * n) >> 64);
}

double rng_normal(uint64_t key, uint64_t index)
{
    uint64_t bits = rng_u64(key, index);
    double u = ((double)(bits >> 32) + 0.5) * 0x1p-32, v = (double)(bits & 0xffffffffu) * 0x1p-32;
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

void rng_shuffle(uint64_t key, int64_t *values, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)rng_below(key, (uint64_t)i, (uint64_t)i + 1);
        int64_t t = values[i];
        values[i] = values[j];
        values[j] = t;
    }
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void rng_sample(uint64_t key, int64_t *values, int64_t n, int64_t drawn)
{
    rng_shuffle(key, values, n);
    qsort(values, (size_t)drawn, sizeof *values, ascending);
}
