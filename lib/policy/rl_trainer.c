#include "policy/rl_trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/rng.h"
#include "gen/decoder.h"
#include "gen/validation.h"
#include "nn/optim.h"
#include "policy/grpo.h"
#include "train/checkpoint.h"

const char *const rl_end_names[] = {"running", "epochs", "patience", "kl", "entropy"};

/* Numbers of a state; all are stored in the checkpoint. Those from SUMS on are of the steps since the last validation. */
enum { STEP, UPDATES, BEST_STEP, BEST_HR, BEST_NDCG, START_HR, START_NDCG, STALE, END, LOG_BYTES, LOG_DIGEST, SUMS,
       GROUPS = SUMS, EQUAL, HIT_GROUPS, REWARD, TERMS, SPREAD = TERMS + REWARD_TERMS, LOSS, KL, ENTROPY, REFERENCE_ENTROPY, TOKENS,
       CLIPPED, NORM, STEPS_UPDATED, NUMBERS };

typedef struct {
    const rl_job_t *job;
    rl_options_t o;
    trie_t trie;
    network_t *reference;
    learner_t learner;
    rollout_t *rollout;
    grpo_t **workers;
    decoder_t *decoder;
    validation_t *validation;
    history_t *prompts;
    int64_t prompt_count, steps;
    int64_t *order, epoch;      /* of the prompts in that epoch */
    double number[NUMBERS];
    /* the step at hand */
    history_t *asked;           /* [prompts_per_step] */
    draw_t *draws;              /* [prompts_per_step, group] */
    double *advantages, *old;   /* [prompts_per_step, group], [.., SID_MAX_TOKENS] */
    group_t *groups;            /* those kept */
    int64_t kept, used_shards;
    bool first;
    grpo_stats_t *shard_stats;
    /* measured */
    double seconds;
    int64_t candidates;
} rl_t;

static model_t *copy_of(const model_t *m)
{
    model_t *copy = model_new(m->config);
    memcpy(copy->weights, m->weights, (size_t)m->size * sizeof(float));
    return copy;
}

static void make_workers(rl_t *t)
{
    const rl_options_t *o = &t->o;
    const grpo_options_t grpo = {sampler_softmax(o->sampler), o->temperature, o->epsilon, o->beta, (int)o->group};
    t->workers = NEW_ARRAY(grpo_t *, parallel_workers());
    for (int i = 0; i < parallel_workers(); i++)
        t->workers[i] = grpo_new(t->learner.net, t->reference, &t->job->start->vocab, t->job->sids, &t->trie, &grpo,
                                 t->job->start->max_items);
}

static rl_t *rl_new(const rl_job_t *job)
{
    const generator_t *g = job->start;
    rl_t *t = NEW(rl_t);
    t->job = job;
    t->o = job->options;
    const int64_t candidates = t->o.prompts_per_step * t->o.group;
    t->prompts = prompts_make(job->interactions, t->o.prompts, g->hold, g->max_items, &t->prompt_count);
    if (!t->prompt_count) die(EX_DATAERR, "no user has 4 interactions or more: no training history has an item and one that follows it");
    if (t->o.sampler == SAMPLER_BEAM && t->o.group > job->sids->items)
        die(EX_USAGE, "--group %lld: there are only %lld distinct candidates", (long long)t->o.group, (long long)job->sids->items);
    t->steps = (int64_t)ceil(t->o.epochs * (double)t->prompt_count / (double)t->o.prompts_per_step);
    t->epoch = -1;
    t->order = NEW_ARRAY(int64_t, t->prompt_count);
    t->trie = trie_build(job->sids, &g->vocab);
    t->reference = network_new(g->model, job->backend, generator_positions(g));
    t->learner = learner_new(copy_of(g->model), job->backend, generator_positions(g), t->o.shards, t->o.update.average > 0);
    learner_keep(&t->learner);
    t->rollout = rollout_new(t->learner.net, &g->vocab, job->sids, &t->trie, t->o.sampler, (int)t->o.group, t->o.temperature, g->max_items);
    t->decoder = decoder_new(t->learner.net, &g->vocab, job->sids, &t->trie, g->softmax, g->max_items);
    t->validation = validation_new(t->decoder, job->interactions, t->o.valid_users, t->o.seed);
    make_workers(t);
    t->asked = NEW_ARRAY(history_t, t->o.prompts_per_step);
    t->draws = NEW_ARRAY(draw_t, candidates);
    t->advantages = NEW_ARRAY(double, candidates);
    t->old = NEW_ARRAY(double, candidates * SID_MAX_TOKENS);
    t->groups = NEW_ARRAY(group_t, t->o.prompts_per_step);
    t->shard_stats = NEW_ARRAY(grpo_stats_t, t->o.shards);
    return t;
}

static void rl_free(rl_t *t)
{
    for (int i = 0; i < parallel_workers(); i++) grpo_free(t->workers[i]);
    rollout_free(t->rollout);
    validation_free(t->validation);
    decoder_free(t->decoder);
    learner_free(&t->learner);
    network_free(t->reference);
    trie_free(&t->trie);
    void *all[] = {t->workers, t->prompts, t->order, t->asked, t->draws, t->advantages, t->old, t->groups, t->shard_stats};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(t);
}

/* Prompt `number` of the endless row of shuffled epochs. */
static history_t prompt_at(rl_t *t, int64_t number)
{
    const int64_t epoch = number / t->prompt_count;
    if (epoch != t->epoch) {
        for (int64_t i = 0; i < t->prompt_count; i++) t->order[i] = i;
        rng_shuffle(rng_key(rng_stream(t->o.seed, "prompts"), (uint64_t)epoch), t->order, t->prompt_count);
        t->epoch = epoch;
    }
    return t->prompts[t->order[number % t->prompt_count]];
}

static void add_rewards(rl_t *t, const reward_t *rewards)
{
    double mean = 0, square = 0;
    bool hit = false;
    for (int64_t g = 0; g < t->o.group; g++) {
        const double r = reward_sum(&rewards[g]);
        mean += r / (double)t->o.group;
        square += r * r / (double)t->o.group;
        hit = hit || rewards[g].term[TERM_EXACT] > 0;
        for (int k = 0; k < REWARD_TERMS; k++) t->number[TERMS + k] += rewards[g].term[k] / (double)t->o.group;
    }
    t->number[REWARD] += mean;
    t->number[SPREAD] += sqrt(fmax(0, square - mean * mean));
    t->number[HIT_GROUPS] += hit;
}

/* Draws and rewards the step's candidates, and keeps the groups that have something to say. */
static void collect(rl_t *t)
{
    const int64_t n = t->o.prompts_per_step, first = (int64_t)t->number[STEP] * n;
    reward_t *rewards = NEW_ARRAY(reward_t, t->o.group);
    for (int64_t i = 0; i < n; i++) t->asked[i] = prompt_at(t, first + i);
    rollout_run(t->rollout, n, t->asked, rng_stream(t->o.seed, "draws"), first, t->draws);
    t->kept = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = i * t->o.group;
        reward_group(&t->o.reward, t->job->sids, &t->job->start->vocab, t->job->quality, t->asked[i].target, (int)t->o.group, t->draws + at, rewards);
        add_rewards(t, rewards);
        if (reward_advantages((int)t->o.group, rewards, t->advantages + at))
            t->groups[t->kept++] = (group_t){&t->asked[i], t->draws + at, t->advantages + at, t->old + at * SID_MAX_TOKENS};
    }
    t->number[GROUPS] += (double)n;
    t->number[EQUAL] += (double)(n - t->kept);
    t->candidates += n * t->o.group;
    free(rewards);
}

static void run_shard(void *ctx, int64_t shard, int worker)
{
    rl_t *t = ctx;
    const int64_t begin = shard * t->kept / t->used_shards, end = (shard + 1) * t->kept / t->used_shards;
    t->shard_stats[shard] = (grpo_stats_t){0};
    grpo_backward(t->workers[worker], end - begin, t->groups + begin, t->first, 1 / (double)t->kept, t->learner.grads[shard],
                  &t->shard_stats[shard]);
}

static double learning_rate(const rl_t *t)
{
    const int64_t updates = (int64_t)t->number[UPDATES], all = t->steps * t->o.inner_steps;
    const int64_t warmup = t->o.warmup < all ? t->o.warmup : all;
    return t->o.update.lr * (t->o.cosine ? cosine_schedule(updates, warmup, all, 0) : updates < warmup ? (double)(updates + 1) / (double)warmup : 1);
}

static void take_step(rl_t *t)
{
    t->used_shards = t->kept < t->o.shards ? t->kept : t->o.shards;
    for (int64_t inner = 0; inner < t->o.inner_steps && t->kept; inner++) {
        t->first = inner == 0;
        parallel_for(t->used_shards, run_shard, t);
        for (int64_t s = 0; s < t->used_shards; s++) {
            const grpo_stats_t *stats = &t->shard_stats[s];
            t->number[LOSS] += stats->loss;
            t->number[KL] += stats->kl;
            t->number[ENTROPY] += stats->entropy;
            t->number[REFERENCE_ENTROPY] += stats->reference_entropy;
            t->number[TOKENS] += (double)stats->tokens;
            t->number[CLIPPED] += (double)stats->clipped;
        }
        update_options_t u = t->o.update;
        u.lr = learning_rate(t);
        const double norm = learner_update(&t->learner, &u, (int64_t)t->number[UPDATES] + 1, t->used_shards, 1);
        if (!isfinite(norm)) die(EX_SOFTWARE, "the gradient is not finite in step %d; try a lower --lr", (int)t->number[STEP] + 1);
        t->number[UPDATES]++;
        t->number[STEPS_UPDATED]++;
        t->number[NORM] += norm;
    }
}

static learner_checkpoint_t checkpoint_of(rl_t *t)
{
    static const int whole[] = {STEP, UPDATES, BEST_STEP, STALE, END, LOG_BYTES, LOG_DIGEST};
    return (learner_checkpoint_t){t->job->checkpoint, t->job->fingerprint, t->number, NUMBERS, LOG_BYTES, LOG_DIGEST, whole,
                                  sizeof whole / sizeof *whole};
}

static void save(rl_t *t)
{
    const learner_checkpoint_t c = checkpoint_of(t);
    learner_save(&t->learner, &c);
}

static bool load(rl_t *t)
{
    const learner_checkpoint_t c = checkpoint_of(t);
    if (!learner_load(&t->learner, &c)) return false;
    if (t->number[STEP] > (double)t->steps || t->number[END] > RL_ENTROPY) learner_damaged(&c);
    note("going on from %s: step %d", c.folder, (int)t->number[STEP] + 1);
    return true;
}

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

static double entropy_share(const rl_t *t) { return t->number[REFERENCE_ENTROPY] > 0 ? t->number[ENTROPY] / t->number[REFERENCE_ENTROPY] : 1; }

/* One line: means over the steps since the last, and validation. */
static void log_round(const rl_t *t, double hr, double ndcg)
{
    const double *x = t->number, rate = t->seconds > 0 ? (double)t->candidates / t->seconds : 0;
    buf_t terms = {0};
    for (int k = 0; k < REWARD_TERMS; k++) buf_printf(&terms, "%s\"%s\":%.6f", k ? "," : "", reward_term_names[k], ratio(x[TERMS + k], x[GROUPS]));
    char validated[64] = "\"hr@10\":null,\"ndcg@10\":null";
    if (t->validation) snprintf(validated, sizeof validated, "\"hr@10\":%.6f,\"ndcg@10\":%.6f", hr, ndcg);
    jsonlog("{\"step\":%d,\"updates\":%d,\"prompts\":%.0f,\"reward\":%.6f,\"reward_terms\":{%s},\"reward_deviation\":%.6f,\"groups_with_hit\":%.6f,"
            "\"groups_equal\":%.0f,\"groups_equal_share\":%.6f,\"loss\":%.6f,\"kl\":%.6g,\"entropy\":%.6f,\"entropy_share\":%.6f,\"clipped\":%.6f,"
            "\"gradient_norm\":%.6f,%s,\"candidates_per_second\":%.0f}",
            (int)x[STEP], (int)x[UPDATES], x[GROUPS], ratio(x[REWARD], x[GROUPS]), terms.data, ratio(x[SPREAD], x[GROUPS]),
            ratio(x[HIT_GROUPS], x[GROUPS]), x[EQUAL], ratio(x[EQUAL], x[GROUPS]), ratio(x[LOSS], x[STEPS_UPDATED]), ratio(x[KL], x[TOKENS]),
            ratio(x[ENTROPY], x[TOKENS]), entropy_share(t), ratio(x[CLIPPED], x[TOKENS]), ratio(x[NORM], x[STEPS_UPDATED]), validated, rate);
    if (x[GROUPS] > 0)
        note("step %d/%d: reward %.4f (exact %.4f), equal groups %.0f%%, kl %.3g, entropy %.2f of the reference's, ndcg@10 %.4f%s, %.0f candidates/s",
             (int)x[STEP], (int)t->steps, ratio(x[REWARD], x[GROUPS]), ratio(x[TERMS + TERM_EXACT], x[GROUPS]), 100 * ratio(x[EQUAL], x[GROUPS]),
             ratio(x[KL], x[TOKENS]), entropy_share(t), ndcg, x[BEST_STEP] == x[STEP] ? " *" : "", rate);
    buf_free(&terms);
}

static rl_end_t why_end(const rl_t *t)
{
    const double kl = ratio(t->number[KL], t->number[TOKENS]), entropy = entropy_share(t);
    if (t->o.max_kl > 0 && kl > t->o.max_kl) return RL_KL;
    if (entropy < t->o.min_entropy || (t->o.max_entropy > 0 && entropy > t->o.max_entropy)) return RL_ENTROPY;
    if (t->validation && t->o.patience && t->number[STALE] >= (double)t->o.patience) return RL_PATIENCE;
    return t->number[STEP] >= (double)t->steps ? RL_EPOCHS : RL_RUNNING;
}

/* Validates, keeps the weights if they are the best so far (the last ones without validation), and decides whether to go on. */
static void end_round(rl_t *t)
{
    double hr, ndcg;
    learner_swap_average(&t->learner); /* what is validated and kept is the average where there is one */
    validation_run(t->validation, (int)t->o.beam, &hr, &ndcg);
    const bool start = t->number[STEP] == 0;
    t->number[STALE] += !start;
    if (start || !t->validation || ndcg > t->number[BEST_NDCG]) {
        learner_keep(&t->learner);
        t->number[BEST_STEP] = t->number[STEP];
        t->number[BEST_HR] = hr;
        t->number[BEST_NDCG] = ndcg;
        t->number[STALE] = 0;
    }
    learner_swap_average(&t->learner);
    if (start) {
        t->number[START_HR] = hr;
        t->number[START_NDCG] = ndcg;
    }
    log_round(t, hr, ndcg);
    t->number[END] = why_end(t);
    memset(&t->number[SUMS], 0, (size_t)(NUMBERS - SUMS) * sizeof(double));
    save(t);
}

/* Steps up to the next validation. */
static void run_round(rl_t *t)
{
    const int64_t at = (int64_t)t->number[STEP], next = (at / t->o.valid_every + 1) * t->o.valid_every, end = next < t->steps ? next : t->steps;
    double began = seconds_now(), saved = began;
    progress_start("training", "prompts", (end - at) * t->o.prompts_per_step);
    while ((int64_t)t->number[STEP] < end) {
        collect(t);
        take_step(t);
        t->number[STEP]++;
        progress_add(t->o.prompts_per_step);
        if (seconds_now() - saved > t->job->save_seconds && (int64_t)t->number[STEP] < end) {
            save(t);
            saved = seconds_now();
        }
    }
    t->seconds += seconds_now() - began;
    progress_end();
}

model_t *rl_train(const rl_job_t *job, rl_result_t *result)
{
    rl_t *t = rl_new(job);
    const bool resumed = load(t);
    const jsonlog_mark_t mark = {(int64_t)t->number[LOG_BYTES], (int64_t)t->number[LOG_DIGEST]};
    jsonlog_open(job->log, resumed ? &mark : NULL);
    note("%lld prompts, %lld steps of %lld x %lld candidates, %s", (long long)t->prompt_count, (long long)t->steps,
         (long long)t->o.prompts_per_step, (long long)t->o.group, job->backend->name);
    if (!resumed) end_round(t); /* the supervised model is the first candidate */
    while (t->number[END] == RL_RUNNING) {
        run_round(t);
        end_round(t);
    }
    jsonlog_close();
    model_t *m = t->learner.model;
    learner_restore(&t->learner);
    *result = (rl_result_t){(int64_t)t->number[BEST_STEP], (int64_t)t->number[STEP], t->steps, (rl_end_t)t->number[END], t->validation != NULL,
                            t->number[BEST_HR], t->number[BEST_NDCG], t->number[START_HR], t->number[START_NDCG],
                            t->seconds > 0 ? (double)t->candidates / t->seconds : 0};
    rl_free(t);
    return m;
}
