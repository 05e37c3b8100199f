/* Is a difference more than chance? Tests of paired differences: each is of one user, whom both sides saw. */
#ifndef SIDMILL_SCORE_SIGNIFICANCE_H
#define SIDMILL_SCORE_SIGNIFICANCE_H

#include <stdint.h>

/* P(|T| >= |t|) of Student's t distribution with df > 0 degrees of freedom, by the continued fraction of the regularised
 * incomplete beta function: p = I_{df / (df + t^2)}(df / 2, 1 / 2). t may be infinite (0). */
double student_p(double t, double df);

/* I_x(a, b), 0 <= x <= 1, a, b > 0. */
double incomplete_beta(double a, double b, double x);

/* Paired t-test of the n differences d: t = mean / (sd / sqrt(n)), n - 1 degrees of freedom, p two-sided. With one
 * difference t and p are NaN; where all differences are equal, t is 0 (p 1) or infinite (p 0). */
typedef struct {
    double mean, t, p;
} ttest_t;
ttest_t paired_ttest(const double *d, int64_t n);

/* Makes of the n p-values of one family, in place, those after Holm's correction (Holm 1979, "A simple sequentially rejective
 * multiple test procedure"): with p in ascending order, max over j <= i of min(1, (m - j + 1) p_j). NaN is no part of the family
 * of m. */
void holm(double *p, int n);

/* The 95% interval of the mean of n >= 1 values by their standard error, mean -+ 1.96 sd / sqrt(n): what bootstrap_means() comes to
 * where there are many, at no cost. NaN for one value. */
void mean_interval(const double *d, int64_t n, double *low, double *high);

enum { BOOTSTRAP_COLUMNS = 64 };

/* Percentile bootstrap over users: `columns` means over `rounds` resamples of the n rows of d [n, columns], rows drawn with
 * replacement, one draw for all columns; low[c], high[c] bound the middle `level` (0.95) of the means (quantiles interpolated
 * linearly). A row is the sum over cases[i] > 0 cases of one user, and means are over cases; with cases NULL every row is one. n >=
 * 1, rounds >= 1, at most BOOTSTRAP_COLUMNS columns. Keyed by seed; does not depend on threads. */
void bootstrap_means(const double *d, const int64_t *cases, int64_t n, int columns, int64_t rounds, double level, uint64_t seed,
                     double *low, double *high);

/* Turns a column of such sums into values of one row each, whose mean is the mean over cases and whose spread is that of this
 * ratio of sums, by its linear approximation (the delta method). */
void linearise_ratio(double *column, const int64_t *cases, int64_t n);

#endif
