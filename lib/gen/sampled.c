#include "gen/sampled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/vec.h"

static const float NOTHING = -1e30f; /* a logit that adds nothing to any sum of exponentials */

struct sampled {
    const network_t *net;
    const space_t *space;
    tile_t *tile;
    int32_t draws;
    uint64_t key;
    int32_t *tokens; /* [1 + draws] a position's own, and the draws */
    float *x;        /* [1 + draws] */
    float *own;      /* [hidden_size] a position's own token's row */
    int64_t *chosen; /* [tile_rows()] */
    bool *taken;     /* [taken_cap] positions of the pass that were in a tile already */
    int64_t taken_cap;
};

sampled_t *sampled_new(const network_t *net, const space_t *space, tile_t *tile, int64_t draws)
{
    sampled_t *s = NEW(sampled_t);
    *s = (sampled_t){.net = net, .space = space, .tile = tile, .draws = (int32_t)draws};
    s->tokens = NEW_ARRAY(int32_t, draws + 1);
    s->x = xfloats((size_t)draws + 1);
    s->own = xfloats((size_t)net->model->config.hidden_size);
    s->chosen = NEW_ARRAY(int64_t, tile_rows(net, draws));
    return s;
}

void sampled_free(sampled_t *s)
{
    if (!s) return;
    free(s->tokens);
    free(s->x);
    free(s->own);
    free(s->chosen);
    free(s->taken);
    free(s);
}

void sampled_key(sampled_t *s, uint64_t key) { s->key = key; }

bool sampled_takes(const sampled_t *s, allowed_set_t set)
{
    return s && space_allowed(s->space, set).n > s->draws && !scored_by_nodes(s->net->model, set);
}

static bool same_set(allowed_set_t a, allowed_set_t b)
{
    return a.kind == b.kind && a.level == b.level && a.node == b.node && a.first == b.first && a.count == b.count;
}

/* Returns draw j of a set. */
static int32_t draw(const sampled_t *s, const allowed_t *all, int32_t j)
{
    return allowed_token(all, (int32_t)rng_below(s->key, (uint64_t)j, (uint64_t)all->n));
}

/* Fills a tile with position `first` and those after it that have the same set. */
static tile_of_t make_tile(sampled_t *s, const scored_pass_t *p, int64_t first, const allowed_t *all)
{
    const int64_t most = tile_rows(s->net, s->draws);
    int64_t n = 0;
    for (int64_t i = first; i < p->count && n < most; i++) {
        if (s->taken[i] || !same_set(p->positions[i].set, p->positions[first].set)) continue;
        s->taken[i] = true;
        s->chosen[n++] = i;
    }
    for (int32_t j = 0; j < s->draws; j++) s->tokens[1 + j] = draw(s, all, j);
    return (tile_of_t){n, s->chosen, {.n = s->draws, .tokens = s->tokens + 1},
                       scored_block(s->net->model, p->positions[first].set)};
}

/* Lets fn see a position's own logit and those of the draws, row[0 .. draws), and leaves the draws' gradient in their place. */
static void score(sampled_t *s, const scored_pass_t *p, int64_t i, float raise, float *row)
{
    const scored_position_t *at = &p->positions[i];
    const model_t *m = s->net->model;
    const int64_t d = m->config.hidden_size;
    const int block = scored_block(m, at->set);
    const float *state = p->hidden + at->row * d, *own = s->own;
    scored_row(m, block, at->token, s->own);
    const allowed_t sample = {.n = 1 + s->draws, .tokens = s->tokens};
    s->tokens[0] = at->token;
    s->x[0] = vec_dot(d, state, own);
    for (int32_t j = 1; j <= s->draws; j++) s->x[j] = s->tokens[j] == at->token ? NOTHING : row[j - 1] + raise;
    p->fn(p->ctx, i, &sample, s->x);
    if (!p->grads) return;
    for (int32_t j = 1; j <= s->draws; j++) row[j - 1] = s->tokens[j] == at->token ? 0 : s->x[j];
    vec_add_scaled(d, s->x[0], own, p->dhidden + at->row * d);
    float *down = scored_row_grad(m, block, at->token, p->grads);
    if (down) vec_add_scaled(d, s->x[0], state, down);
}

/* Forgets which positions were taken. */
static void begin(sampled_t *s, int64_t count)
{
    while (count > s->taken_cap) GROW(s->taken, count, s->taken_cap);
    memset(s->taken, 0, (size_t)count * sizeof *s->taken);
}

void sampled_pass(sampled_t *s, const scored_pass_t *p)
{
    begin(s, p->count);
    for (int64_t first = 0; first < p->count; first++) {
        const allowed_set_t set = p->positions[first].set;
        if (s->taken[first] || !sampled_takes(s, set)) continue;
        const allowed_t all = space_allowed(s->space, set);
        const tile_of_t at = make_tile(s, p, first, &all);
        float *logits = tile_forward(s->tile, p, &at);
        for (int64_t i = 0; i < at.n; i++)
            score(s, p, at.chosen[i], logf((float)all.n / (float)s->draws), logits + i * s->draws);
        if (p->grads) tile_backward(s->tile, p, &at);
    }
}

void sampled_want(const sampled_t *s, int64_t count, const scored_position_t *positions, loan_t *loan)
{
    const int items = s->net->model->item_vectors;
    const allowed_t all = space_allowed(s->space, allowed_items());
    bool drawn = false; /* the draws are the same for all */
    for (int64_t i = 0; i < count; i++) {
        if (positions[i].set.kind != ALLOWED_ITEMS) continue;
        loan_want(loan, items, positions[i].token, 1);
        for (int32_t j = 0; !drawn && j < s->draws; j++) loan_want(loan, items, draw(s, &all, j), 1);
        drawn = true;
    }
}
