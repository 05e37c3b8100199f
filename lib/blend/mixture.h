/* Weights of a mixture of distributions, fitted by expectation-maximisation; by bins of cases, with a prior towards what all
 * have in common. */
#ifndef SIDMILL_BLEND_MIXTURE_H
#define SIDMILL_BLEND_MIXTURE_H

#include <stdint.h>

enum { MIXTURE_ROUNDS = 200, MIXTURE_BINS = 64 };

#define MIXTURE_STILL 1e-6

/* n cases: p [n, parts], what each part gives to what came; bin [n], each below `bins` <= MIXTURE_BINS. */
typedef struct {
    int64_t n;
    int parts, bins;
    const double *p;
    const uint8_t *bin;
} mixture_cases_t;

/* Maximises sum_n log sum_s w_s p_ns by r_ns = w_s p_ns / sum_t w_t p_nt, w_s = mean of r_ns over the cases that some part gives
 * anything (Dempster, Laird and Rubin 1977), from equal weights until none moves by more than 1e-6 or MIXTURE_ROUNDS are done.
 * Then the same for each bin, from there, with a Dirichlet prior: w_s = (sum_n r_ns + strength w*_s) / (cases + strength), w*
 * being the common weights. weight [bins, parts]: rows that add up to 1; a bin without cases has the common ones, as all have
 * where nothing came. */
void mixture_fit(const mixture_cases_t *c, double strength, double *weight);

/* The mean of log sum_s w_s p_ns over the cases of which it is finite, w being each case's bin's; *count is their number. */
double mixture_likelihood(const mixture_cases_t *c, const double *weight, int64_t *count);

#endif
