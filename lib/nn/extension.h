/* Rows that extend what went through a transformer by one position each. Kept after the step, because later steps attend to them. */
#ifndef SIDMILL_NN_EXTENSION_H
#define SIDMILL_NN_EXTENSION_H

#include <stdint.h>

#include "nn/activations.h"
#include "nn/span.h"

typedef struct {
    int64_t rows, capacity;
    float *x;        /* [capacity, hidden_size] in: embedding rows; out: normalised final states */
    float **qkv;     /* [layers] [capacity, qkv width] */
} extension_t;

extension_t extension_new(const network_t *net, int64_t capacity);
void extension_free(const network_t *net, extension_t *e);

/* One step of `e->rows` rows. Row r stands at position[r], continues segment segment[r] of the forward pass in `a`, and has
 * `depth` ancestors: row ancestor[r * depth + i] of earlier[i]. */
void transformer_extend(const network_t *net, activations_t *a, const segments_t *s, extension_t *e, const int64_t *segment,
                        const int64_t *position, int depth, const extension_t *earlier, const int32_t *ancestor);

#endif
