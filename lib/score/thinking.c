#include "score/thinking.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "gen/towards.h"

enum { BEAM = 20 };

static int32_t best_item(recommender_t *r, const history_t *history)
{
    ranker_t *ranker = recommender_ranker(r);
    const ranker_query_t q = {.n = 1, .histories = history, .width = BEAM};
    int32_t items[BEAM];
    float scores[BEAM];
    ranker->topk(ranker, &q, BEAM, items, scores);
    return items[0];
}

/* Asks for the items that begin with an item's first `level` codes and go on with a code of the cluster. */
static int ask_cluster(explain_t *x, const clusters_t *c, int32_t item, int level, int32_t cluster)
{
    bool *has = NEW_ARRAY(bool, x->sids.items);
    const int32_t *way = explain_codes(x, item);
    for (int64_t i = 0; i < x->sids.items; i++) {
        const int32_t *codes = explain_codes(x, i);
        int l = 0;
        while (l < level && codes[l] == way[l]) l++;
        has[i] = l == level && c->of[(int64_t)level * c->codes + codes[level]] == cluster;
    }
    return explain_ask_set(x, has);
}

static int codes_of(const clusters_t *c, int level, int32_t cluster)
{
    int n = 0;
    for (int i = 0; i < c->codes; i++) n += c->of[(int64_t)level * c->codes + i] == cluster;
    return n;
}

explain_thoughts_t thinking_explain(recommender_t *r, const char *model_path, explain_t *x, const history_t *history)
{
    const space_t *space = recommender_space(r);
    const network_t *net = recommender_network(r);
    const alignment_t *a = recommender_alignment(r);
    const int64_t d = net->model->config.hidden_size;
    if (!space->thinks) die(EX_DATAERR, "%s: a model that does not think: train with --think", model_path);
    if (!a) die(EX_DATAERR, "%s: its thoughts were aligned with no clusters: train with --think-align above 0", model_path);
    explain_thoughts_t e = {.history = history->items, .length = history->count, .item = best_item(r, history)};
    float *thoughts = xfloats((size_t)(space->vocab.levels * d));
    thoughts_towards(net, space, history, e.item, thoughts);
    for (int l = 0; l < space->vocab.levels; l++) {
        alignment_near_t near[EXPLAIN_CLUSTERS];
        explain_thought_t *t = &e.thoughts[l];
        t->own = a->clusters.of[(int64_t)l * a->clusters.codes + explain_codes(x, e.item)[l]];
        t->near_count = alignment_nearest(a, l, thoughts + l * d, EXPLAIN_CLUSTERS, near);
        for (int k = 0; k < t->near_count; k++)
            t->near[k] = (explain_cluster_t){near[k].cluster, near[k].cosine, codes_of(&a->clusters, l, near[k].cluster),
                                             ask_cluster(x, &a->clusters, e.item, l, near[k].cluster)};
    }
    for (int64_t i = 0; i < history->count; i++) explain_ask_record(x, history->items[i]);
    explain_ask_record(x, e.item);
    free(thoughts);
    return e;
}
