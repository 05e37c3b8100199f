#include "sid/propagation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"

enum { SLAB = 32 /* columns: two cache lines of a row */, ROWS = 1024 /* that one step of a parallel pass takes */ };

typedef struct {
    const propagation_t *o;
    const csr_t *graph;
    int64_t width, begin, columns; /* of x, and of the slab */
    float *x;                      /* [rows, width] */
    float *first, *h, *next;       /* [rows, columns] X, H_(k-1), A^ H_(k-1) */
    double share;                  /* b_k */
} pass_t;

/* Begins with H_0 = X, of which x keeps b_0. */
static void begin_rows(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const pass_t *p = ctx;
    const size_t bytes = (size_t)p->columns * sizeof(float);
    for (int64_t i = block * ROWS; i < min64((block + 1) * ROWS, p->graph->rows); i++) {
        float *x = p->x + i * p->width + p->begin;
        memcpy(p->first + i * p->columns, x, bytes);
        memcpy(p->h + i * p->columns, x, bytes);
        for (int64_t j = 0; j < p->columns; j++) x[j] *= (float)p->share;
    }
}

/* Makes H_k of A^ H_(k-1), and adds b_k of it to x. */
static void step_rows(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const pass_t *p = ctx;
    const float a = (float)p->o->restart, rest = (float)(1 - p->o->restart), share = (float)p->share;
    for (int64_t i = block * ROWS; i < min64((block + 1) * ROWS, p->graph->rows); i++) {
        const float *first = p->first + i * p->columns, *next = p->next + i * p->columns;
        float *h = p->h + i * p->columns, *x = p->x + i * p->width + p->begin;
        for (int64_t j = 0; j < p->columns; j++) {
            h[j] = rest * next[j] + a * first[j];
            x[j] += share * h[j];
        }
    }
}

/* Returns b_k. */
static double share_of(const propagation_t *o, int64_t k)
{
    double all = 0;
    for (int64_t j = 0; j <= o->steps; j++) all += pow(1 - o->restart, (double)j);
    return pow(1 - o->restart, (double)k) / all;
}

static void propagate_slab(pass_t *p)
{
    const int64_t blocks = (p->graph->rows + ROWS - 1) / ROWS;
    p->share = share_of(p->o, 0);
    parallel_for(blocks, begin_rows, p);
    for (int64_t k = 1; k <= p->o->steps; k++) {
        csr_product(p->graph, p->columns, p->h, p->next);
        p->share = share_of(p->o, k);
        parallel_for(blocks, step_rows, p);
    }
}

void propagate(const propagation_t *o, const csr_t *graph, int64_t width, float *x)
{
    const size_t room = size_mul((size_t)graph->rows, SLAB);
    pass_t p = {.o = o, .graph = graph, .width = width, .x = x, .first = xfloats(room), .h = xfloats(room), .next = xfloats(room)};
    for (p.begin = 0; p.begin < width; p.begin += SLAB) {
        p.columns = min64(SLAB, width - p.begin);
        propagate_slab(&p);
    }
    free(p.next);
    free(p.h);
    free(p.first);
}

void propagate_features(const propagation_t *o, const csr_t *graph, features_t *e)
{
    const int64_t width = e->text + e->image;
    propagate(o, graph, width, e->x);
    for (int64_t i = 0; e->image && i < e->items; i++)
        if (!e->has_image[i]) memset(e->x + i * width + e->text, 0, (size_t)e->image * sizeof(float));
}
