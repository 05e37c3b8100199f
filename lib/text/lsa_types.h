/* What describes a space of latent semantic analysis (text/lsa.h). */
#ifndef SIDMILL_TEXT_LSA_TYPES_H
#define SIDMILL_TEXT_LSA_TYPES_H

#include <stdint.h>

#include "text/tfidf.h"

typedef struct lsa lsa_t;

typedef struct {
    tfidf_options_t tfidf;
    int64_t dim;
    double exponent;    /* p: columns are weighted by s^p; 1: closest to the TF-IDF rows; 0: every direction alike */
    int64_t iterations; /* of the SVD */
    uint64_t seed;
} lsa_options_t;

typedef struct {
    int64_t dim, terms, rank;
    double share;          /* of the fitted matrix's squared length, that the space holds; NaN where it was loaded */
    int64_t elements;           /* of the fitted matrix; 0 where it was loaded */
    int64_t texts, empty;  /* of the last lsa_fit() or lsa_rows(): texts, and those without any term, known or not */
} lsa_info_t;

#endif
