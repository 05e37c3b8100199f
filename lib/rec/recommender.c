#include "rec/recommender.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/trie.h"
#include "data/vocab.h"
#include "nn/backend.h"
#include "nn/model.h"
#include "nn/transformer.h"
#include "rec/decoder.h"

struct recommender {
    model_t *model;
    network_t *net;
    sids_t sids;
    vocab_t vocab;
    trie_t trie;
    softmax_t softmax;
    decoder_t *decoder;
    char *digest;
};

/* A whole number in a metadata object, between `least` and `most`. */
static int64_t need_number(const st_file_t *f, const cJSON *object, const char *what, const char *key, int least, int most)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(v) || v->valuedouble < least || v->valuedouble > most || v->valuedouble != (double)(int64_t)v->valuedouble)
        die_at(f->name, 0, "metadata \"%s\": \"%s\" must be a whole number from %d to %d: is this a model of sidgen-train?", what, key, least, most);
    return (int64_t)v->valuedouble;
}

static cJSON *need_object(const st_file_t *f, const char *key)
{
    const char *text = st_meta(f, key);
    cJSON *j = text ? cJSON_Parse(text) : NULL;
    if (!cJSON_IsObject(j)) die_at(f->name, 0, "metadata \"%s\" must be a JSON object: is this a model of sidgen-train?", key);
    return j;
}

/* The model's vocabulary must be the one that its SIDs give. */
static void check_vocabulary(const recommender_t *r, const st_file_t *model, const char *sids_name)
{
    cJSON *v = need_object(model, "vocab");
    int64_t levels = need_number(model, v, "vocab", "levels", 1, SID_MAX_LEVELS), codes = need_number(model, v, "vocab", "codes", 1, INT32_MAX);
    int64_t suffixes = need_number(model, v, "vocab", "max_suffix", 0, INT32_MAX);
    if (levels != r->sids.levels || codes != r->sids.codes || suffixes != r->sids.max_suffix || r->vocab.size != r->model->config.vocab_size)
        die(EX_DATAERR, "%s: trained on SIDs of %lld levels x %lld codes and %lld suffixes, but %s has %d x %d and %d", model->name,
            (long long)levels, (long long)codes, (long long)suffixes, sids_name, r->sids.levels, r->sids.codes, r->sids.max_suffix);
    cJSON_Delete(v);
}

/* The SIDs must be those of the training, or have grown out of them by rqvae --assign, which records where it began. */
static void check_sids(const st_file_t *model, const st_file_t *sids)
{
    const char *trained = st_meta(model, "input.sids"), *grown = st_meta(sids, "input.sids");
    if (!trained || (grown && !strcmp(grown, trained))) return;
    char *digest = st_digest(sids);
    if (strcmp(digest, trained))
        die(EX_DATAERR, "%s: trained with other SIDs than %s (digest %s, this file has %s)", model->name, sids->name, trained, digest);
    free(digest);
}

static int64_t read_training(recommender_t *r, const st_file_t *model)
{
    cJSON *t = need_object(model, "training");
    const cJSON *softmax = cJSON_GetObjectItemCaseSensitive(t, "softmax");
    if (!cJSON_IsString(softmax) || (strcmp(softmax->valuestring, "trie") && strcmp(softmax->valuestring, "level")))
        die_at(model->name, 0, "metadata \"training\": \"softmax\" must be \"trie\" or \"level\"");
    r->softmax = strcmp(softmax->valuestring, "trie") ? SOFTMAX_LEVEL : SOFTMAX_TRIE;
    int64_t max_items = need_number(model, t, "training", "max-items", 1, 4096);
    cJSON_Delete(t);
    if (1 + (max_items + 1) * (r->sids.levels + 1) > r->model->config.max_position_embeddings)
        die_at(model->name, 0, "histories of %lld items do not fit its %lld positions", (long long)max_items,
               (long long)r->model->config.max_position_embeddings);
    return max_items;
}

recommender_t *recommender_open(const char *model_path, const char *sids_path, const char *gemm)
{
    recommender_t *r = NEW(recommender_t);
    st_file_t *f = st_open(sids_path), *m = st_open(model_path);
    r->sids = sids_read(f);
    r->model = model_read(m);
    r->vocab = vocab_make(r->sids.levels, r->sids.codes, r->sids.max_suffix);
    check_vocabulary(r, m, f->name);
    check_sids(m, f);
    int64_t max_items = read_training(r, m);
    r->trie = trie_build(&r->sids, &r->vocab);
    r->net = network_new(r->model, backend_open(gemm), 1 + (max_items + 1) * (r->sids.levels + 1));
    r->decoder = decoder_new(r->net, &r->vocab, &r->sids, &r->trie, r->softmax, max_items);
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
    model_free(r->model);
    trie_free(&r->trie);
    sids_free(&r->sids);
    free(r->digest);
    free(r);
}

const sids_t *recommender_sids(const recommender_t *r) { return &r->sids; }
bool recommender_trie_softmax(const recommender_t *r) { return r->softmax == SOFTMAX_TRIE; }
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
