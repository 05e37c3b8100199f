#include <stdlib.h>

#include "data/ranking.h"
#include "unit.h"

TEST(best_first_and_ties_by_index)
{
    ranking_item_t r[] = {{1, 7}, {-2, 0}, {3, 9}, {1, 4}, {3, 2}};
    int32_t want[] = {2, 9, 4, 7, 0};
    qsort(r, 5, sizeof *r, ranking_best_first);
    for (int i = 0; i < 5; i++) CHECK(r[i].item == want[i]);
    CHECK(ranking_best_first(&r[0], &r[0]) == 0);
}

TEST(most_events_first)
{
    const int64_t events[] = {2, 9, 0, 9, 2};
    const int32_t want[] = {1, 3, 0, 4, 2};
    int32_t *order = ranking_by_events(events, 5), *none = ranking_by_events(events, 0);
    for (int i = 0; i < 5; i++) CHECK(order[i] == want[i]);
    free(order);
    free(none);
}

TEST(rank_of_a_target)
{
    int32_t list[] = {4, 9, 2, -1};
    CHECK(ranking_find(list, 4, 4) == 1 && ranking_find(list, 4, 2) == 3 && ranking_find(list, 4, 7) == 0);
    CHECK(ranking_find(list, 2, 2) == 0 && ranking_find(list, 0, 4) == 0);
}

TEST(what_a_rank_is_worth)
{
    CHECK(ranking_hit(0, 10) == 0 && ranking_hit(1, 10) == 1 && ranking_hit(10, 10) == 1 && ranking_hit(11, 10) == 0);
    CHECK(ranking_gain(0) == 0 && ranking_gain(1) == 1 && ranking_gain(3) == 0.5);
    CHECK_NEAR(ranking_gain(7), 1.0 / 3, 1e-15);
}

UNIT_MAIN(UNIT(best_first_and_ties_by_index), UNIT(most_events_first), UNIT(rank_of_a_target), UNIT(what_a_rank_is_worth))
