#include "sid/rqvae.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/kmeans.h"
#include "nn/optim.h"
#include "sid/rkmeans.h"
#include "train/checkpoint.h"

enum {
    SLICE = 1 << 15, /* parameters that one step of the parallel optimiser takes */
    FEWEST = 64      /* rows that are worth a shard and a gradient buffer of their own */
};

struct rqvae_trainer {
    rqvae_options_t o;
    quantiser_t *q;
    int64_t n;
    quantiser_rows_t rows;
    int64_t epoch, step; /* done so far */
    int64_t *order;      /* [n] this epoch's shuffle */
    float *first, *second; /* AdamW's moments */
    float **grads;       /* [shards] [q->size] */
    int32_t *codes;      /* [n, levels] codes chosen this epoch, by place in `order` */
    rqvae_loss_t *loss;  /* [shards] of a batch */
    int64_t batch_begin, batch_rows;
    int batch_shards;
    double rate;
};

/* Level by level: the code, its distance, and the gradients of codebook and commitment terms. On return `residual` is what no
 * level explains. */
static double quantise_rows(const quantiser_t *q, int64_t n, double beta, float scale, float *residual, float *dz, float *grads,
                            int32_t *codes)
{
    int64_t d = q->latent;
    double commitment = 0;
    for (int l = 0; l < q->levels; l++) {
        const float *book = quantiser_codebook(q, l);
        float *dbook = grads + (book - q->params);
        kmeans_nearest(n, d, q->codes, residual, book, q->offset + l * q->codes, codes + l, q->levels, NULL);
        for (int64_t i = 0; i < n; i++) {
            const float *c = book + codes[i * q->levels + l] * d;
            float *r = residual + i * d, *dc = dbook + codes[i * q->levels + l] * d;
            for (int64_t j = 0; j < d; j++) {
                r[j] -= c[j];
                dc[j] -= 2 * scale * r[j];
                dz[i * d + j] += 2 * scale * (float)beta * r[j];
                commitment += (double)r[j] * (double)r[j];
            }
        }
    }
    return commitment;
}

/* A part of what a decoder gives: its columns, the rows that have it (NULL: all), its weight, and where its error is summed. */
typedef struct {
    int64_t begin, width;
    const uint8_t *present;
    double weight, *error;
} part_t;

/* Adds a part's squared error; dout [n, stride] becomes the gradient of weight * scale times it, zero where there is no target. */
static void part_error(const part_t *p, int64_t n, int64_t stride, const float *target, const float *out, float scale, float *dout)
{
    for (int64_t i = 0; i < n; i++) {
        if (p->present && !p->present[i]) continue;
        for (int64_t k = i * stride + p->begin, end = k + p->width; k < end; k++) {
            float e = out[k] - target[k];
            *p->error += (double)e * (double)e;
            dout[k] = (float)p->weight * 2 * scale * e;
        }
    }
}

static void add(int64_t n, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

/* Decodes zq [n, latent], compares the parts with `target`, and adds the gradients, that of zq to dzq. */
static void reconstruct(const mlp_t *decoder, const float *params, int64_t n, const float *target, const part_t *parts, int count,
                        float scale, const float *zq, float *dzq, float *grads)
{
    int64_t latent = decoder->width[0], width = decoder->width[decoder->layers];
    float *acts = xfloats((size_t)(n * decoder->hidden)), *dout = xfloats((size_t)(n * width));
    float *dx = xfloats((size_t)(n * latent)), *scratch = xfloats((size_t)(2 * n * mlp_widest(decoder)));
    const float *out = mlp_forward(decoder, params, n, zq, acts);
    for (int p = 0; p < count; p++) part_error(&parts[p], n, width, target, out, scale, dout);
    mlp_backward(decoder, params, n, zq, acts, dout, grads, dx, scratch);
    add(n * latent, dx, dzq);
    free(scratch);
    free(dx);
    free(dout);
    free(acts);
}

/* Both decoders: that of text and image, and that of the intents. */
static void decode(const rqvae_options_t *o, const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, float scale,
                   const float *zq, float *dzq, float *grads, rqvae_loss_t *loss)
{
    const part_t row[] = {{0, q->text, NULL, 1, &loss->text}, {q->text, q->image, rows->has_image, o->image, &loss->image}};
    const part_t intent = {0, q->intent, rows->has_intent, o->intent, &loss->intent};
    reconstruct(&q->decoder, q->params, n, rows->x, row, 2, scale, zq, dzq, grads);
    if (q->intent) reconstruct(&q->intent_decoder, q->params, n, rows->intents, &intent, 1, scale, zq, dzq, grads);
}

void rqvae_gradients(const rqvae_options_t *o, const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, bool quantise,
                     float scale, float *grads, int32_t *codes, rqvae_loss_t *loss)
{
    int64_t d = q->latent, input = q->encoder.width[0];
    float *fused = xfloats((size_t)(n * q->fusion.hidden)), *acts = xfloats((size_t)(n * q->encoder.hidden));
    float *zq = xfloats((size_t)(n * d)), *dz = xfloats((size_t)(n * d)), *dzq = xfloats((size_t)(n * d));
    float *de = q->fusion.image ? xfloats((size_t)(n * input)) : NULL;
    float *scratch = xfloats((size_t)(2 * n * mlp_widest(&q->encoder)));

    const float *e = fusion_forward(&q->fusion, q->params, n, rows->x, fused);
    const float *z = mlp_forward(&q->encoder, q->params, n, e, acts);
    memcpy(zq, z, (size_t)(n * d) * sizeof(float));
    if (quantise) {
        loss->commitment += quantise_rows(q, n, o->beta, scale, zq, dz, grads, codes);
        for (int64_t i = 0; i < n * d; i++) zq[i] = z[i] - zq[i];
    }
    decode(o, q, n, rows, scale, zq, dzq, grads, loss);
    add(n * d, dzq, dz);
    mlp_backward(&q->encoder, q->params, n, e, acts, dz, grads, de, scratch);
    fusion_backward(&q->fusion, q->params, n, fused, de, grads);

    free(scratch);
    free(de);
    free(dzq);
    free(dz);
    free(zq);
    free(acts);
    free(fused);
}

rqvae_trainer_t *rqvae_trainer_new(const rqvae_options_t *o, quantiser_t *q, int64_t n, const quantiser_rows_t *rows)
{
    rqvae_trainer_t *t = NEW(rqvae_trainer_t);
    *t = (rqvae_trainer_t){.o = *o, .q = q, .n = n, .rows = *rows};
    t->order = NEW_ARRAY(int64_t, n);
    t->first = xfloats((size_t)q->size);
    t->second = xfloats((size_t)q->size);
    t->grads = NEW_ARRAY(float *, o->shards);
    for (int s = 0; s < o->shards; s++) t->grads[s] = xfloats((size_t)q->size);
    t->codes = NEW_ARRAY(int32_t, n * q->levels);
    t->loss = NEW_ARRAY(rqvae_loss_t, o->shards);
    uint64_t key = rng_stream(o->seed, "rqvae networks");
    mlp_init(&q->encoder, q->params, key);
    mlp_init(&q->decoder, q->params, key);
    mlp_init(&q->intent_decoder, q->params, key);
    fusion_init(&q->fusion, q->params, key);
    return t;
}

void rqvae_trainer_free(rqvae_trainer_t *t)
{
    if (!t) return;
    for (int s = 0; s < t->o.shards; s++) free(t->grads[s]);
    free(t->grads);
    free(t->order);
    free(t->first);
    free(t->second);
    free(t->codes);
    free(t->loss);
    free(t);
}

static bool quantising(const rqvae_trainer_t *t) { return t->epoch >= t->o.warmup; }

/* Rows `order[0 .. n)` of an array of rows of `bytes` bytes; NULL of NULL. */
static void *gather(const void *from, int64_t bytes, const int64_t *order, int64_t n)
{
    if (!from || !bytes) return NULL;
    char *to = xmalloc(size_mul((size_t)n, (size_t)bytes));
    for (int64_t i = 0; i < n; i++) memcpy(to + i * bytes, (const char *)from + order[i] * bytes, (size_t)bytes);
    return to;
}

static void batch_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    rqvae_trainer_t *t = ctx;
    const quantiser_t *q = t->q;
    int64_t begin, end;
    shard_rows(t->batch_rows, shard, t->batch_shards, &begin, &end);
    memset(t->grads[shard], 0, (size_t)q->size * sizeof(float));
    t->loss[shard] = (rqvae_loss_t){0};
    const int64_t *order = t->order + t->batch_begin + begin, n = end - begin;
    float *x = gather(t->rows.x, q->width * (int64_t)sizeof(float), order, n);
    float *intents = gather(t->rows.intents, q->intent * (int64_t)sizeof(float), order, n);
    uint8_t *has_image = gather(t->rows.has_image, 1, order, n), *has_intent = gather(t->rows.has_intent, 1, order, n);
    const quantiser_rows_t rows = {x, has_image, intents, has_intent};
    rqvae_gradients(&t->o, q, n, &rows, quantising(t), 1.0f / (float)t->batch_rows, t->grads[shard],
                    t->codes + (t->batch_begin + begin) * q->levels, &t->loss[shard]);
    free(has_intent);
    free(has_image);
    free(intents);
    free(x);
}

static void update_slice(void *ctx, int64_t slice, int worker)
{
    (void)worker;
    const rqvae_trainer_t *t = ctx;
    int64_t begin = slice * SLICE, n = t->q->size - begin < SLICE ? t->q->size - begin : SLICE;
    adamw_t adam = {.lr = t->rate, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    adamw_step(&adam, t->step, 1, n, t->q->params + begin, t->grads[0] + begin, t->first + begin, t->second + begin);
}

static int64_t steps_per_epoch(const rqvae_trainer_t *t) { return (t->n + t->o.batch - 1) / t->o.batch; }

static void train_batch(rqvae_trainer_t *t)
{
    int64_t total = (t->o.warmup + t->o.epochs) * steps_per_epoch(t), rise = total / 20 < 100 ? total / 20 : 100;
    t->rate = t->o.lr * cosine_schedule(t->step, rise, total, 0.1);
    t->step++;
    t->batch_shards = (int)((t->batch_rows + FEWEST - 1) / FEWEST);
    if (t->batch_shards > t->o.shards) t->batch_shards = t->o.shards;
    parallel_for(t->batch_shards, batch_shard, t);
    reduce_tree(t->grads, t->batch_shards, t->q->size);
    parallel_for((t->q->size + SLICE - 1) / SLICE, update_slice, t);
}

/* The first codebooks and load offsets, by residual k-means on the latents of the warmed-up encoder. */
static void fit_codebooks(rqvae_trainer_t *t)
{
    float *latents = xfloats(size_mul((size_t)t->n, (size_t)t->q->latent));
    quantiser_encode(t->q, t->n, t->rows.x, latents);
    rkmeans_t k = {t->o.iterations, t->o.balance, t->o.shards, t->o.seed};
    rkmeans_fit(&k, t->q, t->n, latents);
    free(latents);
}

/* Moves a level's unused codes onto residuals of that level drawn at random; returns how many. `residual` [n, latent]. */
static int64_t revive(rqvae_trainer_t *t, int level, const int64_t *count, const float *residual)
{
    quantiser_t *q = t->q;
    uint64_t key = rng_key(rng_key(rng_stream(t->o.seed, "dead codes"), (uint64_t)t->epoch), (uint64_t)level);
    int64_t revived = 0, bytes = q->latent * (int64_t)sizeof(float);
    for (int k = 0; k < q->codes; k++) {
        if (count[k]) continue;
        int64_t at = quantiser_codebook(q, level) - q->params + k * q->latent;
        uint64_t row = rng_below(key, (uint64_t)k, (uint64_t)t->n);
        memcpy(q->params + at, residual + (int64_t)row * q->latent, (size_t)bytes);
        memset(t->first + at, 0, (size_t)bytes);
        memset(t->second + at, 0, (size_t)bytes);
        q->offset[level * q->codes + k] = 0;
        revived++;
    }
    return revived;
}

/* After a quantised epoch: shares of codes used, load offsets, dead codes. */
static void tend_codebooks(rqvae_trainer_t *t, rqvae_epoch_t *report)
{
    quantiser_t *q = t->q;
    int64_t *count = NEW_ARRAY(int64_t, (int64_t)q->levels * q->codes);
    bool dead = false;
    for (int64_t i = 0; i < t->n; i++)
        for (int l = 0; l < q->levels; l++) count[l * q->codes + t->codes[i * q->levels + l]]++;
    for (int l = 0; l < q->levels; l++) {
        int64_t used = 0;
        for (int k = 0; k < q->codes; k++) used += count[l * q->codes + k] > 0;
        report->used[l] = (double)used / q->codes;
        dead |= used < q->codes;
        double bound = t->o.balance * report->loss.commitment / q->levels;
        if (t->o.balance > 0) kmeans_balance(q->codes, count + l * q->codes, bound, q->offset + l * q->codes);
    }
    if (dead) {
        float *residual = xfloats((size_t)(t->n * q->latent));
        int32_t *code = NEW_ARRAY(int32_t, t->n);
        quantiser_encode(q, t->n, t->rows.x, residual);
        for (int l = 0; l < q->levels; l++) {
            report->revived += revive(t, l, count + l * q->codes, residual);
            const float *book = quantiser_codebook(q, l);
            kmeans_nearest(t->n, q->latent, q->codes, residual, book, q->offset + l * q->codes, code, 1, NULL);
            for (int64_t i = 0; i < t->n; i++)
                for (int64_t j = 0; j < q->latent; j++) residual[i * q->latent + j] -= book[code[i] * q->latent + j];
        }
        free(code);
        free(residual);
    }
    free(count);
}

bool rqvae_epoch(rqvae_trainer_t *t, rqvae_epoch_t *report)
{
    if (t->epoch >= t->o.warmup + t->o.epochs) return false;
    *report = (rqvae_epoch_t){.epoch = t->epoch + 1, .quantised = quantising(t)};
    if (t->epoch == t->o.warmup) fit_codebooks(t);
    for (int64_t i = 0; i < t->n; i++) t->order[i] = i;
    rng_shuffle(rng_key(rng_stream(t->o.seed, "batches"), (uint64_t)t->epoch), t->order, t->n);

    for (t->batch_begin = 0; t->batch_begin < t->n; t->batch_begin += t->batch_rows) {
        t->batch_rows = t->n - t->batch_begin < t->o.batch ? t->n - t->batch_begin : t->o.batch;
        train_batch(t);
        for (int s = 0; s < t->batch_shards; s++) {
            report->loss.text += t->loss[s].text / (double)t->n;
            report->loss.image += t->loss[s].image / (double)t->n;
            report->loss.intent += t->loss[s].intent / (double)t->n;
            report->loss.commitment += t->loss[s].commitment / (double)t->n;
        }
    }
    report->lr = t->rate;
    const rqvae_loss_t *loss = &report->loss;
    if (!isfinite(loss->text + loss->image + loss->intent + loss->commitment))
        die(EX_SOFTWARE, "epoch %lld: the loss is no longer a number; try a lower --lr", (long long)t->epoch + 1);
    if (quantising(t)) tend_codebooks(t, report);
    t->epoch++;
    return true;
}

static checkpoint_t checkpoint_of(rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t *log)
{
    quantiser_t *q = t->q;
    checkpoint_t c = {.folder = folder, .fingerprint = fingerprint};
    checkpoint_add(&c, "rqvae", "params", ST_F32, q->size, q->params);
    checkpoint_add(&c, "rqvae", "code_offset", ST_F32, (int64_t)q->levels * q->codes, q->offset);
    checkpoint_add(&c, "rqvae", "m", ST_F32, q->size, t->first);
    checkpoint_add(&c, "rqvae", "v", ST_F32, q->size, t->second);
    checkpoint_add(&c, "rqvae", "epoch", ST_I64, 1, &t->epoch);
    checkpoint_add(&c, "rqvae", "step", ST_I64, 1, &t->step);
    checkpoint_add(&c, "rqvae", "log", ST_I64, 1, &log->bytes);
    checkpoint_add(&c, "rqvae", "digest", ST_I64, 1, &log->digest);
    return c;
}

void rqvae_save(rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t log)
{
    checkpoint_t c = checkpoint_of(t, folder, fingerprint, &log);
    checkpoint_save(&c);
    checkpoint_free(&c);
}

bool rqvae_load(rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t *log)
{
    checkpoint_t c = checkpoint_of(t, folder, fingerprint, log);
    if (!checkpoint_load(&c)) return false;
    if (t->epoch > t->o.warmup + t->o.epochs || t->step != t->epoch * steps_per_epoch(t)) checkpoint_damaged(&c);
    checkpoint_free(&c);
    return true;
}
