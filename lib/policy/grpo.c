#include "policy/grpo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/simd.h"
#include "gen/head.h"
#include "gen/pass.h"
#include "policy/preference.h"
#include "nn/fastmath.h"
#include "nn/vec.h"

enum { HISTORIES = 16, MOST_GROUPS = 48 }; /* in one pass of the network; groups that share histories are more than these */

const char *const policy_objective_names[] = {"grpo", "sdpo", "sdpo-rank", NULL};

policy_objective_t policy_objective(const char *name)
{
    for (int i = 0; policy_objective_names[i]; i++)
        if (!strcmp(policy_objective_names[i], name)) return (policy_objective_t)i;
    die(EX_SOFTWARE, "no objective is called '%s'", name);
}

/* What was generated at one scored position, by candidates of one group that have come by the same prefix. */
typedef struct {
    int64_t group;
    int draw, last; /* the first of them, from which member_t.next leads to the others, and the last */
} choice_t;

/* A candidate at a level, of a group in the pass. */
typedef struct {
    int next;            /* candidate at the same position; -1: none */
    int64_t node;        /* where it stands in the trie; -1: at no position that others may share */
    int64_t position;
    depth_chain_t chain; /* that ends in its prefix */
} member_t;

struct grpo {
    const network_t *policy, *reference;
    const space_t *space;
    grpo_options_t o;
    float inverse_temperature;
    int at_once;               /* groups of a pass */
    int64_t row_cap;
    pass_t *pass, *reference_pass;
    head_t *head, *reference_head;
    int32_t *symbols;
    depth_prefixes_t prefixes; /* where states are theirs */
    int64_t *bounds, *parents;
    scored_position_t *positions;
    choice_t *choices;         /* beside positions */
    member_t *members;         /* [at_once, group + 1, SID_MAX_TOKENS] */
    float *pool, *p;           /* log pi_ref of all positions' allowed tokens, in the head's order; [widest] */
    /* the pass at hand */
    segments_t segments;
    int64_t count, pool_used, pool_cap;
    double *apart, *pull;      /* [at_once, group + 1] of a preference: D, and d loss / d log pi, of whole candidates */
    const grpo_group_t *groups;
    bool first;
    double weight;
    grpo_stats_t *stats;
};

grpo_t *grpo_new(const network_t *policy, const network_t *reference, const space_t *space, const grpo_options_t *o)
{
    const int levels = space->vocab.levels, branch = space_by_prefixes(space) ? 0 : levels;
    const int64_t all = o->group + 1, history = space_longest(space), rows = HISTORIES * (history + all * branch);
    const int at_once = space->body == BODY_TIMELINE ? MOST_GROUPS : HISTORIES;
    const int64_t longest = history + branch, prefixes = round_rows(policy->backend, at_once * (1 + all));
    const int64_t segments = at_once * (1 + all), scored = at_once * (1 + all * levels);
    grpo_t *g = NEW(grpo_t);
    *g = (grpo_t){.at_once = at_once, .row_cap = rows, .policy = policy, .reference = reference, .space = space, .o = *o,
                   .inverse_temperature = (float)(1 / o->temperature)};
    g->pass = pass_new(policy, space, PASS_TRAIN, rows, longest, prefixes);
    g->reference_pass = pass_new(reference, space, PASS_INFER, rows, longest, prefixes);
    g->head = head_new(policy, space);
    g->reference_head = head_new(reference, space);
    g->symbols = NEW_ARRAY(int32_t, rows);
    if (space_by_prefixes(space)) g->prefixes = depth_prefixes_new(space, prefixes, space->thinks);
    g->bounds = NEW_ARRAY(int64_t, segments + 1);
    g->parents = NEW_ARRAY(int64_t, segments);
    g->positions = NEW_ARRAY(scored_position_t, scored);
    g->choices = NEW_ARRAY(choice_t, scored);
    g->members = NEW_ARRAY(member_t, at_once * all * SID_MAX_TOKENS);
    g->p = xfloats((size_t)space->widest);
    g->apart = NEW_ARRAY(double, at_once * all);
    g->pull = NEW_ARRAY(double, at_once * all);
    return g;
}

void grpo_free(grpo_t *g)
{
    if (!g) return;
    pass_free(g->pass);
    pass_free(g->reference_pass);
    depth_prefixes_free(&g->prefixes);
    head_free(g->head);
    head_free(g->reference_head);
    void *all[] = {g->symbols, g->bounds, g->parents, g->positions, g->choices, g->members, g->pool, g->p, g->apart, g->pull};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(g);
}

static member_t *member(const grpo_t *g, int64_t group, int draw, int level)
{
    return &g->members[(group * (g->o.group + 1) + draw) * SID_MAX_TOKENS + level];
}

/* Adds a position, and the first candidate that has come to it. */
static void add_position(grpo_t *g, int64_t row, int level, int64_t node, int64_t group, int draw)
{
    g->positions[g->count] = (scored_position_t){(int32_t)row, -1, space_next(g->space, level, node), TASK_NEXT};
    g->choices[g->count++] = (choice_t){group, draw, draw};
    member(g, group, draw, level)->next = -1;
}

/* Adds a candidate to those of a position. */
static void join(grpo_t *g, int64_t position, int level, int draw)
{
    choice_t *s = &g->choices[position];
    member(g, s->group, s->last, level)->next = draw;
    member(g, s->group, draw, level)->next = -1;
    s->last = draw;
}

static bool has_choice(const grpo_t *g, int level, int64_t node)
{
    return space_allowed(g->space, space_next(g->space, level, node)).n > 1;
}

/* Tells whether the target is scored beside the candidates. */
static bool has_target(const grpo_t *g) { return g->o.objective != OBJECTIVE_GRPO || g->o.supervised > 0; }

/* Finds a group's candidate, or behind them all its target. */
static const draw_t *draw_of(const grpo_t *g, int64_t group, int draw)
{
    return draw < g->o.group ? &g->groups[group].draws[draw] : g->groups[group].target;
}

/* Finds a group's candidates that are scored, [*begin, *end), the target among them as number `group`. */
static void scored_draws(const grpo_t *g, int64_t group, int *begin, int *end)
{
    *begin = g->groups[group].weight > 0 ? 0 : g->o.group;
    *end = g->o.group + has_target(g);
}

/* Weighs each of a candidate's tokens in the loss. */
static double share_of(const grpo_t *g, int64_t group, int draw)
{
    return g->groups[group].weight / (g->o.group * g->groups[group].draws[draw].count);
}

/* Adds the prefix of a candidate's first tokens; returns the number of its state. */
static int64_t add_prefix(grpo_t *g, depth_chain_t *chain, int level, int64_t end, const int32_t *tokens)
{
    return pass_first(g->pass) + depth_prefixes_add(&g->prefixes, chain, level, (int32_t)end, tokens);
}

/* Scores a candidate's token by the state of its prefix, which is that of an earlier one's if it is the same. */
static void lay_prefix(grpo_t *g, int64_t group, int first, int draw, int level, int64_t node, int64_t end, depth_chain_t *chain)
{
    const draw_t *d = draw_of(g, group, draw);
    member_t *own = member(g, group, draw, level), *other = NULL;
    for (int e = first; e < draw && !other; e++)
        if (node >= 0 && member(g, group, e, level)->node == node) other = member(g, group, e, level);
    if (other) {
        *chain = other->chain;
        own->position = other->position;
        join(g, own->position, level, draw);
    } else {
        const int64_t row = add_prefix(g, chain, level, end, d->tokens);
        own->position = g->count;
        add_position(g, row, level, node, group, draw);
    }
    own->node = node;
    own->chain = *chain;
}

/* Scores a candidate's tokens where there was a choice, but for the first, which is the group's. In a flat body its tokens up to
 * the last one before a choice are a branch of the history, segment `parent`; in a timeline, and where rows think, they are prefixes
 * that follow its last row, `end`, and `chain` holds the group's own, of no tokens. */
static void lay_branch(grpo_t *g, int64_t group, int first, int draw, int64_t parent, int64_t end, depth_chain_t chain)
{
    const draw_t *d = draw_of(g, group, draw);
    const int64_t start = g->segments.rows;
    const bool branches = !space_by_prefixes(g->space);
    int64_t node = 0;
    int fed = 0;
    for (int level = 0; level < SID_MAX_TOKENS; level++) member(g, group, draw, level)->node = -1;
    for (int level = 0; level < d->count; level++) {
        const bool choice = has_choice(g, level, node);
        if (!choice && draw < g->o.group && g->o.objective == OBJECTIVE_GRPO)
            g->stats->loss -= share_of(g, group, draw) * g->groups[group].advantages[draw]; /* a ratio of 1 */
        if (choice && level > 0) {
            if (branches) add_position(g, start + level - 1, level, node, group, draw);
            else lay_prefix(g, group, first, draw, level, node, end, &chain);
            fed = level;
        }
        if (node >= 0) node = trie_child(&g->space->trie, node, d->tokens[level]);
    }
    if (!fed || !branches) return;
    memcpy(g->symbols + start, d->tokens, (size_t)fed * sizeof *d->tokens);
    g->parents[g->segments.count++] = parent;
    g->segments.rows += fed;
    g->bounds[g->segments.count] = g->segments.rows;
}

/* Lays a group behind its history, which ends at a row of segment `parent`. */
static void lay_group(grpo_t *g, int64_t group, int64_t parent, int64_t end)
{
    const bool choice = has_choice(g, 0, 0);
    depth_chain_t chain = depth_chain();
    int64_t row = end;
    if (space_by_prefixes(g->space) && (choice || g->prefixes.chained)) row = add_prefix(g, &chain, 0, end, NULL);
    int first, after;
    scored_draws(g, group, &first, &after);
    if (choice) add_position(g, row, 0, 0, group, first);
    for (int d = first + 1; choice && d < after; d++) join(g, g->count - 1, 0, d);
    for (int d = first; d < after; d++) lay_branch(g, group, first, d, parent, end, chain);
}

/* Lays the first of n groups, and those whose prompts go on from its, behind one history; returns how many. */
static int64_t lay_shared(grpo_t *g, int64_t first, int64_t n)
{
    const int64_t start = g->segments.rows, parent = g->segments.count;
    int64_t end[MOST_GROUPS], count = 0;
    do {
        g->segments.rows = start + space_history(g->space, g->groups[first + count].prompt, g->symbols + start);
        end[count++] = g->segments.rows - 1;
    } while (first + count < n && space_continues(g->space, g->groups[first + count - 1].prompt, g->groups[first + count].prompt));
    g->parents[g->segments.count++] = -1;
    g->bounds[g->segments.count] = g->segments.rows;
    for (int64_t i = 0; i < count; i++) lay_group(g, first + i, parent, end[i]);
    return count;
}

/* Turns x into log softmax(x / temperature), in place. */
SIMD_CLONES
static void log_softmax(int64_t n, float inverse_temperature, float *x)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] *= inverse_temperature;
    const float norm = vec_log_sum_exp(n, x);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] -= norm;
}

/* Sets p = exp(x), and sums over tokens: *kl of p log(p / ref), *entropy, *reference_entropy. */
SIMD_CLONES
static void measure(int64_t n, const float *restrict x, const float *restrict ref, float *restrict p, float *kl, float *entropy,
                    float *reference_entropy)
{
    float k = 0, h = 0, r = 0;
#pragma omp simd reduction(+ : k, h, r)
    for (int64_t i = 0; i < n; i++) {
        p[i] = fast_exp(x[i]);
        k += p[i] * (x[i] - ref[i]);
        h -= p[i] * x[i];
        r -= fast_exp(ref[i]) * ref[i];
    }
    *kl = k;
    *entropy = h;
    *reference_entropy = r;
}

/* Sets x = (pull p + push p (x - ref - kl)) / temperature: what every allowed token's logit takes part in. */
SIMD_CLONES
static void spread(int64_t n, float inverse_temperature, float pull, float push, float kl, const float *restrict p,
                   const float *restrict ref, float *restrict x)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] = inverse_temperature * p[i] * (pull + push * (x[i] - ref[i] - kl));
}

static void keep_reference(void *ctx, int64_t i, const allowed_t *allowed, float *x)
{
    (void)i;
    grpo_t *g = ctx;
    log_softmax(allowed->n, g->inverse_temperature, x);
    memcpy(g->pool + g->pool_used, x, (size_t)allowed->n * sizeof *x);
    g->pool_used += allowed->n;
}

/* Finds d loss / d log pi of one candidate's token, and adds its loss and statistics; `share` is weight / (G |o|). */
static double token_gradient(grpo_t *g, const grpo_group_t *group, int draw, int level, double log_p, double kl, double share)
{
    double *old = &group->old[draw * SID_MAX_TOKENS + level];
    if (g->first) *old = log_p;
    const double ratio = exp(log_p - *old), a = group->advantages[draw], eps = g->o.epsilon;
    const double clipped = fmax(1 - eps, fmin(1 + eps, ratio)) * a;
    g->stats->loss -= share * (fmin(ratio * a, clipped) - g->o.beta * kl);
    g->stats->clipped += ratio * a > clipped;
    g->stats->tokens++;
    return ratio * a > clipped ? 0 : -share * ratio * a;
}

/* Finds the candidate that shares a scored position after another; -1: none. */
static int next_draw(const grpo_t *g, int64_t i, int draw)
{
    return member(g, g->choices[i].group, draw, g->positions[i].set.level)->next;
}

/* Finds the place of a candidate's token among those allowed at a position. */
static int32_t chosen_at(const grpo_t *g, int64_t i, const allowed_t *allowed, int draw)
{
    const draw_t *d = draw_of(g, g->choices[i].group, draw);
    const int32_t chosen = allowed_index(allowed, d->tokens[g->positions[i].set.level]);
    if (chosen < 0) die(EX_SOFTWARE, "grpo: a candidate's token is not among those allowed");
    return chosen;
}

/* Adds up how far whole candidates' probabilities have moved from the reference's. */
static void move_apart(void *ctx, int64_t i, const allowed_t *allowed, float *x)
{
    grpo_t *g = ctx;
    log_softmax(allowed->n, g->inverse_temperature, x);
    for (int d = g->choices[i].draw; d >= 0; d = next_draw(g, i, d)) {
        const int32_t chosen = chosen_at(g, i, allowed, d);
        g->apart[g->choices[i].group * (g->o.group + 1) + d] += x[chosen] - g->pool[g->pool_used + chosen];
    }
    g->pool_used += allowed->n;
}

/* Finds d loss / d log pi of a candidate's token, adds its loss and statistics, and adds to *push, of the KL penalty. */
static double draw_gradient(grpo_t *g, int64_t i, int draw, double log_p, double kl, double *push)
{
    const int64_t number = g->choices[i].group;
    const double preferred = g->o.objective == OBJECTIVE_GRPO ? 0 : g->groups[number].weight * g->pull[number * (g->o.group + 1) + draw];
    if (draw == g->o.group) {
        g->stats->supervised -= g->weight * g->o.supervised * log_p;
        g->stats->loss -= g->weight * g->o.supervised * log_p;
        return preferred - g->weight * g->o.supervised;
    }
    if (g->o.objective != OBJECTIVE_GRPO) {
        g->stats->tokens++;
        return preferred;
    }
    const double share = share_of(g, number, draw);
    *push += share * g->o.beta;
    return token_gradient(g, &g->groups[number], draw, g->positions[i].set.level, log_p, kl, share);
}

/* Turns a scored row's logits into the loss's gradient. */
static void policy_gradient(void *ctx, int64_t i, const allowed_t *allowed, float *x)
{
    grpo_t *g = ctx;
    const float *ref = g->pool + g->pool_used;
    int32_t chosen[g->o.group + 1];
    double gradient[g->o.group + 1], pull = 0, push = 0;
    float kl, entropy, reference_entropy;
    g->pool_used += allowed->n;
    log_softmax(allowed->n, g->inverse_temperature, x);
    measure(allowed->n, x, ref, g->p, &kl, &entropy, &reference_entropy);
    for (int d = g->choices[i].draw; d >= 0; d = next_draw(g, i, d)) {
        chosen[d] = chosen_at(g, i, allowed, d);
        gradient[d] = draw_gradient(g, i, d, x[chosen[d]], kl, &push);
        pull -= gradient[d];
        if (d == g->o.group) continue;
        g->stats->kl += kl;
        g->stats->entropy += entropy;
        g->stats->reference_entropy += reference_entropy;
    }
    spread(allowed->n, g->inverse_temperature, (float)pull, (float)push, kl, g->p, ref, x);
    for (int d = g->choices[i].draw; d >= 0; d = next_draw(g, i, d)) x[chosen[d]] += g->inverse_temperature * (float)gradient[d];
}

/* Makes room for the tokens that may follow at the pass's positions. */
static void reserve_pool(grpo_t *g)
{
    int64_t need = 0;
    for (int64_t i = 0; i < g->count; i++) need += space_allowed(g->space, g->positions[i].set).n;
    if (need > g->pool_cap) g->pool = xreallocarray(g->pool, (size_t)(g->pool_cap = need), sizeof *g->pool);
}

/* Finds what the preference makes of whole candidates. */
static void prefer(grpo_t *g, int64_t n, const float *states, const operand_t *packed)
{
    const int all = g->o.group + 1;
    memset(g->apart, 0, (size_t)(n * all) * sizeof *g->apart);
    g->pool_used = 0;
    head_pass(g->head, g->count, g->positions, states, packed, move_apart, g, NULL, NULL);
    for (int64_t i = 0; i < n; i++)
        g->stats->loss += g->groups[i].weight * preference(g->o.group, g->groups[i].draws, g->groups[i].target->item, g->o.objective == OBJECTIVE_SDPO_RANK, g->o.beta,
                                                 g->apart + i * all, g->pull + i * all);
}

/* Lays as many of n groups as a pass takes; returns how many. */
static int64_t lay_groups(grpo_t *g, int64_t n)
{
    int64_t laid = 0;
    g->segments = (segments_t){0, 0, g->bounds, g->parents};
    g->count = g->pool_used = 0;
    depth_prefixes_clear(&g->prefixes);
    while (laid < n && (g->space->body == BODY_FLAT || g->segments.rows + space_longest(g->space) <= g->row_cap))
        laid += lay_shared(g, laid, n);
    return laid;
}

/* Adds the gradient of the first of n groups; returns how many it has taken. */
static int64_t pass_groups(grpo_t *g, int64_t n, const grpo_group_t *groups, grads_t *grads)
{
    g->groups = groups;
    n = lay_groups(g, n < g->at_once ? n : g->at_once);
    reserve_pool(g);
    const pass_input_t in = {g->segments, g->symbols, &g->prefixes};
    const pass_rates_t none = {0};
    const operand_t *packed;

    const float *states = pass_forward(g->reference_pass, &in, &none, 0, &packed);
    head_pass(g->reference_head, g->count, g->positions, states, packed, keep_reference, g, NULL, NULL);

    states = pass_forward(g->pass, &in, &none, 0, &packed);
    if (g->o.objective != OBJECTIVE_GRPO) prefer(g, n, states, packed);
    g->pool_used = 0;
    head_pass(g->head, g->count, g->positions, states, packed, policy_gradient, g, pass_gradient(g->pass), grads);
    pass_backward(g->pass, grads);
    return n;
}

void grpo_backward(grpo_t *g, int64_t n, const grpo_group_t *groups, bool first, double weight, grads_t *grads,
                   grpo_stats_t *stats)
{
    g->first = first;
    g->weight = weight;
    g->stats = stats;
    for (int64_t i = 0; i < n;) i += pass_groups(g, n - i, groups + i, grads);
}
