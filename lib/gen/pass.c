#include "gen/pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gen/thoughts.h"

struct pass {
    const network_t *net;
    const space_t *space;
    activations_pass_t kind;
    activations_t *acts;
    depth_t *depth;   /* of a timeline */
    thoughts_t *thoughts; /* of a flat body that thinks */
    int64_t first;
    float *dhidden;   /* [rows, hidden_size], of a training pass */
    /* the pass at hand */
    pass_input_t in;
    const float *hidden;
    pass_rates_t rates;
    uint64_t key;
};

pass_t *pass_new(const network_t *net, const space_t *space, activations_pass_t kind, int64_t rows, int64_t longest,
                 int64_t prefixes)
{
    pass_t *p = NEW(pass_t);
    const bool rows_think = space->body == BODY_FLAT && space->thinks;
    const int64_t round = round_rows(net->backend, rows);
    *p = (pass_t){.net = net, .space = space, .kind = kind, .first = rows_think ? round : 0};
    if (space->body == BODY_TIMELINE) p->depth = depth_new(net, space, kind, prefixes);
    if (rows_think) p->thoughts = thoughts_new(net, space, kind, round, prefixes);
    p->acts = rows_think ? activations_new(net, kind, thoughts_rows(net, space, rows, prefixes), longest + thoughts_longer(space), 0)
                         : activations_new(net, kind, rows, longest, 0);
    if (pass_trains(kind))
        p->dhidden = xfloats(size_mul((size_t)round_rows(net->backend, rows), (size_t)net->model->config.hidden_size));
    return p;
}

void pass_free(pass_t *p)
{
    if (!p) return;
    activations_free(p->acts);
    depth_free(p->depth);
    thoughts_free(p->thoughts);
    free(p->dhidden);
    free(p);
}

static reading_drop_t reading_drop(const pass_t *p)
{
    return (reading_drop_t){p->rates.item, p->rates.item_vector, rng_key(p->key, 1)};
}

const float *pass_forward(pass_t *p, const pass_input_t *in, const pass_rates_t *rates, uint64_t key, const operand_t **packed)
{
    const network_t *net = p->net;
    p->in = *in;
    p->rates = *rates;
    p->key = key;
    reading_rows(net->model, p->space, &in->segments, in->symbols, reading_drop(p), activations_input(p->acts));
    p->hidden = transformer_forward(net, p->acts, &in->segments, rates->dropout, key, packed);
    if (p->dhidden) memset(p->dhidden, 0, (size_t)(in->segments.rows * net->model->config.hidden_size) * sizeof(float));
    if (p->thoughts)
        return thoughts_forward(p->thoughts, p->acts, &in->segments, in->prefixes, p->hidden, rates->dropout, key, packed);
    return p->depth ? depth_forward(p->depth, in->prefixes, p->hidden, rates->depth, key, packed) : p->hidden;
}

int64_t pass_first(const pass_t *p) { return p->first; }

float *pass_gradient(pass_t *p)
{
    if (p->thoughts) return thoughts_states_gradient(p->thoughts);
    return p->depth ? depth_gradient(p->depth) : p->dhidden;
}

const float *pass_thoughts(const pass_t *p, int level)
{
    return p->thoughts ? thoughts_of(p->thoughts, level) : depth_thoughts(p->depth, level);
}

float *pass_thoughts_gradient(pass_t *p, int level)
{
    return p->thoughts ? thoughts_gradient(p->thoughts, level) : depth_thoughts_gradient(p->depth, level);
}

const float *pass_hidden(const pass_t *p) { return p->hidden; }
float *pass_hidden_gradient(pass_t *p) { return p->dhidden; }

void pass_backward(pass_t *p, grads_t *grads)
{
    const network_t *net = p->net;
    if (p->depth) depth_backward(p->depth, p->in.prefixes, p->rates.depth, p->key, p->dhidden, grads);
    if (p->thoughts)
        thoughts_backward(p->thoughts, p->acts, &p->in.segments, p->in.prefixes, p->rates.dropout, p->key, p->dhidden, grads);
    transformer_backward(net, p->acts, &p->in.segments, p->rates.dropout, p->key, p->dhidden, grads);
    reading_backward(net->model, p->space, &p->in.segments, p->in.symbols, reading_drop(p), activations_input_grad(p->acts), grads);
}
