#include <stdlib.h>
#include <sysexits.h>

#include "score/metrics.h"
#include "score/strata.h"
#include "unit.h"

enum { HR1, HR5, HR10, HR20, NDCG1, NDCG5, NDCG10, NDCG20, MRR, MRR1, MRR5, MRR10, MRR20, METRICS };

static metric_set_t set;

static double value(int m, int32_t rank) { return metric_value(&set, m, rank); }

TEST(metrics_at_the_default_cuts)
{
    set = metric_set_read(CUTS_DEFAULT);
    CHECK(set.cuts == 4 && set.count == METRICS);
    CHECK(!strcmp(set.name[HR10], "hr@10") && !strcmp(set.name[NDCG20], "ndcg@20") && !strcmp(set.name[MRR], "mrr"));
    CHECK(!strcmp(set.name[MRR5], "mrr@5") && metric_mrr(&set) == MRR);
    CHECK(metric_cut(&set, HR5) == 5 && metric_cut(&set, NDCG20) == 20 && metric_cut(&set, MRR) == 0 && metric_cut(&set, MRR20) == 20);
    CHECK(metric_main_hr(&set) == HR10 && metric_main_ndcg(&set) == NDCG10);
}

TEST(metrics_at_other_cuts)
{
    metric_set_t s = metric_set_read("3");
    CHECK(s.cuts == 1 && s.count == 4 && s.cut[0] == 3 && !strcmp(s.name[3], "mrr@3") && metric_main_hr(&s) == 0);
    s = metric_set_read("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,100000");
    CHECK(s.cuts == CUTS_MOST && s.count == METRICS_MOST && s.cut[15] == CUT_LARGEST && metric_main_hr(&s) == 9);
    CHECK(!strcmp(s.name[31], "ndcg@100000") && metric_cut(&s, METRICS_MOST - 1) == CUT_LARGEST);
    s = metric_set_read("5,100");
    CHECK(metric_main_hr(&s) == 1 && metric_main_ndcg(&s) == 3 && metric_value(&s, 3, 100) > 0 && metric_value(&s, 1, 101) == 0);
}

static const char *cuts;
static void read_cuts(void) { metric_set_read(cuts); }

TEST(cuts_that_are_none)
{
    static const char *const wrong[] = {"", "0", "5,1", "5,5", "ten", "1,", ",1", "1,,2", "1 ,2", "-1", "+1", "1.5", "100001", "1;2",
                                        "99999999999999999999", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cuts = wrong[i];
        CHECK(unit_exit_code(read_cuts) == EX_USAGE);
    }
}

TEST(values_of_one_rank)
{
    for (int m = 0; m < METRICS; m++) CHECK(value(m, 0) == 0 && value(m, 1) == 1);
    CHECK(value(HR1, 2) == 0 && value(HR5, 5) == 1 && value(HR5, 6) == 0);
    CHECK_NEAR(value(NDCG5, 3), 0.5, 1e-15);
    CHECK_NEAR(value(NDCG10, 7), 1.0 / 3, 1e-15);
    CHECK(value(NDCG10, 11) == 0 && value(HR20, 20) == 1);
    CHECK_NEAR(value(MRR, 8), 0.125, 1e-15);
    CHECK_NEAR(value(MRR, 50), 0.02, 1e-15);
    CHECK_NEAR(value(MRR10, 8), 0.125, 1e-15);
    CHECK(value(MRR5, 8) == 0 && value(MRR1, 2) == 0);
}

TEST(means_over_users_and_strata)
{
    int32_t rank[] = {1, 0, 3, 7, 15, 0, 2, 1};
    uint8_t stratum[] = {0, 0, 1, 1, 1, 0, 0, 1};
    metrics_t all = metrics_mean(&set, rank, 8, 20, NULL, 0);
    CHECK(all.users == 8);
    CHECK_NEAR(all.value[HR1], 2.0 / 8, 1e-15);
    CHECK_NEAR(all.value[HR5], 4.0 / 8, 1e-15);
    CHECK_NEAR(all.value[HR10], 5.0 / 8, 1e-15);
    CHECK_NEAR(all.value[HR20], 6.0 / 8, 1e-15);
    CHECK_NEAR(all.value[NDCG20], (1 + 0.5 + 1.0 / 3 + 0.25 + 1 / log2(3) + 1) / 8, 1e-15);
    CHECK_NEAR(all.value[MRR], (1 + 1.0 / 3 + 1.0 / 7 + 1.0 / 15 + 0.5 + 1) / 8, 1e-15);
    metrics_t one = metrics_mean(&set, rank, 8, 20, stratum, 1);
    CHECK(one.users == 4);
    CHECK_NEAR(one.value[HR5], 0.5, 1e-15);
    metrics_t none = metrics_mean(&set, rank, 8, 20, stratum, 2);
    CHECK(none.users == 0 && isnan(none.value[HR1]) && isnan(none.value[MRR]));
}

TEST(a_cut_beyond_the_list_is_undefined)
{
    int32_t rank[] = {1, 10};
    metrics_t m = metrics_mean(&set, rank, 2, 10, NULL, 0);
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

UNIT_MAIN(UNIT(metrics_at_the_default_cuts), UNIT(metrics_at_other_cuts), UNIT(cuts_that_are_none), UNIT(values_of_one_rank),
          UNIT(means_over_users_and_strata), UNIT(a_cut_beyond_the_list_is_undefined),
          UNIT(strata_split_the_training_events_in_thirds), UNIT(strata_without_differences))
