/* Item records on their way through ingest: the ids in memory, the texts in an unnamed temporary file, until it is known
 * which of them stay. So a pipe can be read once, and memory follows the number of items, not the size of their texts. */
#ifndef SIDMILL_INGEST_RECORDS_H
#define SIDMILL_INGEST_RECORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/out.h"
#include "data/strtab.h"
#include "formats/record_source.h"

typedef struct {
    strtab_t ids;      /* indexed */
    uint8_t *evidence; /* [ids.count] what each record holds: ingest/coverage.h */
    int64_t cap;
    FILE *spool;       /* one record a line */
    char *digest;      /* xxh3-128 of the bytes read, in hex */
} records_t;

/* Reads the source to its end; one without records ends the process, and so does an id that repeats, unless the format lets
 * them: then the first record of an id stays and the others count as "repeated_records". A relative `image`, which counts from
 * the folder `old`, is rewritten to count from the folder `new` (data/relpath.h). */
records_t records_read(record_source_t *s, const char *old, const char *new);

/* Goes through the records again, in order: line[n] is a record's line with its newline, borrowed until the next call. False
 * after the last. Start with a zeroed `walk`. */
typedef struct {
    int64_t next;      /* number of the record that comes next; of the current one: next - 1 */
    char *line;
    size_t n, cap;
} records_walk_t;

bool records_next(const records_t *r, records_walk_t *walk);
void records_walk_free(records_walk_t *walk);

/* May change record i's line, which comes without its newline, as items_splice() does. */
typedef void (*records_edit_t)(void *ctx, int64_t i, buf_t *line);

/* Writes the records whose keep[i] is set, in order, each changed by `edit` (NULL: none); returns the xxh3-128 of what was
 * written, in hex. Caller frees. */
char *records_write(const records_t *r, const bool *keep, records_edit_t edit, void *ctx, out_t *out);
void records_free(records_t *r);

#endif
