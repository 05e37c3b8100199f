#include "blend/choices.h"

#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "blend/mixture.h"

enum { POWERS = 1 + PARTS };

#define LEAST_STEP 1e-2   /* factors fall by steps, never to 0 at once */
#define LEAST_FACTOR 1e-6 /* smaller ones stay as they are */

/* Factors as they are fitted, by cells: all items are of one, or each of its group's. */
typedef struct {
    const choices_t *c;
    const double *weight; /* [bins, parts] */
    int cells;
    double *factor, *came, *listed; /* [cells, parts]; the sums of shares */
} tilting_t;

static int cell(const tilting_t *t, int64_t item) { return t->cells > 1 ? t->c->group[item] : 0; }

/* Finds what each part adds to an item's sum; returns the sum. */
static double terms(const tilting_t *t, int64_t list, int64_t item, double *term)
{
    const int parts = t->c->parts;
    const double *w = t->weight + t->c->bin[list] * parts, *a = t->factor + cell(t, item) * parts, *p = t->c->p + item * parts;
    double sum = 0;
    for (int s = 0; s < parts; s++) sum += term[s] = a[s] * w[s] * p[s];
    return sum;
}

/* Adds each part's share of what stands in `by` to its cell's. */
static void add_shares(const tilting_t *t, const double *by, double sum, double *to)
{
    for (int s = 0; s < t->c->parts && sum > 0; s++) to[s] += by[s] / sum;
}

/* Adds the shares of one list: of the item that came, and of all. */
static void add_list(const tilting_t *t, int64_t i, double *by_cell)
{
    const choices_t *c = t->c;
    double term[PARTS], total = 0;
    if (!(terms(t, i, c->came[i], term) > 0)) return; /* no factor makes it likelier */
    memset(by_cell, 0, (size_t)(t->cells * c->parts) * sizeof *by_cell);
    for (int64_t j = c->offsets[i]; j < c->offsets[i + 1]; j++) {
        total += terms(t, i, j, term);
        double *at = by_cell + cell(t, j) * c->parts;
        for (int s = 0; s < c->parts; s++) at[s] += term[s];
    }
    for (int k = 0; k < t->cells; k++) add_shares(t, by_cell + k * c->parts, total, t->listed + k * c->parts);
    const double sum = terms(t, i, c->came[i], term);
    add_shares(t, term, sum, t->came + cell(t, c->came[i]) * c->parts);
}

static void fit_factors(tilting_t *t, double strength)
{
    const int n = t->cells * t->c->parts;
    double moved = 1, *by_cell = NEW_ARRAY(double, n);
    for (int round = 0; round < MIXTURE_ROUNDS && moved > MIXTURE_STILL; round++) {
        memset(t->came, 0, (size_t)n * sizeof *t->came);
        memset(t->listed, 0, (size_t)n * sizeof *t->listed);
        for (int64_t i = 0; i < t->c->n; i++) add_list(t, i, by_cell);
        moved = 0;
        for (int k = 0; k < n; k++) {
            const double listed = t->listed[k] + strength * t->factor[k];
            if (!(listed > 0) || t->factor[k] < LEAST_FACTOR) continue;
            const double by = fmax((t->came[k] + strength) / listed, LEAST_STEP);
            t->factor[k] *= by;
            moved = fmax(moved, fabs(by - 1));
        }
    }
    free(by_cell);
}

/* Fits factors by cells, from 1; the result is [cells, parts]. */
static double *factors(const choices_t *c, const double *weight, int cells, double strength)
{
    const int n = cells * c->parts;
    tilting_t t = {c, weight, cells, NEW_ARRAY(double, n), NEW_ARRAY(double, n), NEW_ARRAY(double, n)};
    for (int k = 0; k < n; k++) t.factor[k] = 1;
    fit_factors(&t, strength);
    free(t.came);
    free(t.listed);
    return t.factor;
}

static void multiply_weights(const choices_t *c, const double *factor, double *weight)
{
    for (int b = 0; b < c->bins; b++) {
        double *w = weight + b * c->parts, sum = 0;
        for (int s = 0; s < c->parts; s++) sum += w[s] *= factor[s];
        for (int s = 0; s < c->parts; s++) w[s] /= sum;
    }
}

void choices_tilt(const choices_t *c, double strength, mixing_t *x)
{
    double *common = factors(c, x->weight, 1, 0);
    multiply_weights(c, common, x->weight);
    free(common);
    if (c->groups < 2) return;
    double *grouped = factors(c, x->weight, c->groups, strength);
    memcpy(x->factor, grouped, (size_t)(c->groups * c->parts) * sizeof *grouped);
    free(grouped);
}

/* Finds what the powers count: the logarithm of the mixture's sum, and of what each part gives. */
static void features(const choices_t *c, const mixing_t *x, int64_t list, int64_t item, double *f)
{
    const double *w = x->weight + c->bin[list] * c->parts, *a = x->factor + c->group[item] * c->parts;
    const double *p = c->p + item * c->parts;
    double sum = 0;
    for (int s = 0; s < c->parts; s++) {
        sum += w[s] * a[s] * p[s];
        f[1 + s] = log(p[s] + MIXING_FLOOR);
    }
    f[0] = log(fmax(sum, 1e-300));
}

static double dot(int n, const double *a, const double *b)
{
    double sum = 0;
    for (int k = 0; k < n; k++) sum += a[k] * b[k];
    return sum;
}

/* What the powers are to raise (choices.h), and its slope and curvature there. */
typedef struct {
    double value, slope[POWERS], curvature[POWERS * POWERS];
} slope_t;

/* Adds a list's part: the features of what came less their mean, and their covariance, both under the softmax of the scores. */
static void add_to_slope(const choices_t *c, const mixing_t *x, int64_t list, slope_t *at)
{
    const int n = 1 + c->parts;
    double f[POWERS], mean[POWERS] = {0}, square[POWERS * POWERS] = {0}, total = 0, top = -INFINITY, came = 0;
    for (int64_t j = c->offsets[list]; j < c->offsets[list + 1]; j++) {
        features(c, x, list, j, f);
        const double score = dot(n, x->power, f);
        top = fmax(top, score);
        if (j == c->came[list]) came = score;
    }
    for (int64_t j = c->offsets[list]; j < c->offsets[list + 1]; j++) {
        features(c, x, list, j, f);
        const double e = exp(dot(n, x->power, f) - top);
        total += e;
        for (int k = 0; k < n; k++) mean[k] += e * f[k];
        for (int k = 0; k < n; k++)
            for (int l = 0; l < n; l++) square[k * n + l] += e * f[k] * f[l];
    }
    features(c, x, list, c->came[list], f);
    at->value += came - top - log(total);
    for (int k = 0; k < n; k++) at->slope[k] += f[k] - mean[k] / total;
    for (int k = 0; k < n; k++)
        for (int l = 0; l < n; l++)
            at->curvature[k * n + l] += square[k * n + l] / total - mean[k] / total * mean[l] / total;
}

static void find_slope(const choices_t *c, const mixing_t *x, double strength, slope_t *at)
{
    *at = (slope_t){0};
    for (int64_t i = 0; i < c->n; i++) add_to_slope(c, x, i, at);
    for (int k = 0; k <= c->parts; k++) {
        const double off = x->power[k] - (k == 0);
        at->value -= strength / 2 * off * off;
        at->slope[k] -= strength * off;
        at->curvature[k * (1 + c->parts) + k] += strength + 1e-9;
    }
}

/* Goes on from x by `step`, or by as much of it as raises the value; *at is then that of the new powers. Returns by how much
 * the powers have moved. */
static double move(const choices_t *c, double strength, const double *step, slope_t *at, mixing_t *x)
{
    const double before = at->value;
    for (double share = 1; share > MIXTURE_STILL; share /= 2) {
        mixing_t next = *x;
        double moved = 0;
        for (int k = 0; k <= c->parts; k++) {
            next.power[k] += share * step[k];
            moved = fmax(moved, fabs(share * step[k]));
        }
        find_slope(c, &next, strength, at);
        if (!(at->value >= before)) continue;
        *x = next;
        return moved;
    }
    return 0;
}

void choices_pool(const choices_t *c, double strength, mixing_t *x)
{
    const int n = 1 + c->parts;
    double moved = 1;
    slope_t at;
    find_slope(c, x, strength, &at);
    for (int round = 0; round < POOL_ROUNDS && moved > MIXTURE_STILL && c->n; round++) {
        double step[POWERS], curvature[POWERS * POWERS];
        memcpy(step, at.slope, sizeof step);
        memcpy(curvature, at.curvature, sizeof curvature);
        if (LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', n, 1, curvature, n, step, 1)) return; /* flat: nothing tells powers apart */
        moved = move(c, strength, step, &at, x);
    }
}

static double score(const choices_t *c, const mixing_t *x, int64_t list, int64_t item)
{
    double f[POWERS];
    features(c, x, list, item, f);
    return dot(1 + c->parts, x->power, f);
}

int64_t choices_place(const choices_t *c, const mixing_t *x, int64_t i)
{
    const double came = score(c, x, i, c->came[i]);
    int64_t before = 0;
    for (int64_t j = c->offsets[i]; j < c->offsets[i + 1]; j++) before += j != c->came[i] && score(c, x, i, j) >= came;
    return before;
}
