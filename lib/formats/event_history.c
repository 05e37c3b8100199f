#include "formats/event_history.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/strtab.h"

/* What is known of a user. */
typedef struct {
    int32_t *items;
    int64_t count, cap;
} past_t;

struct event_history {
    strtab_t users, items;
    past_t *pasts;            /* [users] */
    int64_t pasts_cap, user;
    past_t row;
    int64_t next;             /* position of the next interaction to come out */
};

event_history_t *event_history_new(void)
{
    event_history_t *h = NEW(event_history_t);
    strtab_index(&h->users);
    strtab_index(&h->items);
    h->user = -1;
    return h;
}

static void append(past_t *p, const int32_t *items, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        GROW(p->items, p->count, p->cap);
        p->items[p->count++] = items[i];
    }
}

void event_history_start(event_history_t *h, const char *user, size_t n)
{
    const int64_t known = h->users.count;
    h->user = strtab_find_or_add(&h->users, user, n, strtab_hash(user, n));
    if (h->users.count > known) {
        GROW(h->pasts, known, h->pasts_cap);
        h->pasts[known] = (past_t){0};
    }
    h->row.count = 0;
    h->next = h->pasts[h->user].count;
}

void event_history_add(event_history_t *h, const char *item, size_t n)
{
    const int64_t i = strtab_find_or_add(&h->items, item, n, strtab_hash(item, n));
    if (i >= INT32_MAX) die(EX_DATAERR, "more than %d items in histories", INT32_MAX);
    append(&h->row, &(int32_t){(int32_t)i}, 1);
}

static bool same(const int32_t *a, const int32_t *b, int64_t n) { return !n || !memcmp(a, b, (size_t)n * sizeof *a); }

/* Tells how much of the row is known: all that both begin with, or what ends the past and begins the row. */
static int64_t known_part(const past_t *past, const past_t *row)
{
    const int64_t both = past->count < row->count ? past->count : row->count;
    if (same(past->items, row->items, both)) return both;
    const int64_t least = row->count / 2 > 2 ? row->count / 2 : 2;
    for (int64_t n = row->count - 1 < past->count ? row->count - 1 : past->count; n >= least; n--)
        if (same(past->items + past->count - n, row->items, n)) return n;
    return 0;
}

void event_history_fold(event_history_t *h)
{
    past_t *past = &h->pasts[h->user];
    const int64_t known = known_part(past, &h->row);
    h->next = past->count;
    append(past, h->row.items + known, h->row.count - known);
}

bool event_history_next(event_history_t *h, event_t *e)
{
    if (h->user < 0 || h->next == h->pasts[h->user].count) return false;
    *e = (event_t){.time = h->next};
    e->user = strtab_get(&h->users, h->user, &e->user_len);
    e->item = strtab_get(&h->items, h->pasts[h->user].items[h->next++], &e->item_len);
    return true;
}

void event_history_free(event_history_t *h)
{
    if (!h) return;
    for (int64_t u = 0; u < h->users.count; u++) free(h->pasts[u].items);
    free(h->pasts);
    free(h->row.items);
    strtab_free(&h->users);
    strtab_free(&h->items);
    free(h);
}
