#include "policy/rl_trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "base/rng.h"
#include "gen/validation.h"
#include "nn/optim.h"
#include "policy/rl_sums.h"
#include "train/loop.h"

_Static_assert((int)RL_RUNNING == LOOP_RUNNING && (int)RL_EPOCHS == LOOP_ROUNDS && (int)RL_PATIENCE == LOOP_PATIENCE &&
                   (int)RL_KL == LOOP_OTHER,
               "why the loop ends is why policy training ends");

const char *const rl_end_names[] = {"running", "epochs", "patience", "kl", "entropy"};

typedef struct {
    const rl_job_t *job;
    rl_options_t o;
    space_t space;           /* the start's, with the sampler's softmax: what candidates are scored over */
    model_t *model;
    network_t *reference, *net;
    learner_t learner;
    proposer_t *proposer;
    drawer_t *blind;         /* [blind_count] of the job's, each with a space of its own */
    grpo_t **workers;
    validation_t *validation;
    prompt_t *prompts;
    perturb_t *perturb;      /* NULL: prompts are as they are */
    occurrences_t occurrences; /* none unless a reward asks */
    int64_t prompt_count, steps;
    int64_t *runs, run_count; /* [run_count + 1] first of prompts on end that share their history's encoding */
    int64_t *order, epoch;    /* of the prompts in that epoch */
    /* the step at hand */
    history_t *asked, *own;  /* [prompts_per_step] and the training histories that they are of */
    int32_t *by;             /* [prompts_per_step] the model that is blind to the target; -1: none */
    int32_t *perturbed;      /* [prompts_per_step, max_items] */
    draw_t *draws, *targets; /* [prompts_per_step, group], [prompts_per_step] */
    double *advantages, *old; /* [prompts_per_step, group], [.., SID_MAX_TOKENS] */
    grpo_group_t *groups;    /* those kept */
    int64_t kept, used_shards;
    bool first;
    grpo_stats_t *shard_stats;
    /* saved */
    rl_sums_t sums;
    validation_score_t score, start, best; /* of the last validation, of the supervised model, of the kept weights */
    int64_t drawn;           /* candidates, by this process */
} rl_t;

static void make_workers(rl_t *t)
{
    const rl_options_t *o = &t->o;
    const grpo_options_t grpo = {o->objective, o->temperature, o->epsilon, o->beta, o->supervised, (int)o->group};
    t->workers = NEW_ARRAY(grpo_t *, parallel_workers());
    for (int i = 0; i < parallel_workers(); i++) t->workers[i] = grpo_new(t->net, t->reference, &t->space, &grpo);
}

/* Takes the space for a step's candidates. */
static void make_step(rl_t *t)
{
    const int64_t prompts = t->o.prompts_per_step, candidates = prompts * t->o.group;
    t->asked = NEW_ARRAY(history_t, prompts);
    t->own = NEW_ARRAY(history_t, prompts);
    t->by = NEW_ARRAY(int32_t, prompts);
    t->perturbed = NEW_ARRAY(int32_t, t->perturb ? prompts * t->space.max_items : 0);
    t->draws = NEW_ARRAY(draw_t, candidates);
    t->targets = NEW_ARRAY(draw_t, prompts);
    t->advantages = NEW_ARRAY(double, candidates);
    t->old = NEW_ARRAY(double, candidates * SID_MAX_TOKENS);
    t->groups = NEW_ARRAY(grpo_group_t, prompts);
    t->shard_stats = NEW_ARRAY(grpo_stats_t, t->o.shards);
}

/* Makes networks of the models that draw in the policy's place. */
static void make_blind(rl_t *t)
{
    t->blind = NEW_ARRAY(drawer_t, t->job->blind_count);
    for (int i = 0; i < t->job->blind_count; i++) {
        const generator_t *g = &t->job->blind[i];
        space_t *space = NEW(space_t);
        *space = g->space;
        space->softmax = t->space.softmax;
        t->blind[i] = (drawer_t){network_new(g->model, t->job->backend, space_positions(space)), space};
    }
}

static void free_blind(rl_t *t)
{
    for (int i = 0; i < t->job->blind_count; i++) {
        network_free((network_t *)t->blind[i].net);
        free((space_t *)t->blind[i].space);
    }
    free(t->blind);
}

static void make_candidates(rl_t *t)
{
    const proposer_options_t o = {t->o.candidates, t->o.sampler, (int)t->o.group, t->o.temperature, t->job->blend, t->job->blind_count,
                                  t->blind};
    t->proposer = proposer_new((drawer_t){t->net, &t->space}, &o);
}

/* Makes the prompts, as those know them who draw their candidates. */
static void make_prompts(rl_t *t)
{
    const rl_job_t *job = t->job;
    const int models = job->blind_count ? job->blind_count : 1;
    hold_back_t *hold = NEW_ARRAY(hold_back_t, models);
    for (int i = 0; i < models; i++) hold[i] = job->blind_count ? job->blind[i].hold : job->start->hold;
    t->prompts = prompts_make(job->interactions, t->o.prompts, models, hold, job->start->space.max_items, &t->prompt_count);
    free(hold);
    if (!t->prompt_count)
        die(EX_DATAERR, "no user has 4 interactions or more: no training history has an item and one that follows it");
}

/* Finds the prompts that are taken together. */
static void make_runs(rl_t *t)
{
    t->order = NEW_ARRAY(int64_t, t->prompt_count);
    t->runs = NEW_ARRAY(int64_t, t->prompt_count + 1);
    for (int64_t i = 0; i < t->prompt_count; i++)
        if (!i || t->perturb || !space_continues(&t->space, &t->prompts[i - 1].history, &t->prompts[i].history)) t->runs[t->run_count++] = i;
    t->runs[t->run_count] = t->prompt_count;
}

static rl_t *rl_new(const rl_job_t *job)
{
    const generator_t *g = job->start;
    rl_t *t = NEW(rl_t);
    t->job = job;
    t->o = job->options;
    make_prompts(t);
    if ((t->o.sampler == SAMPLER_BEAM || job->blend) && t->o.group > g->space.sids->items)
        die(EX_USAGE, "--group %lld: there are only %lld distinct candidates", (long long)t->o.group,
            (long long)g->space.sids->items);
    t->steps = (int64_t)ceil(t->o.epochs * (double)t->prompt_count / (double)t->o.prompts_per_step);
    t->epoch = -1;
    t->space = g->space;
    t->space.softmax = sampler_softmax(t->o.sampler);
    t->model = model_copy(g->model);
    t->reference = network_new(g->model, job->backend, space_positions(&t->space));
    t->net = network_new(t->model, job->backend, space_positions(&t->space));
    t->learner = learner_new(&t->model->params, t->o.shards, t->o.valid_users > 0, t->o.update.average > 0);
    make_blind(t);
    make_candidates(t);
    if (t->o.valid_users)
        t->validation = validation_new(t->net, &g->space, job->interactions, t->o.valid_users, t->o.seed, t->o.protocol);
    if (t->o.prompts == PROMPTS_PERTURBED) t->perturb = perturb_new(&t->o.perturb, g->space.sids);
    if (t->o.reward.kind == REWARD_GRADED) t->occurrences = occurrences_new(job->interactions);
    t->o.reward.occurrences = &t->occurrences;
    make_runs(t);
    make_workers(t);
    make_step(t);
    return t;
}

static void rl_free(rl_t *t)
{
    for (int i = 0; i < parallel_workers(); i++) grpo_free(t->workers[i]);
    proposer_free(t->proposer);
    free_blind(t);
    validation_free(t->validation);
    learner_free(&t->learner);
    network_free(t->net);
    network_free(t->reference);
    perturb_free(t->perturb);
    occurrences_free(&t->occurrences);
    void *all[] = {t->workers, t->prompts, t->runs, t->order, t->asked, t->own, t->by, t->perturbed, t->draws, t->targets,
                   t->advantages, t->old, t->groups, t->shard_stats};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(t);
}

/* Shuffles the runs, and lists their prompts in that order. */
static void deal_runs(rl_t *t, uint64_t key)
{
    int64_t *run = NEW_ARRAY(int64_t, t->run_count), n = 0;
    for (int64_t i = 0; i < t->run_count; i++) run[i] = i;
    rng_shuffle(key, run, t->run_count);
    for (int64_t i = 0; i < t->run_count; i++)
        for (int64_t p = t->runs[run[i]]; p < t->runs[run[i] + 1]; p++) t->order[n++] = p;
    free(run);
}

/* Finds prompt `number` of the endless row of shuffled epochs. */
static const prompt_t *prompt_at(rl_t *t, int64_t number)
{
    const int64_t epoch = number / t->prompt_count;
    if (epoch != t->epoch) {
        deal_runs(t, rng_key(rng_stream(t->o.seed, "prompts"), (uint64_t)epoch));
        t->epoch = epoch;
    }
    return &t->prompts[t->order[number % t->prompt_count]];
}

/* --- A step ------------------------------------------------------------------------------------------------------------- */

/* Asks the step's i-th prompt, number `number` of all. */
static void ask(rl_t *t, int64_t i, int64_t number)
{
    const prompt_t *prompt = prompt_at(t, number);
    t->asked[i] = prompt->history;
    t->own[i] = prompt->own;
    t->by[i] = prompt->blind;
    if (t->perturb)
        t->asked[i] = perturb_history(t->perturb, &t->asked[i], rng_key(rng_stream(t->o.seed, "perturbed"), (uint64_t)number),
                                      t->perturbed + i * t->space.max_items);
    draw_t *target = &t->targets[i];
    target->item = t->asked[i].target;
    target->count = vocab_sid(&t->space.vocab, t->space.sids, target->item, target->tokens);
}

/* Draws and rewards the step's candidates, and keeps the groups that have something to say. */
static void collect(rl_t *t, int64_t step)
{
    const int64_t n = t->o.prompts_per_step, first = step * n;
    reward_t *rewards = NEW_ARRAY(reward_t, t->o.group);
    for (int64_t i = 0; i < n; i++) ask(t, i, first + i);
    proposer_draw(t->proposer, n, t->asked, t->own, t->by, rng_stream(t->o.seed, "draws"), first, t->draws);
    int64_t told = 0;
    t->kept = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = i * t->o.group;
        reward_group(&t->o.reward, &t->space, t->job->quality, t->asked[i].target, (int)t->o.group, t->draws + at, rewards);
        rl_sums_group(&t->sums, (int)t->o.group, rewards, t->by[i] < 0);
        const bool unequal = reward_advantages((int)t->o.group, rewards, t->o.standardise, t->advantages + at);
        const bool tells = unequal || t->o.objective != OBJECTIVE_GRPO;
        t->sums.equal += !unequal;
        told += tells;
        if (tells || t->o.supervised > 0)
            t->groups[t->kept++] = (grpo_group_t){&t->asked[i], t->draws + at, &t->targets[i], t->advantages + at,
                                                  t->old + at * SID_MAX_TOKENS, tells};
    }
    for (int64_t i = 0; i < t->kept; i++) t->groups[i].weight /= (double)max64(told, 1);
    t->drawn += n * t->o.group;
    free(rewards);
}

static void run_shard(void *ctx, int64_t shard, int worker)
{
    rl_t *t = ctx;
    const int64_t begin = shard * t->kept / t->used_shards, end = (shard + 1) * t->kept / t->used_shards;
    t->shard_stats[shard] = (grpo_stats_t){0};
    grads_clear(t->learner.grads[shard]);
    grpo_backward(t->workers[worker], end - begin, t->groups + begin, t->first, 1 / (double)t->kept, t->learner.grads[shard],
                  &t->shard_stats[shard]);
}

static double learning_rate(const rl_t *t)
{
    const int64_t updates = t->learner.updates, all = t->steps * t->o.inner_steps;
    const int64_t warmup = t->o.warmup < all ? t->o.warmup : all;
    if (t->o.cosine) return t->o.update.lr * cosine_schedule(updates, warmup, all, 0);
    return t->o.update.lr * (updates < warmup ? (double)(updates + 1) / (double)warmup : 1);
}

/* Updates once on the step's candidates. */
static void update(rl_t *t, int64_t step)
{
    parallel_ranks(t->used_shards, run_shard, t);
    ranks_share(t->shard_stats, t->used_shards, sizeof *t->shard_stats);
    for (int64_t s = 0; s < t->used_shards; s++) rl_sums_pass(&t->sums, &t->shard_stats[s]);
    update_options_t u = t->o.update;
    u.lr = learning_rate(t);
    const double norm = learner_update(&t->learner, &u, t->used_shards, 1);
    if (!isfinite(norm)) loop_diverged("the gradient is not finite in step %lld; try a lower --lr", (long long)step + 1);
    network_sync(t->net);
    t->sums.updates++;
    t->sums.norm += norm;
}

static int64_t first_step(const rl_t *t, int64_t round)
{
    return round * t->o.valid_every < t->steps ? round * t->o.valid_every : t->steps;
}

static void take_step(void *ctx, int64_t round, int64_t step)
{
    rl_t *t = ctx;
    step += first_step(t, round);
    collect(t, step);
    t->used_shards = t->kept < t->o.shards ? t->kept : t->o.shards;
    for (int64_t inner = 0; inner < t->o.inner_steps && t->kept; inner++) {
        t->first = inner == 0;
        update(t, step);
    }
    progress_add(t->o.prompts_per_step);
}

/* --- The steps up to the next validation ---------------------------------------------------------------------------------- */

static int64_t begin_round(void *ctx, int64_t round, int64_t done)
{
    rl_t *t = ctx;
    const int64_t steps = first_step(t, round + 1) - first_step(t, round);
    network_sync(t->net);
    progress_start("training", "prompts", (steps - done) * t->o.prompts_per_step);
    return steps;
}

static double score(void *ctx)
{
    rl_t *t = ctx;
    network_sync(t->net);
    t->score = validation_run(t->validation, (int)t->o.beam);
    return t->score.ndcg10;
}

static void kept(void *ctx, const loop_state_t *at)
{
    rl_t *t = ctx;
    t->best = t->score;
    if (at->round == 0) t->start = t->score;
}

static double candidates_per_second(const rl_t *t, const loop_state_t *at)
{
    return at->seconds > 0 ? (double)t->drawn / at->seconds : 0;
}

static void log_round(const rl_t *t, const loop_state_t *at)
{
    char *tells = rl_sums_json(&t->sums), *validated = validation_json(t->validation, &t->score);
    jsonlog("{\"step\":%d,\"updates\":%d,%s,%s,\"candidates_per_second\":%.0f}", (int)first_step(t, at->round), (int)t->learner.updates,
            tells, validated, candidates_per_second(t, at));
    free(tells);
    free(validated);
}

static void say_round(const rl_t *t, const loop_state_t *at)
{
    char validated[40] = "";
    if (!(t->sums.groups > 0)) return;
    if (t->validation)
        snprintf(validated, sizeof validated, ", ndcg@10 %.4f%s", t->score.ndcg10, at->best_round == at->round ? " *" : "");
    char *tells = rl_sums_words(&t->sums);
    note("step %d/%d: %s%s, %.0f candidates/s", (int)first_step(t, at->round), (int)t->steps, tells, validated, candidates_per_second(t, at));
    free(tells);
}

/* Tells whether the policy has left its bounds, and which. */
static rl_end_t strayed(const rl_t *t)
{
    const double kl = rl_sums_kl(&t->sums), entropy = rl_sums_entropy_share(&t->sums);
    if (t->o.max_kl > 0 && kl > t->o.max_kl) return RL_KL;
    if (entropy < t->o.min_entropy || (t->o.max_entropy > 0 && entropy > t->o.max_entropy)) return RL_ENTROPY;
    return RL_RUNNING;
}

static int64_t report(void *ctx, const loop_state_t *at)
{
    rl_t *t = ctx;
    log_round(t, at);
    say_round(t, at);
    const rl_end_t end = strayed(t);
    t->sums = (rl_sums_t){0};
    return end;
}

static void fields(void *ctx, checkpoint_t *c)
{
    rl_t *t = ctx;
    rl_sums_fields(&t->sums, c);
    checkpoint_add(c, "start", "hr", ST_F64, 1, &t->start.hr10);
    checkpoint_add(c, "start", "ndcg", ST_F64, 1, &t->start.ndcg10);
    checkpoint_add(c, "kept", "hr", ST_F64, 1, &t->best.hr10);
    checkpoint_add(c, "kept", "ndcg", ST_F64, 1, &t->best.ndcg10);
}

static void started(void *ctx)
{
    const rl_t *t = ctx;
    note("%lld prompts, %lld steps of %lld x %lld candidates, %s", (long long)t->prompt_count, (long long)t->steps,
         (long long)t->o.prompts_per_step, (long long)t->o.group, t->job->backend->name);
    validation_note(t->validation);
}

model_t *rl_train(const rl_job_t *job, rl_result_t *result)
{
    rl_t *t = rl_new(job);
    const loop_options_t o = {.rounds = (t->steps + t->o.valid_every - 1) / t->o.valid_every, .patience = t->o.patience,
                              .score_first = true, .save_seconds = job->save_seconds, .save_rounds = 1,
                              .folder = job->checkpoint, .fingerprint = job->fingerprint, .log = job->log};
    const loop_trainer_t steps = {.ctx = t, .begin = begin_round, .step = take_step, .score = t->validation ? score : NULL,
                                  .kept = kept, .report = report, .fields = fields, .reasons = RL_ENTROPY + 1 - LOOP_OTHER,
                                  .round_name = "round", .started = started};
    const loop_state_t at = loop_run(&o, &steps, &t->learner);
    jsonlog_close();
    *result = (rl_result_t){first_step(t, at.kept ? at.best_round : at.round), first_step(t, at.round), t->steps,
                            (rl_end_t)at.end, t->validation != NULL, t->best.hr10, t->best.ndcg10, t->start.hr10,
                            t->start.ndcg10, candidates_per_second(t, &at)};
    model_t *m = t->model;
    rl_free(t);
    return m;
}
