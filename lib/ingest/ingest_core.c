#include "ingest/ingest_core.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "ingest/kcore.h"

enum { MAX_PASSES = 100 };

ingest_core_t ingest_core_open(const ingest_tidy_t *t, int64_t users, int64_t items)
{
    ingest_core_t c = {.users = users, .items = items, .item = &t->item};
    c.left = NEW_ARRAY(uint32_t, users);
    c.degree = NEW_ARRAY(uint32_t, items);
    spool_reader_t in = spool_reader(c.item);
    for (int64_t u = 0; u < users; u++) {
        const int32_t *item = spool_next(&in, t->length[u]);
        c.left[u] = t->length[u];
        for (uint32_t i = 0; i < t->length[u]; i++) c.degree[item[i]]++;
    }
    spool_reader_free(&in);
    return c;
}

/* Takes `next` for what is left. */
static void replace(ingest_core_t *c, spool_t *next)
{
    spool_done(next);
    if (c->item == &c->own) spool_close(&c->own);
    c->own = *next;
    c->item = &c->own;
}

/* Passes on what stays of a user's interactions; returns how many. A user who goes takes them from the items' degrees, at
 * once: an item that falls below `least` by it is gone for the users that follow. */
static uint32_t pass_user(ingest_core_t *c, const int32_t *item, uint32_t n, uint32_t least, spool_t *next)
{
    uint32_t stays = 0;
    for (uint32_t i = 0; i < n; i++) stays += c->degree[item[i]] >= least;
    if (stays < least) {
        for (uint32_t i = 0; i < n; i++)
            if (c->degree[item[i]] >= least) c->degree[item[i]]--;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++)
        if (c->degree[item[i]] >= least) SPOOL_ADD(next, int32_t, item[i]);
    return stays;
}

/* Makes one pass; returns how many interactions it dropped. Items below `least` are gone and lose their degree. */
static int64_t pass(ingest_core_t *c, uint32_t least)
{
    spool_t next = spool_open(sizeof(int32_t));
    spool_reader_t in = spool_reader(c->item);
    int64_t before = c->item->count;
    for (int64_t u = 0; u < c->users; u++) {
        uint32_t n = c->left[u];
        if (n) c->left[u] = pass_user(c, spool_next(&in, n), n, least, &next);
    }
    spool_reader_free(&in);
    replace(c, &next);
    return before - c->item->count;
}

/* The users that are left, numbered anew, and their interactions, in memory. */
typedef struct {
    int64_t users, *user, *offsets;
    int32_t *item;
} remains_t;

static remains_t load(const ingest_core_t *c)
{
    remains_t r = {0};
    for (int64_t u = 0; u < c->users; u++) r.users += c->left[u] > 0;
    r.user = NEW_ARRAY(int64_t, r.users);
    r.offsets = NEW_ARRAY(int64_t, r.users + 1);
    r.item = xmalloc(size_mul((size_t)c->item->count, sizeof *r.item));
    spool_get(c->item, 0, c->item->count, r.item);
    int64_t n = 0;
    for (int64_t u = 0; u < c->users; u++) {
        if (!c->left[u]) continue;
        r.user[n] = u;
        r.offsets[n + 1] = r.offsets[n] + c->left[u];
        n++;
    }
    return r;
}

static void keep_remains(ingest_core_t *c, const remains_t *r, const bool *keep_user, const bool *keep_item)
{
    spool_t next = spool_open(sizeof(int32_t));
    for (int64_t i = 0; i < c->items; i++) c->degree[i] = 0;
    for (int64_t n = 0; n < r->users; n++) {
        uint32_t left = 0;
        for (int64_t e = r->offsets[n]; e < r->offsets[n + 1] && keep_user[n]; e++) {
            if (!keep_item[r->item[e]]) continue;
            SPOOL_ADD(&next, int32_t, r->item[e]);
            c->degree[r->item[e]]++;
            left++;
        }
        c->left[r->user[n]] = left;
    }
    replace(c, &next);
}

static void peel_in_memory(ingest_core_t *c, int64_t k)
{
    remains_t r = load(c);
    bool *keep_user = NEW_ARRAY(bool, r.users), *keep_item = NEW_ARRAY(bool, c->items);
    kcore(k, r.users, c->items, r.offsets, r.item, keep_user, keep_item);
    keep_remains(c, &r, keep_user, keep_item);
    free(keep_user);
    free(keep_item);
    free(r.user);
    free(r.offsets);
    free(r.item);
}

/* Takes note that items below `least` have no interactions any more. */
static void clear_degrees(ingest_core_t *c, uint32_t least)
{
    for (int64_t i = 0; i < c->items; i++)
        if (c->degree[i] < least) c->degree[i] = 0;
}

void ingest_core_reduce(ingest_core_t *c, int64_t k, int64_t partition)
{
    const uint32_t least = k > UINT32_MAX ? UINT32_MAX : (uint32_t)k;
    int64_t dropped = 1;
    progress_start("k-core", "passes", 0);
    for (int n = 0; dropped && n < MAX_PASSES && c->item->count > partition; n++, progress_add(1)) dropped = pass(c, least);
    if (dropped) peel_in_memory(c, k);
    progress_end();
    clear_degrees(c, least);
}

void ingest_core_sweep(ingest_core_t *c) { pass(c, 1); }

void ingest_core_close(ingest_core_t *c)
{
    if (c->item == &c->own) spool_close(&c->own);
    free(c->left);
    free(c->degree);
    *c = (ingest_core_t){0};
}
