#include "score/recs.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Reads whose the lists are, where a user has several. */
static void read_cases(const st_file_t *f, recs_t *r)
{
    int64_t extent = r->user_ids.count + 1;
    const int64_t *o = r->case_offsets = st_need_i64(f, "case_offsets", 1, &extent);
    r->place = st_need_i64(f, "place", 1, &r->lists);
    for (int64_t u = 0; u <= r->user_ids.count; u++)
        if (o[u] < (u ? o[u - 1] : 0) || o[u] > r->lists || (!u && o[u]) || (u == r->user_ids.count && o[u] != r->lists))
            st_bad(f, "case_offsets", "row %lld is %lld, expected offsets that ascend from 0 to %lld", (long long)u, (long long)o[u],
                   (long long)r->lists);
    for (int64_t u = 0; u < r->user_ids.count; u++)
        for (int64_t i = o[u] + 1; i < o[u + 1]; i++)
            if (r->place[i] <= r->place[i - 1])
                st_bad(f, "place", "row %lld is %lld, expected a user's places to ascend", (long long)i, (long long)r->place[i]);
}

recs_t recs_read(const st_file_t *f)
{
    st_check_schema(f, "recs/1");
    int64_t shape[2] = {-1, -1};
    recs_t r = {.items = st_need(f, "items", 2, shape)};
    r.lists = shape[0];
    r.k = shape[1];
    if (st_dtype_is_float(r.items->dtype)) st_bad(f, "items", "type %s, expected integers", st_dtype_name(r.items->dtype));
    if (r.k < 1 || r.k > INT32_MAX) die(EX_DATAERR, "%s: items: lists of length %lld", f->name, (long long)r.k);
    r.name = xstrdup(f->name);
    r.user_ids = st_need_ids(f, "user_ids", st_find(f, "case_offsets") ? -1 : r.lists);
    r.item_ids = st_need_ids(f, "item_ids", -1);
    if (st_find(f, "case_offsets")) read_cases(f, &r);
    return r;
}

int64_t recs_row(const recs_t *r, int64_t user, int64_t items_before)
{
    if (user < 0 || !r->case_offsets) return user;
    int64_t low = r->case_offsets[user], high = r->case_offsets[user + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (r->place[middle] < items_before) low = middle + 1;
        else high = middle;
    }
    return low < r->case_offsets[user + 1] && r->place[low] == items_before ? low : -1;
}

/* Reads a row of recs/1 as it stands; what fits no I32 becomes -2. */
static void copy_row(const recs_t *r, int64_t row, int32_t *items)
{
    const st_tensor_t *t = r->items;
    const int64_t first = row * r->k;
    if (t->dtype == ST_I32) {
        memcpy(items, t->data + (size_t)first * sizeof *items, (size_t)r->k * sizeof *items);
        return;
    }
    for (int64_t i = 0, v; i < r->k; i++) items[i] = st_integer(t, first + i, &v) && v >= -1 && v <= INT32_MAX ? (int32_t)v : -2;
}

static int64_t tensor_list(const recs_t *r, int64_t row, int32_t *items)
{
    int64_t n = 0;
    copy_row(r, row, items);
    while (n < r->k && items[n] >= 0 && items[n] < r->item_ids.count) n++;
    if (n < r->k && items[n] != -1)
        die(EX_DATAERR, "%s: items: row %lld names item %d, expected -1 or a row of item_ids (0 to %lld)", r->name, (long long)row,
            items[n], (long long)r->item_ids.count - 1);
    for (int64_t i = n; i < r->k; i++)
        if (items[i] != -1)
            die(EX_DATAERR, "%s: items: row %lld names item %d behind its end (-1)", r->name, (long long)row, items[i]);
    return n;
}

int64_t recs_list(const recs_t *r, int64_t row, int32_t *items)
{
    if (r->items) return tensor_list(r, row, items);
    const int64_t n = spool_get(&r->places, r->offsets[row], r->offsets[row + 1] - r->offsets[row], items);
    for (int64_t i = n; i < r->k; i++) items[i] = -1;
    return n;
}

void recs_release(const recs_t *r)
{
    if (r->file) st_release(r->file, r->items->data, (size_t)r->items->count * st_dtype_size(r->items->dtype));
}

void recs_check(const recs_t *r)
{
    int32_t *items = NEW_ARRAY(int32_t, r->k);
    for (int64_t row = 0; row < r->lists; row++) recs_list(r, row, items);
    free(items);
}

void recs_free(recs_t *r)
{
    strtab_free(&r->user_ids);
    strtab_free(&r->item_ids);
    spool_close(&r->places);
    free(r->offsets);
    free(r->case_offsets);
    free(r->place);
    free(r->name);
    free(r->digest);
    st_close(r->file);
    *r = (recs_t){0};
}
