#include "gen/objective.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/simd.h"
#include "nn/vec.h"

struct objective {
    head_t *head;
    double smoothing, item_weight, task_weight[TASKS];
    /* the call at hand */
    const scored_position_t *positions;
    float weight;
    loss_t *loss;
};

double loss_per_item(const loss_t *l)
{
    double sum = 0;
    for (int i = 0; i < LOSS_ITEM; i++) sum += l->loss[i];
    return l->items ? sum / (double)l->items : 0;
}

void loss_add(loss_t *to, const loss_t *more)
{
    for (int l = 0; l < LOSS_LEVELS; l++) {
        to->loss[l] += more->loss[l];
        to->tokens[l] += more->tokens[l];
    }
    to->items += more->items;
    for (int t = 0; t < TASKS; t++) {
        to->task_loss[t] += more->task_loss[t];
        to->task_tokens[t] += more->task_tokens[t];
        to->task_wrong[t] += more->task_wrong[t];
    }
}

objective_t *objective_new(const network_t *net, const space_t *space, double smoothing, double item_weight)
{
    objective_t *o = NEW(objective_t);
    *o = (objective_t){.head = head_new(net, space), .smoothing = smoothing, .item_weight = item_weight};
    for (int t = 0; t < TASKS; t++) o->task_weight[t] = 1;
    return o;
}

void objective_free(objective_t *o)
{
    if (!o) return;
    head_free(o->head);
    free(o);
}

void objective_weigh(objective_t *o, const double weight[TASKS]) { memcpy(o->task_weight, weight, sizeof o->task_weight); }
void objective_smooth(objective_t *o, double smoothing) { o->smoothing = smoothing; }
void objective_drop_nodes(objective_t *o, double rate, uint64_t key) { head_drop_nodes(o->head, rate, key); }
void objective_sample(objective_t *o, int64_t draws, uint64_t key) { head_sample(o->head, draws, key); }

void objective_want(const objective_t *o, int64_t count, const scored_position_t *positions, loan_t *loan)
{
    head_want(o->head, count, positions, loan);
}

/* Turns logits into weight * (softmax - smoothed one-hot of `right`), in place; returns the loss -log p(right), and
 * whether no logit is larger in *first. */
SIMD_CLONES
static double softmax_gradient(int64_t n, float *x, int64_t right, double smoothing, float weight, bool *first)
{
    float top = vec_max(n, x), at = x[right], sum = vec_exp_sum(n, top, x);
    *first = at == top;
    float scale = weight / sum, spread = weight * (float)smoothing / (float)n;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] = x[i] * scale - spread;
    x[right] -= weight * (float)(1 - smoothing);
    return logf(sum) + top - at;
}

static int loss_level(const scored_position_t *p)
{
    if (p->set.kind == ALLOWED_ITEMS) return LOSS_ITEM;
    return p->set.level < 0 ? LOSS_OTHER : p->set.level;
}

static void cross_entropy(void *ctx, int64_t i, const allowed_t *allowed, float *x)
{
    const objective_t *o = ctx;
    const scored_position_t *p = &o->positions[i];
    const int32_t right = allowed_index(allowed, p->token);
    if (right < 0) die(EX_SOFTWARE, "objective: a scored token is not among those allowed");
    const double among = p->set.kind == ALLOWED_ITEMS ? o->item_weight : 1, weight = among * o->task_weight[p->task] * o->weight;
    bool first;
    const double loss = softmax_gradient(allowed->n, x, right, o->smoothing, (float)weight, &first);
    if (p->task == TASK_NEXT) o->loss->loss[loss_level(p)] += loss;
    if (p->set.kind == ALLOWED_ITEMS) return;
    o->loss->task_loss[p->task] += loss;
    o->loss->task_wrong[p->task] += !first;
}

void objective_backward(objective_t *o, int64_t count, const scored_position_t *positions, const float *hidden,
                        const operand_t *packed, double weight, float *dhidden, grads_t *grads, loss_t *loss)
{
    o->positions = positions;
    o->weight = (float)weight;
    o->loss = loss;
    head_pass(o->head, count, positions, hidden, packed, cross_entropy, o, dhidden, grads);
    for (int64_t i = 0; i < count; i++) {
        const scored_position_t *p = &positions[i];
        if (p->set.kind != ALLOWED_ITEMS) loss->task_tokens[p->task]++;
        if (p->task != TASK_NEXT) continue;
        loss->tokens[loss_level(p)]++;
        loss->items += p->set.level == 0;
    }
}
