#include "sid/rqvae.h"

#include <math.h>
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
#include "matrix/kmeans.h"
#include "nn/optim.h"
#include "sid/repulsion.h"
#include "sid/rkmeans.h"

enum { FEWEST = 64 }; /* rows that are worth a shard of their own */

struct rqvae_trainer {
    rqvae_options_t o;
    quantiser_t *q;
    int64_t n;
    quantiser_rows_t rows;
    learner_t learner;
    bool metered;          /* whether the run's meter has been started */
    /* the epoch and the step at hand */
    bool quantise;
    int64_t *order;        /* [n] the epoch's shuffle */
    int64_t begin, count;  /* the step's part of it */
    int shards;
    double rate;
    int32_t *codes;        /* [shards, stride] codes chosen in the step: [rows of the shard, levels] of each */
    int64_t stride;
    rqvae_loss_t *shard_loss; /* [shards] */
    /* of the epoch so far; saved */
    rqvae_loss_t loss;     /* sums of what rows add to its means */
    double uniformity;     /* mean over the steps */
    int64_t *chosen;       /* [levels, codes] rows that chose each code */
};

static int64_t steps_per_epoch(const rqvae_trainer_t *t) { return (t->n + t->o.batch - 1) / t->o.batch; }
static int64_t epochs(const rqvae_trainer_t *t) { return t->o.warmup + t->o.epochs; }
static int64_t all_codes(const rqvae_trainer_t *t) { return (int64_t)t->q->levels * t->q->codes; }

/* Counts the shards that a step of so many rows is cut into. */
static int shards_for(const rqvae_options_t *o, int64_t rows)
{
    const int64_t worth = (rows + FEWEST - 1) / FEWEST;
    return worth < o->shards ? (int)worth : o->shards;
}

rqvae_trainer_t *rqvae_trainer_new(const rqvae_options_t *o, quantiser_t *q, int64_t n, const quantiser_rows_t *rows)
{
    rqvae_trainer_t *t = NEW(rqvae_trainer_t);
    *t = (rqvae_trainer_t){.o = *o, .q = q, .n = n, .rows = *rows};
    t->order = NEW_ARRAY(int64_t, n);
    t->codes = NEW_ARRAY(int32_t, ((o->batch < n ? o->batch : n) + o->shards) * q->levels);
    t->shard_loss = NEW_ARRAY(rqvae_loss_t, o->shards);
    t->chosen = NEW_ARRAY(int64_t, all_codes(t));
    const uint64_t key = rng_stream(o->seed, "rqvae networks");
    mlp_init(&q->encoder, &q->params, key);
    mlp_init(&q->decoder, &q->params, key);
    mlp_init(&q->intent_decoder, &q->params, key);
    fusion_init(&q->fusion, &q->params, key);
    t->learner = learner_new(&q->params, shards_for(o, o->batch < n ? o->batch : n), false, false);
    return t;
}

void rqvae_trainer_free(rqvae_trainer_t *t)
{
    if (!t) return;
    learner_free(&t->learner);
    free(t->order);
    free(t->codes);
    free(t->shard_loss);
    free(t->chosen);
    free(t);
}

learner_t *rqvae_learner(rqvae_trainer_t *t) { return &t->learner; }

/* --- A step ------------------------------------------------------------------------------------------------------------- */

/* Copies rows `order[0 .. n)` of an array of rows of `bytes` bytes; NULL of NULL. */
static void *gather(const void *from, int64_t bytes, const int64_t *order, int64_t n)
{
    if (!from || !bytes) return NULL;
    char *to = xmalloc(size_mul((size_t)n, (size_t)bytes));
    for (int64_t i = 0; i < n; i++) memcpy(to + i * bytes, (const char *)from + order[i] * bytes, (size_t)bytes);
    return to;
}

static void run_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    rqvae_trainer_t *t = ctx;
    const quantiser_t *q = t->q;
    int64_t begin, end;
    shard_rows(t->count, shard, t->shards, &begin, &end);
    grads_clear(t->learner.grads[shard]);
    t->shard_loss[shard] = (rqvae_loss_t){0};
    const int64_t *order = t->order + t->begin + begin, n = end - begin;
    float *x = gather(t->rows.x, q->width * (int64_t)sizeof(float), order, n);
    float *intents = gather(t->rows.intents, q->intent * (int64_t)sizeof(float), order, n);
    uint8_t *has_image = gather(t->rows.has_image, 1, order, n), *has_intent = gather(t->rows.has_intent, 1, order, n);
    const quantiser_rows_t rows = {x, has_image, intents, has_intent, order};
    rqvae_gradients(&t->o.terms, q, n, &rows, t->quantise, 1.0f / (float)t->count, t->learner.grads[shard],
                    t->codes + shard * t->stride, &t->shard_loss[shard]);
    free(has_intent);
    free(has_image);
    free(intents);
    free(x);
}

static void add_loss(rqvae_trainer_t *t)
{
    ranks_share(t->shard_loss, t->shards, sizeof *t->shard_loss);
    for (int s = 0; s < t->shards; s++) {
        t->loss.text += t->shard_loss[s].text / (double)t->n;
        t->loss.image += t->shard_loss[s].image / (double)t->n;
        t->loss.intent += t->shard_loss[s].intent / (double)t->n;
        t->loss.commitment += t->shard_loss[s].commitment / (double)t->n;
        t->loss.contrast += t->shard_loss[s].contrast / (double)t->n;
    }
}

/* Adds the repulsion's gradient to the first shard's: it is the codebooks' alone, whatever the batch. */
static void repel(rqvae_trainer_t *t)
{
    if (!t->quantise || t->o.uniformity <= 0) return;
    float *dbook = grads_block(t->learner.grads[0], t->q->codebook);
    t->uniformity += repulsion_gradients(t->q, t->o.margin, t->o.uniformity, dbook) / (double)steps_per_epoch(t);
}

static void count_codes(rqvae_trainer_t *t)
{
    const quantiser_t *q = t->q;
    if (!t->quantise) return;
    ranks_share(t->codes, t->shards, (size_t)t->stride * sizeof *t->codes);
    for (int64_t s = 0, begin, end; s < t->shards; s++) {
        const int32_t *code = t->codes + s * t->stride;
        shard_rows(t->count, s, t->shards, &begin, &end);
        for (int64_t i = 0; i < (end - begin) * q->levels; i++) t->chosen[i % q->levels * q->codes + code[i]]++;
    }
}

static double rate_now(const rqvae_trainer_t *t)
{
    const int64_t total = epochs(t) * steps_per_epoch(t), rise = total / 20 < 100 ? total / 20 : 100;
    return t->o.lr * cosine_schedule(t->learner.updates, rise, total, 0.1);
}

static void train_step(void *ctx, int64_t epoch, int64_t step)
{
    rqvae_trainer_t *t = ctx;
    t->begin = step * t->o.batch;
    t->count = t->n - t->begin < t->o.batch ? t->n - t->begin : t->o.batch;
    t->shards = shards_for(&t->o, t->count);
    t->stride = (t->count + t->shards - 1) / t->shards * t->q->levels;
    parallel_ranks(t->shards, run_shard, t);
    repel(t);
    t->rate = rate_now(t);
    const update_options_t o = {.lr = t->rate, .beta2 = 0.999};
    if (!isfinite(learner_update(&t->learner, &o, t->shards, 1)))
        loop_diverged("epoch %lld: the loss is no longer a number; try a lower --lr", (long long)epoch + 1);
    add_loss(t);
    count_codes(t);
}

/* --- An epoch ----------------------------------------------------------------------------------------------------------- */

/* Fits the first codebooks and load offsets, by residual k-means on the latents of the warmed-up encoder. */
static void fit_codebooks(rqvae_trainer_t *t)
{
    float *latents = xfloats(size_mul((size_t)t->n, (size_t)t->q->latent));
    quantiser_encode(t->q, t->n, t->rows.x, latents);
    const rkmeans_t k = {t->o.iterations, t->o.balance, t->o.shards, t->o.seed};
    rkmeans_fit(&k, t->q, t->n, latents);
    free(latents);
}

/* Counts the epochs of the whole run: of a small catalogue one is over at once. */
static void start_meter(rqvae_trainer_t *t, int64_t epoch)
{
    if (t->metered) return;
    progress_start("rqvae", "epochs", epochs(t));
    progress_skip(epoch);
    t->metered = true;
}

static int64_t begin_epoch(void *ctx, int64_t epoch, int64_t done)
{
    rqvae_trainer_t *t = ctx;
    start_meter(t, epoch);
    t->quantise = epoch >= t->o.warmup;
    if (epoch == t->o.warmup && !done) fit_codebooks(t);
    for (int64_t i = 0; i < t->n; i++) t->order[i] = i;
    rng_shuffle(rng_key(rng_stream(t->o.seed, "batches"), (uint64_t)epoch), t->order, t->n);
    const contrast_t *c = &t->o.terms.contrast;
    if (c->weight > 0) contrast_pair_up(c->graph, rng_key(rng_stream(t->o.seed, "pairs"), (uint64_t)epoch), t->order, t->n);
    return steps_per_epoch(t);
}

/* Moves code k of a level to `place` [latent], as one that has never been updated. */
static void replace_code(rqvae_trainer_t *t, int level, int k, const float *place)
{
    quantiser_t *q = t->q;
    float *code = quantiser_codebook(q, level) + k * q->latent;
    const int64_t at = code - q->params.weights;
    const size_t bytes = (size_t)q->latent * sizeof(float);
    memcpy(code, place, bytes);
    memset(t->learner.m + at, 0, bytes);
    memset(t->learner.v + at, 0, bytes);
    q->offset[level * q->codes + k] = 0;
}

/* Moves a level's unused codes onto residuals of that level drawn at random; returns how many. `residual` [n, latent]. */
static int64_t revive(rqvae_trainer_t *t, int64_t epoch, int level, const float *residual)
{
    const quantiser_t *q = t->q;
    const uint64_t key = rng_key(rng_key(rng_stream(t->o.seed, "dead codes"), (uint64_t)epoch), (uint64_t)level);
    int64_t revived = 0;
    for (int k = 0; k < q->codes; k++) {
        if (t->chosen[level * q->codes + k]) continue;
        replace_code(t, level, k, residual + (int64_t)rng_below(key, (uint64_t)k, (uint64_t)t->n) * q->latent);
        revived++;
    }
    return revived;
}

/* Revives level by level: what a level leaves over hangs on the new codes of those before it. */
static int64_t revive_all(rqvae_trainer_t *t, int64_t epoch)
{
    const quantiser_t *q = t->q;
    float *residual = xfloats((size_t)(t->n * q->latent));
    int32_t *code = NEW_ARRAY(int32_t, t->n);
    int64_t revived = 0;
    quantiser_encode(q, t->n, t->rows.x, residual);
    for (int l = 0; l < q->levels; l++) {
        revived += revive(t, epoch, l, residual);
        const float *book = quantiser_codebook(q, l);
        kmeans_nearest(t->n, q->latent, q->codes, residual, book, q->offset + l * q->codes, code, 1, NULL);
        for (int64_t i = 0; i < t->n; i++)
            for (int64_t j = 0; j < q->latent; j++) residual[i * q->latent + j] -= book[code[i] * q->latent + j];
    }
    free(code);
    free(residual);
    return revived;
}

static int64_t used_codes(const rqvae_trainer_t *t, int level)
{
    int64_t used = 0;
    for (int k = 0; k < t->q->codes; k++) used += t->chosen[level * t->q->codes + k] > 0;
    return used;
}

/* Moves load offsets and dead codes; returns how many of these. */
static int64_t tend_codebooks(rqvae_trainer_t *t, int64_t epoch)
{
    const quantiser_t *q = t->q;
    const double bound = t->o.balance * t->loss.commitment / q->levels;
    bool dead = false;
    for (int l = 0; l < q->levels; l++) {
        dead |= used_codes(t, l) < q->codes;
        if (t->o.balance > 0) kmeans_balance(q->codes, t->chosen + l * q->codes, bound, q->offset + l * q->codes);
    }
    return dead ? revive_all(t, epoch) : 0;
}

static void log_epoch(const rqvae_trainer_t *t, int64_t epoch, int64_t revived)
{
    const quantiser_t *q = t->q;
    buf_t used = {0}, parts = {0};
    for (int l = 0; t->quantise && l < q->levels; l++) {
        if (l) buf_puts(&used, ",");
        buf_json_number(&used, (double)used_codes(t, l) / q->codes);
    }
    if (q->image) buf_printf(&parts, ",\"image\":%.6g", t->loss.image);
    if (q->intent) buf_printf(&parts, ",\"intent\":%.6g", t->loss.intent);
    if (t->o.terms.contrast.weight > 0) buf_printf(&parts, ",\"contrast\":%.6g", t->loss.contrast);
    if (t->o.uniformity > 0) buf_printf(&parts, ",\"uniformity\":%.6g", t->uniformity);
    jsonlog("{\"epoch\":%lld,\"quantised\":%s,\"reconstruction\":%.6g%s,\"commitment\":%.6g,\"utilisation\":[%s],"
            "\"revived\":%lld,\"lr\":%.6g}",
            (long long)epoch + 1, t->quantise ? "true" : "false", t->loss.text, parts.data ? parts.data : "",
            t->loss.commitment, used.data ? used.data : "", (long long)revived, t->rate);
    buf_free(&used);
    buf_free(&parts);
}

static int64_t report(void *ctx, const loop_state_t *at)
{
    rqvae_trainer_t *t = ctx;
    const int64_t epoch = at->round - 1;
    log_epoch(t, epoch, t->quantise ? tend_codebooks(t, epoch) : 0);
    progress_note("reconstruction %.4f, commitment %.4f", t->loss.text, t->loss.commitment);
    progress_add(1);
    t->loss = (rqvae_loss_t){0};
    t->uniformity = 0;
    memset(t->chosen, 0, (size_t)all_codes(t) * sizeof *t->chosen);
    return LOOP_RUNNING;
}

static void fields(void *ctx, checkpoint_t *c)
{
    rqvae_trainer_t *t = ctx;
    checkpoint_add(c, "quantiser", "code_offset", ST_F32, all_codes(t), t->q->offset);
    checkpoint_add(c, "epoch", "text", ST_F64, 1, &t->loss.text);
    checkpoint_add(c, "epoch", "image", ST_F64, 1, &t->loss.image);
    checkpoint_add(c, "epoch", "intent", ST_F64, 1, &t->loss.intent);
    checkpoint_add(c, "epoch", "commitment", ST_F64, 1, &t->loss.commitment);
    checkpoint_add(c, "epoch", "contrast", ST_F64, 1, &t->loss.contrast);
    checkpoint_add(c, "epoch", "uniformity", ST_F64, 1, &t->uniformity);
    checkpoint_add(c, "epoch", "chosen", ST_I64, all_codes(t), t->chosen);
}

static bool sound(void *ctx, const loop_state_t *at)
{
    const rqvae_trainer_t *t = ctx;
    return t->learner.updates == at->round * steps_per_epoch(t) + at->step;
}

loop_trainer_t rqvae_loop(rqvae_trainer_t *t)
{
    return (loop_trainer_t){.ctx = t, .begin = begin_epoch, .step = train_step, .report = report, .fields = fields,
                            .sound = sound, .round_name = "epoch"};
}
