#include "ingest/kcore.h"

#include <stdlib.h>

#include "base/mem.h"

/* Users are nodes 0 .. users - 1, items the nodes after them. */
typedef struct {
    int64_t k, users, items;
    const int64_t *offsets;   /* user -> events */
    const int32_t *item;
    int64_t *item_offsets;    /* item -> its events' users */
    int32_t *item_users;
    int64_t *degree;          /* [users + items] events with nodes not yet removed */
    bool *removed;
    int64_t *queue, head, tail;
} peel_t;

/* Lists the users of every item, by counting. */
static void invert(peel_t *p)
{
    int64_t events = p->offsets[p->users];
    p->item_offsets = NEW_ARRAY(int64_t, p->items + 1);
    p->item_users = NEW_ARRAY(int32_t, events);
    for (int64_t e = 0; e < events; e++) p->item_offsets[p->item[e] + 1]++;
    for (int64_t i = 0; i < p->items; i++) p->item_offsets[i + 1] += p->item_offsets[i];
    int64_t *next = NEW_ARRAY(int64_t, p->items);
    for (int64_t i = 0; i < p->items; i++) next[i] = p->item_offsets[i];
    for (int64_t u = 0; u < p->users; u++)
        for (int64_t e = p->offsets[u]; e < p->offsets[u + 1]; e++) p->item_users[next[p->item[e]]++] = (int32_t)u;
    free(next);
}

/* Removes a node whose degree fell below k; each node enters the queue once. */
static void check(peel_t *p, int64_t node)
{
    if (p->removed[node] || p->degree[node] >= p->k) return;
    p->removed[node] = true;
    p->queue[p->tail++] = node;
}

static void lose_event(peel_t *p, int64_t node)
{
    p->degree[node]--;
    check(p, node);
}

static void peel(peel_t *p)
{
    for (int64_t n = 0; n < p->users + p->items; n++) check(p, n);
    while (p->head < p->tail) {
        int64_t n = p->queue[p->head++], i = n - p->users;
        if (i < 0)
            for (int64_t e = p->offsets[n]; e < p->offsets[n + 1]; e++) lose_event(p, p->users + p->item[e]);
        else
            for (int64_t e = p->item_offsets[i]; e < p->item_offsets[i + 1]; e++) lose_event(p, p->item_users[e]);
    }
}

void kcore(int64_t k, int64_t users, int64_t items, const int64_t *offsets, const int32_t *item,
           bool *keep_user, bool *keep_item)
{
    int64_t nodes = users + items;
    peel_t p = {.k = k, .users = users, .items = items, .offsets = offsets, .item = item,
                .degree = NEW_ARRAY(int64_t, nodes), .removed = NEW_ARRAY(bool, nodes), .queue = NEW_ARRAY(int64_t, nodes)};
    invert(&p);
    for (int64_t u = 0; u < users; u++) p.degree[u] = offsets[u + 1] - offsets[u];
    for (int64_t i = 0; i < items; i++) p.degree[users + i] = p.item_offsets[i + 1] - p.item_offsets[i];
    peel(&p);
    for (int64_t u = 0; u < users; u++) keep_user[u] = !p.removed[u];
    for (int64_t i = 0; i < items; i++) keep_item[i] = !p.removed[users + i];
    free(p.item_offsets);
    free(p.item_users);
    free(p.degree);
    free(p.removed);
    free(p.queue);
}
