#include "gen/head.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/vec.h"

enum {
    DENSE_FROM = 24,        /* sets of so many tokens go through a matrix product over their span; smaller ones token by token */
    TILE_LOGITS = 1 << 18,  /* of one product, unless TILE_ROWS rows have more; the cut shows in a gradient's last bits */
    TILE_ROWS = 16
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
    h->dlogits_packed = operands_new(h->net->backend, (int64_t)logits);
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

allowed_t head_logits(const network_t *net, const space_t *space, allowed_set_t set, const float *state,
                      float inverse_temperature, float *x)
{
    const int64_t d = net->model->config.hidden_size;
    const allowed_t a = space_allowed(space, set);
    for (int32_t i = 0; i < a.n; i++)
        x[i] = inverse_temperature * vec_dot(d, state, model_embedding(net->model, allowed_token(&a, i)));
    return a;
}

/* Gathers the logits of the allowed tokens to the front, so that fn sees only them; then scatters the gradient back over a row
 * of zeros. */
static void dense_row(head_t *h, int64_t i, const allowed_t *a, int64_t width, head_fn fn, void *ctx, float *row)
{
    if (!a->tokens || a->n == a->span) {
        fn(ctx, i, a, row);
        memset(row + a->n, 0, (size_t)(width - a->n) * sizeof(float));
        return;
    }
    float *few = h->few;
    for (int32_t j = 0; j < a->n; j++) few[j] = row[a->tokens[j] - a->span_first];
    fn(ctx, i, a, few);
    memset(row, 0, (size_t)width * sizeof(float));
    for (int32_t j = 0; j < a->n; j++) row[a->tokens[j] - a->span_first] = few[j];
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
    for (int64_t i = 0; i < n; i++) {
        const allowed_t a = space_allowed(h->space, p->positions[chosen[i]].set);
        dense_row(h, chosen[i], &a, width, p->fn, p->ctx, h->logits + i * width);
    }
    if (!p->grads) return;
    memset(h->logits + n * width, 0, (size_t)((rows - n) * width) * sizeof(float));
    b->pack(h->logits, rows * width, h->dlogits_packed);
    b->matmul(false, false, rows, d, width, h->dlogits_packed, table, h->dstates);
    float *dtable = grads_block(p->grads, h->net->model->embed);
    if (dtable) b->matmul_add(true, false, width, d, rows, h->dlogits_packed, h->states, dtable + at);
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
    const float *state = p->hidden + row * d;
    const allowed_t a = head_logits(h->net, h->space, p->positions[i].set, state, 1, h->few);
    p->fn(p->ctx, i, &a, h->few);
    if (!p->grads) return;
    for (int32_t j = 0; j < a.n; j++) {
        float *dtable = grads_row(p->grads, h->net->model->embed, a.tokens[j]);
        vec_add_scaled(d, h->few[j], model_embedding(h->net->model, a.tokens[j]), p->dhidden + row * d);
        if (dtable) vec_add_scaled(d, h->few[j], state, dtable);
    }
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
