#include "gen/thoughts.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/vec.h"

struct thoughts {
    const network_t *net;
    const space_t *space;
    int levels;                   /* that think */
    int64_t rows, most;
    float *states, *dstates;      /* [rows + (levels + 1) * most, d]; dstates of a training pass only */
    operand_t *states_packed;     /* NULL where operands are floats */
    float *thoughts, *dthoughts;  /* [levels, most, d], likewise */
    float *dwave;                 /* [2 * most, d] gradient of a wave's states */
    wave_row_t *row;              /* [thoughts_rows()] of all waves */
    int64_t *start;               /* [rows] where a row's segment begins */
    wave_t waves[SID_MAX_LEVELS]; /* of level l: its thoughts, then the codes that stand behind them */
};

static int64_t width_of(const thoughts_t *t) { return t->net->model->config.hidden_size; }

int64_t thoughts_rows(const network_t *net, const space_t *space, int64_t rows, int64_t most)
{
    return round_rows(net->backend, rows) + space->vocab.levels * round_rows(net->backend, 2 * most);
}

int64_t thoughts_longer(const space_t *space) { return 2 * space->vocab.levels; }

thoughts_t *thoughts_new(const network_t *net, const space_t *space, activations_pass_t pass, int64_t rows, int64_t most)
{
    const int levels = space->vocab.levels;
    const size_t d = (size_t)net->model->config.hidden_size;
    const size_t states = (size_t)rows + size_mul((size_t)levels + 1, (size_t)most), thoughts = size_mul((size_t)levels, (size_t)most);
    if (net->model->config.think_levels != levels) die(EX_SOFTWARE, "thoughts: a model that does not think at %d levels", levels);
    thoughts_t *t = NEW(thoughts_t);
    *t = (thoughts_t){.net = net, .space = space, .levels = levels, .rows = rows, .most = most};
    t->states = xfloats(size_mul(states, d));
    t->thoughts = xfloats(size_mul(thoughts, d));
    if (!operands_are_floats(net->backend)) t->states_packed = operands_new(net->backend, (int64_t)size_mul(states, d));
    if (pass_trains(pass)) {
        t->dstates = xfloats(size_mul(states, d));
        t->dthoughts = xfloats(size_mul(thoughts, d));
        t->dwave = xfloats(size_mul(2 * (size_t)most, d));
    }
    t->row = NEW_ARRAY(wave_row_t, thoughts_rows(net, space, rows, most));
    t->start = NEW_ARRAY(int64_t, rows);
    return t;
}

void thoughts_free(thoughts_t *t)
{
    if (!t) return;
    void *all[] = {t->states, t->dstates, t->states_packed, t->thoughts, t->dthoughts, t->dwave, t->row, t->start};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(t);
}

float *thoughts_states_gradient(thoughts_t *t) { return t->dstates; }
const float *thoughts_of(const thoughts_t *t, int level) { return t->thoughts + level * t->most * width_of(t); }
float *thoughts_gradient(thoughts_t *t, int level) { return t->dthoughts + level * t->most * width_of(t); }

/* Finds the activations' rows of a level's thoughts, and of the codes that its prefixes end with. */
static int64_t thoughts_row(const thoughts_t *t, int level) { return t->waves[level].first; }
static int64_t codes_row(const thoughts_t *t, const depth_prefixes_t *p, int level)
{
    return t->waves[level - 1].first + p->count[level - 1];
}

static const depth_prefix_t *prefixes_of(const depth_prefixes_t *p, int level) { return p->prefixes + level * p->most; }

/* Says where the waves' rows stand. */
static void lay_out(thoughts_t *t, const segments_t *segments, const depth_prefixes_t *p)
{
    int64_t first = t->rows;
    for (int64_t g = 0; g < segments->count; g++)
        for (int64_t r = segments->bounds[g]; r < segments->bounds[g + 1]; r++) t->start[r] = segments->bounds[g];
    for (int l = 0; l < t->levels; l++) {
        t->waves[l] = (wave_t){first, p->count[l] + p->count[l + 1], t->row};
        first += round_rows(t->net->backend, t->waves[l].rows);
    }
    for (int l = 0; l <= t->levels; l++)
        for (int64_t i = 0; i < p->count[l]; i++) {
            const depth_prefix_t *at = &prefixes_of(p, l)[i];
            wave_row_t row = {t->start[at->row], at->row - t->start[at->row] + 1, -1};
            if (l) {
                row.above = thoughts_row(t, l - 1) + at->above;
                t->row[codes_row(t, p, l) + i] = row;
                row.above = codes_row(t, p, l) + i;
            }
            if (l < t->levels) t->row[thoughts_row(t, l) + i] = row;
        }
}

/* Thinks of what follows a level's prefixes, by the states that stand before them. */
static void think(thoughts_t *t, activations_t *acts, int level, const depth_prefixes_t *p, const float *hidden, const float *above)
{
    const int64_t d = width_of(t), n = p->count[level];
    const float *vector = model_row(t->net->model, t->net->model->think_vectors, level);
    float *out = t->thoughts + level * t->most * d;
    for (int64_t i = 0; i < n; i++) {
        memcpy(out + i * d, level ? above + i * d : hidden + prefixes_of(p, level)[i].row * d, (size_t)d * sizeof *out);
        vec_add(d, vector, out + i * d);
    }
    memcpy(activations_input(acts) + thoughts_row(t, level) * d, out, (size_t)(n * d) * sizeof *out);
}

static void read_codes(const thoughts_t *t, activations_t *acts, int level, const depth_prefixes_t *p)
{
    const int64_t d = width_of(t);
    float *x = activations_input(acts) + codes_row(t, p, level) * d;
    for (int64_t i = 0; i < p->count[level]; i++)
        memcpy(x + i * d, model_embedding(t->net->model, prefixes_of(p, level)[i].tokens[level - 1]), (size_t)d * sizeof *x);
}

static float *states_of(const thoughts_t *t, float *states, int level) { return states + (t->rows + level * t->most) * width_of(t); }

static uint64_t wave_key(uint64_t key, int level) { return rng_key(rng_stream(key, "wave"), (uint64_t)level); }

const float *thoughts_forward(thoughts_t *t, activations_t *acts, const segments_t *segments, const depth_prefixes_t *p,
                              const float *hidden, double dropout, uint64_t key, const operand_t **packed)
{
    const int64_t d = width_of(t), all = t->rows + (t->levels + 1) * t->most;
    const float *above = NULL;
    if (segments->rows > t->rows || p->most != t->most || !p->chained) die(EX_SOFTWARE, "thoughts: a pass beyond their space");
    lay_out(t, segments, p);
    memcpy(t->states, hidden, (size_t)(segments->rows * d) * sizeof *t->states);
    for (int l = 0; l < t->levels && p->count[l]; l++) {
        think(t, acts, l, p, hidden, above);
        read_codes(t, acts, l + 1, p);
        const float *states = transformer_wave_forward(t->net, acts, &t->waves[l], dropout, wave_key(key, l));
        memcpy(states_of(t, t->states, l), states, (size_t)(p->count[l] * d) * sizeof *states);
        above = states + p->count[l] * d;
        if (l + 1 == t->levels) memcpy(states_of(t, t->states, l + 1), above, (size_t)(p->count[l + 1] * d) * sizeof *states);
    }
    if (t->dstates) {
        memset(t->dstates, 0, (size_t)(all * d) * sizeof *t->dstates);
        memset(t->dthoughts, 0, (size_t)(t->levels * t->most * d) * sizeof *t->dthoughts);
    }
    *packed = operands_of(t->net->backend, t->states, all * d, t->states_packed);
    return t->states;
}

static void add_row(grads_t *grads, int block, int64_t row, int64_t d, const float *dx)
{
    float *g = grads_row(grads, block, row);
    if (g) vec_add(d, dx, g);
}

/* Gathers the gradient of a wave's states: what its thoughts predicted, and what was thought, or predicted, behind its codes. */
static void gather_wave(thoughts_t *t, int level, const depth_prefixes_t *p)
{
    const int64_t d = width_of(t), n = p->count[level], codes = p->count[level + 1];
    const float *behind = level + 1 < t->levels ? thoughts_gradient(t, level + 1) : states_of(t, t->dstates, level + 1);
    memcpy(t->dwave, states_of(t, t->dstates, level), (size_t)(n * d) * sizeof *t->dwave);
    memcpy(t->dwave + n * d, behind, (size_t)(codes * d) * sizeof *t->dwave);
}

static void scatter_wave(thoughts_t *t, int level, const depth_prefixes_t *p, const float *dx, float *dhidden, grads_t *grads)
{
    const model_t *m = t->net->model;
    const int64_t d = width_of(t), n = p->count[level];
    float *dt = thoughts_gradient(t, level);
    vec_add(n * d, dx, dt);
    for (int64_t i = 0; i < n; i++) add_row(grads, m->think_vectors, level, d, dt + i * d);
    for (int64_t i = 0; !level && i < n; i++) vec_add(d, dt + i * d, dhidden + prefixes_of(p, level)[i].row * d);
    for (int64_t i = 0; i < p->count[level + 1]; i++)
        add_row(grads, m->embed, prefixes_of(p, level + 1)[i].tokens[level], d, dx + (n + i) * d);
}

void thoughts_backward(thoughts_t *t, activations_t *acts, const segments_t *segments, const depth_prefixes_t *p, double dropout,
                       uint64_t key, float *dhidden, grads_t *grads)
{
    const int64_t d = width_of(t);
    const wave_t *last = &t->waves[t->levels - 1];
    vec_add(segments->rows * d, t->dstates, dhidden);
    transformer_waves_begin_backward(t->net, acts, last->first + last->rows);
    for (int l = t->levels - 1; l >= 0; l--) {
        if (!p->count[l]) continue;
        gather_wave(t, l, p);
        transformer_wave_backward(t->net, acts, &t->waves[l], dropout, wave_key(key, l), t->dwave, grads);
        scatter_wave(t, l, p, activations_input_grad(acts) + t->waves[l].first * d, dhidden, grads);
    }
}
