#include "gen/scorer.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "gen/head.h"
#include "gen/stepper.h"
#include "nn/vec.h"

enum { BATCH = 32, BATCH_ITEMS = 1 << 18 }; /* the most histories, and items unless one history has more, that are scored together */

/* An item on its way down the trie. */
typedef struct {
    int64_t path[SID_MAX_TOKENS + 1]; /* its nodes by depth, the root first */
    int length;                       /* depth of its leaf */
    int32_t history, row;             /* of the batch; whose state its next token is chosen by */
    int64_t place;                    /* among the call's items */
    float score;
} walker_t;

typedef struct {
    stepper_t *stepper;
    float *logits; /* [widest] */
    walker_t *walkers;
    int64_t count, cap;
} workspace_t;

struct scorer {
    const network_t *net;
    const space_t *space;
    float inverse_temperature;
    workspace_t *work;
    int workers;
    /* the call at hand */
    int64_t n;
    const history_t *histories;
    const int64_t *offsets;
    const int32_t *items;
    int64_t batch; /* histories */
    stepper_room_t room;
    float *scores;
};

scorer_t *scorer_new(const network_t *net, const space_t *space, double temperature)
{
    scorer_t *s = NEW(scorer_t);
    s->net = net;
    s->space = space;
    s->inverse_temperature = (float)(1 / temperature);
    return s;
}

static void drop_work(scorer_t *s)
{
    for (int i = 0; i < s->workers; i++) {
        stepper_free(s->work[i].stepper);
        free(s->work[i].logits);
        free(s->work[i].walkers);
    }
    free(s->work);
}

void scorer_free(scorer_t *s)
{
    if (!s) return;
    drop_work(s);
    free(s);
}

static walker_t walker_of(const trie_t *t, int32_t item)
{
    walker_t w = {0};
    for (int64_t node = t->leaf[item]; node > 0; node = t->parent[node]) w.length++;
    int depth = w.length;
    for (int64_t node = t->leaf[item]; node >= 0; node = t->parent[node]) w.path[depth--] = node;
    return w;
}

/* Orders by history, then by Semantic ID, so that those who share a prefix stand together. */
static int by_path(const void *pa, const void *pb)
{
    const walker_t *a = pa, *b = pb;
    if (a->history != b->history) return a->history < b->history ? -1 : 1;
    for (int d = 0; d <= a->length && d <= b->length; d++)
        if (a->path[d] != b->path[d]) return a->path[d] < b->path[d] ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

static void gather(const scorer_t *s, workspace_t *w, int64_t first, int64_t n)
{
    w->count = 0;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t at = s->offsets[first + i]; at < s->offsets[first + i + 1]; at++) {
            GROW(w->walkers, w->count, w->cap);
            walker_t *walker = &w->walkers[w->count++];
            *walker = walker_of(&s->space->trie, s->items[at]);
            walker->history = walker->row = (int32_t)i;
            walker->place = at;
        }
    }
    if (w->count) qsort(w->walkers, (size_t)w->count, sizeof *w->walkers, by_path);
}

/* True once nothing is left to choose between the item's node at a depth and its leaf. */
static bool is_done(const space_t *space, const walker_t *w, int depth)
{
    if (depth >= w->length) return true;
    return space->softmax == SOFTMAX_TRIE && space_certain(space, w->path[depth]) == w->path[w->length];
}

/* Two that have come by the same prefix to the node at a depth. */
static bool together(const walker_t *a, const walker_t *b, int depth)
{
    return a->history == b->history && a->path[depth] == b->path[depth];
}

/* Adds what the next token costs the walkers [0 .. n), who stand at one node. */
static void choose(const scorer_t *s, workspace_t *w, walker_t *walkers, int64_t n, int level)
{
    const trie_t *t = &s->space->trie;
    const int64_t node = walkers->path[level];
    const allowed_set_t set = space_next(s->space, level, node);
    if (set.kind == ALLOWED_CHILDREN && t->children[node] == 1) return;
    const allowed_t a = head_logits(s->net, s->space, set, stepper_state(w->stepper, walkers->row), s->inverse_temperature, w->logits);
    const float norm = vec_log_sum_exp(a.n, w->logits);
    for (int64_t i = 0; i < n; i++) {
        const int64_t child = walkers[i].path[level + 1];
        walkers[i].score = walkers[i].score + w->logits[a.tokens ? child - t->first[node] : t->token[child] - a.first] - norm;
    }
}

/* Takes all walkers from a level's prefixes to the next, where each distinct prefix that is not done becomes a row. */
static void descend(const scorer_t *s, workspace_t *w, int level)
{
    for (int64_t i = 0, n; i < w->count; i += n) {
        walker_t *at = &w->walkers[i];
        for (n = 1; i + n < w->count && together(at, at + n, level);) n++;
        if (!is_done(s->space, at, level)) choose(s, w, at, n, level);
    }
    for (int64_t i = 0, n; i < w->count; i += n) {
        walker_t *at = &w->walkers[i];
        for (n = 1; i + n < w->count && together(at, at + n, level + 1);) n++;
        if (is_done(s->space, at, level + 1)) continue;
        const int32_t row = stepper_push_token(w->stepper, at->row, s->space->trie.token[at->path[level + 1]]);
        for (int64_t j = 0; j < n; j++) at[j].row = row;
    }
}

static void score_batch(void *ctx, int64_t batch, int worker)
{
    scorer_t *s = ctx;
    workspace_t *w = &s->work[worker];
    const int64_t first = batch * s->batch, n = min64(s->batch, s->n - first);
    gather(s, w, first, n);
    if (!w->count) return;
    if (!w->stepper) {
        w->stepper = stepper_new(s->net, s->space);
        w->logits = xfloats((size_t)s->space->widest);
    }
    stepper_reserve(w->stepper, s->room);
    stepper_begin(w->stepper, n, s->histories + first);
    for (int level = 0; level <= s->space->vocab.levels; level++) {
        descend(s, w, level);
        if (!stepper_advance(w->stepper)) break;
    }
    for (int64_t i = 0; i < w->count; i++) s->scores[w->walkers[i].place] = w->walkers[i].score;
}

/* The most items of so many histories on end: no step has more prefixes. */
static int64_t most_items(int64_t n, const int64_t *offsets, int64_t batch)
{
    int64_t most = 0;
    for (int64_t i = 0; i < n; i += batch) most = max64(most, offsets[min64(i + batch, n)] - offsets[i]);
    return most;
}

void scorer_run(scorer_t *s, int64_t n, const history_t *histories, const int64_t *offsets, const int32_t *items, float *scores)
{
    if (s->workers != parallel_workers()) {
        drop_work(s);
        s->workers = parallel_workers();
        s->work = NEW_ARRAY(workspace_t, s->workers);
    }
    s->n = n;
    s->histories = histories;
    s->offsets = offsets;
    s->items = items;
    s->scores = scores;
    s->batch = min64(BATCH, max64(1, BATCH_ITEMS / max64(1, most_items(n, offsets, 1))));
    s->room = stepper_measure(s->space, n, histories, s->batch, 0);
    s->room.step_rows = most_items(n, offsets, s->batch);
    parallel_for((n + s->batch - 1) / s->batch, score_batch, s);
}
