#include "blend/appraiser.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/ranks.h"
#include "gen/scorer.h"

enum { CHUNK = 2048 /* histories at once */, SHARD = 16 };

struct appraiser {
    const blend_t *blend;
    int generator; /* its place among the parts; -1: none */
    scorer_t *scorer;
    accumulator_t met;
    sources_answer_t *answers; /* by worker */
    int workers;
    /* what the scorer is asked: each history's items, then its met ones */
    int64_t asked_offsets[CHUNK + 1];
    int32_t *asked;
    float *log_p;
    int64_t asked_count, asked_cap, log_cap;
    /* the chunk at hand */
    int64_t n;
    const history_t *histories;
    const int64_t *offsets;
    const int32_t *items;
    double *p;
};

appraiser_t *appraiser_new(const blend_t *blend, const network_t *net, const space_t *space)
{
    appraiser_t *a = NEW(appraiser_t);
    a->blend = blend;
    a->met = accumulator_new(blend->sources.items);
    a->generator = net ? blend_place(blend, PART_GENERATOR) : -1;
    if (a->generator >= 0) a->scorer = scorer_new(net, space, 1);
    return a;
}

static void drop_answers(appraiser_t *a)
{
    for (int w = 0; w < a->workers; w++) sources_answer_free(&a->answers[w]);
    free(a->answers);
}

void appraiser_free(appraiser_t *a)
{
    if (!a) return;
    drop_answers(a);
    accumulator_free(&a->met);
    scorer_free(a->scorer);
    free(a->asked);
    free(a->log_p);
    free(a);
}

static void get_ready(appraiser_t *a)
{
    if (a->workers == parallel_workers()) return;
    drop_answers(a);
    a->workers = parallel_workers();
    a->answers = NEW_ARRAY(sources_answer_t, a->workers);
    for (int w = 0; w < a->workers; w++) a->answers[w] = sources_answer_new(&a->blend->sources);
}

static bool leaves_met_out(const appraiser_t *a) { return a->blend->sources.protocol == PROTOCOL_UNSEEN; }

static void ask_about(appraiser_t *a, int32_t item)
{
    GROW(a->asked, a->asked_count, a->asked_cap);
    a->asked[a->asked_count++] = item;
}

static void ask_generator(appraiser_t *a)
{
    a->asked_count = 0;
    for (int64_t i = 0; i < a->n; i++) {
        const history_t *h = &a->histories[i];
        a->asked_offsets[i] = a->asked_count;
        for (int64_t j = a->offsets[i]; j < a->offsets[i + 1]; j++) ask_about(a, a->items[j]);
        accumulator_clear(&a->met);
        for (int64_t j = 0; j < h->count && leaves_met_out(a); j++) accumulate(&a->met, h->items[j], 1);
        for (int64_t j = 0; j < a->met.count; j++) ask_about(a, a->met.list[j]);
    }
    a->asked_offsets[a->n] = a->asked_count;
    if (a->asked_count > a->log_cap) a->log_p = xreallocarray(a->log_p, (size_t)(a->log_cap = a->asked_cap), sizeof *a->log_p);
    scorer_run(a->scorer, a->n, a->histories, a->asked_offsets, a->asked, a->log_p);
}

/* What the generator leaves to the items that count after history i. */
static double left_to_others(const appraiser_t *a, int64_t i)
{
    const int64_t given = a->offsets[i + 1] - a->offsets[i];
    double met = 0;
    if (a->generator < 0) return 1;
    for (int64_t at = a->asked_offsets[i] + given; at < a->asked_offsets[i + 1]; at++) met += exp((double)a->log_p[at]);
    return fmax(1 - met, GENERATOR_LEFT);
}

static void appraise_history(appraiser_t *a, int64_t i, sources_answer_t *answer)
{
    const blend_t *b = a->blend;
    bool wanted[PARTS] = {false};
    for (int s = 0; s < b->parts; s++) wanted[b->part[s]] = true;
    sources_ask(&b->sources, &a->histories[i], NULL, wanted, answer);
    const double left = left_to_others(a, i);
    for (int64_t j = a->offsets[i]; j < a->offsets[i + 1]; j++) {
        const bool out = leaves_met_out(a) && answer->sum[PART_REPEAT].touched[a->items[j]];
        for (int s = 0; s < b->parts; s++)
            a->p[j * b->parts + s] = out ? 0 : s == a->generator
                                         ? exp((double)a->log_p[a->asked_offsets[i] + j - a->offsets[i]]) / left
                                         : sources_probability(&b->sources, answer, b->part[s], a->items[j]);
    }
}

static void appraise(void *ctx, int64_t shard, int worker)
{
    appraiser_t *a = ctx;
    for (int64_t i = shard * SHARD; i < min64((shard + 1) * SHARD, a->n); i++) appraise_history(a, i, &a->answers[worker]);
}

void appraiser_run(appraiser_t *a, int64_t n, const history_t *histories, const int64_t *offsets, const int32_t *items, double *p)
{
    const ranks_block_t ours = ranks_rows(n, CHUNK);
    get_ready(a);
    a->items = items;
    a->p = p;
    for (int64_t first = ours.first; first < ours.end; first += CHUNK) {
        a->n = min64(CHUNK, n - first);
        a->histories = histories + first;
        a->offsets = offsets + first;
        if (a->generator >= 0) ask_generator(a);
        parallel_for((a->n + SHARD - 1) / SHARD, appraise, a);
    }
    ranks_share_runs(p, n, CHUNK, offsets, (size_t)a->blend->parts * sizeof *p);
}
