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
#include "base/ranks.h"
#include "base/rng.h"
#include "gen/histories.h"
#include "gen/lesson.h"
#include "gen/losses_json.h"
#include "gen/pass.h"
#include "gen/reading.h"
#include "gen/starting.h"
#include "gen/tutor.h"
#include "gen/validation.h"
#include "nn/optim.h"
#include "train/learner.h"
#include "train/loop.h"

/* One worker's space. */
typedef struct {
    pass_t *pass;
    objective_t *objective;
    lesson_t *lesson;         /* NULL: thoughts are not taught */
    sequence_pack_t pack;
    int64_t *bounds;
} worker_t;

typedef struct {
    const train_job_t *job;
    train_options_t o;
    const space_t *space;
    sequences_t sequences;
    model_t *model;
    network_t *net;
    learner_t learner;
    tutor_t *tutor;           /* NULL likewise */
    validation_t *validation;
    loan_t *loan;             /* NULL: all rows of tables are here */
    worker_t *workers;
    int64_t shard_rows;
    /* the epoch and the step at hand */
    deal_t deal;
    int64_t steps, first_shard, step_shards;
    double weight;
    uint64_t key;
    pass_rates_t rates;       /* of the epoch */
    loss_t *shard_loss;       /* [shards] */
    lesson_loss_t *shard_lesson; /* [shards] */
    /* of the epoch so far, and of the kept weights; saved */
    loss_t loss;
    lesson_loss_t lesson;
    double kept_hr, kept_loss;
    validation_score_t score; /* of the epoch */
    int64_t tokens_trained;   /* by this process */
} trainer_t;

/* Chooses what a pass keeps. Of a pretrained shape layers are gone through again where all of them would take much memory, which costs time and
 * changes no bit. */
static activations_pass_t training_pass(const trainer_t *t)
{
    const size_t much = (size_t)1 << 28; /* bytes a worker */
    const network_t *net = t->net;
    if (!t->job->model) return PASS_TRAIN;
    return activations_kept(net, PASS_TRAIN, t->shard_rows) > much ? PASS_TRAIN_LAYERS : PASS_TRAIN;
}

static void make_workers(trainer_t *t)
{
    t->workers = NEW_ARRAY(worker_t, parallel_workers());
    for (int i = 0; i < parallel_workers(); i++) {
        worker_t *w = &t->workers[i];
        const int64_t targets = t->shard_rows / (t->space->body == BODY_FLAT ? t->space->vocab.levels : 1);
        const int64_t prefixes = round_rows(t->net->backend, targets);
        const int64_t scored = t->shard_rows * (t->space->body == BODY_TIMELINE ? t->space->vocab.levels + 2 : 1);
        w->pass = pass_new(t->net, t->space, training_pass(t), t->shard_rows, t->sequences.longest, prefixes);
        w->objective = objective_new(t->net, t->space, t->o.label_smoothing, t->o.item_loss);
        objective_weigh(w->objective, t->o.task_weight);
        if (t->tutor) w->lesson = lesson_new(t->tutor, t->net, t->space, prefixes);
        w->pack.items = t->o.item_loss > 0;
        w->pack.symbols = NEW_ARRAY(int32_t, t->shard_rows + 1);
        w->pack.positions = NEW_ARRAY(scored_position_t, scored + 1);
        w->pack.think = !t->space->thinks ? 0 : t->o.think_targets ? t->o.think_targets : INT64_MAX;
        w->pack.first_prefix = pass_first(w->pass);
        if (space_by_prefixes(t->space)) w->pack.prefixes = depth_prefixes_new(t->space, prefixes, t->space->thinks);
        w->bounds = NEW_ARRAY(int64_t, t->shard_rows + 1);
    }
}

/* Gives a shard its part of a step's tokens; it must hold the longest sequence. */
static int64_t rows_a_shard(const trainer_t *t)
{
    const int64_t rows = t->o.batch_tokens / t->o.shards;
    if (rows < t->sequences.longest)
        die(EX_USAGE, "--batch-tokens %lld over %lld shards leaves %lld rows a shard, "
            "but a history of --max-items %lld%s may take %lld: raise --batch-tokens or lower --shards",
            (long long)t->o.batch_tokens, (long long)t->o.shards, (long long)rows, (long long)t->space->max_items,
            t->space->text_most ? ", or a text of --text-tokens," : "", (long long)t->sequences.longest);
    return rows;
}

static trainer_t *trainer_new(const train_job_t *job)
{
    trainer_t *t = NEW(trainer_t);
    t->job = job;
    t->o = job->options;
    t->space = job->space;
    t->sequences = job->sequences;
    if (!t->sequences.targets) die(EX_DATAERR, "no user has 3 interactions or more: nothing to train on");
    t->shard_rows = rows_a_shard(t);
    t->model = starting_model(job);
    t->net = network_new(t->model, job->backend, space_positions(t->space));
    t->loan = loan_new(&t->model->params);
    t->learner = learner_new(&t->model->params, t->o.shards, t->o.valid_users > 0, t->o.average > 0);
    t->shard_loss = NEW_ARRAY(loss_t, t->o.shards);
    t->shard_lesson = NEW_ARRAY(lesson_loss_t, t->o.shards);
    if (t->space->thinks && (t->o.tutor.align > 0 || t->o.tutor.guide > 0))
        t->tutor = tutor_new(t->net, t->space, &t->o.tutor, job->codebook, t->o.shards, t->o.valid_users > 0, t->o.seed);
    make_workers(t);
    if (t->o.valid_users)
        t->validation = validation_new(t->net, t->space, job->interactions, t->o.valid_users, t->o.seed, t->o.protocol);
    if (t->validation) validation_lend(t->validation, t->loan);
    return t;
}

static void trainer_free(trainer_t *t)
{
    for (int i = 0; i < parallel_workers(); i++) {
        worker_t *w = &t->workers[i];
        pass_free(w->pass);
        objective_free(w->objective);
        lesson_free(w->lesson);
        free(w->pack.symbols);
        free(w->pack.positions);
        depth_prefixes_free(&w->pack.prefixes);
        free(w->bounds);
    }
    free(t->workers);
    validation_free(t->validation);
    loan_free(t->loan);
    free(t->shard_loss);
    free(t->shard_lesson);
    tutor_free(t->tutor);
    learner_free(&t->learner);
    network_free(t->net);
    deal_free(&t->deal);
    sequences_free(&t->sequences);
    free(t);
}

/* --- A step ------------------------------------------------------------------------------------------------------------- */

/* Lays a dealt shard's sequences one after the other. */
static segments_t lay_out(const trainer_t *t, worker_t *w, int64_t dealt)
{
    int64_t count = 0;
    w->pack.rows = w->pack.scored = 0;
    depth_prefixes_clear(&w->pack.prefixes);
    for (int64_t i = t->deal.starts[dealt]; i < t->deal.starts[dealt + 1]; i++) {
        w->bounds[count++] = w->pack.rows;
        sequences_expand(&t->sequences, t->deal.order[i], &w->pack);
    }
    w->bounds[count] = w->pack.rows;
    return (segments_t){w->pack.rows, count, w->bounds, NULL};
}

/* Adds what thoughts learn from a shard. */
static void teach(trainer_t *t, worker_t *w, int64_t shard)
{
    grads_t *grads = t->tutor->learner.grads[shard];
    grads_clear(grads);
    t->shard_lesson[shard] = (lesson_loss_t){0};
    lesson_backward(w->lesson, w->pass, &w->pack.prefixes, t->weight, grads, &t->shard_lesson[shard]);
}

static uint64_t shard_key(const trainer_t *t, int64_t shard) { return rng_key(t->key, (uint64_t)shard); }

static void draw_sample(const trainer_t *t, const worker_t *w, uint64_t key) { objective_sample(w->objective, t->o.sampled, rng_key(key, 3)); }

/* Takes one shard forward and backward: its loss and a gradient of its own, so that threads do not matter. */
static void run_shard(void *ctx, int64_t shard, int worker)
{
    trainer_t *t = ctx;
    worker_t *w = &t->workers[worker];
    grads_t *grads = t->learner.grads[shard];
    const uint64_t key = shard_key(t, shard);
    const pass_input_t in = {lay_out(t, w, t->first_shard + shard), w->pack.symbols, &w->pack.prefixes};
    const operand_t *packed;
    grads_clear(grads);
    t->shard_loss[shard] = (loss_t){0};
    const float *states = pass_forward(w->pass, &in, &t->rates, key, &packed);
    objective_drop_nodes(w->objective, t->rates.item_vector, rng_key(key, 2));
    draw_sample(t, w, key);
    objective_backward(w->objective, w->pack.scored, w->pack.positions, states, packed, t->weight, pass_gradient(w->pass), grads,
                       &t->shard_loss[shard]);
    if (t->tutor) teach(t, w, shard);
    pass_backward(w->pass, grads);
}

/* Fetches the rows of split tables that this rank's shards read. */
static void fetch_rows(trainer_t *t)
{
    const ranks_block_t ours = ranks_block(t->step_shards);
    worker_t *w = &t->workers[0];
    for (int64_t shard = ours.first; shard < ours.end; shard++) {
        lay_out(t, w, t->first_shard + shard);
        reading_want(t->model, t->space, w->pack.rows, w->pack.symbols, t->loan);
        draw_sample(t, w, shard_key(t, shard));
        objective_want(w->objective, w->pack.scored, w->pack.positions, t->loan);
    }
    loan_fetch(t->loan);
}

static int64_t rows_of_shards(const trainer_t *t, int64_t first, int64_t count)
{
    int64_t rows = 0;
    for (int64_t i = t->deal.starts[first]; i < t->deal.starts[first + count]; i++)
        rows += sequences_rows(&t->sequences, t->deal.order[i]);
    return rows;
}

static void add_step_loss(trainer_t *t)
{
    ranks_gather(t->shard_loss, t->step_shards, sizeof *t->shard_loss);
    if (t->tutor) ranks_gather(t->shard_lesson, t->step_shards, sizeof *t->shard_lesson);
    for (int64_t s = 0; s < t->step_shards; s++) {
        loss_add(&t->loss, &t->shard_loss[s]);
        if (t->tutor) lesson_loss_add(&t->lesson, &t->shard_lesson[s]);
    }
}

static void train_step(void *ctx, int64_t epoch, int64_t step)
{
    trainer_t *t = ctx;
    t->first_shard = step * t->o.shards;
    t->step_shards = t->deal.shards - t->first_shard < t->o.shards ? t->deal.shards - t->first_shard : t->o.shards;
    const int64_t rows = rows_of_shards(t, t->first_shard, t->step_shards);
    t->weight = 1.0 / (double)rows;
    t->key = rng_key(rng_key(rng_stream(t->o.seed, "dropout"), (uint64_t)epoch), (uint64_t)step);
    if (t->loan) fetch_rows(t);
    parallel_ranks(t->step_shards, run_shard, t);
    if (t->loan) loan_return(t->loan);
    const double done = ((double)epoch + (double)step / (double)t->steps) / (double)t->o.epochs;
    const update_options_t o = {warm_cosine(t->o.lr, t->learner.updates, t->o.warmup, done), t->o.beta2,
                                t->o.weight_decay, t->o.clip, t->o.average};
    if (!isfinite(learner_update(&t->learner, &o, t->step_shards, 1)) ||
        (t->tutor && !isfinite(learner_update(&t->tutor->learner, &o, t->step_shards, 1))))
        loop_diverged("the gradient is not finite in epoch %d; try a lower --lr", (int)epoch + 1);
    network_sync(t->net);
    if (t->tutor) tutor_sync(t->tutor);
    add_step_loss(t);
    t->tokens_trained += rows;
    progress_add(rows);
    progress_note("epoch %d/%d, loss/item %.3f", (int)epoch + 1, (int)t->o.epochs, loss_per_item(&t->loss));
}

/* --- An epoch ----------------------------------------------------------------------------------------------------------- */

static int64_t begin_epoch(void *ctx, int64_t epoch, int64_t done)
{
    trainer_t *t = ctx;
    deal_free(&t->deal);
    t->deal = sequences_deal(&t->sequences, t->o.examples, t->shard_rows, rng_key(rng_stream(t->o.seed, "deal"), (uint64_t)epoch));
    t->steps = (t->deal.shards + t->o.shards - 1) / t->o.shards;
    const bool settling = epoch >= t->o.epochs - t->o.settle;
    t->rates = (pass_rates_t){settling ? 0 : t->o.dropout, settling ? 0 : t->o.depth_dropout, t->o.item_dropout, t->o.vector_dropout};
    for (int i = 0; i < parallel_workers(); i++) {
        t->workers[i].pack.key = rng_key(rng_stream(t->o.seed, "thought of"), (uint64_t)epoch);
        objective_smooth(t->workers[i].objective, settling ? 0 : t->o.label_smoothing);
    }
    network_sync(t->net);
    if (t->tutor) {
        if (!done && (!epoch || !t->job->codebook.vectors)) tutor_cluster(t->tutor, rng_stream(t->o.seed, "clusters"));
        tutor_sync(t->tutor);
    }
    progress_start("training", "tokens", rows_of_shards(t, 0, t->deal.shards));
    if (done > 0 && done < t->steps) progress_skip(rows_of_shards(t, 0, done * t->o.shards));
    return t->steps;
}

static double score(void *ctx)
{
    trainer_t *t = ctx;
    network_sync(t->net);
    t->score = validation_run(t->validation, (int)t->o.beam);
    return t->score.ndcg10;
}

static void kept(void *ctx, const loop_state_t *at)
{
    (void)at;
    trainer_t *t = ctx;
    t->kept_hr = t->score.hr10;
    t->kept_loss = loss_per_item(&t->loss);
    if (t->tutor) learner_keep(&t->tutor->learner);
}

static double tokens_per_second(const trainer_t *t, const loop_state_t *at)
{
    return at->seconds > 0 ? (double)t->tokens_trained / at->seconds : 0;
}

static void say_epoch(const trainer_t *t, const loop_state_t *at)
{
    char validated[80] = "";
    if (t->validation)
        snprintf(validated, sizeof validated, ", validation hr@10 %.4f ndcg@10 %.4f%s", t->score.hr10, t->score.ndcg10,
                 at->best_round == at->round ? " *" : "");
    note("epoch %d: loss/item %.4f%s%s, %.0f tokens/s", (int)at->round, loss_per_item(&t->loss),
         codes_sampled(t->job) ? " of a sample" : "", validated, tokens_per_second(t, at));
}

static void log_epoch(const trainer_t *t, const loop_state_t *at)
{
    buf_t levels = {0};
    for (int l = 0; l <= t->space->vocab.levels; l++) {
        if (l) buf_puts(&levels, ",");
        buf_json_number(&levels, t->loss.tokens[l] > 0 ? t->loss.loss[l] / (double)t->loss.tokens[l] : 0);
    }
    char *validated = validation_json(t->validation, &t->score);
    buf_t item_loss = {0}, lesson = {0}, tasks = {0};
    mean_json(t->loss.loss[LOSS_ITEM], t->loss.tokens[LOSS_ITEM], &item_loss);
    if (t->tutor) lesson_json(&t->lesson, t->space->vocab.levels, t->o.tutor.align > 0, t->o.tutor.guide > 0, &lesson);
    else buf_puts(&lesson, "null");
    if (t->space->vocab.text) tasks_json(&t->loss, &tasks);
    else buf_puts(&tasks, "null");
    jsonlog("{\"epoch\":%d,\"updates\":%d,\"loss_per_item\":%.6f,\"loss_per_level\":[%s],\"item_loss\":%s,\"sampled\":%lld,"
            "\"think\":%s,\"tasks\":%s,%s,\"tokens_per_second\":%.0f}", (int)at->round, (int)t->learner.updates, loss_per_item(&t->loss),
            levels.data, item_loss.data, (long long)t->o.sampled, lesson.data, tasks.data, validated, tokens_per_second(t, at));
    buf_free(&lesson);
    buf_free(&tasks);
    buf_free(&levels);
    buf_free(&item_loss);
    free(validated);
}

static int64_t report(void *ctx, const loop_state_t *at)
{
    trainer_t *t = ctx;
    log_epoch(t, at);
    say_epoch(t, at);
    if (!t->validation) t->kept_loss = loss_per_item(&t->loss);
    t->loss = (loss_t){0};
    t->lesson = (lesson_loss_t){0};
    return LOOP_RUNNING;
}

static void fields(void *ctx, checkpoint_t *c)
{
    trainer_t *t = ctx;
    checkpoint_add(c, "epoch", "loss", ST_F64, LOSS_LEVELS, t->loss.loss);
    checkpoint_add(c, "epoch", "tokens", ST_I64, LOSS_LEVELS, t->loss.tokens);
    checkpoint_add(c, "epoch", "items", ST_I64, 1, &t->loss.items);
    checkpoint_add(c, "kept", "hr", ST_F64, 1, &t->kept_hr);
    checkpoint_add(c, "kept", "loss", ST_F64, 1, &t->kept_loss);
    if (t->space->vocab.text) {
        checkpoint_add(c, "tasks", "loss", ST_F64, TASKS, t->loss.task_loss);
        checkpoint_add(c, "tasks", "tokens", ST_I64, TASKS, t->loss.task_tokens);
        checkpoint_add(c, "tasks", "wrong", ST_I64, TASKS, t->loss.task_wrong);
    }
    if (!t->tutor) return;
    tutor_fields(t->tutor, c);
    checkpoint_add(c, "lesson", "align", ST_F64, SID_MAX_LEVELS, t->lesson.align);
    checkpoint_add(c, "lesson", "aligned", ST_I64, SID_MAX_LEVELS, t->lesson.aligned);
    checkpoint_add(c, "lesson", "guide", ST_F64, 1, &t->lesson.guide);
    checkpoint_add(c, "lesson", "follow", ST_F64, 1, &t->lesson.follow);
    checkpoint_add(c, "lesson", "guided", ST_I64, 1, &t->lesson.guided);
}

static bool sound(void *ctx, const loop_state_t *at)
{
    (void)at;
    const trainer_t *t = ctx;
    return !t->tutor || tutor_sound(t->tutor);
}

/* Returns what the kept model's thoughts are aligned with. */
static alignment_t *kept_alignment(trainer_t *t, const loop_state_t *at)
{
    if (!t->tutor) return NULL;
    if (at->kept) learner_restore(&t->tutor->learner);
    if (!t->job->codebook.vectors) tutor_cluster(t->tutor, rng_stream(t->o.seed, "clusters"));
    return tutor_alignment(t->tutor);
}

static void started(void *ctx)
{
    const trainer_t *t = ctx;
    const int64_t all = params_number(&t->model->params), trained = params_trained(&t->model->params);
    char *frozen = all > trained ? xasprintf(", %lld of them frozen", (long long)(all - trained)) : xstrdup("");
    note("%lld parameters%s, %lld items, %lld trie nodes, %lld training examples with %lld targets, %s",
         (long long)all, frozen, (long long)t->space->sids->items, (long long)t->space->trie.nodes,
         (long long)t->sequences.count, (long long)t->sequences.targets, t->job->backend->name);
    free(frozen);
    validation_note(t->validation);
}

model_t *train(const train_job_t *job, train_result_t *result)
{
    trainer_t *t = trainer_new(job);
    const loop_options_t o = {.rounds = t->o.epochs, .patience = t->o.patience, .save_seconds = job->save_seconds,
                              .save_rounds = 1, .folder = job->checkpoint, .fingerprint = job->fingerprint, .log = job->log};
    const loop_trainer_t steps = {.ctx = t, .begin = begin_epoch, .step = train_step, .score = t->validation ? score : NULL,
                                  .kept = kept, .report = report, .fields = fields, .sound = sound, .round_name = "epoch", .started = started};
    const loop_state_t at = loop_run(&o, &steps, &t->learner);
    jsonlog_close();
    *result = (train_result_t){at.kept ? at.best_round : at.round, at.round, t->validation != NULL, t->kept_hr, at.best_score,
                               t->kept_loss, tokens_per_second(t, &at), kept_alignment(t, &at)};
    model_t *m = t->model;
    trainer_free(t);
    return m;
}
