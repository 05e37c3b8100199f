/* Tokens as rows: the transformer's input, with the gradient's way back, and the output matrix's. The one place that knows where the
 * rows of a model on a base lie. */
#ifndef SIDMILL_NN_EMBEDDING_H
#define SIDMILL_NN_EMBEDDING_H

#include <stdint.h>

#include "nn/grads.h"
#include "nn/model.h"

/* x [rows, hidden_size] = the embedding rows of the tokens. */
void embedding_rows(const model_t *m, int64_t rows, const int32_t *tokens, float *x);

/* Adds dx [rows, hidden_size] to the embedding's gradient. */
void embedding_rows_backward(const model_t *m, int64_t rows, const int32_t *tokens, const float *dx, grads_t *grads);

/* Copies a token's row to x [hidden_size]: of the embedding, and of the output matrix. */
void embedding_row(const model_t *m, int32_t token, float *x);
void output_row(const model_t *m, int32_t token, float *x);

/* Where the gradient of a token's row of the output matrix is summed, as grads_row() says; NULL where it is frozen. */
float *output_row_grad(const model_t *m, int32_t token, grads_t *grads);

#endif
