/* Foreign Semantic IDs as sids/1: their items under our names, in our order. */
#ifndef SIDMILL_SID_SID_IMPORT_H
#define SIDMILL_SID_SID_IMPORT_H

#include <stdint.h>

#include "data/sids.h"
#include "sid/foreign_sids.h"
#include "sid/item_map.h"

/* Names come with the file they are of, for messages. All is borrowed. */
typedef struct {
    const strtab_t *rows;     /* what the rows of an array are called; NULL: the file's keys are names */
    const char *rows_name;
    const item_map_t *map;    /* from the file's keys to ours; NULL: they are ours */
    const strtab_t *items;    /* the items that must have SIDs, in their order; NULL: the file's, in its order */
    const char *items_name;
} sid_import_t;

/* The SIDs, their sizes as sid_import_sizes() finds them. Items that `items` or the map lacks are left out
 * and counted in *left_out. An item without a SID, two keys of one item, an array of another number of rows, and no item at all end
 * the process with EX_DATAERR. Whether SIDs differ is not looked at. */
sids_t sid_import(const foreign_sids_t *f, const sid_import_t *how, int64_t *left_out);

/* Sets `codes` and `max_suffix` to one more than the largest code and suffix. */
void sid_import_sizes(sids_t *s);

#endif
