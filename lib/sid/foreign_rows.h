/* Semantic IDs under the names that another system's file has for items; and their rows as a reader finds them, whose number of levels
 * shows only at the end. */
#ifndef SIDMILL_SID_FOREIGN_ROWS_H
#define SIDMILL_SID_FOREIGN_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/sids.h"
#include "data/strtab.h"

typedef struct {
    char *name, *digest;   /* of the file */
    bool numbered;         /* it is an array: its items have no names but their rows' numbers */
    int levels;
    strtab_t keys;         /* what it calls its items; indexed */
    int32_t *code;         /* [keys.count, levels], each in [0, SID_MAX_CODES) */
    int32_t *suffix;       /* [keys.count], likewise; -1: none */
} foreign_sids_t;

void foreign_sids_free(foreign_sids_t *f);

/* Begins with `file` and `last_is_suffix`, the rest zero. */
typedef struct {
    const char *file;       /* for messages */
    bool last_is_suffix;
    strtab_t keys;          /* indexed */
    int32_t *tokens;        /* [count] of all rows, one behind the other */
    uint8_t *lengths;       /* [keys.count] */
    int64_t count, cap, lengths_cap;
    int least, most;        /* tokens of a row */
} foreign_rows_t;

/* Adds an item's n codes. -1 in the last place is no suffix, where that is one. `line` is for messages, 0: none. */
void foreign_rows_add(foreign_rows_t *r, long long line, const char *key, size_t key_len, int n, const int64_t *codes);

/* The rows as SIDs, without name and digest. */
foreign_sids_t foreign_rows_end(foreign_rows_t *r);

/* Ends the process: "file:line: item "key": ...". */
_Noreturn void foreign_bad_item(const foreign_rows_t *r, long long line, const char *key, size_t key_len, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
