#include "gen/depth.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/ops.h"
#include "nn/vec.h"

static const uint64_t SITE_DEPTH = (uint64_t)1 << 50; /* dropout sites: this and the level */

depth_prefixes_t depth_prefixes_new(const space_t *s, int64_t most)
{
    depth_prefixes_t p = {.most = most};
    p.prefixes = NEW_ARRAY(depth_prefix_t, (int64_t)size_mul((size_t)most, (size_t)s->vocab.levels + 1));
    return p;
}

void depth_prefixes_free(depth_prefixes_t *p)
{
    free(p->prefixes);
    *p = (depth_prefixes_t){0};
}

void depth_prefixes_clear(depth_prefixes_t *p) { memset(p->count, 0, sizeof p->count); }

int32_t depth_prefixes_add(depth_prefixes_t *p, int level, int32_t row, const int32_t *tokens)
{
    if (p->count[level] == p->most) die(EX_SOFTWARE, "depth: more than %lld prefixes of a level", (long long)p->most);
    const int64_t number = level * p->most + p->count[level]++;
    p->prefixes[number] = (depth_prefix_t){row, tokens};
    return (int32_t)number;
}

/* What the forward leaves of one level. */
typedef struct {
    float *g, *inv_rms, *gate_up; /* [most, d], [most], [most, 2 f] */
    operand_t *norm, *act;        /* [most, d], [most, f] */
} level_acts_t;

struct depth {
    const network_t *net;
    activations_pass_t pass;
    int levels;                 /* the suffix's included */
    int64_t most;               /* of a level */
    level_acts_t *level;
    float *states, *dstates;    /* [levels, most, d]; dstates of a training pass only */
    operand_t *states_packed, *packed; /* the first: NULL where operands are floats */
    float *wide, *narrow;       /* scratch [most, max(d, f)], [most, d] */
    void *inner;
};

static level_acts_t level_acts_new(const network_t *net, int64_t rows)
{
    const int64_t d = net->model->config.hidden_size, f = net->model->config.depth_size;
    return (level_acts_t){xfloats((size_t)(rows * d)), xfloats((size_t)rows), xfloats((size_t)(rows * 2 * f)),
                          operands_new(net->backend, rows * d), operands_new(net->backend, rows * f)};
}

static void *inner_new(const model_t *m, int64_t rows)
{
    size_t most = 0;
    for (int64_t l = 0; l < m->config.depth_levels; l++) {
        const size_t gate_up = linear_scratch(&m->depth[l].gate_up, rows), down = linear_scratch(&m->depth[l].down, rows);
        most = gate_up > most ? gate_up : most;
        most = down > most ? down : most;
    }
    return most ? xfloats(most / sizeof(float)) : NULL;
}

depth_t *depth_new(const network_t *net, const space_t *space, activations_pass_t pass, int64_t most)
{
    const model_config_t *c = &net->model->config;
    const int64_t d = c->hidden_size, f = c->depth_size, widest = d > f ? d : f;
    depth_t *h = NEW(depth_t);
    *h = (depth_t){.net = net, .pass = pass, .levels = space->vocab.levels + 1, .most = most};
    if (c->depth_levels < h->levels || most != round_rows(net->backend, most))
        die(EX_SOFTWARE, "depth: a model without %d levels, or room of no round number", h->levels);
    h->level = NEW_ARRAY(level_acts_t, h->levels);
    for (int l = 0; l < h->levels; l++) h->level[l] = l == 0 || pass == PASS_TRAIN ? level_acts_new(net, most) : h->level[0];
    const int64_t rows = (int64_t)size_mul((size_t)most, (size_t)h->levels);
    h->states = xfloats(size_mul((size_t)rows, (size_t)d));
    if (!operands_are_floats(net->backend)) h->states_packed = operands_new(net->backend, rows * d);
    if (pass == PASS_TRAIN) h->dstates = xfloats((size_t)(rows * d));
    h->packed = operands_new(net->backend, most * 2 * widest);
    h->wide = xfloats((size_t)(most * widest));
    h->narrow = xfloats((size_t)(most * d));
    h->inner = inner_new(net->model, most);
    return h;
}

void depth_free(depth_t *h)
{
    if (!h) return;
    for (int l = 0; l < (h->pass == PASS_TRAIN ? h->levels : 1); l++) {
        level_acts_t *a = &h->level[l];
        void *all[] = {a->g, a->inv_rms, a->gate_up, a->norm, a->act};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    }
    void *all[] = {h->level, h->states, h->dstates, h->states_packed, h->packed, h->wide, h->narrow, h->inner};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(h);
}

float *depth_gradient(depth_t *h) { return h->dstates; }

static const float *gain(const depth_t *h, int level) { return params_values(&h->net->model->params, h->net->model->depth[level].norm); }

/* Takes g [rows, d], zero beyond `n`, through a level's block to z. */
static void block_forward(depth_t *h, int level, int64_t n, float *g, dropout_t drop, float *z)
{
    const network_t *net = h->net;
    const model_depth_t *w = &net->model->depth[level];
    const int64_t d = net->model->config.hidden_size, f = net->model->config.depth_size, rows = round_rows(net->backend, n);
    level_acts_t *a = &h->level[level];
    memset(g + n * d, 0, (size_t)((rows - n) * d) * sizeof *g);
    rmsnorm_forward(net->backend, rows, d, (float)net->model->config.rms_norm_eps, g, gain(h, level), a->inv_rms, a->norm, NULL);
    linear_forward(&w->gate_up, &net->weights, rows, a->norm, a->gate_up, h->inner);
    swiglu_forward(net->backend, rows, f, a->gate_up, a->act);
    linear_forward(&w->down, &net->weights, rows, a->act, h->narrow, h->inner);
    residual_dropout_forward(rows * d, g, h->narrow, drop, z);
}

/* Sums up what a level's prefixes say. */
static void sum_up(const depth_t *h, int level, int64_t n, const depth_prefix_t *prefixes, const float *hidden, float *g)
{
    const int64_t d = h->net->model->config.hidden_size;
    for (int64_t i = 0; i < n; i++) {
        memcpy(g + i * d, hidden + prefixes[i].row * d, (size_t)d * sizeof *g);
        for (int l = 0; l < level; l++) vec_add(d, model_embedding(h->net->model, prefixes[i].tokens[l]), g + i * d);
    }
}

const float *depth_forward(depth_t *h, const depth_prefixes_t *p, const float *hidden, double dropout, uint64_t key,
                           const operand_t **packed)
{
    const backend_t *b = h->net->backend;
    const int64_t d = h->net->model->config.hidden_size;
    if (p->most != h->most) die(EX_SOFTWARE, "depth: prefixes in other room than the head's");
    for (int level = 0; level < h->levels; level++) {
        const int64_t n = p->count[level], at = level * h->most * d;
        if (!n) continue;
        sum_up(h, level, n, p->prefixes + level * h->most, hidden, h->level[level].g);
        block_forward(h, level, n, h->level[level].g, dropout_site(dropout, key, SITE_DEPTH + (uint64_t)level), h->states + at);
        if (h->states_packed) b->pack(h->states + at, n * d, operand_at(b, h->states_packed, at));
        if (h->dstates) memset(h->dstates + at, 0, (size_t)(round_rows(b, n) * d) * sizeof *h->dstates);
    }
    *packed = h->states_packed ? h->states_packed : h->states;
    return h->states;
}

/* Turns dx [rows, d] from the gradient of a level's z into that of its g. */
static void block_backward(depth_t *h, int level, int64_t n, dropout_t drop, float *dx, grads_t *grads)
{
    const network_t *net = h->net;
    const model_depth_t *w = &net->model->depth[level];
    const int64_t d = net->model->config.hidden_size, f = net->model->config.depth_size, rows = round_rows(net->backend, n);
    const level_acts_t *a = &h->level[level];
    dropout_backward_pack(net->backend, rows, d, dx, drop, h->packed);
    linear_backward(&w->down, &net->weights, rows, a->act, h->packed, NULL, h->wide, grads, h->inner);
    swiglu_backward(net->backend, rows, f, a->gate_up, h->wide, h->packed);
    linear_backward(&w->gate_up, &net->weights, rows, a->norm, h->packed, NULL, h->narrow, grads, h->inner);
    rmsnorm_backward(n, d, a->g, gain(h, level), a->inv_rms, h->narrow, dx, grads_block(grads, w->norm));
}

void depth_backward(depth_t *h, const depth_prefixes_t *p, double dropout, uint64_t key, float *dhidden, grads_t *grads)
{
    const model_t *m = h->net->model;
    const int64_t d = m->config.hidden_size;
    for (int level = 0; level < h->levels; level++) {
        float *dx = h->dstates + level * h->most * d;
        if (!p->count[level]) continue;
        block_backward(h, level, p->count[level], dropout_site(dropout, key, SITE_DEPTH + (uint64_t)level), dx, grads);
        for (int64_t i = 0; i < p->count[level]; i++) {
            const depth_prefix_t *at = &p->prefixes[level * h->most + i];
            vec_add(d, dx + i * d, dhidden + at->row * d);
            for (int l = 0; l < level; l++) {
                float *g = grads_row(grads, m->embed, at->tokens[l]);
                if (g) vec_add(d, dx + i * d, g);
            }
        }
    }
}

void depth_level(depth_t *h, int level, int64_t rows, float *g, float *z)
{
    if (rows > h->most) die(EX_SOFTWARE, "depth: a step beyond its space");
    block_forward(h, level, rows, g, dropout_site(0, 0, 0), z);
}
