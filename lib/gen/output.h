/* Products with a range of tokens' rows of the output matrix, wherever they lie: the model's own in memory, those of its base in a
 * file, which are taken a slice at a time. */
#ifndef SIDMILL_GEN_OUTPUT_H
#define SIDMILL_GEN_OUTPUT_H

#include <stdint.h>

#include "nn/transformer.h"

/* Scratch for one worker. */
typedef struct output output_t;
output_t *output_new(const network_t *net);
void output_free(output_t *o);

/* logits [rows, count] = the states [rows, hidden_size] against tokens first, first + 1 ... */
void output_forward(output_t *o, int64_t rows, const operand_t *states, int32_t first, int32_t count, float *logits);

/* Given the logits' gradient as an operand: writes that of the states, and adds that of the rows that train to `grads`. */
void output_backward(output_t *o, int64_t rows, const operand_t *states, int32_t first, int32_t count, const operand_t *dlogits,
                     float *dstates, grads_t *grads);

#endif
