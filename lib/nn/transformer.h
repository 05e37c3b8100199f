/* The transformer's forward and backward over packed segments, and its extension by single rows over a shared prefix.
 * Inputs are embedding rows, not token ids: a caller may feed tokens, or vectors that the model itself produced. */
#ifndef SIDMILL_NN_TRANSFORMER_H
#define SIDMILL_NN_TRANSFORMER_H

#include <stdint.h>

#include "nn/attention.h"
#include "nn/backend.h"
#include "nn/model.h"
#include "nn/ops.h"
#include "nn/rope.h"
#include "nn/wave.h"

/* A model made ready for a backend: its weights as operands, its rotary tables (none where positions are learned: whoever makes
 * the input rows adds those). */
typedef struct {
    const model_t *model;
    const backend_t *backend;
    weights_t weights;
    rope_t rope;
    attention_shape_t attention;
} network_t;

/* `positions`: how far rotary tables reach; no segment, extensions included, may be longer. */
network_t *network_new(const model_t *m, const backend_t *b, int64_t positions);
void network_sync(network_t *net); /* takes over the model's weights after they changed */
void network_free(network_t *net);

/* Segments laid one after the other: segment s is rows bounds[s] .. bounds[s + 1]; a row's position is its distance from the
 * start of its segment. A segment with a parent is a branch: it goes on where its parent ends, attends to all of it, and counts
 * positions from there; several branches share their parent, forwards and backwards. A parent stands before its branches and
 * is no branch itself. `rows` counts the rows in use; arrays reach up to the backend's next round number. */
typedef struct {
    int64_t rows, count;
    const int64_t *bounds;  /* [count + 1] */
    const int64_t *parents; /* [count] the parent's number, -1: none; NULL: no branches */
} segments_t;

/* What one pass leaves behind, for the backward and for extensions. One for each worker. */
typedef struct activations activations_t;

/* Space for up to `rows` rows in segments of up to `longest` rows, a branch's parent counted in. For inference all layers share
 * what only a backward would look at again, and there is room for steps of up to `step_rows` rows; a training pass takes no
 * steps (0). A pass that is only to be read, with neither backward nor steps behind it, keeps nothing of a layer. */
typedef enum { PASS_TRAIN, PASS_INFER, PASS_READ } activations_pass_t;
activations_t *activations_new(const network_t *net, activations_pass_t pass, int64_t rows, int64_t longest, int64_t step_rows);
void activations_free(activations_t *a);

/* The input rows [rows, hidden_size], to be filled before the forward; after the backward, activations_input_grad() holds
 * their gradient. */
float *activations_input(activations_t *a);
const float *activations_input_grad(const activations_t *a);

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

/* Rows that extend histories by one position each. Kept after the step, because later steps attend to them. */
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
