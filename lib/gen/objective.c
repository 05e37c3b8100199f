#include "gen/objective.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/simd.h"
#include "nn/vec.h"

struct objective {
    head_t *head;
    double smoothing;
    /* the call at hand */
    const target_t *targets;
    float weight;
    loss_t *loss;
};

double loss_per_item(const loss_t *l)
{
    double sum = 0;
    for (int i = 0; i < SID_MAX_TOKENS; i++) sum += l->loss[i];
    return l->items ? sum / (double)l->items : 0;
}

objective_t *objective_new(const network_t *net, const vocab_t *v, const trie_t *t, softmax_t softmax, double smoothing, int64_t targets)
{
    objective_t *o = NEW(objective_t);
    *o = (objective_t){head_new(net, v, t, softmax, targets), smoothing, NULL, 0, NULL};
    return o;
}

void objective_free(objective_t *o)
{
    if (!o) return;
    head_free(o->head);
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

static void cross_entropy(void *ctx, int64_t i, const allowed_t *allowed, float *x)
{
    const objective_t *o = ctx;
    const target_t *t = &o->targets[i];
    o->loss->loss[t->level] += softmax_gradient(allowed->n, x, allowed_index(allowed, t->token), o->smoothing, o->weight);
}

void objective_backward(objective_t *o, int64_t count, const target_t *targets, int64_t rows, const float *hidden, const operand_t *packed,
                        double weight, float *dhidden, float *grads, loss_t *loss)
{
    o->targets = targets;
    o->weight = (float)weight;
    o->loss = loss;
    head_pass(o->head, count, targets, rows, hidden, packed, cross_entropy, o, dhidden, grads);
    for (int64_t i = 0; i < count; i++) {
        loss->tokens[targets[i].level]++;
        loss->items += targets[i].level == 0;
    }
}
