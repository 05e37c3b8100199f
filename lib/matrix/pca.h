/* Principal components of dense rows, and rows expressed in them, the same bytes for any number of threads. */
#ifndef SIDMILL_MATRIX_PCA_H
#define SIDMILL_MATRIX_PCA_H

#include <stdint.h>

#include "data/st.h"

typedef struct {
    int64_t width;      /* of the rows */
    int64_t dim;        /* components wanted */
    int64_t rank;       /* components found: fewer than dim where the rows span no more */
    double exponent;    /* p: components are weighted by their standard deviation ^ p; 0: whitened, 1: as they are */
    float *mean;        /* [width] */
    double *deviation;  /* [dim] standard deviations, descending; 0 beyond rank */
    float *components;  /* [width, dim] orthonormal columns, each with its largest element positive; 0 beyond rank */
    double share;       /* of the variance, that the components hold; NaN where they were loaded */
} pca_t;

/* Fits to x [rows, width], rows >= 0. */
pca_t pca_fit(int64_t rows, int64_t width, const float *x, int64_t dim, double exponent);

/* The row's place [dim] among the components, weighted and brought to length 1; zero where the row is the mean. Depends on the
 * fit and the row alone. */
void pca_row(const pca_t *p, const float *x, float *out);

/* Adds the fit to a tensor file being written, as PREFIX.mean F32 [width], PREFIX.deviation F64 [dim], PREFIX.components F32
 * [width, dim] and metadata PREFIX; data is borrowed until st_commit(). And reads it: whatever is wrong, a width other
 * than expected among it, ends the process with EX_DATAERR. */
void pca_save(const pca_t *p, st_writer_t *w, const char *prefix);
pca_t pca_load(const st_file_t *f, const char *prefix, int64_t width);

void pca_free(pca_t *p);

#endif
