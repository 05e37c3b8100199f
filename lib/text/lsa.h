/* Latent semantic analysis (Deerwester et al. 1990): TF-IDF, truncated SVD, rows of length 1. A space is fitted to many
 * texts; any text can then be given its place in it, and a text's row depends on the space and the text alone. */
#ifndef SIDMILL_TEXT_LSA_H
#define SIDMILL_TEXT_LSA_H

#include <stdint.h>

#include "data/st.h"
#include "matrix/svd.h"
#include "text/lsa_types.h"
#include "text/text_engine.h"

/* The embedding [rows, dim] of a matrix in the space of a decomposition with k <= dim: row i is x_i V diag(s^(exponent - 1)),
 * brought to length 1. Columns beyond the rank, and rows that have no part in the space, are zero. Caller frees. */
float *lsa_project(const csr_t *x, const svd_t *d, int64_t dim, double exponent);

/*     lsa_t *l = lsa_new(&options);                lsa_t *l = lsa_load(file, "text");
 *     for (each text) lsa_add(l, parts, count);    for (each text) lsa_add(l, parts, count);
 *     float *rows = lsa_rows(l, &n);               float *rows = lsa_rows(l, &n);
 *     lsa_save(l, writer, "text");
 *
 * gives the same rows for the same texts. Not for use by several threads at once: calls use the thread pool themselves. */
lsa_t *lsa_new(const lsa_options_t *o);
void lsa_free(lsa_t *l);

/* The next text, in parts as of an item's fields; count 0: none. Memory is taken by every text until the space is fitted; after
 * that by its row only. */
void lsa_add(lsa_t *l, const text_part_t *parts, int count);

/* Fits the space to the texts added since lsa_new(), and forgets them. */
void lsa_fit(lsa_t *l);

/* The rows [*count, dim] of the texts added since the last call, in order; length 1, or zero where a text has no term that the
 * space knows. Fits the space first where that has not been done. Caller frees. */
float *lsa_rows(lsa_t *l, int64_t *count);

lsa_info_t lsa_info(const lsa_t *l);

/* Adds a fitted space to a tensor file that is being written, as PREFIX.hash I64 [T], PREFIX.kind U8 [T], PREFIX.idf F32 [T],
 * PREFIX.vectors F32 [T, k], PREFIX.singular F64 [k] and metadata PREFIX. The data is borrowed from `l` until st_commit(). */
void lsa_save(lsa_t *l, st_writer_t *w, const char *prefix);

/* The space that lsa_save() wrote. Whatever is wrong with it ends the process with EX_DATAERR. */
lsa_t *lsa_load(const st_file_t *f, const char *prefix);

/* The text engine over a space, which it frees. Prints what it finds with note(). */
text_engine_t *lsa_engine(lsa_t *l);

#endif
