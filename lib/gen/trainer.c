#include "gen/trainer.h"

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
#include "gen/examples.h"
#include "gen/validation.h"
#include "nn/embedding.h"
#include "train/checkpoint.h"
#include "train/learner.h"

/* Numbers of a state; all are stored in the checkpoint. */
enum { EPOCH, STEP, UPDATES, BEST_NDCG, BEST_HR, BEST_EPOCH, BEST_LOSS, STALE, DONE, LOG_BYTES, LOG_DIGEST, LOSS_ITEMS, LOSS_SUMS,
       LOSS_TOKENS = LOSS_SUMS + SID_MAX_TOKENS, NUMBERS = LOSS_TOKENS + SID_MAX_TOKENS };

/* One worker's space. */
typedef struct {
    activations_t *acts;
    objective_t *objective;
    int32_t *tokens;
    target_t *targets;
    int64_t *bounds;
    float *dhidden;
} worker_t;

typedef struct {
    const train_job_t *job;
    train_options_t o;
    vocab_t vocab;
    trie_t trie;
    examples_t examples;
    learner_t learner;
    worker_t *workers;
    int64_t shard_rows;
    double number[NUMBERS];
    /* the step at hand */
    deal_t deal;
    int64_t first_shard, step_shards;
    double weight;
    uint64_t key;
    loss_t *shard_loss;            /* [shards] */
    /* validation */
    decoder_t *decoder;
    validation_t *validation;
    /* measured */
    double train_seconds;
    int64_t tokens_trained;
} trainer_t;

static model_config_t model_shape(const trainer_t *t)
{
    const train_options_t *o = &t->o;
    const int64_t heads = o->heads ? o->heads : o->dim < 128 ? 1 : o->dim / 64;
    if (!o->head_dim && o->dim % heads) die(EX_USAGE, "--dim %lld does not divide into %lld heads", (long long)o->dim, (long long)heads);
    return (model_config_t){
        .hidden_size = o->dim,
        .num_hidden_layers = o->layers,
        .num_attention_heads = heads,
        .num_key_value_heads = o->kv_heads ? o->kv_heads : heads,
        .head_dim = o->head_dim ? o->head_dim : o->dim / heads,
        .intermediate_size = o->ffn,
        .vocab_size = t->vocab.size,
        .max_position_embeddings = t->examples.longest + t->vocab.levels + 1,
        .rms_norm_eps = 1e-6,
        .rope_theta = 10000,
    };
}

static void make_workers(trainer_t *t)
{
    t->workers = NEW_ARRAY(worker_t, parallel_workers());
    for (int i = 0; i < parallel_workers(); i++) {
        worker_t *w = &t->workers[i];
        w->acts = activations_new(t->learner.net, PASS_TRAIN, t->shard_rows, t->examples.longest, 0);
        w->objective = objective_new(t->learner.net, &t->vocab, &t->trie, t->o.softmax, t->o.label_smoothing, t->shard_rows);
        w->tokens = NEW_ARRAY(int32_t, t->shard_rows + 1);
        w->targets = NEW_ARRAY(target_t, t->shard_rows + 1);
        w->bounds = NEW_ARRAY(int64_t, t->shard_rows + 1);
        w->dhidden = xfloats((size_t)(round_rows(t->learner.net->backend, t->shard_rows) * t->o.dim));
    }
}

static void begin_with(model_t *m, const model_t *start)
{
    const model_config_t *a = &m->config, *b = &start->config;
    const int64_t ours[] = {a->hidden_size, a->num_hidden_layers, a->num_attention_heads, a->num_key_value_heads, a->head_dim, a->intermediate_size};
    const int64_t theirs[] = {b->hidden_size, b->num_hidden_layers, b->num_attention_heads, b->num_key_value_heads, b->head_dim, b->intermediate_size};
    if (memcmp(ours, theirs, sizeof ours) || m->size != start->size)
        die(EX_DATAERR, "--start: that model is of another shape (width %lld, %lld layers, %lld heads, MLP %lld); give the same --dim, --layers, --heads, --ffn",
            (long long)theirs[0], (long long)theirs[1], (long long)theirs[2], (long long)theirs[5]);
    memcpy(m->weights, start->weights, (size_t)m->size * sizeof(float));
}

static trainer_t *trainer_new(const train_job_t *job)
{
    trainer_t *t = NEW(trainer_t);
    t->job = job;
    t->o = job->options;
    t->vocab = vocab_make(job->sids->levels, job->sids->codes, job->sids->max_suffix);
    t->trie = trie_build(job->sids, &t->vocab);
    t->examples = examples_make(job->interactions, t->o.max_items, job->sids->levels, (hold_back_t){t->o.hold_back, t->o.seed});
    if (!t->examples.targets) die(EX_DATAERR, "no user has 3 interactions or more: nothing to train on");
    t->shard_rows = t->o.batch_tokens / t->o.shards;
    if (t->shard_rows < t->examples.longest)
        die(EX_USAGE, "--batch-tokens %lld over %lld shards leaves %lld rows a shard, but a history of --max-items %lld may take %lld: raise --batch-tokens or lower --shards",
            (long long)t->o.batch_tokens, (long long)t->o.shards, (long long)t->shard_rows, (long long)t->o.max_items, (long long)t->examples.longest);
    model_t *m = model_new(model_shape(t));
    if (job->start) begin_with(m, job->start);
    else model_init(m, t->o.seed);
    t->learner = learner_new(m, job->backend, m->config.max_position_embeddings, t->o.shards, t->o.average > 0);
    t->shard_loss = NEW_ARRAY(loss_t, t->o.shards);
    make_workers(t);
    t->decoder = decoder_new(t->learner.net, &t->vocab, job->sids, &t->trie, t->o.softmax, t->o.max_items);
    t->validation = validation_new(t->decoder, job->interactions, t->o.valid_users, t->o.seed);
    return t;
}

static void trainer_free(trainer_t *t)
{
    for (int i = 0; i < parallel_workers(); i++) {
        worker_t *w = &t->workers[i];
        activations_free(w->acts);
        objective_free(w->objective);
        free(w->tokens);
        free(w->targets);
        free(w->bounds);
        free(w->dhidden);
    }
    free(t->workers);
    decoder_free(t->decoder);
    validation_free(t->validation);
    free(t->shard_loss);
    learner_free(&t->learner);
    examples_free(&t->examples);
    trie_free(&t->trie);
    free(t);
}

/* Forward and backward of one shard: its loss and its own gradient buffer. */
static void run_shard(void *ctx, int64_t shard, int worker)
{
    trainer_t *t = ctx;
    worker_t *w = &t->workers[worker];
    const int64_t dealt = t->first_shard + shard;
    float *grads = t->learner.grads[shard];
    loss_t *loss = &t->shard_loss[shard];
    *loss = (loss_t){0};
    packed_t p = {0, 0, w->bounds, NULL};
    int64_t targets = 0;
    for (int64_t i = t->deal.starts[dealt]; i < t->deal.starts[dealt + 1]; i++) {
        w->bounds[p.segments++] = p.rows;
        p.rows += example_expand(&t->examples.list[t->deal.order[i]], t->job->interactions, t->job->sids, &t->vocab, &t->trie, p.rows,
                                w->tokens + p.rows, w->targets, &targets);
    }
    w->bounds[p.segments] = p.rows;
    const uint64_t key = rng_key(t->key, (uint64_t)shard);
    const operand_t *packed;
    embedding_rows(t->learner.model, p.rows, w->tokens, activations_input(w->acts));
    const float *hidden = transformer_forward(t->learner.net, w->acts, &p, t->o.dropout, key, &packed);
    objective_backward(w->objective, targets, w->targets, p.rows, hidden, packed, t->weight, w->dhidden, grads, loss);
    transformer_backward(t->learner.net, w->acts, &p, t->o.dropout, key, w->dhidden, grads);
    embedding_rows_backward(t->learner.model, p.rows, w->tokens, activations_input_grad(w->acts), grads);
    progress_add(p.rows);
}

static int64_t rows_of_shards(const trainer_t *t, int64_t first, int64_t count)
{
    int64_t rows = 0;
    for (int64_t i = t->deal.starts[first]; i < t->deal.starts[first + count]; i++)
        rows += example_rows(&t->examples.list[t->deal.order[i]], t->job->interactions, t->job->sids);
    return rows;
}

static void update(trainer_t *t, double lr)
{
    const update_options_t o = {lr, t->o.beta2, t->o.weight_decay, t->o.clip, t->o.average};
    double norm = learner_update(&t->learner, &o, (int64_t)t->number[UPDATES] + 1, t->step_shards, 1);
    if (!isfinite(norm)) die(EX_SOFTWARE, "the gradient is not finite in epoch %d; try a lower --lr", (int)t->number[EPOCH] + 1);
    t->number[UPDATES]++;
}

static double learning_rate(const trainer_t *t, int64_t steps)
{
    double updates = t->number[UPDATES], done = (t->number[EPOCH] + t->number[STEP] / (double)steps) / (double)t->o.epochs;
    double warm = t->o.warmup > 0 && updates < (double)t->o.warmup ? (updates + 1) / (double)t->o.warmup : 1;
    return t->o.lr * warm * 0.5 * (1 + cos(M_PI * done));
}

static void add_step_loss(trainer_t *t)
{
    for (int64_t s = 0; s < t->step_shards; s++)
        for (int l = 0; l < SID_MAX_TOKENS; l++) {
            t->number[LOSS_SUMS + l] += t->shard_loss[s].loss[l];
            t->number[LOSS_TOKENS + l] += (double)t->shard_loss[s].tokens[l];
        }
    for (int64_t s = 0; s < t->step_shards; s++) t->number[LOSS_ITEMS] += (double)t->shard_loss[s].items;
}

static double epoch_loss(const trainer_t *t)
{
    double sum = 0;
    for (int l = 0; l < SID_MAX_TOKENS; l++) sum += t->number[LOSS_SUMS + l];
    return t->number[LOSS_ITEMS] > 0 ? sum / t->number[LOSS_ITEMS] : 0;
}

static void train_step(trainer_t *t, int64_t steps)
{
    const int64_t step = (int64_t)t->number[STEP];
    t->first_shard = step * t->o.shards;
    t->step_shards = t->deal.shards - t->first_shard < t->o.shards ? t->deal.shards - t->first_shard : t->o.shards;
    const int64_t rows = rows_of_shards(t, t->first_shard, t->step_shards);
    t->weight = 1.0 / (double)rows;
    t->key = rng_key(rng_key(rng_stream(t->o.seed, "dropout"), (uint64_t)t->number[EPOCH]), (uint64_t)step);
    parallel_for(t->step_shards, run_shard, t);
    update(t, learning_rate(t, steps));
    add_step_loss(t);
    t->tokens_trained += rows;
    t->number[STEP]++;
    progress_note("epoch %d/%d, loss/item %.3f", (int)t->number[EPOCH] + 1, (int)t->o.epochs, epoch_loss(t));
}

static learner_checkpoint_t checkpoint_of(trainer_t *t)
{
    static const int whole[] = {EPOCH, STEP, UPDATES, BEST_EPOCH, STALE, LOG_BYTES, LOG_DIGEST};
    return (learner_checkpoint_t){t->job->checkpoint, t->job->fingerprint, t->number, NUMBERS, LOG_BYTES, LOG_DIGEST, whole,
                                  sizeof whole / sizeof *whole};
}

static void save(trainer_t *t)
{
    const learner_checkpoint_t c = checkpoint_of(t);
    learner_save(&t->learner, &c);
}

/* The step is held against the epoch's steps once they are known. */
static bool load(trainer_t *t)
{
    const learner_checkpoint_t c = checkpoint_of(t);
    if (!learner_load(&t->learner, &c)) return false;
    if (t->number[EPOCH] > (double)t->o.epochs) learner_damaged(&c);
    note("going on from %s: epoch %d, step %d", c.folder, (int)t->number[EPOCH] + 1, (int)t->number[STEP]);
    return true;
}

static void run_epoch(trainer_t *t)
{
    t->deal = examples_deal(&t->examples, t->job->interactions, t->job->sids, t->shard_rows,
                           rng_key(rng_stream(t->o.seed, "deal"), (uint64_t)t->number[EPOCH]));
    const int64_t steps = (t->deal.shards + t->o.shards - 1) / t->o.shards;
    if ((int64_t)t->number[STEP] >= steps)
        die(EX_DATAERR, "%s: the checkpoint is damaged: step %.0f of %lld", t->job->checkpoint, t->number[STEP], (long long)steps);
    progress_start("training", "tokens", rows_of_shards(t, 0, t->deal.shards));
    if (t->number[STEP] > 0) progress_add(rows_of_shards(t, 0, (int64_t)t->number[STEP] * t->o.shards));
    double began = seconds_now(), saved = began;
    while ((int64_t)t->number[STEP] < steps) {
        train_step(t, steps);
        if (seconds_now() - saved > t->job->save_seconds && (int64_t)t->number[STEP] < steps) {
            save(t);
            saved = seconds_now();
        }
    }
    t->train_seconds += seconds_now() - began;
    progress_end();
    deal_free(&t->deal);
}

static void log_epoch(const trainer_t *t, double hr, double ndcg)
{
    buf_t levels = {0};
    for (int l = 0; l <= t->vocab.levels; l++) {
        if (l) buf_puts(&levels, ",");
        buf_json_number(&levels, t->number[LOSS_TOKENS + l] > 0 ? t->number[LOSS_SUMS + l] / t->number[LOSS_TOKENS + l] : 0);
    }
    char validated[64] = "\"hr@10\":null,\"ndcg@10\":null";
    if (t->validation) snprintf(validated, sizeof validated, "\"hr@10\":%.6f,\"ndcg@10\":%.6f", hr, ndcg);
    jsonlog("{\"epoch\":%d,\"updates\":%d,\"loss_per_item\":%.6f,\"loss_per_level\":[%s],%s,\"tokens_per_second\":%.0f}",
            (int)t->number[EPOCH], (int)t->number[UPDATES], epoch_loss(t), levels.data, validated,
            t->train_seconds > 0 ? (double)t->tokens_trained / t->train_seconds : 0);
    if (t->validation)
        note("epoch %d: loss/item %.4f, validation hr@10 %.4f ndcg@10 %.4f%s, %.0f tokens/s", (int)t->number[EPOCH], epoch_loss(t), hr, ndcg,
             t->number[BEST_EPOCH] == t->number[EPOCH] ? " *" : "", t->train_seconds > 0 ? (double)t->tokens_trained / t->train_seconds : 0);
    else
        note("epoch %d: loss/item %.4f, %.0f tokens/s", (int)t->number[EPOCH], epoch_loss(t),
             t->train_seconds > 0 ? (double)t->tokens_trained / t->train_seconds : 0);
    buf_free(&levels);
}

/* Validates, keeps the weights if they are the best so far (the last ones without validation), and decides whether to go on. */
static void end_epoch(trainer_t *t)
{
    double hr = 0, ndcg = 0;
    t->number[EPOCH]++;
    t->number[STEP] = 0;
    learner_swap_average(&t->learner); /* what is validated and kept is the average where there is one */
    validation_run(t->validation, (int)t->o.beam, &hr, &ndcg);
    t->number[STALE]++;
    if (!t->validation || ndcg > t->number[BEST_NDCG] || t->number[BEST_EPOCH] == 0) {
        learner_keep(&t->learner);
        t->number[BEST_NDCG] = ndcg;
        t->number[BEST_HR] = hr;
        t->number[BEST_EPOCH] = t->number[EPOCH];
        t->number[BEST_LOSS] = epoch_loss(t);
        t->number[STALE] = 0;
    }
    learner_swap_average(&t->learner);
    log_epoch(t, hr, ndcg);
    memset(&t->number[LOSS_ITEMS], 0, (size_t)(NUMBERS - LOSS_ITEMS) * sizeof(double));
    t->number[DONE] = t->number[EPOCH] >= (double)t->o.epochs || (t->validation && t->o.patience && t->number[STALE] >= (double)t->o.patience);
    save(t);
}

static long long parameters(const model_t *m)
{
    int64_t n = 0; /* size has padding in it */
    for (int i = 0; i < m->count; i++) n += m->params[i].count;
    return n;
}

model_t *train(const train_job_t *job, train_result_t *result)
{
    trainer_t *t = trainer_new(job);
    bool resumed = load(t);
    const jsonlog_mark_t mark = {(int64_t)t->number[LOG_BYTES], (int64_t)t->number[LOG_DIGEST]};
    jsonlog_open(job->log, resumed ? &mark : NULL);
    note("%lld parameters, %lld items, %lld trie nodes, %lld training examples with %lld targets, %s", parameters(t->learner.model),
         (long long)job->sids->items, (long long)t->trie.nodes, (long long)t->examples.count, (long long)t->examples.targets, job->backend->name);
    while (t->number[DONE] == 0) {
        run_epoch(t);
        end_epoch(t);
    }
    jsonlog_close();
    model_t *m = t->learner.model;
    learner_restore(&t->learner);
    *result = (train_result_t){(int64_t)t->number[BEST_EPOCH], (int64_t)t->number[EPOCH], t->validation != NULL, t->number[BEST_HR],
                               t->number[BEST_NDCG], t->number[BEST_LOSS], t->train_seconds > 0 ? (double)t->tokens_trained / t->train_seconds : 0};
    trainer_free(t);
    return m;
}

void train_discard_checkpoint(const train_job_t *job)
{
    if (job->checkpoint) checkpoint_remove(job->checkpoint);
}
