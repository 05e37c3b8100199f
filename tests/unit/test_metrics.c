#include <stdlib.h>

#include "score/metrics.h"
#include "score/strata.h"
#include "unit.h"

enum { HR1, HR5, HR10, HR20, NDCG1, NDCG5, NDCG10, NDCG20, MRR };

TEST(values_of_one_rank)
{
    CHECK(!strcmp(metric_name(HR10), "hr@10") && !strcmp(metric_name(NDCG20), "ndcg@20") && !strcmp(metric_name(MRR), "mrr"));
    CHECK(metric_cut(HR5) == 5 && metric_cut(NDCG20) == 20 && metric_cut(MRR) == 0);
    for (int m = 0; m < METRICS; m++) CHECK(metric_value(m, 0) == 0 && metric_value(m, 1) == 1);
    CHECK(metric_value(HR1, 2) == 0 && metric_value(HR5, 5) == 1 && metric_value(HR5, 6) == 0);
    CHECK_NEAR(metric_value(NDCG5, 3), 0.5, 1e-15);
    CHECK_NEAR(metric_value(NDCG10, 7), 1.0 / 3, 1e-15);
    CHECK(metric_value(NDCG10, 11) == 0 && metric_value(HR20, 20) == 1);
    CHECK_NEAR(metric_value(MRR, 8), 0.125, 1e-15);
    CHECK_NEAR(metric_value(MRR, 50), 0.02, 1e-15);
}

TEST(means_over_users_and_strata)
{
    int32_t rank[] = {1, 0, 3, 7, 15, 0, 2, 1};
    uint8_t stratum[] = {0, 0, 1, 1, 1, 0, 0, 1};
    metrics_t all = metrics_mean(rank, 8, 20, NULL, 0);
    CHECK(all.users == 8);
    CHECK_NEAR(all.value[HR1], 2.0 / 8, 1e-15);
    CHECK_NEAR(all.value[HR5], 4.0 / 8, 1e-15);
    CHECK_NEAR(all.value[HR10], 5.0 / 8, 1e-15);
    CHECK_NEAR(all.value[HR20], 6.0 / 8, 1e-15);
    CHECK_NEAR(all.value[NDCG20], (1 + 0.5 + 1.0 / 3 + 0.25 + 1 / log2(3) + 1) / 8, 1e-15);
    CHECK_NEAR(all.value[MRR], (1 + 1.0 / 3 + 1.0 / 7 + 1.0 / 15 + 0.5 + 1) / 8, 1e-15);
    metrics_t one = metrics_mean(rank, 8, 20, stratum, 1);
    CHECK(one.users == 4);
    CHECK_NEAR(one.value[HR5], 0.5, 1e-15);
    metrics_t none = metrics_mean(rank, 8, 20, stratum, 2);
    CHECK(none.users == 0 && isnan(none.value[HR1]) && isnan(none.value[MRR]));
}

TEST(a_cut_beyond_the_list_is_undefined)
{
    int32_t rank[] = {1, 10};
    metrics_t m = metrics_mean(rank, 2, 10, NULL, 0);
    CHECK(m.value[HR10] == 1 && isnan(m.value[HR20]) && isnan(m.value[NDCG20]) && !isnan(m.value[MRR]));
}

TEST(strata_split_the_training_events_in_thirds)
{
    int64_t popularity[] = {0, 10, 2, 5, 5, 2, 2, 0, 3, 1}; /* 30 events */
    strata_t s = strata_make(popularity, 10);
    /* 10 | 5 5 come after 10 of 30: middle | 3 comes after 20: tail, and so does all that follows */
    uint8_t want[] = {2, 0, 2, 1, 1, 2, 2, 2, 2, 2};
    CHECK(!memcmp(s.of_item, want, sizeof want));
    CHECK(s.items[0] == 1 && s.items[1] == 2 && s.items[2] == 7);
    CHECK(s.most[0] == 10 && s.least[0] == 10 && s.most[1] == 5 && s.least[1] == 5 && s.most[2] == 3 && s.least[2] == 0);
    strata_free(&s);
}

TEST(strata_without_differences)
{
    int64_t equal[] = {4, 4, 4}, zero[] = {0, 0};
    strata_t s = strata_make(equal, 3);
    CHECK(s.items[0] == 3 && s.items[1] == 0 && s.items[2] == 0);
    strata_free(&s);
    s = strata_make(zero, 2);
    CHECK(s.items[2] == 2);
    strata_free(&s);
    s = strata_make(zero, 0);
    CHECK(s.items[0] + s.items[1] + s.items[2] == 0);
    strata_free(&s);
}

TEST(coverage_counts_the_first_ten_places)
{
    int32_t lists[24];
    for (int i = 0; i < 12; i++) lists[i] = i;           /* places 11 and 12 do not count */
    for (int i = 0; i < 12; i++) lists[12 + i] = i % 2 ? -1 : 20 + i; /* 20 22 24 26 28 */
    CHECK_NEAR(metric_coverage(lists, 2, 12, 30), 15.0 / 30, 1e-15);
    CHECK_NEAR(metric_coverage(lists, 2, 12, 25), 13.0 / 25, 1e-15); /* ids beyond the catalogue */
    CHECK(metric_coverage(lists, 0, 12, 30) == 0);
    CHECK(isnan(metric_coverage(lists, 2, 9, 30)) && isnan(metric_coverage(lists, 2, 12, 0)));
}

UNIT_MAIN(UNIT(values_of_one_rank), UNIT(means_over_users_and_strata), UNIT(a_cut_beyond_the_list_is_undefined),
          UNIT(strata_split_the_training_events_in_thirds), UNIT(strata_without_differences),
          UNIT(coverage_counts_the_first_ten_places))
