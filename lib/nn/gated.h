/* A gated block in a residual stream, forwards and backwards: z = g + W_down(silu(W_gate n) * W_up n), n = RMSNorm(g) (SwiGLU,
 * Shazeer 2020). Its parameters are a model's, or a list's of their own. */
#ifndef SIDMILL_NN_GATED_H
#define SIDMILL_NN_GATED_H

#include <stdint.h>

#include "nn/linear.h"
#include "nn/ops.h"

typedef struct {
    int norm;              /* block of the gain [width] */
    linear_t gate_up, down; /* [2 inner, width], the gate first; [width, inner] */
    float eps;             /* of the norm */
} gated_t;

/* Appends the blocks NAME.norm.weight, NAME.gate_proj.weight, NAME.up_proj.weight and NAME.down_proj.weight. */
gated_t gated_add(params_t *params, const char *name, int64_t width, int64_t inner, double eps);

/* What the forward of up to `rows` rows leaves for the backward; rows are a round number of the backend's. */
typedef struct {
    float *inv_rms, *gate_up; /* [rows], [rows, 2 inner] */
    operand_t *norm, *act;    /* [rows, width], [rows, inner] */
} gated_acts_t;

gated_acts_t gated_acts_new(const backend_t *b, const gated_t *block, int64_t rows);
void gated_acts_free(gated_acts_t *a);

/* One worker's scratch, for any of `count` blocks over up to `rows` rows. */
typedef struct {
    float *wide, *narrow; /* [rows, the largest width or inner], [rows, width] */
    operand_t *packed;
    void *inner;          /* of low-rank pairs; NULL: there are none */
} gated_room_t;

gated_room_t gated_room_new(const backend_t *b, int64_t count, const gated_t *blocks, int64_t rows);
void gated_room_free(gated_room_t *r);

/* z [rows, width], which may be g; dropout of what is added. `rows` is a round number: rows beyond those in use are zero. */
void gated_forward(const gated_t *block, const weights_t *w, int64_t rows, const float *g, dropout_t drop, gated_acts_t *a,
                   gated_room_t *r, float *z);

/* Turns dx [rows, width] from the gradient of z into that of g, and adds the parameters' to `grads`. Same g, dropout and acts; n
 * of the rows are in use. */
void gated_backward(const gated_t *block, const weights_t *w, int64_t n, const float *g, dropout_t drop, const gated_acts_t *a,
                    gated_room_t *r, float *dx, grads_t *grads);

#endif
