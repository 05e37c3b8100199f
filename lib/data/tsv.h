/* Tensors as text: a row a line, tabs between columns; string tables a string a line. */
#ifndef SIDMILL_DATA_TSV_H
#define SIDMILL_DATA_TSV_H

#include "base/buf.h"
#include "base/in.h"
#include "base/out.h"
#include "data/st.h"

/* Appends an element as text: integers exactly, floats in 6 digits or as many as read back as the same F32 or F64. */
void tsv_put(buf_t *b, const st_tensor_t *t, int64_t i);

/* Writes a tensor; dimensions after the first lie side by side in a row. */
void tsv_write(out_t *o, const st_tensor_t *t);

/* Reads numbers of type F32, F64, BOOL or an integer type: [N] where every line holds one, else [N, columns]. Lines with more
 * or fewer columns, text that is no number, and numbers that do not fit end the process with EX_DATAERR. Caller frees `data`. */
st_tensor_t tsv_parse(const bytes_t *b, st_dtype dtype);

/* Reads a string a line, the last line's newline optional. Empty lines, tabs and bad UTF-8 end the process with EX_DATAERR. */
strtab_t tsv_parse_strings(const bytes_t *b);

#endif
