/* What finds, among the items of a list, the one that came: the best there is, by the likelihood that it promises to raise. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "blend/choices.h"
#include "unit.h"

enum { LISTS = 400, ITEMS = 6, S = 3, BINS = 2, GROUPS = 2 };

#define STRENGTH 5.0

static int64_t offsets[LISTS + 1], came[LISTS];
static uint8_t bin[LISTS], group[LISTS * ITEMS];
static double p[LISTS * ITEMS * S];

/* Lists in which the first part is right of rare items, the second of common ones, and the third of none. */
static choices_t lists(void)
{
    for (int i = 0; i < LISTS; i++) {
        bin[i] = (uint8_t)(i % BINS);
        offsets[i + 1] = (int64_t)(i + 1) * ITEMS;
        came[i] = (int64_t)i * ITEMS + (int64_t)rng_below(1, (uint64_t)i, ITEMS);
        for (int64_t j = (int64_t)i * ITEMS; j < (int64_t)(i + 1) * ITEMS; j++) {
            group[j] = (uint8_t)rng_below(2, (uint64_t)j, GROUPS);
            for (int s = 0; s < S; s++) {
                const double noise = (double)rng_uniform(3, (uint64_t)(j * S + s));
                p[j * S + s] = noise < 0.2 ? 0 : 0.1 * noise * (j == came[i] && s == group[j] ? 4 : 1);
            }
        }
    }
    return (choices_t){LISTS, S, BINS, GROUPS, offsets, bin, came, group, p};
}

static mixing_t even(void)
{
    mixing_t x = mixing_new(BINS, GROUPS, S);
    for (int k = 0; k < BINS * S; k++) x.weight[k] = k < S ? (k + 1) / 6.0 : 1.0 / S;
    return x;
}

/* The mixture's sum for an item of list i. */
static double mixed(const mixing_t *x, int64_t i, int64_t j)
{
    double sum = 0;
    for (int s = 0; s < S; s++) sum += x->factor[group[j] * S + s] * x->weight[bin[i] * S + s] * p[j * S + s];
    return sum;
}

/* What the tilt is to raise, by the definition in the header. */
static double likelihood(const choices_t *c, const mixing_t *x, double strength)
{
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double at = 0, all = 0;
        for (int64_t j = offsets[i]; j < offsets[i + 1]; j++) {
            const double here = mixed(x, i, j);
            all += here;
            if (j == came[i]) at = here;
        }
        if (at > 0) sum += log(at / all);
    }
    for (int k = 0; k < GROUPS * S; k++) sum -= strength * (x->factor[k] - 1 - log(x->factor[k]));
    return sum;
}

/* What the pool is to raise. */
static double pooled(const choices_t *c, const mixing_t *x, double strength)
{
    double sum = 0;
    for (int64_t i = 0; i < c->n; i++) {
        double at = 0, all = 0;
        for (int64_t j = offsets[i]; j < offsets[i + 1]; j++) {
            double score = x->power[0] * log(fmax(mixed(x, i, j), 1e-300));
            for (int s = 0; s < S; s++) score += x->power[1 + s] * log(p[j * S + s] + MIXING_FLOOR);
            all += exp(score);
            if (j == came[i]) at = score;
        }
        sum += at - log(all);
    }
    for (int k = 0; k <= S; k++) sum -= strength / 2 * (x->power[k] - (k == 0)) * (x->power[k] - (k == 0));
    return sum;
}

TEST(no_other_tilt_is_likelier)
{
    const choices_t c = lists();
    mixing_t x = even();
    const double before = likelihood(&c, &x, STRENGTH);
    choices_tilt(&c, STRENGTH, &x);
    const double best = likelihood(&c, &x, STRENGTH);
    CHECK(best > before + 10);
    for (int b = 0; b < BINS; b++) CHECK_NEAR(x.weight[b * S] + x.weight[b * S + 1] + x.weight[b * S + 2], 1, 1e-12);
    for (int k = 0; k < GROUPS * S; k++)
        for (int up = 0; up < 2; up++) {
            const double kept = x.factor[k];
            x.factor[k] *= up ? 1.02 : 0.98;
            CHECK(likelihood(&c, &x, STRENGTH) <= best + 1e-3);
            x.factor[k] = kept;
        }
    CHECK(x.factor[0] > x.factor[1] && x.factor[S + 1] > x.factor[S]);
    mixing_free(&x);
}

/* A prior so strong that all groups are alike, and a single group, are the same. */
TEST(a_strong_prior_knows_no_groups)
{
    choices_t c = lists();
    mixing_t a = even(), b = even();
    choices_tilt(&c, 1e12, &a);
    c.groups = 1;
    choices_tilt(&c, 1, &b);
    for (int k = 0; k < BINS * S; k++) CHECK(a.weight[k] == b.weight[k]);
    for (int k = 0; k < GROUPS * S; k++) {
        CHECK_NEAR(a.factor[k], 1, 1e-6);
        CHECK(b.factor[k] == 1);
    }
    mixing_free(&a);
    mixing_free(&b);
}

TEST(no_other_powers_are_likelier)
{
    const choices_t c = lists();
    mixing_t x = even();
    const double before = pooled(&c, &x, STRENGTH);
    choices_pool(&c, STRENGTH, &x);
    const double best = pooled(&c, &x, STRENGTH);
    CHECK(best > before + 10);
    for (int k = 0; k <= S; k++)
        for (int up = 0; up < 2; up++) {
            const double kept = x.power[k];
            x.power[k] += up ? 0.01 : -0.01;
            CHECK(pooled(&c, &x, STRENGTH) <= best + 1e-6);
            x.power[k] = kept;
        }
    mixing_free(&x);
}

/* Nothing came, or every item is like every other. */
TEST(nothing_to_tell_apart_changes_nothing)
{
    choices_t c = lists();
    mixing_t x = even(), y = even();
    c.n = 0;
    choices_tilt(&c, STRENGTH, &x);
    choices_pool(&c, STRENGTH, &x);
    for (int k = 0; k < BINS * S; k++) CHECK_NEAR(x.weight[k], y.weight[k], 1e-12);
    c.n = LISTS;
    for (int k = 0; k < LISTS * ITEMS * S; k++) p[k] = 0.25;
    choices_pool(&c, STRENGTH, &x);
    choices_pool(&c, 0, &x);
    for (int k = 0; k <= S; k++) CHECK_NEAR(x.power[k], k == 0, 1e-9);
    mixing_free(&x);
    mixing_free(&y);
}

TEST(places_count_what_is_before)
{
    const choices_t c = lists();
    mixing_t x = mixing_alone(BINS, GROUPS, S, 1);
    for (int64_t i = 0; i < LISTS; i++) {
        int64_t before = 0;
        for (int64_t j = offsets[i]; j < offsets[i + 1]; j++) before += j != came[i] && p[j * S + 1] >= p[came[i] * S + 1];
        CHECK(choices_place(&c, &x, i) == before);
    }
    mixing_free(&x);
}

UNIT_MAIN(UNIT(no_other_tilt_is_likelier), UNIT(a_strong_prior_knows_no_groups), UNIT(no_other_powers_are_likelier),
          UNIT(nothing_to_tell_apart_changes_nothing), UNIT(places_count_what_is_before))
