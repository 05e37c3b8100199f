#include "score/ranks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

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
