#include "sid/contrast.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/gemm.h"
#include "nn/vec.h"
#include "sid/graph.h"

/* Returns log(1 + exp(x)), and in *slope its derivative. */
static double softplus(double x, double *slope)
{
    const double e = exp(-fabs(x));
    *slope = x > 0 ? 1 / (1 + e) : e / (1 + e);
    return log1p(e) + (x > 0 ? x : 0);
}

/* Turns cosines [n, n] into the gradients of what they cost, scale times, symmetric and zero on the diagonal; returns the loss. */
static double pair_losses(const contrast_t *c, int64_t n, const int64_t *item, float scale, float *cosine)
{
    const double sharp = exp(c->tau);
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        cosine[i * n + i] = 0;
        for (int64_t j = i + 1; j < n; j++) {
            const double y = graph_joins(c->graph, item[i], item[j]) ? 1 : -1;
            double slope;
            loss += softplus(-y * (sharp * (double)cosine[i * n + j] - c->bias), &slope);
            cosine[i * n + j] = cosine[j * n + i] = (float)(-y * slope * sharp * (double)scale);
        }
    }
    return loss;
}

/* Takes a gradient with respect to x / |x| on to x: less what only lengthens it, over the length. */
static void add_through_length(int64_t d, const float *x, const float *unit, const float *dunit, float *dx)
{
    const float length = sqrtf(vec_dot(d, x, x)), along = vec_dot(d, dunit, unit);
    if (vec_dot(d, unit, unit) <= 0) return;
    for (int64_t j = 0; j < d; j++) dx[j] += (dunit[j] - along * unit[j]) / length;
}

double contrast_gradients(const contrast_t *c, int64_t n, const int64_t *item, int64_t d, const float *zq, float scale, float *dzq)
{
    float *unit = xfloats((size_t)(n * d)), *dunit = xfloats((size_t)(n * d)), *cosine = xfloats((size_t)(n * n));
    memcpy(unit, zq, (size_t)(n * d) * sizeof *unit);
    for (int64_t i = 0; i < n; i++) vec_to_length_one(d, unit + i * d);
    gemm_f32(false, true, n, n, d, 1, unit, unit, 0, cosine);
    const double loss = pair_losses(c, n, item, scale, cosine);
    gemm_f32(false, false, n, d, n, 1, cosine, unit, 0, dunit);
    for (int64_t i = 0; i < n; i++) add_through_length(d, zq + i * d, unit + i * d, dunit + i * d, dzq + i * d);
    free(cosine);
    free(dunit);
    free(unit);
    return loss;
}

/* Draws one of an item's neighbours without a place; -1 where there is none. */
static int64_t draw_partner(const csr_t *g, const bool *placed, uint64_t key, int64_t item)
{
    double all = 0;
    int64_t last = -1;
    for (int64_t e = g->offsets[item]; e < g->offsets[item + 1]; e++)
        if (!placed[g->index[e]]) all += (double)g->value[e];
    double left = all * (double)rng_uniform(key, (uint64_t)item);
    for (int64_t e = g->offsets[item]; e < g->offsets[item + 1] && left >= 0; e++) {
        if (placed[g->index[e]]) continue;
        last = g->index[e];
        left -= (double)g->value[e];
    }
    return last;
}

void contrast_pair_up(const csr_t *graph, uint64_t key, int64_t *order, int64_t n)
{
    bool *placed = NEW_ARRAY(bool, graph->rows);
    int64_t *paired = NEW_ARRAY(int64_t, n), count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (placed[order[i]]) continue;
        placed[order[i]] = true;
        paired[count++] = order[i];
        const int64_t partner = draw_partner(graph, placed, key, order[i]);
        if (partner < 0) continue;
        placed[partner] = true;
        paired[count++] = partner;
    }
    memcpy(order, paired, (size_t)n * sizeof *order);
    free(paired);
    free(placed);
}
