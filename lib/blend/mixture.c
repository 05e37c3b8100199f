#include "blend/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
    for (int round = 0; round < MIXTURE_ROUNDS && moved > MIXTURE_STILL; round++) {
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
