#include "data/catalogue.h"

#include "base/err.h"

void catalogue_check_items(const char *name, const strtab_t *ids, const char *other, const strtab_t *other_ids)
{
    if (!strtab_equal(ids, other_ids))
        die_at(name, 0, "item_ids differ from those of %s, expected the same items in the same order", other);
}

catalogue_t catalogue_open(const char *sids_path, const char *interactions_path)
{
    catalogue_t c = {.sids_file = st_open(sids_path), .interactions_file = st_open(interactions_path)};
    c.sids = sids_read(c.sids_file);
    c.interactions = interactions_read(c.interactions_file);
    catalogue_check_items(c.interactions_file->name, &c.interactions.item_ids, c.sids_file->name, &c.sids.item_ids);
    return c;
}

void catalogue_close(catalogue_t *c)
{
    sids_free(&c->sids);
    interactions_free(&c->interactions);
    st_close(c->sids_file);
    st_close(c->interactions_file);
    *c = (catalogue_t){0};
}
