#include "ingest/kcore.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

enum { USERS = 60, ITEMS = 40 };

/* The definition: drop everyone below k, over and over, until nobody is. */
static void slow(int64_t k, int64_t users, int64_t items, const int64_t *offsets, const int32_t *item, bool *keep_user, bool *keep_item)
{
    for (int64_t u = 0; u < users; u++) keep_user[u] = true;
    for (int64_t i = 0; i < items; i++) keep_item[i] = true;
    for (bool changed = true; changed;) {
        changed = false;
        int64_t *count = NEW_ARRAY(int64_t, items);
        for (int64_t u = 0; u < users; u++) {
            int64_t n = 0;
            for (int64_t e = offsets[u]; e < offsets[u + 1]; e++) n += keep_item[item[e]];
            if (keep_user[u] && n < k) {
                keep_user[u] = false;
                changed = true;
            }
            for (int64_t e = offsets[u]; e < offsets[u + 1]; e++) count[item[e]] += keep_user[u];
        }
        for (int64_t i = 0; i < items; i++) {
            if (!keep_item[i] || count[i] >= k) continue;
            keep_item[i] = false;
            changed = true;
        }
        free(count);
    }
}

static bool same(const bool *a, const bool *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (a[i] != b[i]) return false;
    return true;
}

TEST(random_graphs_agree_with_the_definition)
{
    int64_t survivors = 0, lost = 0;
    for (uint64_t trial = 0; trial < 60; trial++) {
        uint64_t key = rng_key(rng_stream(7, "kcore"), trial);
        int64_t offsets[USERS + 1] = {0}, events = 0;
        int32_t item[USERS * 12];
        for (uint64_t u = 0; u < USERS; u++) {
            for (uint64_t n = rng_below(key, u, 12); n; n--) {
                double x = rng_uniform(key, 1000 + (uint64_t)events);
                item[events++] = (int32_t)(x * x * ITEMS); /* some items are popular; pairs repeat */
            }
            offsets[u + 1] = events;
        }
        bool user[USERS], kept[ITEMS], user2[USERS], kept2[ITEMS];
        int64_t k = (int64_t)(trial % 7);
        kcore(k, USERS, ITEMS, offsets, item, user, kept);
        slow(k, USERS, ITEMS, offsets, item, user2, kept2);
        CHECK(same(user, user2, USERS) && same(kept, kept2, ITEMS));
        for (int i = 0; i < ITEMS; i++) survivors += kept[i], lost += !kept[i];
    }
    CHECK(survivors > 100 && lost > 100);
}

/* u0 - i0 - u1 - i1 - ...: with k = 2 the ends fall and then, one by one, everybody. */
TEST(a_long_chain_falls_in_linear_time)
{
    enum { N = 300000 };
    int64_t *offsets = NEW_ARRAY(int64_t, N + 1);
    int32_t *item = NEW_ARRAY(int32_t, 2 * N);
    for (int32_t u = 0; u < N; u++) {
        item[2 * u] = u;
        item[2 * u + 1] = u + 1;
        offsets[u + 1] = 2 * u + 2;
    }
    bool *user = NEW_ARRAY(bool, N), *kept = NEW_ARRAY(bool, N + 1);
    kcore(2, N, N + 1, offsets, item, user, kept);
    int64_t left = 0;
    for (int u = 0; u < N; u++) left += user[u];
    for (int i = 0; i <= N; i++) left += kept[i];
    CHECK(left == 0);
    item[2 * N - 1] = 0; /* closed into a ring, all but the item at the loose end stay */
    kcore(2, N, N + 1, offsets, item, user, kept);
    for (int u = 0; u < N; u++) left += user[u];
    for (int i = 0; i <= N; i++) left += kept[i];
    CHECK(left == 2 * N && !kept[N]);
    free(offsets);
    free(item);
    free(user);
    free(kept);
}

TEST(the_edges_of_k)
{
    const int64_t offsets[] = {0, 2, 2, 3};
    const int32_t item[] = {0, 0, 2};
    bool user[3], kept[3];
    kcore(0, 3, 3, offsets, item, user, kept);
    CHECK(user[0] && user[1] && user[2] && kept[0] && kept[1] && kept[2]);
    kcore(1, 3, 3, offsets, item, user, kept);
    CHECK(user[0] && !user[1] && user[2] && kept[0] && !kept[1] && kept[2]);
    kcore(2, 3, 3, offsets, item, user, kept);
    CHECK(user[0] && !user[1] && !user[2] && kept[0] && !kept[1] && !kept[2]);
    kcore(3, 3, 3, offsets, item, user, kept);
    CHECK(!user[0] && !kept[0]);
    kcore(5, 0, 0, offsets, item, user, kept);
}

UNIT_MAIN(UNIT(random_graphs_agree_with_the_definition), UNIT(a_long_chain_falls_in_linear_time), UNIT(the_edges_of_k))
