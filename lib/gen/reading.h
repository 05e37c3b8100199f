/* The transformer's input rows: what the symbols of histories (space_history()) stand for. A token is its embedding. In a timeline
 * an item is the sum of its SID's embeddings and, where the model has such, of a vector of its own (MARIUS, arXiv 2508.14910);
 * learned positions are added to either. */
#ifndef SIDMILL_GEN_READING_H
#define SIDMILL_GEN_READING_H

#include <stdint.h>

#include "gen/space.h"
#include "nn/grads.h"
#include "train/loan.h"
#include "nn/transformer.h"

/* What training leaves out of a timeline's rows: at these rates an item as a whole, and an item's own vector, so that its codes
 * learn to stand alone. Drawn by `key`; all 0: nothing. */
typedef struct {
    double item, vector;
    uint64_t key;
} reading_drop_t;

/* Fills x [segments->rows, hidden_size]. */
void reading_rows(const model_t *m, const space_t *s, const segments_t *segments, const int32_t *symbols, reading_drop_t drop,
                  float *x);

/* Wants what reading_rows() reads of split tables. */
void reading_want(const model_t *m, const space_t *s, int64_t rows, const int32_t *symbols, loan_t *loan);

/* Adds the gradient dx of those rows to `grads`. */
void reading_backward(const model_t *m, const space_t *s, const segments_t *segments, const int32_t *symbols,
                      reading_drop_t drop, const float *dx, grads_t *grads);

#endif
