#include "blend/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define STILL 1e-6
#define LEAST_STEP 1e-2 /* factors fall by steps, never to 0 at once */

enum { ANY_BIN = -1 };

static double probability(const mixture_cases_t *c, int64_t i, const double *w)
{
    double p = 0;
    for (int s = 0; s < c->parts; s++) p += w[s] * c->p[i * c->parts + s];
    return p;
}

/* Adds up the responsibilities of a bin's cases; returns their number. */
static int64_t expect(const mixture_cases_t *c, int bin, const double *w, double *sum)
{
    int64_t cases = 0;
    memset(sum, 0, (size_t)c->parts * sizeof *sum);
    for (int64_t i = 0; i < c->n; i++) {
        if (bin != ANY_BIN && c->bin[i] != bin) continue;
        const double p = probability(c, i, w);
        if (!(p > 0)) continue;
        cases++;
        for (int s = 0; s < c->parts; s++) sum[s] += w[s] * c->p[i * c->parts + s] / p;
    }
    return cases;
}

/* Goes on from w until it stands still. */
static void fit_bin(const mixture_cases_t *c, int bin, double strength, const double *common, double *w)
{
    double *sum = NEW_ARRAY(double, c->parts);
    double moved = 1;
    for (int round = 0; round < MIXTURE_ROUNDS && moved > STILL; round++) {
        const double cases = (double)expect(c, bin, w, sum) + strength;
        moved = 0;
        for (int s = 0; s < c->parts && cases > 0; s++) {
            const double next = (sum[s] + strength * common[s]) / cases;
            moved = fmax(moved, fabs(next - w[s]));
            w[s] = next;
        }
    }
    free(sum);
}

void mixture_fit(const mixture_cases_t *c, double strength, double *weight)
{
    double *common = NEW_ARRAY(double, c->parts);
    for (int s = 0; s < c->parts; s++) common[s] = 1.0 / c->parts;
    fit_bin(c, ANY_BIN, 0, common, common);
    for (int b = 0; b < c->bins; b++) {
        memcpy(weight + b * c->parts, common, (size_t)c->parts * sizeof *weight);
        fit_bin(c, b, strength, common, weight + b * c->parts);
    }
    free(common);
}

/* Adds up each part's shares of what it gives to the cases: to what came, or to lists as a whole. */
static void add_shares(const mixture_cases_t *c, const double *given, const double *factor, const double *weight, double *share)
{
    memset(share, 0, (size_t)c->parts * sizeof *share);
    for (int64_t i = 0; i < c->n; i++) {
        const double *w = weight + c->bin[i] * c->parts, *g = given + i * c->parts;
        double sum = 0;
        for (int s = 0; s < c->parts; s++) sum += factor[s] * w[s] * g[s];
        for (int s = 0; s < c->parts && sum > 0; s++) share[s] += factor[s] * w[s] * g[s] / sum;
    }
}

static void apply(const mixture_cases_t *c, const double *factor, double *weight)
{
    for (int b = 0; b < c->bins; b++) {
        double *w = weight + b * c->parts, sum = 0;
        for (int s = 0; s < c->parts; s++) sum += w[s] *= factor[s];
        for (int s = 0; s < c->parts; s++) w[s] /= sum;
    }
}

void mixture_tilt(const mixture_cases_t *c, const double *mass, double *weight)
{
    double *factor = NEW_ARRAY(double, c->parts), *came = NEW_ARRAY(double, c->parts), *listed = NEW_ARRAY(double, c->parts);
    for (int s = 0; s < c->parts; s++) factor[s] = 1;
    double moved = 1;
    for (int round = 0; round < MIXTURE_ROUNDS && moved > STILL; round++) {
        add_shares(c, c->p, factor, weight, came);
        add_shares(c, mass, factor, weight, listed);
        moved = 0;
        for (int s = 0; s < c->parts; s++) {
            if (!(listed[s] > 0)) continue;
            const double by = fmax(came[s] / listed[s], LEAST_STEP);
            factor[s] *= by;
            moved = fmax(moved, fabs(by - 1));
        }
    }
    apply(c, factor, weight);
    free(factor);
    free(came);
    free(listed);
}

double mixture_likelihood(const mixture_cases_t *c, const double *weight, int64_t *count)
{
    double sum = 0;
    *count = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const double p = probability(c, i, weight + c->bin[i] * c->parts);
        if (!(p > 0)) continue;
        sum += log(p);
        ++*count;
    }
    return *count ? sum / (double)*count : 0;
}
