#include "data/interactions.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

static void check_offsets(const st_file_t *f, const interactions_t *x)
{
    const int64_t *o = x->user_offsets;
    if (o[0] != 0) st_bad(f, "user_offsets", "begins with %lld, expected 0", (long long)o[0]);
    for (int64_t u = 0; u < x->users; u++)
        if (o[u + 1] < o[u])
            st_bad(f, "user_offsets", "row %lld: %lld after %lld, expected ascending offsets", (long long)u + 1,
                   (long long)o[u + 1], (long long)o[u]);
    if (o[x->users] != x->events)
        st_bad(f, "user_offsets", "ends with %lld, expected %lld, the length of item_index",
               (long long)o[x->users], (long long)x->events);
}

static void check_events(const st_file_t *f, const interactions_t *x)
{
    for (int64_t e = 0; e < x->events; e++)
        if (x->item_index[e] < 0 || x->item_index[e] >= x->items)
            st_bad(f, "item_index", "row %lld: %d, expected 0 to %lld, the rows of item_ids", (long long)e,
                   (int)x->item_index[e], (long long)x->items - 1);
    if (!x->timestamp) return;
    for (int64_t u = 0; u < x->users; u++)
        for (int64_t e = x->user_offsets[u] + 1; e < x->user_offsets[u + 1]; e++)
            if (x->timestamp[e] < x->timestamp[e - 1])
                st_bad(f, "timestamp",
                       "row %lld is earlier than the row before, expected each user's events in order of time",
                       (long long)e);
}

interactions_t interactions_read(const st_file_t *f)
{
    interactions_t x = {0};
    int64_t offsets = -1, events = -1;
    st_check_schema(f, "interactions/1");
    x.user_offsets = st_need_i64(f, "user_offsets", 1, &offsets);
    if (offsets < 1) st_bad(f, "user_offsets", "is empty, expected one offset more than users");
    x.users = offsets - 1;
    x.item_index = st_need_i32(f, "item_index", 1, &events);
    x.events = events;
    if (st_find(f, "timestamp")) x.timestamp = st_need_i64(f, "timestamp", 1, &events);
    x.user_ids = st_need_ids(f, "user_ids", x.users);
    x.item_ids = st_need_ids(f, "item_ids", -1);
    x.items = x.item_ids.count;
    check_offsets(f, &x);
    check_events(f, &x);
    return x;
}

void interactions_add(st_writer_t *w, const interactions_t *x)
{
    st_add1(w, "user_offsets", ST_I64, x->users + 1, x->user_offsets);
    st_add1(w, "item_index", ST_I32, x->events, x->item_index);
    if (x->timestamp) st_add1(w, "timestamp", ST_I64, x->events, x->timestamp);
    st_add_strings(w, "user_ids", &x->user_ids);
    st_add_strings(w, "item_ids", &x->item_ids);
}

void interactions_free(interactions_t *x)
{
    free(x->user_offsets);
    free(x->item_index);
    free(x->timestamp);
    strtab_free(&x->user_ids);
    strtab_free(&x->item_ids);
    *x = (interactions_t){0};
}

bool interactions_history(const interactions_t *x, int64_t user, split_t split, history_t *h)
{
    const int32_t *items = x->item_index + x->user_offsets[user];
    int64_t n = x->user_offsets[user + 1] - x->user_offsets[user];
    if (n < 3) return false;
    switch (split) {
    case SPLIT_TRAIN: *h = (history_t){items, n - 2, -1}; break;
    case SPLIT_VALID: *h = (history_t){items, n - 2, items[n - 2]}; break;
    case SPLIT_TEST: *h = (history_t){items, n - 1, items[n - 1]}; break;
    }
    return true;
}

int64_t *interactions_popularity(const interactions_t *x)
{
    int64_t *events = NEW_ARRAY(int64_t, x->items);
    history_t h;
    for (int64_t u = 0; u < x->users; u++)
        if (interactions_history(x, u, SPLIT_TRAIN, &h))
            for (int64_t i = 0; i < h.count; i++) events[h.items[i]]++;
    return events;
}
