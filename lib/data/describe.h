/* What a tensor file holds, for people and for programs. */
#ifndef SIDMILL_DATA_DESCRIBE_H
#define SIDMILL_DATA_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "data/st.h"

typedef struct {
    double min, max, mean; /* of the finite elements, NaN where there are none */
    int64_t zeros, nan, inf;
} st_stats_t;

/* Goes over all elements of a tensor of any type. */
st_stats_t st_stats(const st_tensor_t *t);

/* True if the tensor is a string table: U8 [bytes], called *_ids, newline-ended strings. The table is the caller's to free. */
bool st_strings(const st_tensor_t *t, strtab_t *table);

/* Appends a table of the tensors, then the metadata, a key a line. With `brief`, data is not looked at. */
void describe_text(buf_t *out, const st_file_t *f, bool brief);

/* Appends one JSON object on one line: {"file","tensors":[{"name","dtype","shape",...}],"metadata":{...}}. A tensor has "min",
 * "max", "mean", "zeros", "nan" and "inf", a string table "strings" (their number) and "first" (some). */
void describe_json(buf_t *out, const st_file_t *f, bool brief);

#endif
