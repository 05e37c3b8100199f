/* LSA spaces over the fields of a catalogue's items, weighed. */
#ifndef SIDMILL_TEXT_FIELD_SPACE_H
#define SIDMILL_TEXT_FIELD_SPACE_H

#include <stdint.h>

#include "text/field_texts.h"
#include "text/lsa.h"

/* Fits a space to all items, their fields weighed by weight [fields]. */
lsa_t *field_space(const field_texts_t *texts, const double *weight, const lsa_options_t *o);

/* The rows [n, dim] of some items in it, likewise weighed. Caller frees. */
float *field_space_rows(lsa_t *space, const field_texts_t *texts, const double *weight, int64_t n, const int64_t *items);

#endif
