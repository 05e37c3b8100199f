#include "score/variety.h"

#include <math.h>
#include <stdlib.h>

#include "base/gini.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"

enum { LISTS_A_SHARD = 1024 };

variety_t variety_new(int64_t k, int64_t items, const diversity_t *diversity)
{
    return (variety_t){.k = k, .items = items, .diversity = diversity, .best = NEW_ARRAY(int32_t, items + 1),
                       .shown = NEW_ARRAY(int64_t, items + 1)};
}

void variety_free(variety_t *v)
{
    free(v->best);
    free(v->shown);
    *v = (variety_t){0};
}

static void show(variety_t *v, int32_t item, int64_t place)
{
    if (item < 0 || item >= v->items) return;
    if (place <= VARIETY_PLACES) v->shown[item]++;
    if (!v->best[item] || place < v->best[item]) v->best[item] = (int32_t)place;
}

/* The diversities of some lists. */
typedef struct {
    const variety_t *v;
    diversity_kind kind;
    int64_t n, places;
    const int32_t *lists;
    double *apart; /* [n] */
} measure_t;

static void measure_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const measure_t *m = ctx;
    const int64_t end = min64((shard + 1) * LISTS_A_SHARD, m->n);
    for (int64_t u = shard * LISTS_A_SHARD; u < end; u++)
        m->apart[u] = diversity_of(m->v->diversity, m->kind, m->lists + u * m->places, VARIETY_PLACES);
}

static void measure(variety_t *v, diversity_kind kind, int64_t n, int64_t places, const int32_t *lists)
{
    measure_t m = {v, kind, n, places, lists, NEW_ARRAY(double, n)};
    parallel_for((n + LISTS_A_SHARD - 1) / LISTS_A_SHARD, measure_shard, &m);
    for (int64_t u = 0; u < n; u++) {
        if (isnan(m.apart[u])) continue;
        v->apart[kind] += m.apart[u];
        v->lists[kind]++;
    }
    free(m.apart);
}

void variety_take(variety_t *v, int64_t n, int64_t places, const int32_t *lists)
{
    for (int64_t u = 0; u < n; u++)
        for (int64_t i = 0; i < v->k; i++) show(v, lists[u * places + i], i + 1);
    for (diversity_kind kind = 0; kind < DIVERSITIES && v->k >= VARIETY_PLACES; kind++)
        if (diversity_has(v->diversity, kind)) measure(v, kind, n, places, lists);
}

double variety_coverage(const variety_t *v, int64_t cut)
{
    if (v->k < cut || v->items < 1) return NAN;
    int64_t covered = 0;
    for (int64_t i = 0; i < v->items; i++) covered += v->best[i] && v->best[i] <= cut;
    return (double)covered / (double)v->items;
}

/* How many items were shown in all, as far as the measures of VARIETY_PLACES are defined. */
static int64_t showings(const variety_t *v)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < v->items && v->k >= VARIETY_PLACES; i++) sum += v->shown[i];
    return sum;
}

double variety_gini(const variety_t *v) { return showings(v) ? gini(v->shown, v->items) : NAN; }

double variety_novelty(const variety_t *v, const int64_t *popularity)
{
    const int64_t all = showings(v);
    double events = 0, bits = 0;
    for (int64_t i = 0; i < v->items; i++) events += (double)popularity[i];
    if (!all || events <= 0) return NAN;
    for (int64_t i = 0; i < v->items; i++)
        if (v->shown[i]) bits -= (double)v->shown[i] * log2((double)max64(popularity[i], 1) / events);
    return bits / (double)all;
}

double variety_diversity(const variety_t *v, diversity_kind kind)
{
    return v->lists[kind] ? v->apart[kind] / (double)v->lists[kind] : NAN;
}
