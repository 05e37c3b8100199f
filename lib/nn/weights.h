/* Parameters made ready for a backend's products: its operands, in the layout of params_t. Row-sparse tables have none: their
 * rows are read one by one. */
#ifndef SIDMILL_NN_WEIGHTS_H
#define SIDMILL_NN_WEIGHTS_H

#include "nn/backend.h"
#include "nn/params.h"

typedef struct {
    const params_t *params;
    const backend_t *backend;
    operand_t *trained, *fixed; /* converted; NULL where operands are floats, which are read where they lie */
} weights_t;

weights_t weights_new(const params_t *params, const backend_t *backend);
void weights_sync(weights_t *w); /* converts anew what trains, after it changed */
void weights_free(weights_t *w);

/* Frees the frozen floats of `params`, w's own, where operands are a copy of them: params_values() has none of them any more. */
void weights_release(const weights_t *w, params_t *params);

/* A dense block as an operand; a row-sparse or a mapped one, which is none, ends the process with EX_SOFTWARE. */
const operand_t *weights_operand(const weights_t *w, int block);

/* A mapped block as an operand: where it lies in its file, if that has the backend's own type, else converted into `space`, twice
 * as many floats as the block has elements. */
const operand_t *weights_mapped(const weights_t *w, int block, float *space);

/* The same of its rows [first, first + count), in as much space as they take. */
const operand_t *weights_mapped_rows(const weights_t *w, int block, int64_t first, int64_t count, float *space);

#endif
