/* Which items lie near each other in an embedding, by title: for looking at it. */
#ifndef SIDMILL_SID_NEIGHBOURS_H
#define SIDMILL_SID_NEIGHBOURS_H

#include <stdint.h>
#include <stdio.h>

#include "data/strtab.h"

typedef struct {
    strtab_t ids;
    int64_t dim;
    float *x;     /* [ids.count, dim] */
    char **title; /* by row, NULL where there is none; without control characters */
} neighbours_t;

/* Reads a tensor [N, dim] of an embeddings/1 file, and the titles of its items from records (NULL or "-": standard input), of
 * which there may be more or fewer. `wanted`: ids, separated by commas; one that has no row ends the process with EX_DATAERR,
 * before the records are read. */
neighbours_t neighbours_read(const char *embeddings, const char *tensor, const char *items, const char *wanted);

/* Prints, for every wanted id, a line of itself and of its `count` nearest items: id, rank, cosine, id, title. */
void neighbours_print(FILE *f, const neighbours_t *n, const char *wanted, int64_t count);

void neighbours_free(neighbours_t *n);

#endif
