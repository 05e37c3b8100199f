#include "gen/validation.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/progress.h"
#include "data/ranking.h"
#include "data/sample.h"
#include "gen/decoder.h"

enum { VALID_K = 10 };

struct validation {
    decoder_t *decoder;
    history_t *histories;
    int64_t count;
    int32_t *items; /* [count, VALID_K] */
    float *scores;
};

validation_t *validation_new(const network_t *net, const space_t *space, const interactions_t *x, int64_t users, uint64_t seed)
{
    validation_t *v = NEW(validation_t);
    v->decoder = decoder_new(net, space, 1);
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
    decoder_free(v->decoder);
    free(v->histories);
    free(v->items);
    free(v->scores);
    free(v);
}

validation_score_t validation_run(validation_t *v, int beam)
{
    validation_score_t s = {0};
    progress_start("validating", "users", v->count);
    decoder_topk(v->decoder, v->count, v->histories, beam, VALID_K, v->items, v->scores);
    progress_end();
    for (int64_t i = 0; i < v->count; i++) {
        int32_t rank = ranking_find(v->items + i * VALID_K, VALID_K, v->histories[i].target);
        s.hr10 += ranking_hit(rank, VALID_K) / (double)v->count;
        s.ndcg10 += ranking_gain(rank) / (double)v->count;
    }
    return s;
}
