#include "score/verdict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "data/met.h"
#include "data/ranking.h"

/* Takes the first k places of a user's list over, then leaves its met items out: the target's rank in either. */
static void rank_user(verdict_t *v, met_t *met, const history_t *h, int64_t user, int64_t places, int32_t *items,
                      const float *scores)
{
    ranks_list_t *unseen = &v->ranks[PROTOCOL_UNSEEN];
    const bool ended = items[places - 1] == RANKER_NONE;
    memcpy(v->items + user * v->k, items, (size_t)v->k * sizeof *items);
    memcpy(v->scores + user * v->k, scores, (size_t)v->k * sizeof *scores);
    v->ranks[PROTOCOL_ALL].rank[user] = ranking_find(items, v->k, h->target);
    met_take(met, h);
    const int64_t left = met_leave_out(met, places, items, NULL);
    if (!ended) unseen->k = min64(unseen->k, left);
    unseen->rank[user] = ranking_find(items, min64(left, RANKER_SPARE), h->target);
}

/* Asks about n users from `first` on. */
static void ask_chunk(verdict_t *v, ranker_t *r, ranker_query_t q, met_t *met, int64_t first, int64_t places)
{
    int32_t *items = NEW_ARRAY(int32_t, size_mul((size_t)q.n, (size_t)places));
    float *scores = NEW_ARRAY(float, size_mul((size_t)q.n, (size_t)places));
    q.histories += first;
    q.users += first;
    r->topk(r, &q, places, items, scores);
    for (int64_t u = 0; u < q.n; u++)
        rank_user(v, met, &q.histories[u], first + u, places, items + u * places, scores + u * places);
    free(items);
    free(scores);
}

static void ask_all(verdict_t *v, ranker_t *r, const held_out_t *h, int width)
{
    ranker_query_t q = held_out_query(h, width);
    met_t met = met_new(h->x.items);
    q.spare = RANKER_SPARE;
    for (int64_t first = 0, places; first < v->n; first += q.n) {
        q.n = met_chunk(&met, v->n - first, h->histories + first, v->k, RANKER_SPARE, &places);
        if (r->longest) places = max64(v->k, min64(places, r->longest));
        ask_chunk(v, r, q, &met, first, places);
    }
    met_free(&met);
}

/* Counts ranks beyond the places that everyone's list has as not found. */
static void cut_ranks(ranks_list_t *list, int64_t n)
{
    for (int64_t u = 0; u < n; u++)
        if (list->rank[u] > list->k) list->rank[u] = 0;
}

static void judge(verdict_t *v, const held_out_t *h)
{
    uint8_t *stratum = NEW_ARRAY(uint8_t, v->n + 1);
    for (int64_t u = 0; u < v->n; u++) stratum[u] = h->strata.of_item[h->histories[u].target];
    for (int p = 0; p < PROTOCOLS; p++) {
        const ranks_list_t *list = &v->ranks[p];
        v->all[p] = metrics_mean(list->rank, v->n, list->k, NULL, 0);
        for (int s = 0; s < STRATA; s++) v->strata[p][s] = metrics_mean(list->rank, v->n, list->k, stratum, s);
    }
    v->coverage = metric_coverage(v->items, v->n, v->k, h->x.items);
    free(stratum);
}

verdict_t verdict_of(ranker_t *r, const held_out_t *h, int width, int64_t k)
{
    const size_t cells = size_mul((size_t)h->n, (size_t)k);
    verdict_t v = {.name = r->name, .n = h->n, .k = k, .items = NEW_ARRAY(int32_t, cells), .scores = NEW_ARRAY(float, cells),
                   .ranks = {{k, NEW_ARRAY(int32_t, h->n)}, {RANKER_SPARE, NEW_ARRAY(int32_t, h->n)}}};
    ask_all(&v, r, h, width);
    cut_ranks(&v.ranks[PROTOCOL_UNSEEN], v.n);
    judge(&v, h);
    return v;
}

void verdict_free(verdict_t *v)
{
    free(v->items);
    free(v->scores);
    for (int p = 0; p < PROTOCOLS; p++) free(v->ranks[p].rank);
    *v = (verdict_t){0};
}

/* Appends the metrics at 10, and with `mrr` that one. */
static void note_metrics(buf_t *out, const metrics_t *metrics, bool mrr)
{
    for (int m = 0; m < METRICS; m++)
        if (!isnan(metrics->value[m]) && (metric_cut(m) == 10 || (mrr && m == METRICS - 1)))
            buf_printf(out, " %s %.4f", metric_name(m), metrics->value[m]);
}

void verdict_note(const verdict_t *v, const char *split)
{
    buf_t values = {0};
    note_metrics(&values, &v->all[PROTOCOL_ALL], true);
    if (v->ranks[PROTOCOL_UNSEEN].k >= 10) {
        buf_printf(&values, "; %s:", protocol_words[PROTOCOL_UNSEEN]);
        note_metrics(&values, &v->all[PROTOCOL_UNSEEN], false);
    }
    note("%s, %s, %lld users:%s", v->name, split, (long long)v->n, values.data);
    buf_free(&values);
}

static void metrics_json(buf_t *out, const metrics_t *m)
{
    for (int i = 0; i < METRICS; i++) {
        buf_puts(out, i ? ", " : "");
        buf_json_member(out, metric_name(i), m->value[i]);
    }
}

static void strata_json(buf_t *out, const verdict_t *v, const strata_t *strata, int indent)
{
    buf_printf(out, "%*s\"strata\": {\n", indent, "");
    for (int s = 0; s < STRATA; s++) {
        buf_printf(out, "%*s\"%s\": {\"items\": %lld, \"popularity\": [%lld, %lld], \"users\": %lld, ", indent + 2, "",
                   stratum_name(s), (long long)strata->items[s], (long long)strata->least[s], (long long)strata->most[s],
                   (long long)v->strata[PROTOCOL_ALL][s].users);
        metrics_json(out, &v->strata[PROTOCOL_ALL][s]);
        buf_puts(out, s + 1 < STRATA ? "},\n" : "}\n");
    }
    buf_printf(out, "%*s},\n%*s\"strata_unseen\": {\n", indent, "", indent, "");
    for (int s = 0; s < STRATA; s++) {
        buf_printf(out, "%*s\"%s\": {", indent + 2, "", stratum_name(s));
        metrics_json(out, &v->strata[PROTOCOL_UNSEEN][s]);
        buf_puts(out, s + 1 < STRATA ? "},\n" : "}\n");
    }
    buf_printf(out, "%*s}", indent, "");
}

void verdict_json(buf_t *out, const verdict_t *v, const strata_t *strata, int indent)
{
    static const char *const names[PROTOCOLS] = {"metrics", "metrics_unseen"};
    for (int p = 0; p < PROTOCOLS; p++) {
        buf_printf(out, "%*s\"%s\": {", indent, "", names[p]);
        metrics_json(out, &v->all[p]);
        buf_puts(out, "},\n");
    }
    buf_printf(out, "%*s\"coverage@%d\": ", indent, "", COVERAGE_CUT);
    buf_json_number(out, v->coverage);
    buf_puts(out, ",\n");
    strata_json(out, v, strata, indent);
}
