#include "score/recommender.h"

#include <stdlib.h>

#include "base/mem.h"
#include "gen/decoder.h"
#include "gen/generator.h"
#include "nn/backend.h"
#include "nn/transformer.h"

struct recommender {
    generator_t generator;
    network_t *net;
    sids_t sids;
    decoder_t *decoder;
    char *digest;
};

recommender_t *recommender_open(const char *model_path, const char *sids_path, const char *gemm)
{
    recommender_t *r = NEW(recommender_t);
    st_file_t *f = st_open(sids_path), *m = st_open(model_path);
    r->sids = sids_read(f);
    r->generator = generator_read(m, f, &r->sids);
    r->net = network_new(r->generator.model, backend_open(gemm), space_positions(&r->generator.space));
    r->decoder = decoder_new(r->net, &r->generator.space, 1);
    r->digest = st_digest(m);
    st_close(f);
    st_close(m);
    return r;
}

void recommender_close(recommender_t *r)
{
    if (!r) return;
    decoder_free(r->decoder);
    network_free(r->net);
    generator_free(&r->generator);
    sids_free(&r->sids);
    free(r->digest);
    free(r);
}

const sids_t *recommender_sids(const recommender_t *r) { return &r->sids; }
bool recommender_trie_softmax(const recommender_t *r) { return r->generator.space.softmax == SOFTMAX_TRIE; }
const char *recommender_model_digest(const recommender_t *r) { return r->digest; }
const char *recommender_backend(const recommender_t *r) { return r->net->backend->name; }

void recommender_topk(const recommender_t *r, int64_t n, const history_t *histories, int beam, int k, int32_t *items, float *scores)
{
    decoder_topk(r->decoder, n, histories, beam, k, items, scores);
}

double recommender_invalid_rate(const recommender_t *r, int64_t n, const history_t *histories, int beam)
{
    return decoder_invalid_rate(r->decoder, n, histories, beam);
}
