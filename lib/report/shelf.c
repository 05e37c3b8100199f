#include "report/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/rng.h"
#include "data/catalogue.h"
#include "data/items.h"

/* Takes the ids of a file as the catalogue's, or checks that they are. */
static void agree(shelf_t *s, const char **first, const char *path, const strtab_t *ids)
{
    if (s->ids) {
        catalogue_check_items(path, ids, *first, s->ids);
    } else {
        s->ids = ids;
        *first = path;
    }
}

static void read_vectors(shelf_t *s, const char **first, const char *path)
{
    st_file_t *f = st_open(path);
    if (!s->ids) {
        s->listed = st_need_ids(f, "item_ids", -1);
        s->ids = &s->listed;
        *first = path;
    }
    diversity_read(&s->vectors, f, *first, s->ids);
    st_close(f);
}

/* Takes the ids of records. */
static void list_records(strtab_t *ids, const char *path)
{
    items_t r = items_open(path);
    while (items_next(&r)) {
        const size_t n = strlen(r.id);
        strtab_find_or_add(ids, r.id, n, strtab_hash(r.id, n));
    }
    items_close(&r);
}

static void list_all(shelf_t *s, const report_files_t *files)
{
    strtab_index(&s->listed);
    for (int i = 0; i < files->items.count; i++) list_records(&s->listed, files->items.items[i]);
    s->ids = &s->listed;
}

static void read_sids(shelf_t *s, const char **first, const char *path)
{
    st_file_t *f = st_open(path);
    s->sids = sids_read(f);
    st_close(f);
    agree(s, first, path, &s->sids.item_ids);
}

static void read_histories(shelf_t *s, const char **first, const char *path)
{
    st_file_t *f = st_open(path);
    s->histories = interactions_read(f);
    st_close(f);
    agree(s, first, path, &s->histories.item_ids);
}

shelf_t *shelf_open(const report_files_t *files)
{
    const char *first = NULL;
    shelf_t *s = NEW(shelf_t);
    if (files->sids) read_sids(s, &first, files->sids);
    if (files->interactions) read_histories(s, &first, files->interactions);
    if (files->embeddings) read_vectors(s, &first, files->embeddings);
    if (!s->ids && files->items.count) list_all(s, files);
    return s;
}

void shelf_close(shelf_t *s)
{
    sids_free(&s->sids);
    interactions_free(&s->histories);
    diversity_free(&s->vectors);
    strtab_free(&s->listed);
    free(s->item);
    free(s->place);
    free(s);
}

/* Shows an item, unless it is shown or there is no room. */
static void show(shelf_t *s, int64_t item, int64_t most)
{
    if (s->place[item] >= 0 || s->shown == most) return;
    s->place[item] = s->shown++;
}

void shelf_choose(shelf_t *s, const int64_t *wanted, int64_t count, int64_t most, uint64_t seed)
{
    const int64_t items = s->ids->count;
    int64_t *others = NEW_ARRAY(int64_t, items + 1);
    most = min64(most, items);
    s->place = NEW_ARRAY(int64_t, items + 1);
    for (int64_t i = 0; i < items; i++) {
        others[i] = i;
        s->place[i] = -1;
    }
    for (int64_t i = 0; i < count; i++) show(s, wanted[i], most);
    if (most < items) rng_shuffle(rng_stream(seed, "report-items"), others, items);
    for (int64_t i = 0; i < items; i++) show(s, others[i], most);
    s->item = NEW_ARRAY(int64_t, most + 1);
    s->shown = 0;
    for (int64_t i = 0; i < items; i++) {
        if (s->place[i] < 0) continue;
        s->item[s->shown] = i;
        s->place[i] = s->shown++;
    }
    free(others);
}
