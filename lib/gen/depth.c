#include "gen/depth.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/vec.h"

static const uint64_t SITE_DEPTH = (uint64_t)1 << 50, SITE_THINK = (uint64_t)1 << 51; /* dropout sites: these and the level */

depth_prefixes_t depth_prefixes_new(const space_t *s, int64_t most, bool chained)
{
    depth_prefixes_t p = {.most = most, .chained = chained};
    p.prefixes = NEW_ARRAY(depth_prefix_t, (int64_t)size_mul((size_t)most, (size_t)s->vocab.levels + 1));
    return p;
}

void depth_prefixes_free(depth_prefixes_t *p)
{
    free(p->prefixes);
    *p = (depth_prefixes_t){0};
}

void depth_prefixes_clear(depth_prefixes_t *p) { memset(p->count, 0, sizeof p->count); }

int32_t depth_prefixes_add(depth_prefixes_t *p, depth_chain_t *chain, int level, int32_t row, const int32_t *tokens)
{
    for (int l = p->chained ? chain->level + 1 : level; l <= level; l++) {
        if (p->count[l] == p->most) die(EX_SOFTWARE, "depth: more than %lld prefixes of a level", (long long)p->most);
        const int32_t above = l && p->chained ? (int32_t)(chain->number - (l - 1) * p->most) : -1;
        const int64_t number = l * p->most + p->count[l]++;
        p->prefixes[number] = (depth_prefix_t){row, above, tokens};
        chain->number = (int32_t)number;
    }
    chain->level = level;
    return chain->number;
}

/* What the forward leaves of one level. */
typedef struct {
    float *g; /* [most, d] */
    gated_acts_t block, think;
} level_acts_t;

struct depth {
    const network_t *net;
    activations_pass_t pass;
    int levels;                 /* the suffix's included */
    int thinks;                 /* levels that think, the first */
    int64_t most;               /* of a level */
    level_acts_t *level;
    float *states, *dstates;    /* [levels, most, d]; dstates of a training pass only */
    float *thoughts, *dthoughts; /* [thinks, most, d], likewise */
    operand_t *states_packed;   /* NULL where operands are floats */
    gated_room_t room, think_room;
};

static level_acts_t level_acts_new(const network_t *net, int level, int64_t rows)
{
    const model_t *m = net->model;
    level_acts_t a = {.g = xfloats((size_t)(rows * m->config.hidden_size)),
                      .block = gated_acts_new(net->backend, &m->depth[level], rows)};
    if (level < m->config.think_levels) a.think = gated_acts_new(net->backend, &m->think[level], rows);
    return a;
}

static float *rows_of(int64_t levels, int64_t most, int64_t d)
{
    return xfloats(size_mul(size_mul((size_t)most, (size_t)levels), (size_t)d));
}

depth_t *depth_new(const network_t *net, const space_t *space, activations_pass_t pass, int64_t most)
{
    const model_t *m = net->model;
    const int64_t d = m->config.hidden_size;
    depth_t *h = NEW(depth_t);
    *h = (depth_t){.net = net, .pass = pass, .levels = space->vocab.levels + 1, .thinks = (int)m->config.think_levels,
                   .most = most};
    if (m->config.depth_levels < h->levels || most != round_rows(net->backend, most))
        die(EX_SOFTWARE, "depth: a model without %d levels, or room of no round number", h->levels);
    h->level = NEW_ARRAY(level_acts_t, h->levels);
    for (int l = 0; l < h->levels; l++) h->level[l] = l == 0 || pass_trains(pass) ? level_acts_new(net, l, most) : h->level[0];
    h->states = rows_of(h->levels, most, d);
    if (h->thinks) h->thoughts = rows_of(h->thinks, most, d);
    if (!operands_are_floats(net->backend)) h->states_packed = operands_new(net->backend, most * h->levels * d);
    if (pass_trains(pass)) h->dstates = rows_of(h->levels, most, d);
    if (pass_trains(pass) && h->thinks) h->dthoughts = rows_of(h->thinks, most, d);
    h->room = gated_room_new(net->backend, m->config.depth_levels, m->depth, most);
    if (h->thinks) h->think_room = gated_room_new(net->backend, h->thinks, m->think, most);
    return h;
}

void depth_free(depth_t *h)
{
    if (!h) return;
    for (int l = 0; l < (pass_trains(h->pass) ? h->levels : 1); l++) {
        free(h->level[l].g);
        gated_acts_free(&h->level[l].block);
        gated_acts_free(&h->level[l].think);
    }
    gated_room_free(&h->room);
    gated_room_free(&h->think_room);
    void *all[] = {h->level, h->states, h->dstates, h->thoughts, h->dthoughts, h->states_packed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(h);
}

float *depth_gradient(depth_t *h) { return h->dstates; }

static int64_t width_of(const depth_t *h) { return h->net->model->config.hidden_size; }

const float *depth_thoughts(const depth_t *h, int level) { return h->thoughts + level * h->most * width_of(h); }
float *depth_thoughts_gradient(depth_t *h, int level) { return h->dthoughts + level * h->most * width_of(h); }

/* A pass's dropout of what a level's block adds, or of what it thinks. */
static dropout_t drop_at(double dropout, uint64_t key, int level, uint64_t site)
{
    return dropout_site(dropout, key, site + (uint64_t)level);
}

/* Clears the rows that only round n up. */
static int64_t round_up(const depth_t *h, int64_t n, float *g)
{
    const int64_t d = width_of(h), rows = round_rows(h->net->backend, n);
    memset(g + n * d, 0, (size_t)((rows - n) * d) * sizeof *g);
    return rows;
}

/* Takes g [rows, d] through a level's block to z. */
static void block_forward(depth_t *h, int level, int64_t n, float *g, dropout_t drop, float *z)
{
    gated_forward(&h->net->model->depth[level], &h->net->weights, round_up(h, n, g), g, drop, &h->level[level].block, &h->room, z);
}

/* Takes g [rows, d] through what a level thinks to t, which may be g. */
static void think_forward(depth_t *h, int level, int64_t n, float *g, dropout_t drop, float *t)
{
    const model_t *m = h->net->model;
    const int64_t d = width_of(h);
    gated_forward(&m->think[level], &h->net->weights, round_up(h, n, g), g, drop, &h->level[level].think, &h->think_room, t);
    for (int64_t i = 0; i < n; i++) vec_add(d, model_row(m, m->think_vectors, level), t + i * d);
}

/* Sums up what a level's prefixes say. */
static void sum_up(const depth_t *h, int level, int64_t n, const depth_prefix_t *prefixes, const float *hidden, float *g)
{
    const int64_t d = width_of(h);
    for (int64_t i = 0; i < n; i++) {
        memcpy(g + i * d, hidden + prefixes[i].row * d, (size_t)d * sizeof *g);
        for (int l = 0; l < level; l++) vec_add(d, model_embedding(h->net->model, prefixes[i].tokens[l]), g + i * d);
    }
}

/* Goes on from the thoughts of the level above. */
static void go_on(const depth_t *h, int level, int64_t n, const depth_prefix_t *prefixes, const float *hidden, float *g)
{
    const int64_t d = width_of(h);
    for (int64_t i = 0; i < n; i++) {
        const float *from = level ? depth_thoughts(h, level - 1) + prefixes[i].above * d : hidden + prefixes[i].row * d;
        memcpy(g + i * d, from, (size_t)d * sizeof *g);
        if (level) vec_add(d, model_embedding(h->net->model, prefixes[i].tokens[level - 1]), g + i * d);
    }
}

/* Takes a level's prefixes to what its block reads. */
static float *level_input(depth_t *h, int level, const depth_prefixes_t *p, const float *hidden, dropout_t drop)
{
    const int64_t n = p->count[level], d = width_of(h);
    float *g = h->level[level].g;
    (h->thinks ? go_on : sum_up)(h, level, n, p->prefixes + level * h->most, hidden, g);
    if (level >= h->thinks) return g;
    float *t = h->thoughts + level * h->most * d;
    think_forward(h, level, n, g, drop, t);
    if (h->dthoughts)
        memset(depth_thoughts_gradient(h, level), 0, (size_t)(round_rows(h->net->backend, n) * d) * sizeof *t);
    return t;
}

const float *depth_forward(depth_t *h, const depth_prefixes_t *p, const float *hidden, double dropout, uint64_t key,
                           const operand_t **packed)
{
    const backend_t *b = h->net->backend;
    const int64_t d = width_of(h);
    if (p->most != h->most || (h->thinks && !p->chained)) die(EX_SOFTWARE, "depth: prefixes in other room than the head's");
    for (int level = 0; level < h->levels; level++) {
        const int64_t n = p->count[level], at = level * h->most * d;
        if (!n) continue;
        float *x = level_input(h, level, p, hidden, drop_at(dropout, key, level, SITE_THINK));
        block_forward(h, level, n, x, drop_at(dropout, key, level, SITE_DEPTH), h->states + at);
        if (h->states_packed) b->pack(h->states + at, n * d, operand_at(b, h->states_packed, at));
        if (h->dstates) memset(h->dstates + at, 0, (size_t)(round_rows(b, n) * d) * sizeof *h->dstates);
    }
    *packed = h->states_packed ? h->states_packed : h->states;
    return h->states;
}

/* Turns dx [rows, d] from the gradient of a level's z into that of what its block read, x. */
static void block_backward(depth_t *h, int level, int64_t n, const float *x, dropout_t drop, float *dx, grads_t *grads)
{
    gated_backward(&h->net->model->depth[level], &h->net->weights, n, x, drop, &h->level[level].block, &h->room, dx, grads);
}

/* Adds a row's gradient to that of a token's embedding. */
static void token_backward(const depth_t *h, int32_t token, const float *dx, grads_t *grads)
{
    float *g = grads_row(grads, h->net->model->embed, token);
    if (g) vec_add(width_of(h), dx, g);
}

static void sums_backward(depth_t *h, int level, const depth_prefixes_t *p, double dropout, uint64_t key, float *dhidden,
                          grads_t *grads)
{
    const int64_t d = width_of(h);
    float *dx = h->dstates + level * h->most * d;
    block_backward(h, level, p->count[level], h->level[level].g, drop_at(dropout, key, level, SITE_DEPTH), dx, grads);
    for (int64_t i = 0; i < p->count[level]; i++) {
        const depth_prefix_t *at = &p->prefixes[level * h->most + i];
        vec_add(d, dx + i * d, dhidden + at->row * d);
        for (int l = 0; l < level; l++) token_backward(h, at->tokens[l], dx + i * d, grads);
    }
}

/* Turns the gradient of a level's thoughts into that of what they came from, in place. */
static void think_backward(depth_t *h, int level, int64_t n, dropout_t drop, grads_t *grads)
{
    const model_t *m = h->net->model;
    const int64_t d = width_of(h);
    float *dt = depth_thoughts_gradient(h, level), *dvector = grads_row(grads, m->think_vectors, level);
    for (int64_t i = 0; dvector && i < n; i++) vec_add(d, dt + i * d, dvector);
    gated_backward(&m->think[level], &h->net->weights, n, h->level[level].g, drop, &h->level[level].think, &h->think_room, dt,
                   grads);
}

/* Takes a level of a model that thinks back to the thoughts above it. */
static void chain_backward(depth_t *h, int level, const depth_prefixes_t *p, double dropout, uint64_t key, float *dhidden,
                           grads_t *grads)
{
    const int64_t d = width_of(h), n = p->count[level];
    const bool thinks = level < h->thinks;
    const float *x = thinks ? depth_thoughts(h, level) : h->level[level].g;
    float *dx = h->dstates + level * h->most * d;
    block_backward(h, level, n, x, drop_at(dropout, key, level, SITE_DEPTH), dx, grads);
    if (thinks) {
        vec_add(n * d, dx, depth_thoughts_gradient(h, level));
        think_backward(h, level, n, drop_at(dropout, key, level, SITE_THINK), grads);
        dx = depth_thoughts_gradient(h, level);
    }
    for (int64_t i = 0; i < n; i++) {
        const depth_prefix_t *at = &p->prefixes[level * h->most + i];
        vec_add(d, dx + i * d, level ? depth_thoughts_gradient(h, level - 1) + at->above * d : dhidden + at->row * d);
        if (level) token_backward(h, at->tokens[level - 1], dx + i * d, grads);
    }
}

void depth_backward(depth_t *h, const depth_prefixes_t *p, double dropout, uint64_t key, float *dhidden, grads_t *grads)
{
    for (int i = 0; i < h->levels; i++) {
        const int level = h->thinks ? h->levels - 1 - i : i; /* thoughts get gradients from the levels below */
        if (p->count[level]) (h->thinks ? chain_backward : sums_backward)(h, level, p, dropout, key, dhidden, grads);
    }
}

void depth_level(depth_t *h, int level, int64_t rows, float *g, float *z)
{
    if (rows > h->most) die(EX_SOFTWARE, "depth: a step beyond its space");
    if (level < h->thinks) think_forward(h, level, rows, g, dropout_site(0, 0, 0), g);
    block_forward(h, level, rows, g, dropout_site(0, 0, 0), z);
}
