/* Files that speak of the same items: Semantic IDs and histories, read together, and the check that their rows agree. */
#ifndef SIDMILL_DATA_CATALOGUE_H
#define SIDMILL_DATA_CATALOGUE_H

#include "data/interactions.h"
#include "data/sids.h"
#include "data/st.h"
#include "data/strtab.h"

typedef struct {
    st_file_t *sids_file, *interactions_file;
    sids_t sids;
    interactions_t interactions;
} catalogue_t;

/* Opens and reads sids/1 and interactions/1; where they are wrong, or are not of the same items in the same order, the process
 * ends with EX_DATAERR. */
catalogue_t catalogue_open(const char *sids_path, const char *interactions_path);
void catalogue_close(catalogue_t *c);

/* Ends the process with EX_DATAERR unless `ids`, the item_ids of the file called `name`, are those of the file called `other`, in
 * the same order: what joins tensors of several files by row asks for it. */
void catalogue_check_items(const char *name, const strtab_t *ids, const char *other, const strtab_t *other_ids);

#endif
