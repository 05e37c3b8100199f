#include "score/recommender.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gen/decoder.h"
#include "gen/generator.h"
#include "nn/backend.h"
#include "nn/transformer.h"

enum { CHUNK = 2048 }; /* users whose shares are summed first: another number moves last digits */

struct recommender {
    ranker_t ranker;
    generator_t generator;
    network_t *net;
    sids_t sids;
    decoder_t *decoder;
    char *digest;
};

static void topk(ranker_t *ranker, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    recommender_t *r = (recommender_t *)ranker;
    trail_t **trails = unfolding_trails(q->n, q->unfoldings);
    decoder_restrict(r->decoder, q->within);
    decoder_follow(r->decoder, trails);
    decoder_topk(r->decoder, q->n, q->histories, q->width, q->spare, (int)k, items, scores);
    free(trails);
    for (int64_t i = 0; i < q->n * k; i++)
        if (items[i] < 0) scores[i] = 0;
}

static void close_ranker(ranker_t *ranker)
{
    recommender_t *r = (recommender_t *)ranker;
    decoder_free(r->decoder);
    network_free(r->net);
    generator_free(&r->generator);
    sids_free(&r->sids);
    free(r->digest);
    free(r);
}

recommender_t *recommender_open(const char *model_path, const char *sids_path, const char *gemm)
{
    recommender_t *r = NEW(recommender_t);
    r->ranker = (ranker_t){"model", topk, close_ranker, 0};
    st_file_t *f = st_open(sids_path), *m = st_open(model_path);
    r->sids = sids_read(f);
    r->generator = generator_read(m, f, &r->sids, false);
    r->net = network_new(r->generator.model, backend_open(gemm), space_positions(&r->generator.space));
    r->decoder = decoder_new(r->net, &r->generator.space, 1);
    r->digest = st_digest(m);
    st_close(f);
    st_close(m);
    return r;
}

ranker_t *recommender_ranker(recommender_t *r) { return &r->ranker; }

const sids_t *recommender_sids(const recommender_t *r) { return &r->sids; }
const network_t *recommender_network(const recommender_t *r) { return r->net; }
const space_t *recommender_space(const recommender_t *r) { return &r->generator.space; }
const alignment_t *recommender_alignment(const recommender_t *r) { return r->generator.alignment; }
const char *recommender_tasks(const recommender_t *r) { return r->generator.tasks; }
hold_back_t recommender_held_items(const recommender_t *r) { return r->generator.held_items; }
bool recommender_trie_softmax(const recommender_t *r) { return r->generator.space.softmax == SOFTMAX_TRIE; }
const char *recommender_model_digest(const recommender_t *r) { return r->digest; }
const char *recommender_backend(const recommender_t *r) { return r->net->backend->name; }

double recommender_invalid_rate(const recommender_t *r, const ranker_query_t *q)
{
    double sum = 0;
    for (int64_t u = 0; u < q->n; u += CHUNK) {
        int64_t n = q->n - u < CHUNK ? q->n - u : CHUNK;
        sum += (double)n * decoder_invalid_rate(r->decoder, n, q->histories + u, q->width);
    }
    return sum / (double)q->n;
}
