#include "sid/repulsion.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/simd.h"

enum { CODES = 16 /* of a level, that one step of the parallel pass takes */ };

typedef struct {
    const quantiser_t *q;
    double *threshold; /* [levels] m_l^2 */
    double weight;
    float *dbook;
    double *sums;      /* per block: what its codes add to U */
    int64_t blocks;    /* of a level */
} pass_t;

/* Computes the mean squared distance between two code vectors of a level: 2 K / (K - 1) times that to their mean. */
static double mean_squared_distance(const quantiser_t *q, int level)
{
    const float *book = quantiser_codebook(q, level);
    double squares = 0;
    for (int64_t j = 0; j < q->latent; j++) {
        double sum = 0, own = 0;
        for (int k = 0; k < q->codes; k++) {
            const double v = (double)book[k * q->latent + j];
            sum += v;
            own += v * v;
        }
        squares += own - sum * sum / q->codes;
    }
    return q->codes > 1 ? 2 * squares / (q->codes - 1) : 0;
}

SIMD_CLONES
static float squared_distance(int64_t n, const float *restrict a, const float *restrict b)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < n; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* Adds what pushes code k away from all others of its level; returns half of its pairs' terms, as each pair is met twice. */
static double push(const pass_t *p, int level, int k)
{
    const quantiser_t *q = p->q;
    const float *book = quantiser_codebook(q, level), *own = book + k * q->latent;
    float *to = p->dbook + ((int64_t)level * q->codes + k) * q->latent;
    double sum = 0;
    for (int other = 0; other < q->codes; other++) {
        const float *c = book + other * q->latent;
        const double near = 1 - (double)squared_distance(q->latent, own, c) / p->threshold[level];
        if (other == k || near <= 0) continue;
        const float force = (float)(p->weight * 4 * near / (p->threshold[level] * q->codes));
        for (int64_t j = 0; j < q->latent; j++) to[j] -= force * (own[j] - c[j]);
        sum += 0.5 * near * near / q->codes;
    }
    return sum;
}

static void push_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const pass_t *p = ctx;
    const int level = (int)(block / p->blocks);
    const int64_t begin = block % p->blocks * CODES;
    if (p->threshold[level] <= 0) return;
    for (int64_t k = begin; k < min64(begin + CODES, p->q->codes); k++) p->sums[block] += push(p, level, (int)k);
}

double repulsion_gradients(const quantiser_t *q, double margin, double weight, float *dbook)
{
    pass_t p = {.q = q, .threshold = NEW_ARRAY(double, q->levels), .weight = weight, .dbook = dbook,
                .blocks = (q->codes + CODES - 1) / CODES};
    p.sums = NEW_ARRAY(double, q->levels * p.blocks);
    for (int l = 0; l < q->levels; l++) p.threshold[l] = margin * margin * mean_squared_distance(q, l);
    parallel_for(q->levels * p.blocks, push_block, &p);
    double all = 0;
    for (int64_t b = 0; b < q->levels * p.blocks; b++) all += p.sums[b];
    free(p.sums);
    free(p.threshold);
    return all;
}
