#include "gen/head.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/vec.h"

/* Sets of at least this many allowed tokens go through a matrix product over the whole level; smaller ones token by token. */
enum { DENSE_FROM = 24 };

struct head {
    const network_t *net;
    const vocab_t *vocab;
    const trie_t *trie;
    softmax_t softmax;
    int64_t *chosen;             /* [capacity] targets of the level at hand */
    operand_t *states, *dlogits_packed;
    float *logits, *dstates;     /* [capacity, widest level], [capacity, hidden_size] */
    float *few;                  /* [widest level, DENSE_FROM at least] */
};

static int64_t widest(const vocab_t *v) { return v->codes > v->max_suffix ? v->codes : v->max_suffix; }

head_t *head_new(const network_t *net, const vocab_t *v, const trie_t *t, softmax_t softmax, int64_t targets)
{
    head_t *h = NEW(head_t);
    const size_t n = (size_t)round_rows(net->backend, targets), d = (size_t)net->model->config.hidden_size, w = (size_t)widest(v);
    *h = (head_t){net, v, t, softmax, NULL, NULL, NULL, NULL, NULL, NULL};
    h->chosen = NEW_ARRAY(int64_t, n);
    h->states = xfloats(size_mul(n, d));
    h->dlogits_packed = xfloats(size_mul(n, w));
    h->logits = xfloats(size_mul(n, w));
    h->dstates = xfloats(size_mul(n, d));
    h->few = xfloats(w > DENSE_FROM ? w : DENSE_FROM);
    return h;
}

void head_free(head_t *h)
{
    if (!h) return;
    free(h->chosen);
    free(h->states);
    free(h->dlogits_packed);
    free(h->logits);
    free(h->dstates);
    free(h->few);
    free(h);
}

int64_t head_widest(const head_t *h) { return widest(h->vocab); }

int32_t allowed_index(const allowed_t *a, int32_t token)
{
    if (!a->tokens) return token >= a->first && token < a->first + a->n ? token - a->first : -1;
    for (int32_t i = 0; i < a->n; i++)
        if (a->tokens[i] == token) return i;
    return -1;
}

allowed_t head_allowed(const head_t *h, int level, int64_t node)
{
    if (h->softmax == SOFTMAX_TRIE) return (allowed_t){h->trie->children[node], 0, h->trie->token + h->trie->first[node]};
    allowed_t a = {0, 0, NULL};
    a.n = vocab_level(h->vocab, level, &a.first);
    return a;
}

allowed_t head_logits(const head_t *h, const float *state, int level, int64_t node, float *x)
{
    const int64_t d = h->net->model->config.hidden_size;
    const float *embed = h->net->model->weights + h->net->model->embed;
    allowed_t a = head_allowed(h, level, node);
    for (int32_t i = 0; i < a.n; i++) x[i] = vec_dot(d, state, embed + (a.tokens ? a.tokens[i] : a.first + i) * d);
    return a;
}

/* Gathers the logits of the allowed tokens to the front, so that fn sees only them; then scatters the gradient back over a row
 * of zeros. */
static void dense_row(head_t *h, int64_t i, const target_t *t, int64_t width, int32_t first_token, head_fn fn, void *ctx, float *row)
{
    allowed_t a = head_allowed(h, t->level, t->node);
    if (!a.tokens || a.n == width) {
        fn(ctx, i, &a, row);
        return;
    }
    float *few = h->few;
    for (int32_t j = 0; j < a.n; j++) few[j] = row[a.tokens[j] - first_token];
    fn(ctx, i, &a, few);
    memset(row, 0, (size_t)width * sizeof(float));
    for (int32_t j = 0; j < a.n; j++) row[a.tokens[j] - first_token] = few[j];
}

static bool is_dense(const head_t *h, const target_t *t)
{
    return h->softmax == SOFTMAX_LEVEL || h->trie->children[t->node] >= DENSE_FROM;
}

/* All dense targets of one level, through matrix products over the level's part of the output matrix. */
static void dense_level(head_t *h, int level, int64_t count, const target_t *targets, const operand_t *packed, head_fn fn, void *ctx,
                        float *dhidden, float *grads)
{
    const backend_t *b = h->net->backend;
    const int64_t d = h->net->model->config.hidden_size;
    int32_t first;
    const int64_t width = vocab_level(h->vocab, level, &first), at = h->net->model->embed + first * d;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (targets[i].level == level && is_dense(h, &targets[i])) h->chosen[n++] = i;
    if (!n) return;
    const int64_t rows = round_rows(b, n);
    memset(operand_at(b, h->states, n * d), 0, (size_t)((rows - n) * d) * b->operand_size);
    for (int64_t i = 0; i < n; i++)
        memcpy(operand_at(b, h->states, i * d), operand_at(b, packed, targets[h->chosen[i]].row * d), (size_t)d * b->operand_size);
    b->matmul(false, true, rows, width, d, h->states, operand_at(b, h->net->packed, at), h->logits);
    for (int64_t i = 0; i < n; i++) dense_row(h, h->chosen[i], &targets[h->chosen[i]], width, first, fn, ctx, h->logits + i * width);
    if (!grads) return;
    memset(h->logits + n * width, 0, (size_t)((rows - n) * width) * sizeof(float));
    b->pack(h->logits, rows * width, h->dlogits_packed);
    b->matmul(false, false, rows, d, width, h->dlogits_packed, operand_at(b, h->net->packed, at), h->dstates);
    b->matmul(true, false, width, d, rows, h->dlogits_packed, h->states, grads + at);
    for (int64_t i = 0; i < n; i++) memcpy(dhidden + targets[h->chosen[i]].row * d, h->dstates + i * d, (size_t)d * sizeof(float));
}

/* One target with few allowed tokens. */
static void sparse_target(head_t *h, int64_t i, const target_t *t, const float *hidden, head_fn fn, void *ctx, float *dhidden, float *grads)
{
    if (h->trie->children[t->node] <= 1) return;
    const int64_t d = h->net->model->config.hidden_size;
    const float *embed = h->net->model->weights + h->net->model->embed, *state = hidden + t->row * d;
    allowed_t a = head_logits(h, state, t->level, t->node, h->few);
    fn(ctx, i, &a, h->few);
    if (!grads) return;
    for (int32_t j = 0; j < a.n; j++) {
        vec_add_scaled(d, h->few[j], embed + a.tokens[j] * d, dhidden + t->row * d);
        vec_add_scaled(d, h->few[j], state, grads + h->net->model->embed + a.tokens[j] * d);
    }
}

void head_pass(head_t *h, int64_t count, const target_t *targets, int64_t rows, const float *hidden, const operand_t *packed, head_fn fn,
               void *ctx, float *dhidden, float *grads)
{
    const model_t *m = h->net->model;
    const int64_t d = m->config.hidden_size;
    if (grads) {
        memset(dhidden, 0, (size_t)(rows * d) * sizeof(float));
        memset(grads + m->embed, 0, (size_t)(m->config.vocab_size * d) * sizeof(float));
    }
    for (int level = 0; level <= h->vocab->levels; level++) dense_level(h, level, count, targets, packed, fn, ctx, dhidden, grads);
    for (int64_t i = 0; i < count; i++)
        if (!is_dense(h, &targets[i])) sparse_target(h, i, &targets[i], hidden, fn, ctx, dhidden, grads);
}
