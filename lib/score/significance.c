#include "score/significance.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

/* The continued fraction of I_x(a, b), by Lentz's method as modified by Thompson and Barnett (1986). It converges fast for
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double value = d;
    for (int m = 1; m <= 10000; m++) {
        double step = 1;
        for (int odd = 0; odd < 2; odd++) {
            double numerator = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                                   : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + numerator * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + numerator / c;
            if (fabs(c) < tiny) c = tiny;
            step = c * d;
            value *= step;
        }
        if (fabs(step - 1) < 1e-15) break;
    }
    return value;
}

/* log Gamma, without the global sign that lgamma() writes to. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

double incomplete_beta(double a, double b, double x)
{
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double student_p(double t, double df)
{
    if (isnan(t)) return NAN;
    if (isinf(t)) return 0;
    return incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

static double mean_of(const double *d, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += d[i];
    return sum / (double)n;
}

/* Of the mean; NaN for one value. */
static double standard_error(const double *d, int64_t n, double mean)
{
    double squares = 0;
    for (int64_t i = 0; i < n; i++) squares += (d[i] - mean) * (d[i] - mean);
    return n < 2 ? NAN : sqrt(squares / (double)(n - 1) / (double)n);
}

void mean_interval(const double *d, int64_t n, double *low, double *high)
{
    const double mean = mean_of(d, n), reach = 1.959964 * standard_error(d, n, mean);
    *low = mean - reach;
    *high = mean + reach;
}

ttest_t paired_ttest(const double *d, int64_t n)
{
    const double mean = mean_of(d, n), error = standard_error(d, n, mean);
    if (n < 2) return (ttest_t){mean, NAN, NAN};
    double t = error > 0 ? mean / error : mean == 0 ? 0 : copysign(INFINITY, mean);
    return (ttest_t){mean, t, student_p(t, (double)(n - 1))};
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void holm(double *p, int n)
{
    double *sorted = NEW_ARRAY(double, n + 1), *corrected = NEW_ARRAY(double, n + 1);
    int m = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(p[i])) sorted[m++] = p[i];
    qsort(sorted, (size_t)m, sizeof *sorted, ascending);
    for (int j = 0; j < m; j++) corrected[j] = fmax(j ? corrected[j - 1] : 0, fmin(1, (m - j) * sorted[j]));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            if (p[i] == sorted[j]) {
                p[i] = corrected[j];
                break;
            }
    free(sorted);
    free(corrected);
}

typedef struct {
    const double *d;
    const int64_t *cases;
    int64_t n;
    int columns;
    uint64_t key;
    double *means; /* [columns, rounds] */
    int64_t rounds;
} bootstrap_t;

static void resample(void *ctx, int64_t round, int worker)
{
    (void)worker;
    bootstrap_t *b = ctx;
    uint64_t key = rng_key(b->key, (uint64_t)round);
    double sum[BOOTSTRAP_COLUMNS] = {0};
    int64_t cases = 0;
    for (int64_t i = 0; i < b->n; i++) {
        const int64_t at = (int64_t)rng_below(key, (uint64_t)i, (uint64_t)b->n);
        const double *row = b->d + at * b->columns;
        for (int c = 0; c < b->columns; c++) sum[c] += row[c];
        cases += b->cases ? b->cases[at] : 1;
    }
    for (int c = 0; c < b->columns; c++) b->means[c * b->rounds + round] = sum[c] / (double)cases;
}

static double quantile(const double *sorted, int64_t n, double q)
{
    double at = q * (double)(n - 1);
    int64_t below = (int64_t)at;
    if (below + 1 >= n) return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void linearise_ratio(double *column, const int64_t *cases, int64_t n)
{
    double sum = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += column[i];
        all += (double)cases[i];
    }
    const double mean = sum / all;
    for (int64_t i = 0; i < n; i++) column[i] = mean + (column[i] - mean * (double)cases[i]) * (double)n / all;
}

void bootstrap_means(const double *d, const int64_t *cases, int64_t n, int columns, int64_t rounds, double level, uint64_t seed,
                     double *low, double *high)
{
    bootstrap_t b = {d, cases, n, columns, rng_stream(seed, "bootstrap"), NULL, rounds};
    b.means = NEW_ARRAY(double, size_mul((size_t)columns, (size_t)rounds));
    parallel_for(rounds, resample, &b);
    for (int c = 0; c < columns; c++) {
        double *means = b.means + c * rounds;
        qsort(means, (size_t)rounds, sizeof *means, ascending);
        low[c] = quantile(means, rounds, (1 - level) / 2);
        high[c] = quantile(means, rounds, (1 + level) / 2);
    }
    free(b.means);
}
