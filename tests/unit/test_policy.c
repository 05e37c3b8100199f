/* What policy training is made of beside rewards: the preference and its gradient, and histories that are perturbed. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/perturb.h"
#include "policy/preference.h"
#include "small_model.h"
#include "unit.h"

enum { N = 4 };

/* Four candidates by falling probability, of which the second is the target, item 7. */
static const draw_t draws[N] = {{.item = 1, .log_prob = -1}, {.item = 7, .log_prob = -2}, {.item = 3, .log_prob = -3}, {.item = -1, .log_prob = -4}};

/* -log sigmoid(-log sum_l w_l exp(beta (D_l - D_w))), written out. */
static double by_hand(bool by_rank, double beta, const double *apart)
{
    const double gain[] = {1, 0, 1 / log2(4), 1 / log2(5)}, all = gain[0] + gain[2] + gain[3];
    double sum = 0;
    for (int i = 0; i < N; i++)
        if (i != 1) sum += (by_rank ? 3 * gain[i] / all : 1) * exp(beta * (apart[i] - apart[N]));
    return -log(1 / (1 + sum));
}

TEST(preference_follows_the_equation)
{
    for (int by_rank = 0; by_rank < 2; by_rank++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            double apart[N + 1], pull[N + 1], unused[N + 1];
            for (int i = 0; i <= N; i++) apart[i] = 3 * rng_normal(seed, (uint64_t)i);
            CHECK_NEAR(preference(N, draws, 7, by_rank, 0.7, apart, pull), by_hand(by_rank, 0.7, apart), 1e-12);
            for (int i = 0; i <= N; i++) {
                double moved[2];
                for (int side = 0; side < 2; side++) {
                    apart[i] += side ? -2e-4 : 1e-4;
                    moved[side] = preference(N, draws, 7, by_rank, 0.7, apart, unused);
                }
                apart[i] += 1e-4;
                CHECK_NEAR(pull[i], (moved[0] - moved[1]) / 2e-4, 1e-6);
            }
            CHECK(pull[1] == 0 && pull[N] < 0 && pull[0] > 0);
        }
}

TEST(preference_stays_finite_and_needs_something_wrong)
{
    const draw_t right[] = {draws[1], draws[1]};
    double pull[N + 1];
    CHECK(preference(2, right, 7, true, 1, (const double[]){1, 2, 3}, pull) == 0);
    for (int i = 0; i < 3; i++) CHECK(pull[i] == 0);
    for (int sign = -1; sign <= 1; sign += 2) {
        const double apart[] = {1e4 * sign, 0, 0, -1e4, 0}, loss = preference(N, draws, 7, false, 1, apart, pull);
        CHECK(loss >= 0 && loss <= 1e4 && isfinite(loss));
        for (int i = 0; i <= N; i++) CHECK(isfinite(pull[i]));
    }
}

static const int32_t whole[] = {0, 1, 2, 3, 4, 5, 0, 1, 2, 3};
static const history_t history = {whole, 10, 4};

static history_t perturbed(perturb_options_t o, uint64_t key, int32_t *items)
{
    perturb_t *p = perturb_new(&o, &small_sids);
    const history_t h = perturb_history(p, &history, key, items);
    perturb_free(p);
    CHECK(h.items == items && h.target == 4 && h.count >= 1 && h.count <= 10);
    return h;
}

TEST(nothing_is_perturbed_at_rate_zero)
{
    int32_t items[10];
    for (uint64_t key = 0; key < 20; key++) {
        const history_t h = perturbed((perturb_options_t){0, 0, 0}, key, items);
        CHECK(h.count == 10 && !memcmp(items, whole, sizeof whole));
    }
}

TEST(beginnings_are_cut_at_every_length)
{
    int seen[11] = {0};
    int32_t items[10];
    for (uint64_t key = 0; key < 300; key++) {
        const history_t h = perturbed((perturb_options_t){1, 0, 0}, key, items);
        CHECK(!memcmp(items, whole + 10 - h.count, (size_t)h.count * sizeof *items));
        seen[h.count]++;
    }
    for (int n = 1; n <= 10; n++) CHECK(seen[n] > 10 && seen[n] < 60);
}

TEST(items_are_dropped_at_their_rate_and_one_stays)
{
    int32_t items[10];
    int64_t left = 0;
    for (uint64_t key = 0; key < 300; key++) left += perturbed((perturb_options_t){0, 0.4, 0}, key, items).count;
    CHECK_NEAR((double)left / 300, 1 + 9 * 0.6, 0.3);
    for (uint64_t key = 0; key < 50; key++) CHECK(perturbed((perturb_options_t){0.5, 1, 0}, key, items).count == 1);
}

/* Items 0, 1 and 5 begin with code 0, 2 and 4 with 2, 3 is alone with 1; 4 is the target. */
TEST(items_are_swapped_with_their_relatives)
{
    static const int group[] = {0, 0, 2, 1, 2, 0};
    int32_t items[10];
    int seen[6][6] = {0};
    for (uint64_t key = 0; key < 200; key++) {
        const history_t h = perturbed((perturb_options_t){0, 0, 1}, key, items);
        CHECK(h.count == 10);
        for (int i = 0; i < 10; i++) seen[whole[i]][items[i]]++;
    }
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < 6; b++) CHECK((seen[a][b] > 0) == (a == 3 || a == 2 ? b == a : a != b && b != 4 && group[a] == group[b]));
}

TEST(the_same_key_draws_the_same)
{
    int32_t a[10], b[10];
    int apart = 0;
    for (uint64_t key = 0; key < 20; key++) {
        const perturb_options_t o = {0.5, 0.3, 0.3};
        const history_t x = perturbed(o, key, a), y = perturbed(o, key, b);
        CHECK(x.count == y.count && !memcmp(a, b, (size_t)x.count * sizeof *a));
        const history_t z = perturbed(o, key + 1, b);
        apart += z.count != x.count || memcmp(a, b, (size_t)x.count * sizeof *a);
    }
    CHECK(apart > 15);
}

UNIT_MAIN(UNIT(preference_follows_the_equation), UNIT(preference_stays_finite_and_needs_something_wrong),
          UNIT(nothing_is_perturbed_at_rate_zero), UNIT(beginnings_are_cut_at_every_length),
          UNIT(items_are_dropped_at_their_rate_and_one_stays), UNIT(items_are_swapped_with_their_relatives),
          UNIT(the_same_key_draws_the_same))
