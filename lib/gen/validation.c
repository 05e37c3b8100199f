#include "gen/validation.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "data/ranking.h"
#include "data/sample.h"

enum { VALID_K = 10 };

struct validation {
    decoder_t *decoder;
    history_t *histories;
    int64_t count;
    int32_t *items; /* [count, VALID_K] */
    float *scores;
};

validation_t *validation_new(decoder_t *d, const interactions_t *x, int64_t users, uint64_t seed)
{
    if (!users) return NULL;
    validation_t *v = NEW(validation_t);
    v->decoder = d;
    int64_t *sample = sample_users(x, SPLIT_VALID, users, seed, &v->count);
    v->histories = NEW_ARRAY(history_t, v->count);
    for (int64_t i = 0; i < v->count; i++) interactions_history(x, sample[i], SPLIT_VALID, &v->histories[i]);
    v->items = NEW_ARRAY(int32_t, v->count * VALID_K);
    v->scores = NEW_ARRAY(float, v->count * VALID_K);
    free(sample);
    return v;
}

void validation_free(validation_t *v)
{
    if (!v) return;
    free(v->histories);
    free(v->items);
    free(v->scores);
    free(v);
}

void validation_run(validation_t *v, int beam, double *hr, double *ndcg)
{
    *hr = *ndcg = 0;
    if (!v) return;
    progress_start("validating", "users", v->count);
    decoder_topk(v->decoder, v->count, v->histories, beam, VALID_K, v->items, v->scores);
    progress_end();
    for (int64_t i = 0; i < v->count; i++) {
        int32_t rank = ranking_find(v->items + i * VALID_K, VALID_K, v->histories[i].target);
        *hr += ranking_hit(rank, VALID_K) / (double)v->count;
        *ndcg += ranking_gain(rank) / (double)v->count;
    }
}
