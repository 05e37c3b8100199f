#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "score/significance.h"
#include "unit.h"

TEST(incomplete_beta_in_closed_form)
{
    for (double x = 0; x <= 1; x += 0.125) {
        CHECK_NEAR(incomplete_beta(1, 3.5, x), 1 - pow(1 - x, 3.5), 1e-13);
        CHECK_NEAR(incomplete_beta(2.5, 1, x), pow(x, 2.5), 1e-13);
        CHECK_NEAR(incomplete_beta(0.5, 0.5, x), 2 / M_PI * asin(sqrt(x)), 1e-13);
        CHECK_NEAR(incomplete_beta(3, 7, x) + incomplete_beta(7, 3, 1 - x), 1, 1e-13);
    }
    CHECK_NEAR(incomplete_beta(400, 400, 0.5), 0.5, 1e-12);
}

TEST(student_follows_the_tables)
{
    /* Two-sided critical values as every textbook prints them. */
    CHECK_NEAR(student_p(12.7062047, 1), 0.05, 1e-9);
    CHECK_NEAR(student_p(2.2281389, 10), 0.05, 1e-8);
    CHECK_NEAR(student_p(2.0422725, 30), 0.05, 1e-8);
    CHECK_NEAR(student_p(4.0321430, 5), 0.01, 1e-8);
    CHECK_NEAR(student_p(-2.6174209, 120), 0.01, 1e-8);
    /* Closed forms: df 1 is Cauchy, df 2 is algebraic. */
    CHECK_NEAR(student_p(1, 1), 0.5, 1e-14);
    CHECK_NEAR(student_p(3, 2), 1 - 3 / sqrt(11.0), 1e-14);
    CHECK(student_p(0, 7) == 1 && student_p(INFINITY, 7) == 0 && isnan(student_p(NAN, 7)));
    /* Many degrees of freedom: the normal distribution, also far out in the tail. */
    double tail = erfc(6 / sqrt(2.0));
    CHECK_NEAR(student_p(6, 1e9) / tail, 1, 1e-5);
}

TEST(students_sleep_data)
{
    /* Student (1908), extra hours of sleep: t = 4.0621, 9 degrees of freedom, p = 0.002833. */
    double d[] = {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4};
    ttest_t t = paired_ttest(d, 10);
    CHECK_NEAR(t.mean, 1.58, 1e-12);
    CHECK_NEAR(t.t, 4.0621, 5e-5);
    CHECK_NEAR(t.p, 0.002833, 5e-7);
}

TEST(a_test_without_variance)
{
    double zero[] = {0, 0, 0}, one[] = {-1, -1, -1};
    ttest_t t = paired_ttest(zero, 3);
    CHECK(t.mean == 0 && t.t == 0 && t.p == 1);
    t = paired_ttest(one, 3);
    CHECK(t.mean == -1 && isinf(t.t) && t.t < 0 && t.p == 0);
    t = paired_ttest(one, 1);
    CHECK(t.mean == -1 && isnan(t.t) && isnan(t.p));
}

TEST(bootstrap_agrees_with_the_normal_interval)
{
    enum { N = 4000, ROUNDS = 2000 };
    double *d = NEW_ARRAY(double, N * 3), low[3], high[3], low2[3], high2[3];
    double mean = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        d[i * 3] = rng_uniform(5, (uint64_t)i) < 0.1f ? 1 : 0;
        d[i * 3 + 1] = 0.25;
        d[i * 3 + 2] = -d[i * 3];
        mean += d[i * 3] / N;
    }
    for (int i = 0; i < N; i++) squares += (d[i * 3] - mean) * (d[i * 3] - mean);
    double error = sqrt(squares / N / N);
    parallel_threads(2);
    bootstrap_means(d, NULL, N, 3, ROUNDS, 0.95, 1, low, high);
    CHECK_NEAR(low[0], mean - 1.96 * error, 0.2 * error);
    CHECK_NEAR(high[0], mean + 1.96 * error, 0.2 * error);
    CHECK(low[1] == 0.25 && high[1] == 0.25);
    CHECK_NEAR(low[2], -high[0], 1e-15); /* all columns share a draw */
    parallel_threads(1);
    bootstrap_means(d, NULL, N, 3, ROUNDS, 0.95, 1, low2, high2);
    CHECK(!memcmp(low, low2, sizeof low) && !memcmp(high, high2, sizeof high));
    bootstrap_means(d, NULL, N, 3, ROUNDS, 0.95, 2, low2, high2);
    CHECK(memcmp(low, low2, sizeof low) != 0);
    bootstrap_means(d, NULL, 1, 3, 1, 0.95, 1, low, high);
    CHECK(low[0] == d[0] && high[0] == d[0]);
    free(d);
}

/* Where cases of one user are alike, two of them tell no more than one: intervals and tests are those of the users. */
TEST(users_with_several_cases_are_drawn_whole)
{
    enum { N = 500, ROUNDS = 500 };
    double one[N], two[N], low[2], high[2];
    int64_t cases[N];
    for (int i = 0; i < N; i++) {
        one[i] = rng_normal(9, (uint64_t)i);
        two[i] = 2 * one[i];
        cases[i] = 2;
    }
    bootstrap_means(one, NULL, N, 1, ROUNDS, 0.95, 1, &low[0], &high[0]);
    bootstrap_means(two, cases, N, 1, ROUNDS, 0.95, 1, &low[1], &high[1]);
    CHECK_NEAR(low[1], low[0], 1e-12);
    CHECK_NEAR(high[1], high[0], 1e-12);
    linearise_ratio(two, cases, N);
    for (int i = 0; i < N; i++) CHECK_NEAR(two[i], one[i], 1e-12);
}

/* The mean of a ratio of sums is over cases, and its error close to the bootstrap's. */
TEST(means_are_over_cases)
{
    enum { N = 3000, ROUNDS = 2000 };
    double *d = NEW_ARRAY(double, N), low, high, sum = 0, all = 0;
    int64_t *cases = NEW_ARRAY(int64_t, N);
    for (int i = 0; i < N; i++) {
        cases[i] = 1 + i % 7;
        for (int64_t k = 0; k < cases[i]; k++) d[i] += 0.1 * (double)cases[i] + rng_normal(3, (uint64_t)(i * 8 + k));
        sum += d[i];
        all += (double)cases[i];
    }
    bootstrap_means(d, cases, N, 1, ROUNDS, 0.95, 1, &low, &high);
    linearise_ratio(d, cases, N);
    ttest_t t = paired_ttest(d, N);
    CHECK_NEAR(t.mean, sum / all, 1e-12);
    double error = t.mean / t.t;
    CHECK_NEAR(low, t.mean - 1.96 * error, 0.2 * error);
    CHECK_NEAR(high, t.mean + 1.96 * error, 0.2 * error);
    free(d);
    free(cases);
}

TEST(holm_steps_down)
{
    /* m = 4: 4 * 0.005, 3 * 0.01, then 2 * 0.03 and 1 * 0.04, of which the first is greater. */
    double p[] = {0.01, 0.04, 0.03, 0.005}, want[] = {0.03, 0.06, 0.06, 0.02};
    holm(p, 4);
    for (int i = 0; i < 4; i++) CHECK_NEAR(p[i], want[i], 1e-15);
    double equal[] = {0.02, 0.02}, large[] = {0.9, 0.6}, odd[] = {NAN, 0.01, NAN, 0.02}, one = 0.03;
    holm(equal, 2);
    CHECK(equal[0] == 0.04 && equal[1] == 0.04);
    holm(large, 2);
    CHECK(large[0] == 1 && large[1] == 1);
    holm(odd, 4);
    CHECK(isnan(odd[0]) && isnan(odd[2]) && odd[1] == 0.02 && odd[3] == 0.02);
    holm(&one, 1);
    CHECK(one == 0.03);
    holm(NULL, 0);
}

UNIT_MAIN(UNIT(users_with_several_cases_are_drawn_whole), UNIT(means_are_over_cases), UNIT(holm_steps_down), UNIT(incomplete_beta_in_closed_form), UNIT(student_follows_the_tables), UNIT(students_sleep_data),
          UNIT(a_test_without_variance), UNIT(bootstrap_agrees_with_the_normal_interval))
