/* Semantic IDs in the forms of other systems' files: the index.json of LC-Rec, LETTER and MiniOneRec, tables of codes as text, and
 * arrays of codes. sids(1) describes them. */
#ifndef SIDMILL_SID_FOREIGN_SIDS_H
#define SIDMILL_SID_FOREIGN_SIDS_H

#include "base/out.h"
#include "sid/foreign_rows.h"

extern const char *const foreign_forms[];   /* NULL-terminated: "index.json", "tsv", "npy" */

/* Reads a file of that form, packed or not (NULL or "-": standard input). With `last_is_suffix` an item's last level is its
 * suffix, which some or all have; a table whose last column is called "suffix" is read so in any case. What is malformed, an item
 * that comes twice, a code out of range, and items of different numbers of levels end the process with EX_DATAERR. */
foreign_sids_t foreign_sids_read(const char *form, const char *path, bool last_is_suffix);

/* Writes SIDs in that form. A suffix becomes one more level: of an array and of a table for all items, -1 where an item has none. */
void foreign_sids_write(const char *form, const sids_t *s, out_t *o);

#endif
