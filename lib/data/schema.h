/* What the schemas of tensor files hold, as a table: for checks, and for joining shards. sidmill-tensors(5) is the
 * specification. */
#ifndef SIDMILL_DATA_SCHEMA_H
#define SIDMILL_DATA_SCHEMA_H

#include <stdbool.h>

#include "data/st.h"

/* How shards of a file are put together again. */
typedef enum {
    JOIN_ROWS,    /* one shard's rows after the other's */
    JOIN_OFFSETS, /* likewise, but counted on; the first of later shards is left out */
    JOIN_SAME     /* must be the same in every shard */
} join_kind;

typedef enum { KIND_FLOAT, KIND_INTEGER, KIND_MASK, KIND_STRINGS } tensor_kind;

typedef struct {
    const char *name;
    tensor_kind kind;
    const char *extents; /* a letter each; equal letters are equal extents. Of string tables: the number of strings */
    bool required;
    join_kind join;
} schema_tensor_t;

typedef struct {
    const char *name; /* "sids/1" */
    const schema_tensor_t *tensors;
    int count;
    bool joins;       /* shards can be joined */
} schema_t;

/* The schema by name, NULL if not known. */
const schema_t *schema_find(const char *name);
const schema_tensor_t *schema_tensor(const schema_t *s, const char *name);

/* Ends the process with EX_DATAERR unless the file holds what its metadata `schema` says: every required tensor, types, shapes
 * that agree, finite floats, masks of 0 and 1, unique ids; for interactions/1 and sids/1 all that their readers check.
 * Returns the schema, NULL where the file names none that is known. */
const schema_t *schema_check(const st_file_t *f);

#endif
