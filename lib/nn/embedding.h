/* Tokens as input rows of the transformer, and the gradient's way back. */
#ifndef SIDMILL_NN_EMBEDDING_H
#define SIDMILL_NN_EMBEDDING_H

#include <stdint.h>

#include "nn/grads.h"
#include "nn/model.h"

/* x [rows, hidden_size] = the embedding rows of the tokens. */
void embedding_rows(const model_t *m, int64_t rows, const int32_t *tokens, float *x);

/* Adds dx [rows, hidden_size] to the embedding's gradient. */
void embedding_rows_backward(const model_t *m, int64_t rows, const int32_t *tokens, const float *dx, grads_t *grads);

#endif
