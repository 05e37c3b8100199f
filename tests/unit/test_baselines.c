#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "score/cooccur.h"
#include "score/popular.h"
#include "unit.h"

/* Three users and one too short; the last two events of each are held out. Training: 0 1 2 | 1 2 | 1 0 1. */
static int32_t events[] = {0, 1, 2, 5, 5, 1, 2, 4, 4, 1, 0, 1, 3, 3, 6, 6};
static int64_t offsets[] = {0, 5, 9, 14, 16};
static const interactions_t data = {.users = 4, .events = 16, .items = 7, .user_offsets = offsets, .item_index = events};

TEST(popular_counts_training_events_only)
{
    popular_t p = popular_fit(&data);
    int64_t count[] = {2, 4, 2, 0, 0, 0, 0};
    int32_t order[] = {1, 0, 2, 3, 4, 5, 6}; /* ties by item index */
    CHECK(!memcmp(p.popularity, count, sizeof count) && !memcmp(p.order, order, sizeof order));
    int32_t items[9];
    float scores[9];
    popular_topk(&p, NULL, 9, items, scores);
    CHECK(!memcmp(items, order, sizeof order));
    CHECK(items[7] == -1 && scores[0] == 4 && scores[2] == 2 && scores[8] == 0);
    item_set_t *some = item_set_new(7, NULL);
    item_set_add(some, 4);
    item_set_add(some, 0);
    popular_topk(&p, some, 3, items, scores);
    CHECK(items[0] == 0 && items[1] == 4 && items[2] == -1 && scores[0] == 2 && scores[1] == 0);
    item_set_free(some);
    popular_free(&p);
}

TEST(cooccurrence_by_hand)
{
    cooccur_options_t options = {.window = 2, .back = 0.5, .power = 0.5, .decay = 0.5};
    cooccur_t c = cooccur_fit(&data, &options);
    /* Row 1 (popularity 4). Histories: 0 1 2: 2 follows (1), 0 before (0.5). 1 2: 2 follows (1). 1 0 1, from the first 1:
     * 0 follows (1), 1 follows two on (0.5); from the second: 0 before (0.5), 1 two before (0.25). */
    CHECK(c.rows.offsets[1] == 2 && c.rows.offsets[2] - c.rows.offsets[1] == 3);
    const int32_t *item = c.rows.index + c.rows.offsets[1];
    const float *weight = c.rows.value + c.rows.offsets[1];
    CHECK(item[0] == 0 && item[1] == 1 && item[2] == 2);
    CHECK_NEAR(weight[0], 2.0 / sqrt(4 * 2), 1e-7);
    CHECK_NEAR(weight[1], 0.75 / 4, 1e-7);
    CHECK_NEAR(weight[2], 2.0 / sqrt(4 * 2), 1e-7);
    for (int64_t i = 3; i < 7; i++) CHECK(c.rows.offsets[i] == c.rows.offsets[i + 1]);

    int32_t now[] = {3, 1, 5};
    history_t h[] = {{now, 3, 0}, {now, 0, 0}, {now, 1, 0}};
    int32_t items[15];
    float scores[15];
    cooccur_topk(&c, 3, h, 5, items, scores);
    /* A tie of 0 and 2, then popular ones; no history; an item training never saw. */
    int32_t want[] = {0, 2, 1, 3, 4, 1, 0, 2, 3, 4, 1, 0, 2, 3, 4};
    CHECK(!memcmp(items, want, sizeof want));
    CHECK_NEAR(scores[0], 0.5 * 2.0 / sqrt(8), 1e-7); /* one step back */
    CHECK(scores[3] == 0 && scores[5] == 0 && scores[14] == 0);
    cooccur_free(&c);
}

TEST(one_direction_and_plain_counts)
{
    cooccur_options_t options = {.window = 1, .back = 0, .power = 0, .decay = 1};
    cooccur_t c = cooccur_fit(&data, &options);
    int64_t want_offsets[] = {0, 1, 3, 3, 3, 3, 3, 3};
    int32_t want[] = {1, 0, 2};
    float weight[] = {2, 1, 2};
    CHECK(!memcmp(c.rows.offsets, want_offsets, sizeof want_offsets));
    CHECK(!memcmp(c.rows.index, want, sizeof want) && !memcmp(c.rows.value, weight, sizeof weight));
    cooccur_free(&c);
}

/* A larger random case: the same bytes whatever the number of threads, and lists of distinct items. */
TEST(threads_do_not_matter)
{
    enum { U = 300, N = 900, K = 12 };
    interactions_t x = {.users = U, .items = N, .user_offsets = NEW_ARRAY(int64_t, U + 1)};
    for (int64_t u = 0; u < U; u++) x.user_offsets[u + 1] = x.user_offsets[u] + u % 23;
    x.events = x.user_offsets[U];
    x.item_index = NEW_ARRAY(int32_t, x.events);
    history_t *h = NEW_ARRAY(history_t, U);
    for (int64_t e = 0; e < x.events; e++) x.item_index[e] = (int32_t)((e * e * 7919 + e * 31) % N);
    for (int64_t u = 0; u < U; u++)
        if (u % 23 >= 3) h[u] = interactions_case(&x, (case_t){u, u % 23 - 1});
    int32_t *items[2];
    float *scores[2];
    cooccur_options_t options = {.window = 5, .back = 0.3, .power = 0.25, .decay = 0.6};
    for (int t = 0; t < 2; t++) {
        parallel_threads(t ? 2 : 1);
        items[t] = NEW_ARRAY(int32_t, U * K);
        scores[t] = NEW_ARRAY(float, U * K);
        cooccur_t c = cooccur_fit(&x, &options);
        cooccur_topk(&c, U, h, K, items[t], scores[t]);
        cooccur_free(&c);
    }
    CHECK(!memcmp(items[0], items[1], sizeof(int32_t) * U * K) && !memcmp(scores[0], scores[1], sizeof(float) * U * K));
    int wrong = 0;
    for (int u = 0; u < U; u++)
        for (int i = 0; i < K; i++) {
            wrong += items[0][u * K + i] < 0;
            for (int j = 0; j < i; j++) wrong += items[0][u * K + i] == items[0][u * K + j];
            if (i) wrong += scores[0][u * K + i] > scores[0][u * K + i - 1];
        }
    CHECK(wrong == 0);
    for (int t = 0; t < 2; t++) {
        free(items[t]);
        free(scores[t]);
    }
    free(h);
    free(x.user_offsets);
    free(x.item_index);
}

UNIT_MAIN(UNIT(popular_counts_training_events_only), UNIT(cooccurrence_by_hand), UNIT(one_direction_and_plain_counts),
          UNIT(threads_do_not_matter))
