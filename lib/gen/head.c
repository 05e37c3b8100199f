#include "gen/head.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/sampled.h"
#include "gen/tile.h"
#include "nn/embedding.h"
#include "nn/vec.h"

enum { DENSE_FROM = 24 }; /* sets of so many tokens go through a matrix product over their span; smaller ones token by token */

struct head {
    const network_t *net;
    const space_t *space;
    tile_t *tile;
    sampled_t *sampled;          /* of large sets; NULL: none */
    int32_t widest;              /* span that may come */
    int64_t *chosen, chosen_cap; /* positions of the span at hand */
    float *few;                  /* [widest, DENSE_FROM at least] */
    double drop;                 /* rate at which a position goes without node vectors */
    uint64_t drop_key;
};

head_t *head_new(const network_t *net, const space_t *space)
{
    head_t *h = NEW(head_t);
    *h = (head_t){.net = net, .space = space, .tile = tile_new(net), .widest = space->widest};
    h->few = xfloats((size_t)(space->widest > DENSE_FROM ? space->widest : DENSE_FROM));
    return h;
}

void head_free(head_t *h)
{
    if (!h) return;
    tile_free(h->tile);
    sampled_free(h->sampled);
    free(h->chosen);
    free(h->few);
    free(h);
}

void head_drop_nodes(head_t *h, double rate, uint64_t key)
{
    h->drop = rate;
    h->drop_key = key;
}

void head_sample(head_t *h, int64_t draws, uint64_t key)
{
    if (draws && !h->sampled) h->sampled = sampled_new(h->net, h->space, h->tile, draws);
    if (h->sampled) sampled_key(h->sampled, key);
}

/* Finds the vectors that a set's tokens have of their own, one after the other; NULL if there are none. */
static float *node_vectors(const model_t *m, const space_t *space, allowed_set_t set)
{
    return scored_by_nodes(m, set) ? model_row(m, m->node_vectors, space->trie.first[set.node]) : NULL;
}

/* x[0 .. n) = the logits of a set's tokens; `own` as node_vectors() has them, or NULL. */
static void few_logits(const model_t *m, const allowed_t *a, const float *own, const float *state, float *x)
{
    const int64_t d = m->config.hidden_size;
    for (int32_t i = 0; i < a->n; i++) x[i] = vec_dot(d, state, model_output(m, allowed_token(a, i)));
    for (int32_t i = 0; own && i < a->n; i++) x[i] += vec_dot(d, state, own + i * d);
}

allowed_t head_logits(const network_t *net, const space_t *space, allowed_set_t set, const float *state,
                      float inverse_temperature, float *x)
{
    const allowed_t a = space_allowed(space, set);
    few_logits(net->model, &a, node_vectors(net->model, space, set), state, x);
    for (int32_t i = 0; i < a.n; i++) x[i] *= inverse_temperature;
    return a;
}

/* How a position is taken. */
typedef enum { BY_SPAN, BY_SAMPLE, BY_TOKEN, BY_ITEM, CERTAIN } way_t;

static way_t way_of(const head_t *h, allowed_set_t set, const allowed_t *a)
{
    if (sampled_takes(h->sampled, set)) return BY_SAMPLE;
    if (set.kind == ALLOWED_ITEMS) return BY_ITEM;
    if (!a->tokens || a->n >= DENSE_FROM) return BY_SPAN;
    return a->n > 1 ? BY_TOKEN : CERTAIN;
}

/* Finds the node vectors that a position is to see. */
static const float *own_vectors(const head_t *h, const scored_pass_t *p, int64_t i)
{
    if (h->drop > 0 && rng_uniform(h->drop_key, (uint64_t)i) < (float)h->drop) return NULL;
    return node_vectors(h->net->model, h->space, p->positions[i].set);
}

/* Adds the gradient of logits, x[0 .. n), to a position's node vectors and through them to its state. */
static void own_backward(const head_t *h, const scored_pass_t *p, int64_t i, int32_t n, const float *own, const float *x)
{
    const model_t *m = h->net->model;
    const int64_t d = m->config.hidden_size, row = p->positions[i].row, first = h->space->trie.first[p->positions[i].set.node];
    for (int32_t j = 0; j < n; j++) {
        vec_add_scaled(d, x[j], own + j * d, p->dhidden + row * d);
        float *g = grads_row(p->grads, m->node_vectors, first + j);
        if (g) vec_add_scaled(d, x[j], p->hidden + row * d, g);
    }
}

/* Lets fn see the logits of a position's tokens, which lie among a span's in `row`, and leaves their gradient in their place and
 * zeros in the others'. */
static void dense_row(const head_t *h, const scored_pass_t *p, int64_t i, int64_t width, float *row)
{
    const allowed_t a = space_allowed(h->space, p->positions[i].set);
    const int64_t d = h->net->model->config.hidden_size;
    const bool whole = !a.tokens || a.n == a.span;
    const float *own = own_vectors(h, p, i);
    float *x = whole ? row : h->few;
    for (int32_t j = 0; !whole && j < a.n; j++) x[j] = row[a.tokens[j] - a.span_first];
    for (int32_t j = 0; own && j < a.n; j++) x[j] += vec_dot(d, p->hidden + p->positions[i].row * d, own + j * d);
    p->fn(p->ctx, i, &a, x);
    if (own && p->grads) own_backward(h, p, i, a.n, own, x);
    if (whole) {
        memset(row + a.n, 0, (size_t)(width - a.n) * sizeof *row);
        return;
    }
    memset(row, 0, (size_t)width * sizeof *row);
    for (int32_t j = 0; j < a.n; j++) row[a.tokens[j] - a.span_first] = x[j];
}

/* Takes positions of one span through matrix products over the span's part of the output matrix. */
static void dense_tile(const head_t *h, const scored_pass_t *p, const tile_of_t *at)
{
    const int64_t width = at->columns.n;
    float *logits = tile_forward(h->tile, p, at);
    for (int64_t i = 0; i < at->n; i++) dense_row(h, p, at->chosen[i], width, logits + i * width);
    if (p->grads) tile_backward(h->tile, p, at);
}

/* Takes the first n of the chosen positions against `columns` of a block. */
static void dense_tiles(const head_t *h, const scored_pass_t *p, int64_t n, allowed_t columns, int block)
{
    const int64_t rows = tile_rows(h->net, block == h->net->model->output ? h->widest : columns.n);
    for (int64_t i = 0; i < n; i += rows)
        dense_tile(h, p, &(tile_of_t){n - i < rows ? n - i : rows, h->chosen + i, columns, block});
}

/* Takes all dense positions of the lowest span that begins above `after`; returns where it begins, -1 where there is none. */
static int64_t dense_span(head_t *h, const scored_pass_t *p, int64_t after)
{
    allowed_t span = {.span_first = INT32_MAX};
    int64_t n = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const allowed_t a = space_allowed(h->space, p->positions[i].set);
        if (way_of(h, p->positions[i].set, &a) != BY_SPAN || a.span_first <= after || a.span_first > span.span_first) continue;
        if (a.span_first < span.span_first) n = 0;
        if (!n || a.span > span.span) span = a;
        GROW(h->chosen, n, h->chosen_cap);
        h->chosen[n++] = i;
    }
    if (n && span.span > h->widest) die(EX_SOFTWARE, "head: a span of %d tokens in room for %d", (int)span.span, (int)h->widest);
    dense_tiles(h, p, n, (allowed_t){.n = span.span, .first = span.span_first}, h->net->model->output);
    return n ? span.span_first : -1;
}

/* Takes the positions that are scored by all items. */
static void items_pass(head_t *h, const scored_pass_t *p)
{
    int64_t n = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const allowed_t a = space_allowed(h->space, p->positions[i].set);
        if (way_of(h, p->positions[i].set, &a) != BY_ITEM) continue;
        GROW(h->chosen, n, h->chosen_cap);
        h->chosen[n++] = i;
    }
    dense_tiles(h, p, n, (allowed_t){.n = (int32_t)h->space->sids->items}, h->net->model->item_vectors);
}

/* Takes one position with few allowed tokens, for which a product over the whole span would be a waste. */
static void sparse_position(const head_t *h, const scored_pass_t *p, int64_t i)
{
    const int64_t d = h->net->model->config.hidden_size, row = p->positions[i].row;
    const float *state = p->hidden + row * d, *own = own_vectors(h, p, i);
    const allowed_t a = space_allowed(h->space, p->positions[i].set);
    few_logits(h->net->model, &a, own, state, h->few);
    p->fn(p->ctx, i, &a, h->few);
    if (!p->grads) return;
    for (int32_t j = 0; j < a.n; j++) {
        float *dtable = output_row_grad(h->net->model, a.tokens[j], p->grads);
        vec_add_scaled(d, h->few[j], model_output(h->net->model, a.tokens[j]), p->dhidden + row * d);
        if (dtable) vec_add_scaled(d, h->few[j], state, dtable);
    }
    if (own) own_backward(h, p, i, a.n, own, h->few);
}

void head_pass(head_t *h, int64_t count, const scored_position_t *positions, const float *hidden, const operand_t *packed,
               scored_fn fn, void *ctx, float *dhidden, grads_t *grads)
{
    const scored_pass_t p = {count, positions, hidden, packed, fn, ctx, dhidden, grads};
    for (int64_t after = dense_span(h, &p, -1); after >= 0;) after = dense_span(h, &p, after);
    items_pass(h, &p);
    if (h->sampled) sampled_pass(h->sampled, &p);
    for (int64_t i = 0; i < count; i++) {
        const allowed_t a = space_allowed(h->space, positions[i].set);
        if (way_of(h, positions[i].set, &a) == BY_TOKEN) sparse_position(h, &p, i);
    }
}

void head_want_set(const model_t *m, const space_t *space, allowed_set_t set, loan_t *loan)
{
    const int32_t n = space_allowed(space, set).n;
    if (n > 1 && scored_by_nodes(m, set)) loan_want(loan, m->node_vectors, space->trie.first[set.node], n);
}

void head_want(const head_t *h, int64_t count, const scored_position_t *positions, loan_t *loan)
{
    const model_t *m = h->net->model;
    bool items = false;
    for (int64_t i = 0; i < count; i++) {
        if (positions[i].set.kind == ALLOWED_ITEMS) items = true;
        else head_want_set(m, h->space, positions[i].set, loan);
    }
    if (items && sampled_takes(h->sampled, allowed_items())) sampled_want(h->sampled, count, positions, loan);
    else if (items) loan_want(loan, m->item_vectors, 0, h->space->sids->items);
}
