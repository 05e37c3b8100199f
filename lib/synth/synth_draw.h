/* Random draws in sequence from one key, so that every item and every user has a sequence of their own for each purpose. */
#ifndef SIDMILL_SYNTH_SYNTH_DRAW_H
#define SIDMILL_SYNTH_SYNTH_DRAW_H

#include <stdint.h>

#include "base/rng.h"

typedef struct { uint64_t key, next; } synth_draw_t;

/* Begins a sequence: that of `index` for one purpose. */
static inline synth_draw_t draw_from(uint64_t seed, const char *purpose, int64_t index)
{
    return (synth_draw_t){rng_key(rng_stream(seed, purpose), (uint64_t)index), 0};
}

static inline double draw_unit(synth_draw_t *d) { return (double)(rng_u64(d->key, d->next++) >> 11) * 0x1p-53; }
static inline double draw_range(synth_draw_t *d, double low, double high) { return low + (high - low) * draw_unit(d); }
static inline int draw_below(synth_draw_t *d, int n) { return (int)rng_below(d->key, d->next++, (uint64_t)n); }
static inline int draw_chance(synth_draw_t *d, double p) { return draw_unit(d) < p; }
static inline double draw_normal(synth_draw_t *d) { return rng_normal(d->key, d->next++); }

/* Index into `n` running sums of weights, drawn in proportion to the weights. */
int64_t draw_weighted(synth_draw_t *d, const double *sums, int64_t n);

/* The same from many weights, drawn often: a look at `near` in place of a search through all sums. */
typedef struct {
    int64_t n;
    double *sums;  /* [n] running sums */
    int32_t *near; /* [n] the index whose sum is the first above i / n of the whole */
} draw_table_t;

draw_table_t draw_table(double *sums, int64_t n); /* takes the sums */
void draw_table_free(draw_table_t *t);
double draw_table_sum(const draw_table_t *t);     /* of all weights */
int64_t draw_table_index(const draw_table_t *t, double unit); /* `unit`: a draw from [0, 1) */

/* Have what draw_table_index() will look at brought from memory, each after the one before has come. */
void draw_table_ahead(const draw_table_t *t, double unit);
void draw_table_nearer(const draw_table_t *t, double unit);

#endif
