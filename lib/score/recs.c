#include "score/recs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

recs_t recs_read(const st_file_t *f)
{
    st_check_schema(f, "recs/1");
    int64_t shape[2] = {-1, -1};
    recs_t r = {.items = st_need_i32(f, "items", 2, shape)};
    r.users = shape[0];
    r.k = shape[1];
    if (r.k < 1) die(EX_DATAERR, "%s: items: lists of length 0", f->name);
    r.user_ids = st_need_ids(f, "user_ids", r.users);
    r.item_ids = st_need_ids(f, "item_ids", -1);
    for (int64_t i = 0; i < r.users * r.k; i++)
        if (r.items[i] < -1 || r.items[i] >= r.item_ids.count)
            die(EX_DATAERR, "%s: items: row %lld names item %d, expected -1 or a row of item_ids (0 to %lld)", f->name,
                (long long)(i / r.k), r.items[i], (long long)r.item_ids.count - 1);
    return r;
}

void recs_free(recs_t *r)
{
    free(r->items);
    strtab_free(&r->user_ids);
    strtab_free(&r->item_ids);
    *r = (recs_t){0};
}

/* x's item of every item of the file. */
static int32_t *item_map(const recs_t *r, const interactions_t *x, const char *name)
{
    int32_t *map = NEW_ARRAY(int32_t, r->item_ids.count + 1);
    int64_t unknown = 0;
    for (int64_t i = 0; i < r->item_ids.count; i++) map[i] = RECS_UNKNOWN;
    for (int64_t i = 0; i < x->items; i++) {
        size_t n;
        const char *id = strtab_get(&x->item_ids, i, &n);
        int64_t row = strtab_find(&r->item_ids, id, n);
        if (row >= 0) map[row] = (int32_t)i;
    }
    for (int64_t i = 0; i < r->item_ids.count; i++) unknown += map[i] == RECS_UNKNOWN;
    if (unknown) warn("%s: %lld of %lld items are not in the interactions; they keep their places and are never right", name,
                      (long long)unknown, (long long)r->item_ids.count);
    return map;
}

int32_t *recs_match(const recs_t *r, const char *name, const interactions_t *x, const int64_t *users, int64_t n, int64_t k)
{
    int32_t *map = item_map(r, x, name);
    int32_t *lists = NEW_ARRAY(int32_t, size_mul((size_t)n + 1, (size_t)k));
    int64_t missing = 0, first = -1;
    for (int64_t u = 0; u < n; u++) {
        size_t len;
        const char *id = strtab_get(&x->user_ids, users[u], &len);
        int64_t row = strtab_find(&r->user_ids, id, len);
        if (row < 0 && !missing++) first = users[u];
        for (int64_t i = 0; row >= 0 && i < k; i++) {
            int32_t item = r->items[row * r->k + i];
            lists[u * k + i] = item < 0 ? -1 : map[item];
        }
    }
    if (missing) {
        size_t len;
        const char *id = strtab_get(&x->user_ids, first, &len);
        die(EX_DATAERR, "%s: no list for %lld of the %lld users, the first '%.*s'", name, (long long)missing, (long long)n,
            (int)len, id);
    }
    free(map);
    return lists;
}

void recs_add(st_writer_t *w, int64_t n, int64_t k, const int32_t *items, const float *scores, const strtab_t *user_ids,
              const strtab_t *item_ids)
{
    st_add2(w, "items", ST_I32, n, k, items);
    st_add2(w, "scores", ST_F32, n, k, scores);
    st_add_strings(w, "user_ids", user_ids);
    st_add_strings(w, "item_ids", item_ids);
}

/* A share in [0, 1]; NaN where the file does not say. */
static double share_of(const st_file_t *f, const char *key)
{
    const char *text = st_meta(f, key);
    if (!text) return NAN;
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= 0 && v <= 1)) die(EX_DATAERR, "%s: metadata %s is '%s', expected a share", f->name, key, text);
    return v;
}

ranks_t ranks_read(const char *path)
{
    st_file_t *f = st_open(path);
    st_check_schema(f, "ranks/1");
    int64_t shape[1] = {-1};
    ranks_t r = {.k = INT32_MAX, .rank = st_need_i32(f, "rank", 1, shape)};
    r.users = shape[0];
    r.user_ids = st_need_ids(f, "user_ids", r.users);
    const char *split = st_meta(f, "split"), *k = st_meta(f, "k");
    if (split) r.split = xstrdup(split);
    if (k) {
        char *end;
        r.k = strtoll(k, &end, 10);
        if (*end || r.k < 1 || r.k > INT32_MAX) die(EX_DATAERR, "%s: metadata k is '%s', expected a list length", f->name, k);
    }
    r.alone = share_of(f, "sids_alone");
    r.utilisation = share_of(f, "sids_utilisation");
    for (int64_t u = 0; u < r.users; u++)
        if (r.rank[u] < 0 || r.rank[u] > r.k)
            die(EX_DATAERR, "%s: rank: row %lld is %d, expected 0 to %lld", f->name, (long long)u, r.rank[u], (long long)r.k);
    st_close(f);
    return r;
}

void ranks_add(st_writer_t *w, int64_t n, int64_t k, const char *split, const int32_t *rank, const strtab_t *user_ids)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)k);
    st_set_meta(w, "split", split);
    st_set_meta(w, "k", text);
    st_add1(w, "rank", ST_I32, n, rank);
    st_add_strings(w, "user_ids", user_ids);
}

void ranks_add_sids(st_writer_t *w, const sids_t *sids)
{
    sid_stats_t stats = sids_stats(sids);
    double used = 0;
    for (int l = 0; l < sids->levels; l++) used += stats.utilisation[l] / sids->levels;
    char text[32];
    snprintf(text, sizeof text, "%.6f", stats.alone);
    st_set_meta(w, "sids_alone", text);
    snprintf(text, sizeof text, "%.6f", fmin(used, 1));
    st_set_meta(w, "sids_utilisation", text);
    sid_stats_free(&stats);
}

void ranks_free(ranks_t *r)
{
    free(r->split);
    free(r->rank);
    strtab_free(&r->user_ids);
    *r = (ranks_t){0};
}

strtab_t user_ids_of(const interactions_t *x, const int64_t *users, int64_t n)
{
    strtab_t ids = {0};
    for (int64_t u = 0; u < n; u++) {
        size_t len;
        const char *id = strtab_get(&x->user_ids, users[u], &len);
        strtab_add(&ids, id, len);
    }
    return ids;
}
