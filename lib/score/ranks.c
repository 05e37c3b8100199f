#include "score/ranks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "score/strata.h"

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

static const char *const rank_names[PROTOCOLS] = {"rank", "rank_unseen"}, *const k_names[PROTOCOLS] = {"k", "k_unseen"};

/* The length of the lists, as metadata. */
static int64_t length_of(const st_file_t *f, const char *key)
{
    const char *text = st_meta(f, key);
    if (!text) return INT32_MAX;
    char *end;
    int64_t k = strtoll(text, &end, 10);
    if (end == text || *end || k < 1 || k > INT32_MAX)
        die(EX_DATAERR, "%s: metadata %s is '%s', expected a list length", f->name, key, text);
    return k;
}

static ranks_list_t list_read(const st_file_t *f, protocol_t protocol, int64_t *cases)
{
    const char *name = rank_names[protocol];
    if (protocol == PROTOCOL_UNSEEN && !st_find(f, name))
        die(EX_DATAERR, "%s: no tensor '%s': its lists were too short to leave met items out, or it is of an older version",
            f->name, name);
    ranks_list_t list = {length_of(f, k_names[protocol]), st_need_i32(f, name, 1, cases)};
    for (int64_t u = 0; u < *cases; u++)
        if (list.rank[u] < 0 || list.rank[u] > list.k)
            die(EX_DATAERR, "%s: %s: row %lld is %d, expected 0 to %lld", f->name, name, (long long)u, list.rank[u],
                (long long)list.k);
    return list;
}

/* Where each user's cases begin; a file that does not say has one a user. */
static void read_offsets(const st_file_t *f, ranks_t *r)
{
    int64_t rows = r->users + 1;
    if (st_find(f, "case_offsets")) {
        r->case_offsets = st_need_i64(f, "case_offsets", 1, &rows);
    } else {
        r->case_offsets = NEW_ARRAY(int64_t, rows);
        for (int64_t u = 0; u < rows; u++) r->case_offsets[u] = u;
    }
    bool sound = r->case_offsets[0] == 0 && r->case_offsets[r->users] == r->cases;
    for (int64_t u = 0; u < r->users; u++) sound = sound && r->case_offsets[u] < r->case_offsets[u + 1];
    if (!sound) die(EX_DATAERR, "%s: %lld ranks do not belong to %lld users, expected one or more each", f->name,
                    (long long)r->cases, (long long)r->users);
}

static void read_strata(const st_file_t *f, ranks_t *r)
{
    if (!st_find(f, "stratum")) return;
    r->stratum = st_need_i32(f, "stratum", 1, &r->cases);
    for (int64_t i = 0; i < r->cases; i++)
        if (r->stratum[i] < 0 || r->stratum[i] >= STRATA)
            st_bad(f, "stratum", "row %lld: %d, expected 0 to %d", (long long)i, r->stratum[i], STRATA - 1);
}

bool ranks_told(const char *path, protocol_t protocol)
{
    st_file_t *f = st_open(path);
    st_check_schema(f, "ranks/1");
    const bool told = st_find(f, rank_names[protocol]) != NULL;
    st_close(f);
    return told;
}

ranks_t ranks_read(const char *path, protocol_t protocol)
{
    st_file_t *f = st_open(path);
    st_check_schema(f, "ranks/1");
    ranks_t r = {.cases = -1};
    r.list = list_read(f, protocol, &r.cases);
    r.user_ids = st_need_ids(f, "user_ids", st_find(f, "case_offsets") ? -1 : r.cases);
    r.users = r.user_ids.count;
    read_offsets(f, &r);
    read_strata(f, &r);
    const char *split = st_meta(f, "split");
    if (split) r.split = xstrdup(split);
    r.alone = share_of(f, "sids_alone");
    r.utilisation = share_of(f, "sids_utilisation");
    st_close(f);
    return r;
}

ranks_t ranks_part(const ranks_t *r, int stratum)
{
    ranks_t part = {.list = {r->list.k, NEW_ARRAY(int32_t, r->cases + 1)}, .case_offsets = NEW_ARRAY(int64_t, r->users + 1)};
    for (int64_t u = 0; u < r->users; u++) {
        for (int64_t i = r->case_offsets[u]; i < r->case_offsets[u + 1]; i++)
            if (r->stratum[i] == stratum) part.list.rank[part.cases++] = r->list.rank[i];
        if (part.cases > part.case_offsets[part.users]) part.case_offsets[++part.users] = part.cases;
    }
    return part;
}

void ranks_add(st_writer_t *w, int64_t n, const char *split, const ranks_list_t lists[PROTOCOLS])
{
    st_set_meta(w, "split", split);
    for (int p = 0; p < PROTOCOLS; p++) {
        if (lists[p].k < 1) continue;
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)lists[p].k);
        st_set_meta(w, k_names[p], text);
        st_add1(w, rank_names[p], ST_I32, n, lists[p].rank);
    }
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
    free(r->list.rank);
    free(r->case_offsets);
    free(r->stratum);
    strtab_free(&r->user_ids);
    *r = (ranks_t){0};
}
