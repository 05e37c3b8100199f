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

static bool starts_user(const held_out_t *h, int64_t i) { return i == 0 || h->users[i] != h->users[i - 1]; }

static void take_cases(held_out_t *h, split_t split, int64_t users, uint64_t seed)
{
    h->cases = sample_cases(&h->x, split, users, seed, &h->n);
    h->users = NEW_ARRAY(int64_t, h->n);
    h->histories = NEW_ARRAY(history_t, h->n);
    for (int64_t i = 0; i < h->n; i++) {
        h->users[i] = h->cases[i].user;
        h->histories[i] = interactions_case(&h->x, h->cases[i]);
        h->askers += starts_user(h, i);
    }
}

held_out_t held_out_open(const char *path, split_t split, int64_t users, uint64_t seed)
{
    held_out_t h = {.file = st_open(path)};
    h.x = interactions_read(h.file);
    int64_t all;
    free(sample_users(&h.x, split, 0, 0, &all));
    h.skipped = h.x.users - all;
    if (!all) die(EX_DATAERR, "%s: no user has an item held out for the split", h.file->name);
    take_cases(&h, split, users, seed);
    h.strata = strata_of(&h.x);
    return h;
}

void held_out_close(held_out_t *h)
{
    strata_free(&h->strata);
    free(h->cases);
    free(h->users);
    free(h->histories);
    interactions_free(&h->x);
    st_close(h->file);
    *h = (held_out_t){0};
}

const char *held_out_unit(const held_out_t *h) { return h->askers == h->n ? "users" : "cases"; }

ranker_query_t held_out_query(const held_out_t *h, int width)
{
    return (ranker_query_t){.n = h->n, .histories = h->histories, .users = h->users, .width = width};
}

void held_out_add(st_writer_t *w, const held_out_t *h, held_out_rows_t *owned)
{
    *owned = (held_out_rows_t){.case_offsets = NEW_ARRAY(int64_t, h->askers + 1), .place = NEW_ARRAY(int64_t, h->n)};
    for (int64_t i = 0; i < h->n; i++) {
        owned->place[i] = h->cases[i].at;
        if (!starts_user(h, i)) continue;
        size_t n;
        const char *id = strtab_get(&h->x.user_ids, h->users[i], &n);
        owned->case_offsets[owned->user_ids.count] = i;
        strtab_add(&owned->user_ids, id, n);
    }
    owned->case_offsets[h->askers] = h->n;
    st_add_strings(w, "user_ids", &owned->user_ids);
    if (h->askers == h->n) return;
    st_add1(w, "case_offsets", ST_I64, h->askers + 1, owned->case_offsets);
    st_add1(w, "place", ST_I64, h->n, owned->place);
}

void held_out_add_strata(st_writer_t *w, const held_out_t *h, held_out_rows_t *owned)
{
    owned->stratum = NEW_ARRAY(int32_t, h->n);
    for (int64_t i = 0; i < h->n; i++) owned->stratum[i] = h->strata.of_item[h->histories[i].target];
    st_add1(w, "stratum", ST_I32, h->n, owned->stratum);
}

void held_out_rows_free(held_out_rows_t *r)
{
    strtab_free(&r->user_ids);
    free(r->case_offsets);
    free(r->place);
    free(r->stratum);
    *r = (held_out_rows_t){0};
}
