/* Counter-based random numbers: a draw is a pure function of (key, index), so any thread may make it, in any order.
 * Keys form a tree: key = rng_key(rng_stream(seed, "dropout"), step). The mixing is the 64-bit finaliser of splitmix64
 * (Steele, Lea & Flood 2014), applied to key and index in turn. */
#ifndef SIDMILL_BASE_RNG_H
#define SIDMILL_BASE_RNG_H

#include <stdint.h>

static inline uint64_t rng_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* 64 random bits; a child key; and a child key by name. */
static inline uint64_t rng_u64(uint64_t key, uint64_t index) { return rng_mix(key ^ rng_mix(index)); }
static inline uint64_t rng_key(uint64_t key, uint64_t child) { return rng_u64(key, ~child); }
uint64_t rng_stream(uint64_t seed, const char *name);

/* Uniform in [0, 1), 24 bits; uniform integer in [0, n), n >= 1; standard normal (Box-Muller on one draw's halves). */
static inline float rng_uniform(uint64_t key, uint64_t index) { return (float)(rng_u64(key, index) >> 40) * 0x1p-24f; }
uint64_t rng_below(uint64_t key, uint64_t index, uint64_t n);
double rng_normal(uint64_t key, uint64_t index);

/* Fisher-Yates shuffle of n integers. */
void rng_shuffle(uint64_t key, int64_t *values, int64_t n);

/* The first of `values` become those of a shuffle, ascending: a draw of `drawn` of them, part of any larger one. */
void rng_sample(uint64_t key, int64_t *values, int64_t n, int64_t drawn);

#endif
