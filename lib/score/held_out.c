#include "score/held_out.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/sample.h"

static strata_t strata_of(const interactions_t *x)
{
    int64_t *popularity = interactions_popularity(x);
    strata_t s = strata_make(popularity, x->items);
    free(popularity);
    return s;
}

held_out_t held_out_open(const char *path, split_t split, int64_t users, uint64_t seed)
{
    held_out_t h = {.file = st_open(path)};
    h.x = interactions_read(h.file);
    int64_t all;
    free(sample_users(&h.x, split, 0, 0, &all));
    h.users = sample_users(&h.x, split, users, seed, &h.n);
    h.skipped = h.x.users - all;
    if (!h.n) die(EX_DATAERR, "%s: no user has the 3 interactions that a split needs", h.file->name);
    h.histories = NEW_ARRAY(history_t, h.n);
    for (int64_t u = 0; u < h.n; u++) interactions_history(&h.x, h.users[u], split, &h.histories[u]);
    h.strata = strata_of(&h.x);
    return h;
}

void held_out_close(held_out_t *h)
{
    strata_free(&h->strata);
    free(h->users);
    free(h->histories);
    interactions_free(&h->x);
    st_close(h->file);
    *h = (held_out_t){0};
}

ranker_query_t held_out_query(const held_out_t *h, int width)
{
    return (ranker_query_t){.n = h->n, .histories = h->histories, .users = h->users, .width = width};
}

strtab_t held_out_user_ids(const held_out_t *h)
{
    strtab_t ids = {0};
    for (int64_t u = 0; u < h->n; u++) {
        size_t n;
        const char *id = strtab_get(&h->x.user_ids, h->users[u], &n);
        strtab_add(&ids, id, n);
    }
    return ids;
}
