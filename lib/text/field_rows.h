/* Rows of items' texts in one LSA space, whatever their fields weigh: trying other weights costs no other decomposition. */
#ifndef SIDMILL_TEXT_FIELD_ROWS_H
#define SIDMILL_TEXT_FIELD_ROWS_H

#include <stdint.h>

#include "text/field_texts.h"
#include "text/lsa.h"

typedef struct field_rows field_rows_t;

/* Takes apart the texts of `n` items (rows of `texts`) in a fitted space, which is needed no longer than for this call. */
field_rows_t *field_rows_new(lsa_t *space, const field_texts_t *texts, int64_t n, const int64_t *items);
void field_rows_free(field_rows_t *r);

int64_t field_rows_width(const field_rows_t *r);

/* Makes the rows that the space gives the items with fields of these weights: of x [n, stride] the first width columns; length 1,
 * or zero where no field that counts has a term. With x_fc an item's TF-IDF values of field f and kind c (words, character
 * n-grams), a row is the direction of sum_c a_c / |sum_f w_f x_fc| sum_f w_f x_fc V S^(exponent - 1), a_c the kinds' weights. In
 * parallel. */
void field_rows_make(const field_rows_t *r, const double *weight, float *x, int64_t stride);

#endif
