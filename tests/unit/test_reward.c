/* Every clause of the rewards and the advantages. */

#include "policy/reward.h"
#include "unit.h"

/* Three levels of four codes: items 0 and 1 share all codes and carry suffixes; 2 shares two codes with them, 3 one, 4 none. */
static int32_t code[] = {0, 1, 2, 0, 1, 2, 0, 1, 3, 0, 2, 2, 1, 1, 2};
static int32_t suffix[] = {0, 1, -1, -1, -1};
static const sids_t sids = {.items = 5, .levels = 3, .codes = 4, .max_suffix = 2, .code = code, .suffix = suffix};
static float value[] = {0.8f, 0.2f, 0.9f, 0.6f, 1};
static uint8_t judged[] = {1, 1, 1, 0, 1};
static const quality_t quality = {value, judged};
static reward_options_t with(reward_kind_t kind) { return (reward_options_t){.kind = kind, .alpha = 0.5, .lambda_valid = 0.1, .lambda_pref = 0.3, .gamma = 0.4}; }

static space_t space(void) { return (space_t){.sids = &sids, .vocab = vocab_make(3, 4, 2)}; }

static draw_t of_item(int32_t item, float log_prob)
{
    space_t s = space();
    draw_t d = {.item = item, .log_prob = log_prob};
    d.count = vocab_sid(&s.vocab, &sids, item, d.tokens);
    return d;
}

/* A sequence that is no item's SID: codes of the levels, then suffixes. */
static draw_t of_codes(int n, const int *codes)
{
    space_t s = space();
    draw_t d = {.item = -1, .count = n};
    for (int l = 0; l < n; l++) d.tokens[l] = l < 3 ? s.vocab.first_code + l * 4 + codes[l] : s.vocab.first_suffix + codes[l];
    return d;
}

static reward_t one(reward_kind_t kind, int32_t target, draw_t d)
{
    const reward_options_t o = with(kind);
    space_t s = space();
    reward_t r;
    reward_group(&o, &s, &quality, target, 1, &d, &r);
    return r;
}

static double reward_of(reward_kind_t kind, int32_t target, int32_t item)
{
    reward_t r = one(kind, target, of_item(item, 0));
    return reward_sum(&r);
}

TEST(exact_pays_for_the_target_alone)
{
    for (int32_t i = 0; i < 5; i++) CHECK_NEAR(reward_of(REWARD_EXACT, 0, i), i == 0, 0);
}

TEST(lcp_counts_codes_and_no_suffix)
{
    static const int common[] = {3, 3, 2, 1, 0};
    space_t s = space();
    for (int32_t i = 0; i < 5; i++) {
        draw_t d = of_item(i, 0);
        CHECK(sid_common_codes(&s, 0, &d) == common[i]);
        reward_t r = one(REWARD_EXACT_VALID_LCP, 0, d);
        CHECK_NEAR(r.term[TERM_LCP], 0.3 * common[i] / 3, 1e-12);
        CHECK_NEAR(r.term[TERM_VALID], 0.1, 0);
        CHECK_NEAR(r.term[TERM_EXACT], i == 0, 0);
        CHECK_NEAR(r.term[TERM_QUALITY], 0, 0);
    }
    /* codes equal again after a difference do not count: 3 differs from 0 on level 2 only */
    draw_t d = of_item(3, 0);
    CHECK(sid_common_codes(&s, 0, &d) == 1);
}

TEST(malformed_candidates_keep_their_lcp_alone)
{
    static const struct { int n, codes[5], common; } bad[] = {
        {0, {0}, 0},             /* nothing */
        {2, {0, 1}, 2},          /* short */
        {3, {0, 1, 2}, 3},       /* without the suffix that the bucket needs */
        {3, {3, 3, 3}, 0},       /* no item's codes */
        {5, {0, 1, 2, 0, 0}, 3}, /* overlong, though item 0's SID begins it */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (reward_kind_t kind = REWARD_EXACT; kind <= REWARD_SUPPRESS; kind++) {
            reward_t r = one(kind, 0, of_codes(bad[i].n, bad[i].codes));
            bool shaped = kind != REWARD_EXACT && kind != REWARD_SUPPRESS;
            CHECK_NEAR(reward_sum(&r), shaped ? 0.3 * bad[i].common / 3 : 0, 1e-12);
            CHECK_NEAR(r.term[TERM_LCP], reward_sum(&r), 0);
        }
}

TEST(the_gate_is_closed_for_a_good_wrong_item)
{
    /* item 2 is of the highest quality; the target is item 0 */
    CHECK_NEAR(reward_of(REWARD_GATED, 0, 2), 0.1 + 0.3 * 2 / 3, 1e-12);
    CHECK_NEAR(one(REWARD_GATED, 0, of_item(2, 0)).term[TERM_QUALITY], 0, 0);
    CHECK_NEAR(reward_of(REWARD_GATED, 0, 0), 1 + 0.1 + 0.3 + 0.5 * 0.8, 1e-7);
    CHECK_NEAR(reward_of(REWARD_GATED, 1, 1), 1 + 0.1 + 0.3 + 0.5 * 0.2, 1e-7);
}

TEST(ungated_quality_pays_whatever_the_target)
{
    CHECK_NEAR(reward_of(REWARD_UNGATED, 0, 2), 0.1 + 0.3 * 2 / 3 + 0.5 * 0.9, 1e-7);
    CHECK_NEAR(reward_of(REWARD_UNGATED, 0, 4), 0.1 + 0.5 * 1, 1e-7);
    CHECK_NEAR(reward_of(REWARD_UNGATED, 0, 0), reward_of(REWARD_GATED, 0, 0), 0);
}

TEST(items_without_judged_descriptors_earn_no_bonus)
{
    CHECK_NEAR(reward_of(REWARD_GATED, 3, 3), 1 + 0.1 + 0.3, 1e-12);
    CHECK_NEAR(reward_of(REWARD_UNGATED, 0, 3), 0.1 + 0.3 / 3, 1e-12);
    CHECK_NEAR(reward_of(REWARD_SUPPRESS, 3, 3), 1, 0);
}

TEST(suppress_pays_less_for_hits_of_low_quality)
{
    CHECK_NEAR(reward_of(REWARD_SUPPRESS, 0, 0), 1 + 0.5 * (2 * 0.8 - 1), 1e-7);
    CHECK_NEAR(reward_of(REWARD_SUPPRESS, 1, 1), 1 + 0.5 * (2 * 0.2 - 1), 1e-7);
    CHECK_NEAR(reward_of(REWARD_SUPPRESS, 0, 2), 0, 0);
}

TEST(rank_punishes_likelier_mistakes_more)
{
    const reward_options_t o = with(REWARD_RANK);
    space_t s = space();
    draw_t draws[] = {of_item(3, -3), of_item(0, -2), of_item(4, -1), of_item(2, -4)};
    const double all = 1 + 1 / log2(3) + 1 / log2(4) + 1 / log2(5);
    reward_t r[4];
    reward_group(&o, &s, NULL, 0, 4, draws, r);
    CHECK_NEAR(reward_sum(&r[1]), 1, 0);
    CHECK_NEAR(reward_sum(&r[2]), -1 / all, 1e-12);           /* the likeliest */
    CHECK_NEAR(reward_sum(&r[0]), -1 / log2(4) / all, 1e-12); /* the third */
    CHECK_NEAR(reward_sum(&r[3]), -1 / log2(5) / all, 1e-12);
    reward_group(&o, &s, NULL, 1, 4, draws, r); /* no hit: nothing */
    for (int i = 0; i < 4; i++) CHECK_NEAR(reward_sum(&r[i]), 0, 0);
}

TEST(equally_likely_candidates_rank_as_drawn)
{
    const reward_options_t o = with(REWARD_RANK);
    space_t s = space();
    draw_t draws[] = {of_item(2, -1), of_item(2, -1), of_item(0, -1)};
    reward_t r[3];
    reward_group(&o, &s, NULL, 0, 3, draws, r);
    const double all = 1 + 1 / log2(3) + 1 / log2(4);
    CHECK_NEAR(reward_sum(&r[0]), -1 / all, 1e-12);
    CHECK_NEAR(reward_sum(&r[1]), -1 / log2(3) / all, 1e-12);
}

TEST(a_list_pays_what_each_adds_to_it)
{
    const reward_options_t o = with(REWARD_LIST);
    space_t s = space();
    draw_t draws[] = {of_item(3, -3), of_item(0, -3.5f), of_item(4, -1), of_item(2, -4), of_item(0, -5)};
    reward_t r[5];
    reward_group(&o, &s, NULL, 0, 5, draws, r);
    CHECK_NEAR(reward_sum(&r[1]), 1 / log2(4), 1e-12); /* the hit, third */
    for (int i = 0; i <= 2; i += 2) CHECK_NEAR(reward_sum(&r[i]), 1 / log2(4) - 1 / log2(3), 1e-12); /* without either it were second */
    CHECK_NEAR(reward_sum(&r[3]), 0, 0);
    CHECK_NEAR(reward_sum(&r[4]), 0, 0); /* the same item once more */
    CHECK(r[1].term[TERM_EXACT] == 1 && r[0].term[TERM_EXACT] == 0);
    reward_group(&o, &s, NULL, 1, 5, draws, r); /* no hit: nothing */
    for (int i = 0; i < 5; i++) CHECK_NEAR(reward_sum(&r[i]), 0, 0);
}

/* Training histories, the last two events of each left out: {0, 1, 0}, {0, 2}, {0, 1}, {4}. */
TEST(misses_are_graded_by_what_they_share_with_the_target)
{
    static int32_t events[] = {0, 1, 0, 3, 3, 0, 2, 1, 1, 1, 0, 2, 2, 4, 0, 0};
    static int64_t offsets[] = {0, 5, 9, 13, 16};
    const interactions_t x = {.users = 4, .events = 16, .items = 5, .user_offsets = offsets, .item_index = events};
    occurrences_t at = occurrences_new(&x);
    reward_options_t o = with(REWARD_GRADED);
    space_t s = space();
    const draw_t draws[] = {of_item(1, 0), of_item(0, 0), of_item(2, 0), of_item(3, 0), of_item(4, 0), of_codes(3, (const int[]){3, 3, 3})};
    const double expected[] = {2 / sqrt(6), 1, 1 / sqrt(3), 0, 0, 0};
    reward_t r[6];
    o.occurrences = &at;
    reward_group(&o, &s, NULL, 0, 6, draws, r);
    for (int i = 0; i < 6; i++) CHECK_NEAR(reward_sum(&r[i]), i == 1 ? 1 : 0.4 * expected[i], 1e-12);
    for (int i = 0; i < 5; i++) { /* both ways round */
        reward_group(&o, &s, NULL, draws[i].item, 1, &draws[1], r);
        CHECK_NEAR(reward_sum(&r[0]), i == 1 ? 1 : 0.4 * expected[i], 1e-12);
    }
    occurrences_free(&at);
}

static void rewards_of(int n, const double *sums, reward_t *r)
{
    for (int i = 0; i < n; i++) r[i] = (reward_t){{sums[i]}};
}

TEST(advantages_use_the_population_deviation)
{
    const double sums[] = {1, 0, 0, 0};
    reward_t r[4];
    double a[4];
    rewards_of(4, sums, r);
    CHECK(reward_advantages(4, r, true, a));
    const double deviation = sqrt(3.0 / 16); /* over n, not n - 1 */
    CHECK_NEAR(a[0], 0.75 / (deviation + 1e-6), 1e-12);
    for (int i = 1; i < 4; i++) CHECK_NEAR(a[i], -0.25 / (deviation + 1e-6), 1e-12);
}

TEST(centred_advantages_keep_their_unit)
{
    const double sums[] = {1, 0.25, 0, 0};
    reward_t r[4];
    double a[4];
    rewards_of(4, sums, r);
    CHECK(reward_advantages(4, r, false, a));
    for (int i = 0; i < 4; i++) CHECK_NEAR(a[i], sums[i] - 0.3125, 1e-12);
}

TEST(equal_rewards_give_no_advantage)
{
    static const double values[] = {0, 1, 0.1, 0.1 + 0.3 / 3, 1e9};
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        for (int n = 1; n <= 11; n++) {
            reward_t r[11];
            double a[11], sums[11];
            for (int i = 0; i < n; i++) sums[i] = values[v];
            rewards_of(n, sums, r);
            CHECK(!reward_advantages(n, r, n % 2, a));
            for (int i = 0; i < n; i++) CHECK(a[i] == 0);
        }
}

TEST(tiny_differences_stay_finite)
{
    const double sums[] = {1, 1 + 1e-12};
    reward_t r[2];
    double a[2];
    rewards_of(2, sums, r);
    CHECK(reward_advantages(2, r, true, a));
    CHECK(fabs(a[0]) < 1e-5 && fabs(a[1]) < 1e-5);
}

TEST(names)
{
    for (int i = 0; reward_names[i]; i++) CHECK(reward_kind(reward_names[i]) == (reward_kind_t)i);
    CHECK(reward_needs_quality(REWARD_GATED) && reward_needs_quality(REWARD_UNGATED) && reward_needs_quality(REWARD_SUPPRESS));
    CHECK(!reward_needs_quality(REWARD_EXACT) && !reward_needs_quality(REWARD_EXACT_VALID_LCP) && !reward_needs_quality(REWARD_RANK));
}

UNIT_MAIN(UNIT(exact_pays_for_the_target_alone), UNIT(lcp_counts_codes_and_no_suffix),
          UNIT(malformed_candidates_keep_their_lcp_alone), UNIT(the_gate_is_closed_for_a_good_wrong_item),
          UNIT(ungated_quality_pays_whatever_the_target), UNIT(items_without_judged_descriptors_earn_no_bonus),
          UNIT(suppress_pays_less_for_hits_of_low_quality), UNIT(rank_punishes_likelier_mistakes_more),
          UNIT(equally_likely_candidates_rank_as_drawn), UNIT(a_list_pays_what_each_adds_to_it),
          UNIT(misses_are_graded_by_what_they_share_with_the_target), UNIT(advantages_use_the_population_deviation),
          UNIT(centred_advantages_keep_their_unit), UNIT(equal_rewards_give_no_advantage), UNIT(tiny_differences_stay_finite),
          UNIT(names))
