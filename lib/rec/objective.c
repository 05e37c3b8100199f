#include "rec/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/simd.h"
#include "nn/vec.h"

/* Sets of at least this many allowed tokens go through a matrix product over the whole level; smaller ones token by token. */
enum { DENSE_FROM = 24 };

struct objective {
    const network_t *net;
    const vocab_t *vocab;
    const trie_t *trie;
    softmax_t softmax;
    double smoothing;
    int64_t capacity;
    int64_t *chosen;             /* [capacity] targets of the level at hand */
    operand_t *states, *dlogits_packed;
    float *logits, *dstates;     /* [capacity, widest level], [capacity, hidden_size] */
    float *few;                  /* [widest level, DENSE_FROM at least] */
};

double loss_per_item(const loss_t *l)
{
    double sum = 0;
    for (int i = 0; i < SID_MAX_TOKENS; i++) sum += l->loss[i];
    return l->items ? sum / (double)l->items : 0;
}

static int64_t widest(const vocab_t *v) { return v->codes > v->max_suffix ? v->codes : v->max_suffix; }

objective_t *objective_new(const network_t *net, const vocab_t *v, const trie_t *t, softmax_t softmax, double smoothing, int64_t targets)
{
    objective_t *o = NEW(objective_t);
    const size_t n = (size_t)round_rows(net->backend, targets), d = (size_t)net->model->config.hidden_size, w = (size_t)widest(v);
    *o = (objective_t){net, v, t, softmax, smoothing, (int64_t)n, NULL, NULL, NULL, NULL, NULL, NULL};
    o->chosen = NEW_ARRAY(int64_t, n);
    o->states = xfloats(size_mul(n, d));
    o->dlogits_packed = xfloats(size_mul(n, w));
    o->logits = xfloats(size_mul(n, w));
    o->dstates = xfloats(size_mul(n, d));
    o->few = xfloats(w > DENSE_FROM ? w : DENSE_FROM);
    return o;
}

void objective_free(objective_t *o)
{
    if (!o) return;
    free(o->chosen);
    free(o->states);
    free(o->dlogits_packed);
    free(o->logits);
    free(o->dstates);
    free(o->few);
    free(o);
}

/* logits -> weight * (softmax - smoothed one-hot of `right`), in place; returns the loss -log p(right). */
SIMD_CLONES
static double softmax_gradient(int64_t n, float *x, int64_t right, double smoothing, float weight)
{
    float top = vec_max(n, x), at = x[right], sum = vec_exp_sum(n, top, x);
    float scale = weight / sum, spread = weight * (float)smoothing / (float)n;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] = x[i] * scale - spread;
    x[right] -= weight * (float)(1 - smoothing);
    return logf(sum) + top - at;
}

/* Gathers the logits of the allowed tokens to the front, so that the softmax sees only them; then scatters the gradient back
 * over a row of zeros. */
static double trie_row_gradient(objective_t *o, const target_t *t, int64_t width, int32_t first_token, float weight, float *row)
{
    const int32_t n = o->trie->children[t->node], *allowed = o->trie->token + o->trie->first[t->node];
    if (n == width) return softmax_gradient(n, row, t->token - first_token, o->smoothing, weight);
    float *few = o->few;
    int64_t right = 0;
    for (int32_t i = 0; i < n; i++) {
        few[i] = row[allowed[i] - first_token];
        if (allowed[i] == t->token) right = i;
    }
    double loss = softmax_gradient(n, few, right, o->smoothing, weight);
    memset(row, 0, (size_t)width * sizeof(float));
    for (int32_t i = 0; i < n; i++) row[allowed[i] - first_token] = few[i];
    return loss;
}

static bool is_dense(const objective_t *o, const target_t *t)
{
    return o->softmax == SOFTMAX_LEVEL || o->trie->children[t->node] >= DENSE_FROM;
}

/* All dense targets of one level, through matrix products over the level's part of the output matrix. */
static void dense_level(objective_t *o, int level, int64_t count, const target_t *targets, const operand_t *packed, double weight,
                        float *dhidden, float *grads, loss_t *loss)
{
    const backend_t *b = o->net->backend;
    const int64_t d = o->net->model->config.hidden_size;
    int32_t first;
    const int64_t width = vocab_level(o->vocab, level, &first), at = o->net->model->embed + first * d;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (targets[i].level == level && is_dense(o, &targets[i])) o->chosen[n++] = i;
    if (!n) return;
    const int64_t rows = round_rows(b, n);
    memset(operand_at(b, o->states, n * d), 0, (size_t)((rows - n) * d) * b->operand_size);
    for (int64_t i = 0; i < n; i++)
        memcpy(operand_at(b, o->states, i * d), operand_at(b, packed, targets[o->chosen[i]].row * d), (size_t)d * b->operand_size);
    b->matmul(false, true, rows, width, d, o->states, operand_at(b, o->net->packed, at), o->logits);
    for (int64_t i = 0; i < n; i++) {
        const target_t *t = &targets[o->chosen[i]];
        float *row = o->logits + i * width;
        loss->loss[level] += o->softmax == SOFTMAX_TRIE ? trie_row_gradient(o, t, width, first, (float)weight, row)
                                                        : softmax_gradient(width, row, t->token - first, o->smoothing, (float)weight);
    }
    memset(o->logits + n * width, 0, (size_t)((rows - n) * width) * sizeof(float));
    b->pack(o->logits, rows * width, o->dlogits_packed);
    b->matmul(false, false, rows, d, width, o->dlogits_packed, operand_at(b, o->net->packed, at), o->dstates);
    b->matmul(true, false, width, d, rows, o->dlogits_packed, o->states, grads + at);
    for (int64_t i = 0; i < n; i++) memcpy(dhidden + targets[o->chosen[i]].row * d, o->dstates + i * d, (size_t)d * sizeof(float));
}

/* One target with few allowed tokens. A single one is certain: no loss, no gradient. */
static void sparse_target(objective_t *o, const target_t *t, const float *hidden, double weight, float *dhidden, float *grads, loss_t *loss)
{
    const int32_t n = o->trie->children[t->node], *allowed = o->trie->token + o->trie->first[t->node];
    if (n <= 1) return;
    const int64_t d = o->net->model->config.hidden_size;
    const float *embed = o->net->model->weights + o->net->model->embed, *h = hidden + t->row * d;
    int64_t right = 0;
    for (int32_t i = 0; i < n; i++) {
        o->few[i] = vec_dot(d, h, embed + allowed[i] * d);
        if (allowed[i] == t->token) right = i;
    }
    loss->loss[t->level] += softmax_gradient(n, o->few, right, o->smoothing, (float)weight);
    for (int32_t i = 0; i < n; i++) {
        vec_add_scaled(d, o->few[i], embed + allowed[i] * d, dhidden + t->row * d);
        vec_add_scaled(d, o->few[i], h, grads + o->net->model->embed + allowed[i] * d);
    }
}

void objective_backward(objective_t *o, int64_t count, const target_t *targets, int64_t rows, const float *hidden, const operand_t *packed,
                        double weight, float *dhidden, float *grads, loss_t *loss)
{
    const model_t *m = o->net->model;
    const int64_t d = m->config.hidden_size;
    memset(dhidden, 0, (size_t)(rows * d) * sizeof(float));
    memset(grads + m->embed, 0, (size_t)(m->config.vocab_size * d) * sizeof(float));
    for (int level = 0; level <= o->vocab->levels; level++)
        dense_level(o, level, count, targets, packed, weight, dhidden, grads, loss);
    for (int64_t i = 0; i < count; i++) {
        loss->tokens[targets[i].level]++;
        loss->items += targets[i].level == 0;
        if (!is_dense(o, &targets[i])) sparse_target(o, &targets[i], hidden, weight, dhidden, grads, loss);
    }
}
