#include "blend/mixer.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "gen/decoder.h"
#include "gen/scorer.h"

enum { SHARD = 16, EMPTY = -1 };

/* An item that may be among a history's best. */
typedef struct {
    int32_t item;
    bool known, met;  /* whether the generator's probability is known; whether the history holds it */
    bool barred;      /* from the list, which is held to others */
    int group;
    double sum, votes; /* blend/mixing.h: of the other parts */
    double generator;  /* its p */
} candidate_t;

typedef struct {
    candidate_t *candidates;
    int64_t count, cap;
    int64_t places; /* of its list */
    int bin;        /* of its history; EMPTY: nothing was met */
} asked_t;

typedef struct {
    sources_answer_t answer;
    accumulator_t place;  /* sum: 1 + where an item stands among the candidates */
    ranking_item_t *best; /* [best_cap] */
    int64_t best_cap;
} workspace_t;

struct mixer {
    const blend_t *blend;
    int64_t candidates;
    int generator; /* its place among the parts; -1: none */
    decoder_t *decoder;
    scorer_t *scorer;
    workspace_t *work;
    int workers;
    asked_t asked[MIXER_BATCH];
    /* what the scorer is asked */
    int64_t offsets[MIXER_BATCH + 1];
    int32_t *items;
    float *log_p;
    int64_t item_count, item_cap, log_cap;
    /* the call at hand */
    const mixing_t *how;
    int64_t n, k, beam_k, width, spare;
    const history_t *histories, *own; /* own: NULL: nothing is forgotten */
    const item_set_t *const *within;  /* [n], or NULL */
    unfolding_t *const *unfoldings;   /* likewise */
    int32_t *beam;        /* [n, beam_k] */
    float *beam_log_p;
    int32_t *ranked;      /* [n, k] */
    float *scores;
};

mixer_t *mixer_new(const blend_t *blend, const network_t *net, const space_t *space, int64_t candidates)
{
    mixer_t *m = NEW(mixer_t);
    m->blend = blend;
    m->candidates = candidates;
    m->generator = net ? blend_place(blend, PART_GENERATOR) : -1;
    if (m->generator < 0) return m;
    m->decoder = decoder_new(net, space, 1);
    m->scorer = scorer_new(net, space, 1);
    return m;
}

static void drop_work(mixer_t *m)
{
    for (int w = 0; w < m->workers; w++) {
        sources_answer_free(&m->work[w].answer);
        accumulator_free(&m->work[w].place);
        free(m->work[w].best);
    }
    free(m->work);
}

void mixer_free(mixer_t *m)
{
    if (!m) return;
    drop_work(m);
    decoder_free(m->decoder);
    scorer_free(m->scorer);
    for (int i = 0; i < MIXER_BATCH; i++) free(m->asked[i].candidates);
    free(m->items);
    free(m->log_p);
    free(m);
}

static void get_ready(mixer_t *m)
{
    if (m->workers == parallel_workers()) return;
    drop_work(m);
    m->workers = parallel_workers();
    m->work = NEW_ARRAY(workspace_t, m->workers);
    for (int w = 0; w < m->workers; w++) {
        m->work[w].answer = sources_answer_new(&m->blend->sources);
        m->work[w].place = accumulator_new(m->blend->sources.items);
    }
}

/* The parts that count for a history, the generator apart. */
static void wanted_by(const mixer_t *m, int bin, bool wanted[PARTS])
{
    const blend_t *b = m->blend;
    for (int p = 0; p < PARTS; p++) wanted[p] = false;
    for (int s = 0; s < b->parts && bin != EMPTY; s++) wanted[b->part[s]] = mixing_wants(m->how, b->parts, bin, s);
    wanted[PART_POPULAR] = wanted[PART_POPULAR] || bin == EMPTY;
    wanted[PART_GENERATOR] = false;
}

/* Sums up what the parts give to a candidate; part [PARTS], unless it is NULL, becomes what each adds to the first sum. */
static void weigh(const mixer_t *m, const sources_answer_t *a, int bin, const bool wanted[PARTS], candidate_t *c, double *part)
{
    const blend_t *b = m->blend;
    c->group = blend_group(b, c->item);
    c->sum = bin == EMPTY ? sources_probability(&b->sources, a, PART_POPULAR, c->item) : 0;
    c->votes = 0;
    if (part) part[PART_POPULAR] = c->sum;
    const int64_t events = b->sources.popularity[c->item];
    const bool is_met = events > 0;
    for (int s = 0; s < b->parts && bin != EMPTY; s++) {
        if (!wanted[b->part[s]]) continue;
        const double p = sources_probability(&b->sources, a, b->part[s], c->item);
        const double share = m->how->weight[bin * b->parts + s] * m->how->factor[c->group * b->parts + s] * p;
        c->sum += share;
        if (part) part[b->part[s]] = share;
        c->votes += mixing_vote(m->how, s, p, is_met);
    }
    if (!is_met && bin != EMPTY) c->votes += m->how->quiet[0];
    if (m->how->even > 0 && bin != EMPTY) c->votes -= m->how->even * log1p((double)events);
}

static bool asks_generator(const mixer_t *m, int bin)
{
    return m->generator >= 0 && bin != EMPTY && mixing_wants(m->how, m->blend->parts, bin, m->generator);
}

/* What the generator adds to the sums of a candidate to which it gives p, of which it leaves `left` to the items that count. */
static double generator_share(const mixer_t *m, int bin, const candidate_t *c, double p, double left)
{
    const int parts = m->blend->parts;
    return m->how->weight[bin * parts + m->generator] * m->how->factor[c->group * parts + m->generator] * p / left;
}

static double generator_vote(const mixer_t *m, const candidate_t *c, double p, double left)
{
    return mixing_vote(m->how, m->generator, p / left, m->blend->sources.popularity[c->item] > 0);
}

/* The candidate's score then. */
static double score(const mixer_t *m, int bin, const candidate_t *c, double p, double left)
{
    if (bin == EMPTY) return log(c->sum);
    if (!asks_generator(m, bin)) return mixing_score(m->how, c->sum, c->votes);
    return mixing_score(m->how, c->sum + generator_share(m, bin, c, p, left), c->votes + generator_vote(m, c, p, left));
}

/* The candidate for an item, added where it is none yet. */
static candidate_t *candidate(asked_t *asked, accumulator_t *place, int32_t item)
{
    if (!place->touched[item]) {
        GROW(asked->candidates, asked->count, asked->cap);
        asked->candidates[asked->count++] = (candidate_t){.item = item};
        accumulate(place, item, (double)asked->count);
    }
    return &asked->candidates[(int64_t)place->sum[item] - 1];
}

static bool leaves_met_out(const mixer_t *m) { return m->blend->sources.protocol == PROTOCOL_UNSEEN; }

/* Takes what the beam of history i has found. */
static void add_beam(mixer_t *m, int64_t i, accumulator_t *place)
{
    for (int64_t b = i * m->beam_k; b < (i + 1) * m->beam_k && m->beam[b] >= 0; b++) {
        candidate_t *c = candidate(&m->asked[i], place, m->beam[b]);
        c->known = true;
        c->generator = exp((double)m->beam_log_p[b]);
    }
}

static void reserve_best(workspace_t *w, int64_t count)
{
    if (count > w->best_cap) w->best = xreallocarray(w->best, (size_t)(w->best_cap = count), sizeof *w->best);
}

/* Takes the best of each part that counts; of few that the list is held to, all. */
static void add_best(mixer_t *m, const bool wanted[PARTS], const item_set_t *within, asked_t *asked, workspace_t *w)
{
    const int64_t most = max64(m->candidates, asked->places);
    reserve_best(w, most);
    if (within && within->count <= most) {
        for (int64_t i = item_set_next(within, 0); i >= 0; i = item_set_next(within, i + 1)) candidate(asked, &w->place, (int32_t)i);
        return;
    }
    for (part_t p = 0; p < PARTS; p++) {
        if (!wanted[p]) continue;
        const int64_t n = sources_best(&m->blend->sources, &w->answer, p, within, most, w->best);
        for (int64_t j = 0; j < n; j++) candidate(asked, &w->place, w->best[j].item);
    }
}

/* What the generator leaves to the items that count, as far as candidates tell; *least is the least that its beam gives, INFINITY
 * where it has found nothing. */
static double left_to_others(const mixer_t *m, const asked_t *a, double *least)
{
    double met = 0;
    *least = INFINITY;
    for (int64_t i = 0; i < a->count; i++) {
        const candidate_t *c = &a->candidates[i];
        if (leaves_met_out(m) && c->met) met += c->generator;
        if (c->known) *least = fmin(*least, c->generator);
    }
    return fmax(1 - met, GENERATOR_LEFT);
}

/* The k-th largest of the scores that candidates have at least; -INFINITY where there are fewer. */
static double bar(const mixer_t *m, const asked_t *a, int64_t k, double left, ranking_item_t *best)
{
    int64_t n = 0;
    for (int64_t i = 0; i < a->count; i++) {
        const candidate_t *c = &a->candidates[i];
        if (c->barred) continue;
        ranking_offer(best, &n, k, (ranking_item_t){score(m, a->bin, c, c->generator, left), c->item});
    }
    return n < k ? -INFINITY : best[0].score;
}

/* Drops candidates that the generator is not known to know, and that would not be among the k best if they had the least of its
 * beam's probabilities: where a higher one never lowers a score. Met items stay: the others' probabilities hang on theirs. */
static void prune(const mixer_t *m, asked_t *a, int64_t k, ranking_item_t *best)
{
    double least;
    const double left = left_to_others(m, a, &least);
    if (isinf(least) || m->how->power[0] < 0 || m->how->power[1 + m->generator] < 0) return;
    const double least_wanted = bar(m, a, k, left, best);
    int64_t kept = 0;
    for (int64_t i = 0; i < a->count; i++) {
        const candidate_t c = a->candidates[i];
        if (c.known || (leaves_met_out(m) && c.met) || score(m, a->bin, &c, least, left) >= least_wanted)
            a->candidates[kept++] = c;
    }
    a->count = kept;
}

static void gather_history(mixer_t *m, int64_t i, workspace_t *w)
{
    const history_t *h = &m->histories[i];
    const item_set_t *within = m->within ? m->within[i] : NULL;
    asked_t *asked = &m->asked[i];
    const bool asks = asks_generator(m, asked->bin);
    bool wanted[PARTS];
    wanted_by(m, asked->bin, wanted);
    sources_ask(&m->blend->sources, h, m->own ? &m->own[i] : NULL, wanted, &w->answer);
    const accumulator_t *met = &w->answer.sum[PART_REPEAT];
    accumulator_clear(&w->place);
    asked->count = 0;
    asked->places = asks && m->spare ? max64(m->width, m->spare + met->count) : m->k;
    if (asks) add_beam(m, i, &w->place);
    if (asks && leaves_met_out(m))
        for (int64_t j = 0; j < met->count; j++) candidate(asked, &w->place, met->list[j]);
    add_best(m, wanted, within, asked, w);
    for (int64_t j = 0; j < asked->count; j++) {
        candidate_t *c = &asked->candidates[j];
        weigh(m, &w->answer, asked->bin, wanted, c, NULL);
        c->met = met->touched[c->item];
        c->barred = within && !item_set_holds(within, c->item);
    }
    if (asks) prune(m, asked, asked->places, w->best);
}

static void gather(void *ctx, int64_t shard, int worker)
{
    mixer_t *m = ctx;
    for (int64_t i = shard * SHARD; i < min64((shard + 1) * SHARD, m->n); i++) gather_history(m, i, &m->work[worker]);
}

static void queue(mixer_t *m, int32_t item)
{
    GROW(m->items, m->item_count, m->item_cap);
    m->items[m->item_count++] = item;
}

/* Asks the generator about what is queued. */
static void score_queue(mixer_t *m)
{
    m->offsets[m->n] = m->item_count;
    if (m->item_count > m->log_cap) m->log_p = xreallocarray(m->log_p, (size_t)(m->log_cap = m->item_cap), sizeof *m->log_p);
    if (m->item_count) scorer_run(m->scorer, m->n, m->histories, m->offsets, m->items, m->log_p);
}

/* Asks the generator about what its beam has not found, for all histories of the chunk. */
static void score_unknown(mixer_t *m)
{
    m->item_count = 0;
    for (int64_t i = 0; i < m->n; i++) {
        const asked_t *a = &m->asked[i];
        m->offsets[i] = m->item_count;
        for (int64_t j = 0; j < a->count && asks_generator(m, a->bin); j++)
            if (!a->candidates[j].known) queue(m, a->candidates[j].item);
    }
    score_queue(m);
}

static const candidate_t *candidate_of(const asked_t *a, int32_t item)
{
    const candidate_t *c = a->candidates;
    while (c->item != item) c++;
    return c;
}

/* Tells what each part gives to a candidate, of which `left` is as above. */
static unfolding_item_t unfold_item(const mixer_t *m, const sources_answer_t *answer, int bin, const bool wanted[PARTS], candidate_t c,
                                    double left)
{
    unfolding_item_t u = {.item = c.item};
    weigh(m, answer, bin, wanted, &c, u.part);
    u.votes = c.votes;
    if (!asks_generator(m, bin)) return u;
    u.part[PART_GENERATOR] = generator_share(m, bin, &c, c.generator, left);
    u.votes += generator_vote(m, &c, c.generator, left);
    return u;
}

/* Copies what the beam of history i has found. */
static void unfold_beam(const mixer_t *m, int64_t i, unfolding_t *u)
{
    u->found = NEW_ARRAY(int32_t, m->beam_k);
    u->found_score = NEW_ARRAY(float, m->beam_k);
    for (const int64_t first = i * m->beam_k; u->found_count < m->beam_k && m->beam[first + u->found_count] >= 0; u->found_count++) {
        u->found[u->found_count] = m->beam[first + u->found_count];
        u->found_score[u->found_count] = m->beam_log_p[first + u->found_count];
    }
}

/* Tells how the list of history i came about; its evidence, long overwritten, is asked again. */
static void unfold(const mixer_t *m, int64_t i, double left, sources_answer_t *answer)
{
    unfolding_t *u = m->unfoldings[i];
    const asked_t *a = &m->asked[i];
    const int32_t *list = m->ranked + i * m->k;
    bool wanted[PARTS];
    wanted_by(m, a->bin, wanted);
    sources_ask(&m->blend->sources, &m->histories[i], m->own ? &m->own[i] : NULL, wanted, answer);
    u->power = a->bin == EMPTY ? 1 : m->how->power[0];
    u->items = NEW_ARRAY(unfolding_item_t, m->k);
    for (; u->count < m->k && list[u->count] >= 0; u->count++)
        u->items[u->count] = unfold_item(m, answer, a->bin, wanted, *candidate_of(a, list[u->count]), left);
    if (asks_generator(m, a->bin)) unfold_beam(m, i, u);
}

static void rank_history(mixer_t *m, int64_t i, workspace_t *w)
{
    asked_t *a = &m->asked[i];
    ranking_item_t *best = w->best;
    for (int64_t j = 0, at = m->offsets[i]; j < a->count && at < m->offsets[i + 1]; j++)
        if (!a->candidates[j].known) a->candidates[j].generator = exp((double)m->log_p[at++]);
    double least;
    const double left = left_to_others(m, a, &least);
    int64_t n = 0;
    for (int64_t j = 0; j < a->count; j++) {
        const candidate_t *c = &a->candidates[j];
        if (c->barred) continue;
        ranking_offer(best, &n, a->places, (ranking_item_t){score(m, a->bin, c, c->generator, left), c->item});
    }
    qsort(best, (size_t)n, sizeof *best, ranking_best_first);
    for (int64_t j = 0; j < m->k; j++) {
        const bool there = j < n && isfinite(best[j].score);
        m->ranked[i * m->k + j] = there ? best[j].item : -1;
        m->scores[i * m->k + j] = there ? (float)best[j].score : 0;
    }
    if (m->unfoldings && m->unfoldings[i]) unfold(m, i, left, &w->answer);
}

static void rank(void *ctx, int64_t shard, int worker)
{
    mixer_t *m = ctx;
    workspace_t *w = &m->work[worker];
    for (int64_t i = shard * SHARD; i < min64((shard + 1) * SHARD, m->n); i++) {
        reserve_best(w, max64(m->k, m->asked[i].places));
        rank_history(m, i, w);
    }
}

static int64_t shards(int64_t n) { return (n + SHARD - 1) / SHARD; }

/* Finds the chunk's bins; tells whether the generator counts in any. */
static bool find_bins(mixer_t *m)
{
    bool asks = false;
    for (int64_t i = 0; i < m->n; i++) {
        m->asked[i].bin = m->histories[i].count ? blend_bin(m->blend, &m->histories[i]) : EMPTY;
        asks = asks || asks_generator(m, m->asked[i].bin);
    }
    return asks;
}

void mixer_forget(mixer_t *m, const history_t *own) { m->own = own; }
void mixer_restrict(mixer_t *m, const item_set_t *const *within) { m->within = within; }
void mixer_unfold(mixer_t *m, unfolding_t *const *unfoldings) { m->unfoldings = unfoldings; }

/* Asks the generator for the chunk's beams. */
static void search(mixer_t *m)
{
    trail_t **trails = unfolding_trails(m->n, m->unfoldings);
    for (int64_t i = 0; trails && i < m->n; i++)
        if (!asks_generator(m, m->asked[i].bin)) trails[i] = NULL;
    decoder_restrict(m->decoder, m->within);
    decoder_follow(m->decoder, trails);
    decoder_topk(m->decoder, m->n, m->histories, (int)m->width, (int)m->spare, (int)m->beam_k, m->beam, m->beam_log_p);
    free(trails);
}

void mixer_topk(mixer_t *m, const mixing_t *how, int64_t n, const history_t *histories, int width, int spare, int64_t k,
                int32_t *items, float *scores)
{
    const history_t *own = m->own;
    const item_set_t *const *within = m->within;
    unfolding_t *const *unfoldings = m->unfoldings;
    get_ready(m);
    m->how = how;
    m->k = k;
    m->width = width;
    m->spare = spare;
    m->beam_k = max64(width, spare ? k : 0);
    m->beam = NEW_ARRAY(int32_t, min64(n, MIXER_BATCH) * m->beam_k);
    m->beam_log_p = NEW_ARRAY(float, min64(n, MIXER_BATCH) * m->beam_k);
    for (int64_t first = 0; first < n; first += MIXER_BATCH) {
        m->n = min64(MIXER_BATCH, n - first);
        m->histories = histories + first;
        m->own = own ? own + first : NULL;
        m->within = within ? within + first : NULL;
        m->unfoldings = unfoldings ? unfoldings + first : NULL;
        m->ranked = items + first * k;
        m->scores = scores + first * k;
        const bool beam = find_bins(m);
        if (beam) search(m);
        parallel_for(shards(m->n), gather, m);
        score_unknown(m);
        parallel_for(shards(m->n), rank, m);
        if (!beam) progress_add(m->n);
    }
    m->own = own;
    m->within = within;
    m->unfoldings = unfoldings;
    free(m->beam);
    free(m->beam_log_p);
}
