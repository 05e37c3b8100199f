#include "gen/head.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/vec.h"

enum {
    DENSE_FROM = 24,        /* sets of so many tokens go through a matrix product over their span; smaller ones token by token */
    TILE_LOGITS = 1 << 18,  /* of one product, unless TILE_ROWS rows have more; the cut shows in a gradient's last bits */
    TILE_ROWS = 128
};

struct head {
    const network_t *net;
    const space_t *space;
    int64_t tile, rows;          /* positions that are taken at once; rows of a tile that there is room for, as needed so far */
    int32_t widest;              /* span that there is room for */
    int64_t *chosen, chosen_cap; /* positions of the span at hand */
    operand_t *states, *dlogits_packed;
    float *logits, *dstates;     /* [rows, widest], [rows, hidden_size] */
    float *few;                  /* [widest, DENSE_FROM at least] */
    double drop;                 /* rate at which a position goes without node vectors */
    uint64_t drop_key;
};

head_t *head_new(const network_t *net, const space_t *space)
{
    head_t *h = NEW(head_t);
    const int64_t widest = space->widest > 0 ? space->widest : 1;
    *h = (head_t){.net = net, .space = space, .widest = space->widest};
    h->tile = round_rows(net->backend, TILE_LOGITS / widest > TILE_ROWS ? TILE_LOGITS / widest : TILE_ROWS);
    h->few = xfloats((size_t)(widest > DENSE_FROM ? widest : DENSE_FROM));
    return h;
}

static void drop_tile(head_t *h)
{
    free(h->states);
    free(h->dlogits_packed);
    free(h->logits);
    free(h->dstates);
}

/* Makes room for a tile of so many rows; what there is only ever grows. */
static void reserve_tile(head_t *h, int64_t rows)
{
    if (rows <= h->rows) return;
    const size_t states = size_mul((size_t)rows, (size_t)h->net->model->config.hidden_size);
    const size_t logits = size_mul((size_t)rows, (size_t)h->widest);
    drop_tile(h);
    h->rows = rows;
    h->states = operands_new(h->net->backend, (int64_t)states);
    h->dlogits_packed = operands_are_floats(h->net->backend) ? NULL : operands_new(h->net->backend, (int64_t)logits);
    h->logits = xfloats(logits);
    h->dstates = xfloats(states);
}

void head_free(head_t *h)
{
    if (!h) return;
    drop_tile(h);
    free(h->chosen);
    free(h->few);
    free(h);
}

void head_drop_nodes(head_t *h, double rate, uint64_t key)
{
    h->drop = rate;
    h->drop_key = key;
}

/* Finds the vectors that a set's tokens have of their own, one after the other; NULL if there are none. */
static float *node_vectors(const model_t *m, const space_t *space, allowed_set_t set)
{
    if (m->node_vectors < 0 || set.kind != ALLOWED_CHILDREN || set.node == 0) return NULL;
    return model_vector(m, m->node_vectors, space->trie.first[set.node]);
}

/* x[0 .. n) = the logits of a set's tokens; `own` as node_vectors() has them, or NULL. */
static void few_logits(const model_t *m, const allowed_t *a, const float *own, const float *state, float *x)
{
    const int64_t d = m->config.hidden_size;
    for (int32_t i = 0; i < a->n; i++) x[i] = vec_dot(d, state, model_embedding(m, allowed_token(a, i)));
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

static bool is_dense(const allowed_t *a) { return !a->tokens || a->n >= DENSE_FROM; }

/* What a pass is given. */
typedef struct {
    head_t *h;
    const scored_position_t *positions;
    const float *hidden;
    const operand_t *packed;
    head_fn fn;
    void *ctx;
    float *dhidden;
    grads_t *grads;
} pass_at_t;

/* Finds the node vectors that a position is to see. */
static const float *own_vectors(const pass_at_t *p, int64_t i)
{
    const head_t *h = p->h;
    if (h->drop > 0 && rng_uniform(h->drop_key, (uint64_t)i) < (float)h->drop) return NULL;
    return node_vectors(h->net->model, h->space, p->positions[i].set);
}

/* Adds the gradient of logits, x[0 .. n), to a position's node vectors and through them to its state. */
static void own_backward(const pass_at_t *p, int64_t i, int32_t n, const float *own, const float *x)
{
    const model_t *m = p->h->net->model;
    const int64_t d = m->config.hidden_size, row = p->positions[i].row, first = p->h->space->trie.first[p->positions[i].set.node];
    for (int32_t j = 0; j < n; j++) {
        vec_add_scaled(d, x[j], own + j * d, p->dhidden + row * d);
        float *g = grads_row(p->grads, m->node_vectors, first + j);
        if (g) vec_add_scaled(d, x[j], p->hidden + row * d, g);
    }
}

/* Lets fn see the logits of a position's tokens, which lie among a span's in `row`, and leaves their gradient in their place and
 * zeros in the others'. */
static void dense_row(const pass_at_t *p, int64_t i, int64_t width, float *row)
{
    const allowed_t a = space_allowed(p->h->space, p->positions[i].set);
    const int64_t d = p->h->net->model->config.hidden_size;
    const bool whole = !a.tokens || a.n == a.span;
    const float *own = own_vectors(p, i);
    float *x = whole ? row : p->h->few;
    for (int32_t j = 0; !whole && j < a.n; j++) x[j] = row[a.tokens[j] - a.span_first];
    for (int32_t j = 0; own && j < a.n; j++) x[j] += vec_dot(d, p->hidden + p->positions[i].row * d, own + j * d);
    p->fn(p->ctx, i, &a, x);
    if (own && p->grads) own_backward(p, i, a.n, own, x);
    if (whole) {
        memset(row + a.n, 0, (size_t)(width - a.n) * sizeof *row);
        return;
    }
    memset(row, 0, (size_t)width * sizeof *row);
    for (int32_t j = 0; j < a.n; j++) row[a.tokens[j] - a.span_first] = x[j];
}

/* Takes positions chosen[0 .. n) of one span through matrix products over the span's part of the output matrix. */
static void dense_tile(const pass_at_t *p, const allowed_t *span, int64_t n, const int64_t *chosen)
{
    head_t *h = p->h;
    const backend_t *b = h->net->backend;
    const int64_t d = h->net->model->config.hidden_size, width = span->span, at = span->span_first * d, rows = round_rows(b, n);
    const operand_t *table = operand_at(b, weights_operand(&h->net->weights, h->net->model->embed), at);
    reserve_tile(h, rows);
    memset(operand_at(b, h->states, n * d), 0, (size_t)((rows - n) * d) * b->operand_size);
    for (int64_t i = 0; i < n; i++)
        memcpy(operand_at(b, h->states, i * d), operand_at(b, p->packed, p->positions[chosen[i]].row * d),
               (size_t)d * b->operand_size);
    b->matmul(false, true, rows, width, d, h->states, table, h->logits);
    for (int64_t i = 0; i < n; i++) dense_row(p, chosen[i], width, h->logits + i * width);
    if (!p->grads) return;
    memset(h->logits + n * width, 0, (size_t)((rows - n) * width) * sizeof(float));
    const operand_t *dlogits = operands_of(b, h->logits, rows * width, h->dlogits_packed);
    b->matmul(false, false, rows, d, width, dlogits, table, h->dstates);
    float *dtable = grads_block(p->grads, h->net->model->embed);
    if (dtable) b->matmul_add(true, false, width, d, rows, dlogits, h->states, dtable + at);
    for (int64_t i = 0; i < n; i++) vec_add(d, h->dstates + i * d, p->dhidden + p->positions[chosen[i]].row * d);
}

/* Takes all dense positions of the lowest span that begins above `after`; returns where it begins, -1 where there is none. */
static int64_t dense_span(const pass_at_t *p, int64_t count, int64_t after)
{
    head_t *h = p->h;
    allowed_t span = {.span_first = INT32_MAX};
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        const allowed_t a = space_allowed(h->space, p->positions[i].set);
        if (!is_dense(&a) || a.span_first <= after || a.span_first > span.span_first) continue;
        if (a.span_first < span.span_first) n = 0;
        if (!n || a.span > span.span) span = a;
        GROW(h->chosen, n, h->chosen_cap);
        h->chosen[n++] = i;
    }
    if (n && span.span > h->widest) die(EX_SOFTWARE, "head: a span of %d tokens in room for %d", (int)span.span, (int)h->widest);
    for (int64_t i = 0; i < n; i += h->tile) dense_tile(p, &span, n - i < h->tile ? n - i : h->tile, h->chosen + i);
    return n ? span.span_first : -1;
}

/* Takes one position with few allowed tokens, for which a product over the whole span would be a waste. */
static void sparse_position(const pass_at_t *p, int64_t i)
{
    head_t *h = p->h;
    const int64_t d = h->net->model->config.hidden_size, row = p->positions[i].row;
    const float *state = p->hidden + row * d, *own = own_vectors(p, i);
    const allowed_t a = space_allowed(h->space, p->positions[i].set);
    few_logits(h->net->model, &a, own, state, h->few);
    p->fn(p->ctx, i, &a, h->few);
    if (!p->grads) return;
    for (int32_t j = 0; j < a.n; j++) {
        float *dtable = grads_row(p->grads, h->net->model->embed, a.tokens[j]);
        vec_add_scaled(d, h->few[j], model_embedding(h->net->model, a.tokens[j]), p->dhidden + row * d);
        if (dtable) vec_add_scaled(d, h->few[j], state, dtable);
    }
    if (own) own_backward(p, i, a.n, own, h->few);
}

void head_pass(head_t *h, int64_t count, const scored_position_t *positions, const float *hidden, const operand_t *packed,
               head_fn fn, void *ctx, float *dhidden, grads_t *grads)
{
    const pass_at_t p = {h, positions, hidden, packed, fn, ctx, dhidden, grads};
    for (int64_t after = dense_span(&p, count, -1); after >= 0;) after = dense_span(&p, count, after);
    for (int64_t i = 0; i < count; i++) {
        const allowed_t a = space_allowed(h->space, positions[i].set);
        if (!is_dense(&a) && a.n > 1) sparse_position(&p, i);
    }
}
