#include "sid/rkmeans.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "matrix/kmeans.h"

struct level_pass {
    const quantiser_t *q;
    int level, shards;
    int64_t n;
    float *residual;
};

/* Takes the nearest code of the level away from every residual of the shard. */
static void subtract_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct level_pass *p = ctx;
    const quantiser_t *q = p->q;
    int64_t begin, end, d = q->latent;
    shard_rows(p->n, shard, p->shards, &begin, &end);
    int32_t *code = NEW_ARRAY(int32_t, end - begin);
    const float *book = quantiser_codebook(q, p->level);
    kmeans_nearest(end - begin, d, q->codes, p->residual + begin * d, book, q->offset + p->level * q->codes, code, 1, NULL);
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < d; j++) p->residual[i * d + j] -= book[code[i - begin] * d + j];
    free(code);
}

void rkmeans_fit(const rkmeans_t *o, quantiser_t *q, int64_t n, const float *latents)
{
    size_t count = size_mul((size_t)n, (size_t)q->latent);
    float *residual = xfloats(count);
    memcpy(residual, latents, count * sizeof(float));
    uint64_t key = rng_stream(o->seed, "residual k-means");
    for (int l = 0; l < q->levels; l++) {
        kmeans_t k = {.codes = q->codes, .iterations = o->iterations, .balance = o->balance, .shards = o->shards,
                      .key = rng_key(key, (uint64_t)l)};
        kmeans_fit(&k, n, q->latent, residual, quantiser_codebook(q, l), q->offset + l * q->codes);
        struct level_pass p = {q, l, o->shards, n, residual};
        if (l + 1 < q->levels) parallel_for(o->shards, subtract_shard, &p);
    }
    free(residual);
}
