/* The items of a catalogue, and which of them a report shows. */
#ifndef SIDMILL_REPORT_SHELF_H
#define SIDMILL_REPORT_SHELF_H

#include "data/interactions.h"
#include "data/sids.h"
#include "report/files.h"
#include "score/diversity.h"

/* What the files say of the items, and of which: what is zeroed is not known. */
typedef struct {
    const strtab_t *ids;  /* of all items, indexed; NULL: no file names any */
    sids_t sids;
    interactions_t histories;
    diversity_t vectors;
    strtab_t listed;      /* the ids where the items' records alone tell them */
    int64_t shown;
    int64_t *item;        /* [shown] rows of ids, ascending */
    int64_t *place;       /* [items] where a row stands among those shown, -1: nowhere */
} shelf_t;

/* Reads SIDs, histories and vectors; files of other items than each other's end the process with EX_DATAERR. Shows nothing yet. Freed with
 * shelf_close(). */
shelf_t *shelf_open(const report_files_t *files);
void shelf_close(shelf_t *s);

/* Shows `most` items: all, or the first of the `count` rows that are wanted, and then others drawn by `seed`. Rows may repeat. */
void shelf_choose(shelf_t *s, const int64_t *wanted, int64_t count, int64_t most, uint64_t seed);

#endif
