#include "matrix/logistic.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { NEWTON_STEPS = 50, CG_STEPS = 100, HALVINGS = 30 };

/* Parameters are the weights, then the bias: cols + 1 doubles. */
typedef struct {
    const csr_t *x;
    const uint8_t *label, *use;
    double l2;
    int64_t size;
    double *curve; /* [rows] p (1 - p) at the point of the last gradient */
} problem_t;

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double row_score(const problem_t *p, int64_t r, const double *w)
{
    double score = w[p->size - 1];
    for (int64_t e = p->x->offsets[r]; e < p->x->offsets[r + 1]; e++) score += w[p->x->index[e]] * (double)p->x->value[e];
    return score;
}

static void add_row(const problem_t *p, int64_t r, double by, double *to)
{
    for (int64_t e = p->x->offsets[r]; e < p->x->offsets[r + 1]; e++) to[p->x->index[e]] += by * (double)p->x->value[e];
    to[p->size - 1] += by;
}

static bool is_used(const problem_t *p, int64_t r) { return !p->use || p->use[r]; }

static double objective(const problem_t *p, const double *w)
{
    double loss = 0.5 * p->l2 * dot(w, w, p->size - 1);
    for (int64_t r = 0; r < p->x->rows; r++) {
        if (!is_used(p, r)) continue;
        double m = row_score(p, r, w) * (p->label[r] ? 1 : -1);
        loss += m > 0 ? log1p(exp(-m)) : log1p(exp(m)) - m;
    }
    return loss;
}

static void gradient(const problem_t *p, const double *w, double *g)
{
    for (int64_t j = 0; j < p->size; j++) g[j] = j < p->size - 1 ? p->l2 * w[j] : 0;
    for (int64_t r = 0; r < p->x->rows; r++) {
        if (!is_used(p, r)) continue;
        double probability = 1 / (1 + exp(-row_score(p, r, w)));
        p->curve[r] = probability * (1 - probability);
        add_row(p, r, probability - (p->label[r] ? 1 : 0), g);
    }
}

/* Computes h = Hessian v, with a trace of damping on the bias: it stays invertible where all probabilities saturate. */
static void curvature(const problem_t *p, const double *v, double *h)
{
    for (int64_t j = 0; j < p->size; j++) h[j] = (j < p->size - 1 ? p->l2 : 1e-9) * v[j];
    for (int64_t r = 0; r < p->x->rows; r++)
        if (is_used(p, r)) add_row(p, r, p->curve[r] * row_score(p, r, v), h);
}

/* Solves Hessian d = -g roughly; `t` is scratch of 3 * size. */
static void newton_direction(const problem_t *p, const double *g, double *d, double *t)
{
    double *residual = t, *q = t + p->size, *h = t + 2 * p->size;
    for (int64_t j = 0; j < p->size; j++) {
        d[j] = 0;
        residual[j] = q[j] = -g[j];
    }
    double rr = dot(residual, residual, p->size), enough = rr * 1e-6;
    for (int step = 0; step < CG_STEPS && rr > enough; step++) {
        curvature(p, q, h);
        double a = rr / dot(q, h, p->size);
        for (int64_t j = 0; j < p->size; j++) {
            d[j] += a * q[j];
            residual[j] -= a * h[j];
        }
        double next = dot(residual, residual, p->size), b = next / rr;
        for (int64_t j = 0; j < p->size; j++) q[j] = residual[j] + b * q[j];
        rr = next;
    }
}

/* Goes from w along d to where the loss has fallen enough (Armijo); false where it nowhere does. */
static bool step_along(const problem_t *p, const double *d, double slope, double *loss, double *w, double *trial)
{
    double by = 1;
    for (int i = 0; i < HALVINGS; i++, by /= 2) {
        for (int64_t j = 0; j < p->size; j++) trial[j] = w[j] + by * d[j];
        double at = objective(p, trial);
        if (at > *loss + 1e-4 * by * slope) continue;
        memcpy(w, trial, (size_t)p->size * sizeof *w);
        *loss = at;
        return true;
    }
    return false;
}

void logistic_fit(const csr_t *x, const uint8_t *label, const uint8_t *use, double l2, float *weight, float *bias)
{
    problem_t p = {x, label, use, l2, x->cols + 1, NEW_ARRAY(double, x->rows)};
    double *w = NEW_ARRAY(double, p.size), *g = NEW_ARRAY(double, p.size), *d = NEW_ARRAY(double, p.size);
    double *scratch = NEW_ARRAY(double, 3 * p.size), loss = objective(&p, w);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        gradient(&p, w, g);
        if (dot(g, g, p.size) < 1e-12 * (double)(x->rows + 1)) break;
        newton_direction(&p, g, d, scratch);
        if (!step_along(&p, d, dot(g, d, p.size), &loss, w, scratch)) break;
    }
    for (int64_t j = 0; j < x->cols; j++) weight[j] = (float)w[j];
    *bias = (float)w[x->cols];
    free(p.curve);
    free(w);
    free(g);
    free(d);
    free(scratch);
}

typedef struct {
    double score;
    uint8_t label;
} scored_t;

static int by_score(const void *a, const void *b)
{
    const scored_t *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

double roc_auc(int64_t n, const double *score, const uint8_t *label)
{
    scored_t *list = NEW_ARRAY(scored_t, n + 1);
    for (int64_t i = 0; i < n; i++) list[i] = (scored_t){score[i], label[i] != 0};
    qsort(list, (size_t)n, sizeof *list, by_score);
    double above = 0;
    int64_t good = 0, bad = 0;
    for (int64_t i = 0; i < n;) {
        int64_t tied_good = 0, tied = 0;
        for (; i + tied < n && !(list[i + tied].score > list[i].score); tied++) tied_good += list[i + tied].label;
        above += (double)tied_good * ((double)bad + 0.5 * (double)(tied - tied_good));
        good += tied_good;
        bad += tied - tied_good;
        i += tied;
    }
    free(list);
    return good && bad ? above / ((double)good * (double)bad) : NAN;
}
