/* Latent semantic analysis (Deerwester et al. 1990): TF-IDF, truncated SVD, rows of length 1. */
#ifndef SIDMILL_EVIDENCE_LSA_H
#define SIDMILL_EVIDENCE_LSA_H

#include <stdint.h>

#include "evidence/text_engine.h"
#include "evidence/tfidf.h"
#include "nn/svd.h"

typedef struct {
    tfidf_options_t tfidf;
    int64_t dim;
    double exponent;    /* p: columns are weighted by s^p; 1: closest to the TF-IDF rows; 0: every direction alike */
    int64_t iterations; /* of the SVD */
    uint64_t seed;
} lsa_options_t;

/* The embedding [rows, dim] of a matrix in the space of a decomposition with k <= dim: row i is x_i V diag(s^(exponent - 1)),
 * brought to length 1. Columns beyond the rank, and rows that have no part in the space, are zero. Caller frees. */
float *lsa_project(const csr_t *x, const svd_t *d, int64_t dim, double exponent);

/* The text engine. Prints what it found with note(). */
text_engine_t *lsa_engine(const lsa_options_t *o);

#endif
