/* The inside of an LSA space, for lsa.c, lsa_file.c and field_rows.c. */
#ifndef SIDMILL_TEXT_LSA_SPACE_H
#define SIDMILL_TEXT_LSA_SPACE_H

#include <stdbool.h>

#include "matrix/svd.h"
#include "text/lsa_types.h"

struct lsa {
    lsa_options_t options;
    tfidf_t *tfidf;
    bool fitted;
    svd_t svd;
    float *rows;         /* [count, dim] of texts added since the last lsa_rows() that have been projected */
    int64_t count, cap;
    int64_t waiting;     /* texts added, but not projected */
    int64_t empty;
    lsa_info_t info;
    int64_t *hash;       /* what lsa_save() lends */
    uint8_t *kind;
    float *idf;
};

/* A space of these parts, which it owns from then on. */
lsa_t *lsa_fitted(const lsa_options_t *o, tfidf_t *t, svd_t d);

/* What multiplies the columns of a projection: [k] (s / s_0)^(exponent - 1), 0 beyond the rank. Caller frees. */
float *lsa_column_scale(const svd_t *d, double exponent);

#endif
