/* Rows that go through a transformer together: those of a pass's segments, or one wave's. */
#ifndef SIDMILL_NN_SPAN_H
#define SIDMILL_NN_SPAN_H

#include <stdint.h>

#include "nn/ops.h"
#include "nn/wave.h"

/* Segments laid one after the other: segment s is rows bounds[s] .. bounds[s + 1]; a row's position is its distance from the
 * start of its segment. A segment with a parent is a branch: it goes on where its parent ends, attends to all of it, and counts
 * positions from there; several branches share their parent, forwards and backwards. A parent stands before its branches and
 * is no branch itself. `rows` counts the rows in use; arrays reach up to the backend's next round number. */
typedef struct {
    int64_t rows, count;
    const int64_t *bounds;  /* [count + 1] */
    const int64_t *parents; /* [count] the parent's number, -1: none; NULL: no branches */
} segments_t;

/* A segment's parent, -1 where it has none; and the rows that a branch continues, 0 for other segments. */
static inline int64_t segments_parent(const segments_t *s, int64_t segment) { return s->parents ? s->parents[segment] : -1; }
static inline int64_t segments_prefix(const segments_t *s, int64_t segment)
{
    const int64_t parent = segments_parent(s, segment);
    return parent < 0 ? 0 : s->bounds[parent + 1] - s->bounds[parent];
}

typedef struct {
    int64_t first, used, rows;  /* where in the activations they begin, how many they are, and rounded up */
    const segments_t *segments; /* NULL: a wave's */
    const wave_t *wave;
    double dropout;
    uint64_t key;
} span_t;

/* Dropout sites of a layer (-1: of the input); attention adds the segment's number to the last. */
enum { SITE_INPUT = 0, SITE_ATTENTION_OUT = 1, SITE_MLP_OUT = 2, SITE_PROBABILITIES = 1 << 20 };

/* The masks of a site: whoever asks again gets the same. */
static inline dropout_t span_dropout(const span_t *p, int64_t layer, int64_t site)
{
    return dropout_site(p->dropout, p->key, ((uint64_t)(layer + 1) << 40) + (uint64_t)site);
}

#endif
