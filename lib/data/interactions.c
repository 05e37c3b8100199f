#include "data/interactions.h"

#include <stdlib.h>
#include <string.h>

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

/* Checks that what may be trained on is a user's first events: nothing else is a history without gaps. */
static void check_phases(const st_file_t *f, const interactions_t *x)
{
    for (int64_t u = 0; u < x->users; u++) {
        for (int64_t e = x->user_offsets[u]; e < x->user_offsets[u + 1]; e++) {
            if (x->phase[e] >= PHASES)
                st_bad(f, "phase", "row %lld is %d, expected 0 to %d", (long long)e, x->phase[e], PHASES - 1);
            if (x->phase[e] == PHASE_TRAIN && e > x->user_offsets[u] && x->phase[e - 1] != PHASE_TRAIN)
                st_bad(f, "phase", "row %lld is for training, the one before is not, expected a user's training events first",
                       (long long)e);
        }
    }
}

static bool is_second(const st_file_t *f)
{
    const char *schema = st_meta(f, "schema");
    return schema && !strcmp(schema, "interactions/2");
}

interactions_t interactions_read(const st_file_t *f)
{
    interactions_t x = {0};
    int64_t offsets = -1, events = -1;
    const bool second = is_second(f);
    if (!second) st_check_schema(f, "interactions/1");
    x.user_offsets = st_need_i64(f, "user_offsets", 1, &offsets);
    if (offsets < 1) st_bad(f, "user_offsets", "is empty, expected one offset more than users");
    x.users = offsets - 1;
    x.item_index = st_need_i32(f, "item_index", 1, &events);
    x.events = events;
    if (st_find(f, "timestamp")) x.timestamp = st_need_i64(f, "timestamp", 1, &events);
    if (second || st_find(f, "phase")) x.phase = st_need_u8(f, "phase", 1, &events);
    x.user_ids = st_need_ids(f, "user_ids", x.users);
    x.item_ids = st_need_ids(f, "item_ids", -1);
    x.items = x.item_ids.count;
    check_offsets(f, &x);
    check_events(f, &x);
    if (x.phase) check_phases(f, &x);
    return x;
}

void interactions_add(st_writer_t *w, const interactions_t *x)
{
    st_add1(w, "user_offsets", ST_I64, x->users + 1, x->user_offsets);
    st_add1(w, "item_index", ST_I32, x->events, x->item_index);
    if (x->timestamp) st_add1(w, "timestamp", ST_I64, x->events, x->timestamp);
    if (x->phase) st_add1(w, "phase", ST_U8, x->events, x->phase);
    st_add_strings(w, "user_ids", &x->user_ids);
    st_add_strings(w, "item_ids", &x->item_ids);
}

void interactions_free(interactions_t *x)
{
    free(x->user_offsets);
    free(x->item_index);
    free(x->timestamp);
    free(x->phase);
    strtab_free(&x->user_ids);
    strtab_free(&x->item_ids);
    *x = (interactions_t){0};
}

phase_t phase_leave_last_out(int64_t at, int64_t n)
{
    if (n < 3) return PHASE_NONE;
    return at == n - 1 ? PHASE_TEST : at == n - 2 ? PHASE_VALID : PHASE_TRAIN;
}

static int64_t length_of(const interactions_t *x, int64_t user) { return x->user_offsets[user + 1] - x->user_offsets[user]; }

static phase_t phase_of(const interactions_t *x, int64_t user, int64_t at)
{
    return x->phase ? (phase_t)x->phase[x->user_offsets[user] + at] : phase_leave_last_out(at, length_of(x, user));
}

bool interactions_training(const interactions_t *x, int64_t user, history_t *h)
{
    const int64_t n = length_of(x, user);
    *h = (history_t){x->item_index + x->user_offsets[user], 0, -1};
    while (h->count < n && phase_of(x, user, h->count) == PHASE_TRAIN) h->count++;
    return h->count > 0;
}

int64_t interactions_cases(const interactions_t *x, int64_t user, split_t split, int64_t *at)
{
    const int64_t n = length_of(x, user);
    int64_t count = 0;
    for (int64_t e = 1; e < n; e++) {
        if (phase_of(x, user, e) != (phase_t)split) continue;
        if (at) at[count] = e;
        count++;
    }
    return count;
}

history_t interactions_case(const interactions_t *x, case_t c)
{
    const int32_t *items = x->item_index + x->user_offsets[c.user];
    return (history_t){items, c.at, items[c.at]};
}

int64_t *interactions_popularity(const interactions_t *x)
{
    int64_t *events = NEW_ARRAY(int64_t, x->items);
    history_t h;
    for (int64_t u = 0; u < x->users; u++)
        if (interactions_training(x, u, &h))
            for (int64_t i = 0; i < h.count; i++) events[h.items[i]]++;
    return events;
}
