/* What one worker does with sequences: reads them, encodes them, and makes the states that predict; then takes those states'
 * gradient back. Of a flat body the states are the transformer's, of a timeline the code head's; of a flat body that thinks the
 * transformer's by row, and behind them (pass_first()) those of prefixes. */
#ifndef SIDMILL_GEN_PASS_H
#define SIDMILL_GEN_PASS_H

#include <stdint.h>

#include "gen/depth.h"
#include "gen/reading.h"
#include "gen/space.h"
#include "nn/grads.h"
#include "nn/transformer.h"

typedef struct pass pass_t;

/* What goes through: sequences of symbols, and the prefixes that predict, if there are such (space_by_prefixes()). */
typedef struct {
    segments_t segments;
    const int32_t *symbols;          /* [segments.rows] */
    const depth_prefixes_t *prefixes;
} pass_input_t;

/* Rates of dropout, 0 for inference: residual, input and attention; behind the code head's blocks; and what rows lose. */
typedef struct {
    double dropout, depth, item, item_vector;
} pass_rates_t;

/* Room for `rows` rows in segments of up to `longest` (a branch's parent counted in), and for `prefixes` of a level. */
pass_t *pass_new(const network_t *net, const space_t *space, activations_pass_t kind, int64_t rows, int64_t longest,
                 int64_t prefixes);
void pass_free(pass_t *p);

/* The number of the first prefix's state; its own number among prefixes is added to that. */
int64_t pass_first(const pass_t *p);

/* The states, and the same as operands in *packed; both live in `p`, until the next forward. The input is borrowed until the
 * backward. */
const float *pass_forward(pass_t *p, const pass_input_t *in, const pass_rates_t *rates, uint64_t key, const operand_t **packed);

/* Where the states' gradient is summed up; zero after each forward. */
float *pass_gradient(pass_t *p);

/* Of a model that thinks, between forward and backward: thoughts [prefixes, hidden_size] of a level, and where their gradient is summed
 * up; the body's states [rows, hidden_size], and where theirs is. */
const float *pass_thoughts(const pass_t *p, int level);
float *pass_thoughts_gradient(pass_t *p, int level);
const float *pass_hidden(const pass_t *p);
float *pass_hidden_gradient(pass_t *p);

/* Takes it back: adds the gradients of all parameters but the output's own, which are the head's, to `grads`. */
void pass_backward(pass_t *p, grads_t *grads);

#endif
