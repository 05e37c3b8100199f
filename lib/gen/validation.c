#include "gen/validation.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "data/met.h"
#include "data/ranking.h"
#include "data/sample.h"
#include "gen/decoder.h"

enum { VALID_K = 10 };

struct validation {
    decoder_t *decoder;
    bool together;  /* all ranks make lists, or none, at once */
    protocol_t protocol;
    double repeats; /* share of the training events */
    met_t met;
    history_t *histories;
    int64_t count;
};

validation_t *validation_new(const network_t *net, const space_t *space, const interactions_t *x, int64_t users, uint64_t seed,
                             protocol_t protocol)
{
    validation_t *v = NEW(validation_t);
    *v = (validation_t){.decoder = decoder_new(net, space, 1), .protocol = protocol, .repeats = protocol_repeats(x),
                        .met = met_new(x->items)};
    case_t *cases = sample_cases(x, SPLIT_VALID, users, seed, &v->count);
    v->histories = NEW_ARRAY(history_t, v->count);
    for (int64_t i = 0; i < v->count; i++) v->histories[i] = interactions_case(x, cases[i]);
    free(cases);
    return v;
}

void validation_free(validation_t *v)
{
    if (!v) return;
    decoder_free(v->decoder);
    met_free(&v->met);
    free(v->histories);
    free(v);
}

void validation_lend(validation_t *v, loan_t *loan)
{
    decoder_lend(v->decoder, loan);
    v->together = loan != NULL;
}

void validation_note(const validation_t *v)
{
    if (v)
        note("validation on %lld cases, %s: %.2g%% of the training events repeat an item of their history",
             (long long)v->count, protocol_words[v->protocol], 100 * v->repeats);
}

/* Adds what a user's list is worth, of all items and under the protocol. */
static void add_user(validation_t *v, validation_score_t *s, const history_t *h, int64_t places, int32_t *items)
{
    int32_t rank = ranking_find(items, VALID_K, h->target);
    s->all_hr10 += ranking_hit(rank, VALID_K) / (double)v->count;
    s->all_ndcg10 += ranking_gain(rank) / (double)v->count;
    if (v->protocol == PROTOCOL_UNSEEN) {
        met_take(&v->met, h);
        rank = ranking_find(items, min64(met_leave_out(&v->met, places, items, NULL), VALID_K), h->target);
    }
    s->hr10 += ranking_hit(rank, VALID_K) / (double)v->count;
    s->ndcg10 += ranking_gain(rank) / (double)v->count;
}

/* Makes the lists of n users, each rank those of a block of whole batches. */
static void make_lists(validation_t *v, int beam, int64_t n, const history_t *histories, int64_t places, int32_t *items, float *scores)
{
    const ranks_block_t ours = ranks_rows(n, DECODER_BATCH);
    const int64_t count = ours.end - ours.first;
    if (count > 0 || v->together)
        decoder_topk(v->decoder, count, histories + ours.first, beam, v->protocol == PROTOCOL_UNSEEN ? VALID_K : 0, (int)places,
                     items + ours.first * places, scores);
    ranks_share_rows(items, n, DECODER_BATCH, (size_t)places * sizeof *items);
    progress_add(n - count);
}

/* Scores n users, whose lists need so many places. */
static void score_chunk(validation_t *v, validation_score_t *s, int beam, int64_t n, const history_t *histories, int64_t places)
{
    int32_t *items = NEW_ARRAY(int32_t, n * places);
    float *scores = NEW_ARRAY(float, n * places);
    make_lists(v, beam, n, histories, places, items, scores);
    for (int64_t i = 0; i < n; i++) add_user(v, s, &histories[i], places, items + i * places);
    free(items);
    free(scores);
}

validation_score_t validation_run(validation_t *v, int beam)
{
    validation_score_t s = {0};
    progress_start("validating", "users", v->count);
    for (int64_t done = 0, n; done < v->count; done += n) {
        int64_t places = VALID_K;
        n = v->count - done;
        if (v->protocol == PROTOCOL_UNSEEN) n = met_chunk(&v->met, n, v->histories + done, VALID_K, VALID_K, &places);
        score_chunk(v, &s, beam, n, v->histories + done, places);
    }
    progress_end();
    return s;
}

char *validation_json(const validation_t *v, const validation_score_t *s)
{
    if (!v) return xstrdup("\"hr@10\":null,\"ndcg@10\":null");
    char *all = v->protocol == PROTOCOL_ALL ? xstrdup("")
              : xasprintf(",\"all\":{\"hr@10\":%.6f,\"ndcg@10\":%.6f}", s->all_hr10, s->all_ndcg10);
    char *json = xasprintf("\"protocol\":\"%s\",\"hr@10\":%.6f,\"ndcg@10\":%.6f%s", protocol_names[v->protocol], s->hr10,
                           s->ndcg10, all);
    free(all);
    return json;
}
