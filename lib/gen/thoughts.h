/* How a flat body thinks (S2GR, arXiv 2601.18664: t_1 s_1 t_2 s_2 t_3 s_3): before each code stands a row of its own, whose input is the
 * state before it plus a vector of its level, and whose state predicts the code; what follows attends to both:
 *
 *     t_l = state(s_{l-1}) + p_l, s_0 the history's last row
 *
 * The input of a thought is known only when its predecessor's state is. So thoughts of a level, and the codes behind them, are a wave
 * behind the rows of the histories (nn/transformer.h), which themselves are read as codes alone. A timeline's thoughts are another
 * matter: gen/depth.h. */
#ifndef SIDMILL_GEN_THOUGHTS_H
#define SIDMILL_GEN_THOUGHTS_H

#include <stdint.h>

#include "gen/depth.h"
#include "gen/space.h"
#include "nn/grads.h"
#include "nn/transformer.h"

typedef struct thoughts thoughts_t;

/* One worker's, for passes of up to `rows` rows and chained prefixes of up to `most` a level, both round numbers of the backend's. */
thoughts_t *thoughts_new(const network_t *net, const space_t *space, activations_pass_t pass, int64_t rows, int64_t most);
void thoughts_free(thoughts_t *t);

/* Rows that a pass's activations need with the waves behind its own; and by how many rows a segment gets longer. */
int64_t thoughts_rows(const network_t *net, const space_t *space, int64_t rows, int64_t most);
int64_t thoughts_longer(const space_t *space);

/* Behind a forward of `segments`, whose states are hidden [segments->rows, hidden_size]: thinks for all prefixes. Returns those states
 * again, and from row `rows` on those that predict what follows each prefix, by number; the same as operands in *packed. All live in
 * `t`. */
const float *thoughts_forward(thoughts_t *t, activations_t *acts, const segments_t *segments, const depth_prefixes_t *p,
                              const float *hidden, double dropout, uint64_t key, const operand_t **packed);

/* Where the gradient of all those states is summed up, zero after each forward of a training pass. */
float *thoughts_states_gradient(thoughts_t *t);

/* Thoughts t_l [most, hidden_size] of a level's prefixes, and where their gradient is summed up, likewise. */
const float *thoughts_of(const thoughts_t *t, int level);
float *thoughts_gradient(thoughts_t *t, int level);

/* Takes it back, before transformer_backward() of the segments: adds to dhidden [segments->rows, hidden_size] and to `grads`. Same
 * prefixes, dropout and key. */
void thoughts_backward(thoughts_t *t, activations_t *acts, const segments_t *segments, const depth_prefixes_t *p, double dropout,
                       uint64_t key, float *dhidden, grads_t *grads);

#endif
