/* The transformer's forward and backward over packed segments, and its extension by single rows over a shared prefix.
 * Inputs are embedding rows, not token ids: a caller may feed tokens, or vectors that the model itself produced. */
#ifndef SIDMILL_NN_TRANSFORMER_H
#define SIDMILL_NN_TRANSFORMER_H

#include <stdint.h>

#include "nn/activations.h"
#include "nn/extension.h"
#include "nn/grads.h"
#include "nn/network.h"
#include "nn/span.h"
#include "nn/wave.h"

/* Residual, input and attention dropout at rate `dropout`, masks drawn from `key`; 0 for inference and with branches. Returns the
 * normalised final states [rows, hidden_size]; *packed is the same as an operand. Both live in `a`. */
const float *transformer_forward(const network_t *net, activations_t *a, const segments_t *s, double dropout, uint64_t key,
                                 const operand_t **packed);

/* Gradients of all parameters but the embedding (whose rows the caller's head and input own) are added to `grads`; dhidden [rows,
 * hidden_size] is the gradient of the forward's result. Same segments, dropout and key. */
void transformer_backward(const network_t *net, activations_t *a, const segments_t *s, double dropout, uint64_t key,
                          const float *dhidden, grads_t *grads);

/* One wave of rows behind a pass (nn/wave.h), whose input the caller has put into activations_input(): its states [rows, hidden_size], which live in `a`. Dropout as in a
 * pass, but of no probabilities; each wave has a key of its own. */
const float *transformer_wave_forward(const network_t *net, activations_t *a, const wave_t *w, double dropout, uint64_t key);

/* Takes a pass with waves back: begins with so many rows of the activations, takes the waves from the last to the first, and then the
 * pass by transformer_backward(), which hears what they found. dhidden [rows, hidden_size] is the wave's, as is the gradient that its rows
 * of activations_input_grad() hold afterwards. */
void transformer_waves_begin_backward(const network_t *net, activations_t *a, int64_t rows);
void transformer_wave_backward(const network_t *net, activations_t *a, const wave_t *w, double dropout, uint64_t key,
                               const float *dhidden, grads_t *grads);

#endif
