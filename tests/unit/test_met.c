/* Met items, lists without them, and which protocol fits a set of histories. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/met.h"
#include "data/protocol.h"
#include "unit.h"

static history_t history(const int32_t *items, int64_t count) { return (history_t){items, count, -1}; }

TEST(what_a_history_holds)
{
    const int32_t first[] = {3, 5, 3, 0, 3}, second[] = {5};
    met_t m = met_new(6);
    CHECK(!met_holds(&m, 0) && !met_holds(&m, 5)); /* before any history */
    history_t h = history(first, 5);
    CHECK(met_take(&m, &h) == 3);
    CHECK(met_holds(&m, 0) && met_holds(&m, 3) && met_holds(&m, 5) && !met_holds(&m, 1));
    CHECK(!met_holds(&m, -1) && !met_holds(&m, -2) && !met_holds(&m, 6));
    h = history(second, 1);
    CHECK(met_take(&m, &h) == 1 && met_holds(&m, 5) && !met_holds(&m, 3));
    h = history(NULL, 0);
    CHECK(met_take(&m, &h) == 0 && !met_holds(&m, 5));
    met_free(&m);
}

TEST(lists_without_met_items)
{
    const int32_t items[] = {4, 1};
    int32_t list[] = {1, -2, 7, 4, 3, -1, 8};
    float scores[] = {7, 6, 5, 4, 3, 0, 1};
    met_t m = met_new(9);
    const history_t h = history(items, 2);
    met_take(&m, &h);
    CHECK(met_leave_out(&m, 7, list, scores) == 3); /* -1 ends a list; an item that nobody knows keeps its place */
    CHECK(list[0] == -2 && list[1] == 7 && list[2] == 3 && scores[0] == 6 && scores[1] == 5 && scores[2] == 3);
    CHECK(met_leave_out(&m, 3, list, NULL) == 3 && met_leave_out(&m, 0, list, NULL) == 0);
    int32_t all[] = {4, 1, 4};
    CHECK(met_leave_out(&m, 3, all, NULL) == 0);
    met_free(&m);
}

/* Every list has its places, no chunk takes much more than it may, and no history is passed over. */
TEST(chunks_bound_what_lists_take)
{
    enum { ITEMS = 3000, USERS = 4000 };
    int32_t *items = NEW_ARRAY(int32_t, ITEMS);
    for (int i = 0; i < ITEMS; i++) items[i] = i;
    history_t *all = NEW_ARRAY(history_t, USERS);
    for (int u = 0; u < USERS; u++) all[u] = history(items, u % 100 ? u % 7 : ITEMS - u % 13);
    met_t m = met_new(ITEMS);
    int64_t places, chunks = 0;
    for (int64_t done = 0, n; done < USERS; done += n, chunks++) {
        n = met_chunk(&m, USERS - done, all + done, 20, 10, &places);
        CHECK(n >= 1 && n <= USERS - done && n * places <= 1 << 22);
        int64_t most = 20;
        for (int64_t u = 0; u < n; u++) most = all[done + u].count + 10 > most ? all[done + u].count + 10 : most;
        CHECK(places == most);
    }
    CHECK(chunks > 1 && chunks < 10);
    CHECK(met_chunk(&m, 3, all + 1, 20, 10, &places) == 3 && places == 20);
    CHECK(met_chunk(&m, 1, all, 1 << 23, 10, &places) == 1 && places == 1 << 23); /* at least one */
    met_free(&m);
    free(items);
    free(all);
}

/* One user of 1002 training events, of which so many repeat the first item. */
static interactions_t repeating(int64_t repeats)
{
    enum { EVENTS = 1002 };
    interactions_t x = {.users = 2, .items = EVENTS, .events = EVENTS + 2, .user_offsets = NEW_ARRAY(int64_t, 3),
                        .item_index = NEW_ARRAY(int32_t, EVENTS + 2)};
    x.user_offsets[1] = EVENTS;
    x.user_offsets[2] = EVENTS + 2; /* too short for a split: its repeat counts for nothing */
    for (int i = 0; i < EVENTS; i++) x.item_index[i] = i < EVENTS - 2 && i > 1000 - 1 - repeats ? 0 : i;
    x.item_index[EVENTS - 2] = x.item_index[EVENTS - 1] = 0; /* held out: they are no training events either */
    return x;
}

TEST(few_repeats_leave_met_items_out)
{
    for (int64_t repeats = 0; repeats < 4; repeats++) {
        interactions_t x = repeating(repeats);
        CHECK_NEAR(protocol_repeats(&x), (double)repeats / 1000, 1e-12);
        CHECK(protocol_parse("auto", &x) == (repeats <= 1 ? PROTOCOL_UNSEEN : PROTOCOL_ALL));
        CHECK(protocol_parse("all", &x) == PROTOCOL_ALL && protocol_parse("unseen", &x) == PROTOCOL_UNSEEN);
        free(x.user_offsets);
        free(x.item_index);
    }
    int64_t offsets[] = {0};
    const interactions_t none = {.user_offsets = offsets};
    CHECK(protocol_repeats(&none) == 0);
}

UNIT_MAIN(UNIT(what_a_history_holds), UNIT(lists_without_met_items), UNIT(chunks_bound_what_lists_take),
          UNIT(few_repeats_leave_met_items_out))
