/* What lists show, how a generator is calibrated, and the parts of the cases, against the slow and obvious. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "score/calibration.h"
#include "score/partition.h"
#include "score/variety.h"
#include "unit.h"

TEST(coverage_counts_the_first_places)
{
    static const diversity_t nothing;
    int32_t lists[24];
    for (int i = 0; i < 12; i++) lists[i] = i;
    for (int i = 0; i < 12; i++) lists[12 + i] = i % 2 ? -1 : 20 + i; /* 20 22 24 26 28 30 */
    variety_t v = variety_new(12, 30, &nothing), few = variety_new(12, 25, &nothing);
    variety_take(&v, 2, 12, lists);
    variety_take(&few, 2, 12, lists);
    CHECK_NEAR(variety_coverage(&v, 10), 15.0 / 30, 1e-15);
    CHECK_NEAR(variety_coverage(&v, 12), 17.0 / 30, 1e-15);
    CHECK_NEAR(variety_coverage(&v, 1), 2.0 / 30, 1e-15);
    CHECK_NEAR(variety_coverage(&few, 10), 13.0 / 25, 1e-15); /* ids beyond the catalogue */
    CHECK(isnan(variety_coverage(&v, 13)));
    variety_free(&v);
    variety_free(&few);
    v = variety_new(12, 30, &nothing);
    CHECK(variety_coverage(&v, 10) == 0 && isnan(variety_gini(&v)) && isnan(variety_diversity(&v, DIVERSITY_SIDS)));
    variety_free(&v);
    v = variety_new(12, 0, &nothing);
    CHECK(isnan(variety_coverage(&v, 10)));
    variety_free(&v);
}

TEST(evenness_of_what_is_shown)
{
    static const diversity_t nothing;
    int32_t all[10], one[10];
    int64_t popularity[10] = {0, 1, 2, 4, 8, 16, 32, 1, 0, 0}; /* 64 events */
    for (int i = 0; i < 10; i++) all[i] = i, one[i] = 3;
    variety_t v = variety_new(10, 10, &nothing);
    variety_take(&v, 1, 10, all);
    CHECK_NEAR(variety_gini(&v), 0, 1e-15);
    CHECK_NEAR(variety_novelty(&v, popularity), (5 * 6 + 5 + 4 + 3 + 2 + 1) / 10.0, 1e-12);
    variety_free(&v);
    v = variety_new(10, 10, &nothing);
    variety_take(&v, 1, 10, one);
    CHECK_NEAR(variety_gini(&v), 0.9, 1e-15); /* 1 - 1 / N */
    CHECK_NEAR(variety_novelty(&v, popularity), 4, 1e-15);
    variety_free(&v);
    v = variety_new(9, 10, &nothing); /* lists too short */
    variety_take(&v, 1, 10, all);
    CHECK(isnan(variety_gini(&v)) && isnan(variety_novelty(&v, popularity)));
    variety_free(&v);
}

enum { ITEMS = 50, WIDTH = 6, LEVELS = 3, LISTS = 3000 };

static diversity_t items_known(sids_t *s)
{
    diversity_t d = {.items = ITEMS, .width = WIDTH, .tensor = "text", .vector = NEW_ARRAY(float, ITEMS * WIDTH),
                     .inverse = NEW_ARRAY(double, ITEMS), .sids = s};
    *s = (sids_t){.items = ITEMS, .levels = LEVELS, .code = NEW_ARRAY(int32_t, ITEMS * LEVELS)};
    for (int i = 0; i < ITEMS * LEVELS; i++) s->code[i] = (int32_t)rng_below(1, (uint64_t)i, 3);
    for (int i = 1; i < ITEMS; i++) { /* item 0 has no vector */
        double squares = 0;
        for (int c = 0; c < WIDTH; c++) {
            float *x = &d.vector[i * WIDTH + c];
            *x = rng_uniform(2, (uint64_t)(i * WIDTH + c)) - 0.4f;
            squares += (double)*x * (double)*x;
        }
        d.inverse[i] = 1 / sqrt(squares);
    }
    return d;
}

static double apart(const diversity_t *d, diversity_kind kind, int a, int b)
{
    double dot = 0;
    int shared = 0;
    for (int c = 0; c < WIDTH; c++) dot += (double)d->vector[a * WIDTH + c] * (double)d->vector[b * WIDTH + c];
    while (shared < LEVELS && d->sids->code[a * LEVELS + shared] == d->sids->code[b * LEVELS + shared]) shared++;
    return kind == DIVERSITY_SIDS ? 1 - shared / (double)LEVELS : 1 - dot * d->inverse[a] * d->inverse[b];
}

TEST(diversity_over_pairs)
{
    sids_t s;
    diversity_t d = items_known(&s);
    int32_t list[10] = {4, 7, -1, 9, 0, 13, -2, 21, 60, 2};
    for (diversity_kind kind = 0; kind < DIVERSITIES; kind++) {
        double sum = 0;
        int pairs = 0;
        for (int i = 0; i < 10; i++)
            for (int j = 0; j < i; j++) {
                if (list[i] < 0 || list[j] < 0 || list[i] >= ITEMS || list[j] >= ITEMS) continue;
                if (kind == DIVERSITY_VECTORS && (!list[i] || !list[j])) continue;
                sum += apart(&d, kind, list[i], list[j]);
                pairs++;
            }
        CHECK_NEAR(diversity_of(&d, kind, list, 10), sum / pairs, 1e-12);
        CHECK(isnan(diversity_of(&d, kind, list, 1)));
    }
    int32_t same[2] = {5, 5};
    CHECK_NEAR(diversity_of(&d, DIVERSITY_VECTORS, same, 2), 0, 1e-12);
    CHECK(diversity_of(&d, DIVERSITY_SIDS, same, 2) == 0);
    diversity_free(&d);
    sids_free(&s);
}

TEST(variety_does_not_depend_on_how_lists_come)
{
    sids_t s;
    diversity_t d = items_known(&s);
    int32_t *lists = NEW_ARRAY(int32_t, LISTS * 12);
    for (int i = 0; i < LISTS * 12; i++) lists[i] = (int32_t)rng_below(3, (uint64_t)i, ITEMS + 2) - 1;
    variety_t once = variety_new(11, ITEMS, &d), parts = variety_new(11, ITEMS, &d);
    parallel_threads(2);
    variety_take(&once, LISTS, 12, lists);
    parallel_threads(1);
    for (int64_t first = 0; first < LISTS; first += 700)
        variety_take(&parts, first + 700 < LISTS ? 700 : LISTS - first, 12, lists + first * 12);
    for (diversity_kind kind = 0; kind < DIVERSITIES; kind++) {
        CHECK(variety_diversity(&once, kind) == variety_diversity(&parts, kind) && variety_diversity(&once, kind) > 0);
    }
    CHECK(variety_gini(&once) == variety_gini(&parts) && variety_coverage(&once, 11) == variety_coverage(&parts, 11));
    variety_free(&once);
    variety_free(&parts);
    diversity_free(&d);
    sids_free(&s);
    free(lists);
}

/* A generator that is right as often as it says, and one that doubles what it should say. */
static double error_of(float factor)
{
    enum { CASES = 20000 };
    calibration_t c = calibration_new();
    for (int u = 0; u < CASES; u++) {
        const float p = 0.01f + 0.3f * rng_uniform(5, (uint64_t)u);
        const int32_t items[12] = {1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 3};
        const history_t h = {NULL, 0, rng_uniform(6, (uint64_t)u) < p ? 1 : 9};
        float scores[12] = {logf(p * factor)};
        calibration_take(&c, 1, 12, 11, items, scores, &h);
    }
    calibration_bin_t bins[CALIBRATION_BINS];
    CHECK(calibration_bins(&c, bins) == CALIBRATION_BINS);
    int64_t pairs = 0;
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        CHECK(bins[i].pairs > CASES / 13 && bins[i].pairs < CASES / 8);
        CHECK(!i || bins[i].p / (double)bins[i].pairs > bins[i - 1].p / (double)bins[i - 1].pairs);
        pairs += bins[i].pairs;
    }
    CHECK(pairs == CASES && c.targets > 0 && c.log_probability < 0);
    const double error = calibration_error(&c);
    calibration_free(&c);
    return error;
}

TEST(calibration_of_what_is_known)
{
    CHECK_NEAR(error_of(1), 0, 0.012);
    CHECK_NEAR(error_of(2), 0.16, 0.012); /* the mean p */
    calibration_t c = calibration_new();
    calibration_bin_t bins[CALIBRATION_BINS];
    CHECK(isnan(calibration_error(&c)) && calibration_bins(&c, bins) == 0);
    const int32_t items[] = {4, 4, 4};
    const float scores[] = {-1, -1, -1};
    const history_t h[3] = {{NULL, 0, 4}, {NULL, 0, 5}, {NULL, 0, 6}};
    calibration_take(&c, 3, 1, 1, items, scores, h);
    CHECK(calibration_bins(&c, bins) == 1 && bins[0].pairs == 3 && bins[0].hits == 1); /* equal scores stay together */
    CHECK_NEAR(calibration_error(&c), exp(-1) - 1.0 / 3, 1e-15);
    calibration_free(&c);
}

/* Four users with these events and times; the last event of each is held out. */
static held_out_t cases(int64_t *times)
{
    static int64_t offsets[] = {0, 3, 7, 12, 18}, users[] = {0, 1, 2, 3};
    static int32_t events[] = {0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 3, 0, 1, 2, 3, 1, 0};
    static uint8_t of_item[] = {0, 1, 2, 2};
    held_out_t h = {.x = {.users = 4, .items = 4, .events = 18, .user_offsets = offsets, .item_index = events, .timestamp = times},
                    .n = 4, .users = users, .histories = NEW_ARRAY(history_t, 4), .strata = {.of_item = of_item}};
    for (int u = 0; u < 4; u++) h.histories[u] = interactions_case(&h.x, (case_t){u, offsets[u + 1] - offsets[u] - 1});
    return h;
}

TEST(parts_of_the_cases)
{
    int64_t times[] = {5, 5, 5, 1, 2, 3, 4, 7, 7, 7, 8, 8, 1, 2, 3, 4, 5, 6}, order[18], popularity[] = {4, 4, 2, 0};
    const uint8_t want[PARTITIONS][4] = {{2, 2, 2, 0}, {0, 0, 1, 2}, {0, 1, 0, 1}, {1, 0, 0, 1}};
    held_out_t h = cases(times);
    partition_t parts[PARTITIONS];
    partitions_make(&h, popularity, parts);
    for (int p = 0; p < PARTITIONS; p++) CHECK(!memcmp(parts[p].of_case, want[p], 4));
    CHECK(!strcmp(parts[PARTITION_COLD].name, "strata_cold") && !strcmp(parts[PARTITION_COLD].labels[0], "cold"));
    partitions_free(parts);

    for (int u = 0; u < 4; u++) /* an order is no time */
        for (int64_t e = h.x.user_offsets[u]; e < h.x.user_offsets[u + 1]; e++) order[e] = e - h.x.user_offsets[u];
    h.x.timestamp = order;
    partitions_make(&h, popularity, parts);
    CHECK(!parts[PARTITION_TIE].count && parts[PARTITION_HISTORY].count == 3);
    partitions_free(parts);
    free(h.histories);
}

UNIT_MAIN(UNIT(coverage_counts_the_first_places), UNIT(evenness_of_what_is_shown), UNIT(diversity_over_pairs),
          UNIT(variety_does_not_depend_on_how_lists_come), UNIT(calibration_of_what_is_known), UNIT(parts_of_the_cases))
