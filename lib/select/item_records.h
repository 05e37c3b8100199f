/* An items file beside a catalogue: what it says of the catalogue's items, by their rows. */
#ifndef SIDMILL_SELECT_ITEM_RECORDS_H
#define SIDMILL_SELECT_ITEM_RECORDS_H

#include "data/strtab.h"
#include "select/facets.h"

typedef struct {
    int64_t items;
    char **title;     /* [items] with blanks for tabs and line breaks; NULL where there is none */
    char **line;      /* [items] the record as the file has it, likewise; NULL unless asked for */
    facets_t *facets; /* NULL unless asked for */
} item_records_t;

/* Reads a file of items (data/items.h); those that `ids`, which are indexed, lack are passed over. */
item_records_t *item_records_read(const char *path, const strtab_t *ids, bool lines, bool facets);
void item_records_free(item_records_t *r);

/* Appends `,"title": ...` of an item that is known to have one; r may be NULL. */
void item_records_write_title(const item_records_t *r, int64_t item, buf_t *out);

#endif
