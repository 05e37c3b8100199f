#include "score/verdict.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "blend/mixer.h"
#include "data/met.h"
#include "data/ranking.h"

/* Finds the target in a user's list, then in what remains of it without met items. */
static void rank_user(verdict_t *v, met_t *met, const history_t *h, int64_t user, int64_t places, int32_t *items)
{
    ranks_list_t *unseen = &v->ranks[PROTOCOL_UNSEEN];
    const bool ended = items[places - 1] == RANKER_NONE;
    v->ranks[PROTOCOL_ALL].rank[user] = ranking_find(items, v->k, h->target);
    met_take(met, h);
    const int64_t left = met_leave_out(met, places, items, NULL);
    if (!ended) unseen->k = min64(unseen->k, left);
    unseen->rank[user] = ranking_find(items, min64(left, v->by->spare), h->target);
}

/* Appends the first k places of n lists to what is kept. */
static void keep_lists(verdict_t *v, int64_t n, int64_t places, const int32_t *items, const float *scores)
{
    for (int64_t u = 0; u < n; u++) {
        for (int64_t i = 0; i < v->k; i++) {
            SPOOL_ADD(&v->items, int32_t, items[u * places + i]);
            SPOOL_ADD(&v->scores, float, scores[u * places + i]);
        }
    }
}

/* Judges the lists of n users from `first` on, and spoils them. */
static void take_lists(verdict_t *v, const ranker_query_t *q, met_t *met, int64_t first, int64_t places, int32_t *items,
                       const float *scores)
{
    variety_take(&v->variety, q->n, places, items);
    if (v->calibration.bucket) calibration_take(&v->calibration, q->n, places, v->k, items, scores, q->histories);
    if (v->items.size) keep_lists(v, q->n, places, items, scores);
    for (int64_t u = 0; u < q->n; u++) rank_user(v, met, &q->histories[u], first + u, places, items + u * places);
}

/* Makes the lists of a chunk of users, each rank those of a block of whole batches. */
static void make_lists(ranker_t *r, const ranker_query_t *q, int64_t places, int32_t *items, float *scores)
{
    const ranks_block_t ours = ranks_rows(q->n, MIXER_BATCH); /* products are then as large as without ranks, whoever ranks */
    ranker_query_t own = *q;
    own.n = ours.end - ours.first;
    own.histories += ours.first;
    own.users += ours.first;
    if (own.n > 0) r->topk(r, &own, places, items + ours.first * places, scores + ours.first * places);
    progress_add(q->n - own.n);
    ranks_share_rows(items, q->n, MIXER_BATCH, (size_t)places * sizeof *items);
    ranks_share_rows(scores, q->n, MIXER_BATCH, (size_t)places * sizeof *scores);
}

/* Asks about n users from `first` on. */
static void ask_chunk(verdict_t *v, ranker_t *r, ranker_query_t q, met_t *met, int64_t first, int64_t places)
{
    int32_t *items = NEW_ARRAY(int32_t, size_mul((size_t)q.n, (size_t)places));
    float *scores = NEW_ARRAY(float, size_mul((size_t)q.n, (size_t)places));
    q.histories += first;
    q.users += first;
    make_lists(r, &q, places, items, scores);
    take_lists(v, &q, met, first, places, items, scores);
    free(items);
    free(scores);
}

static void ask_all(verdict_t *v, ranker_t *r, const held_out_t *h, int width)
{
    ranker_query_t q = held_out_query(h, width);
    met_t met = met_new(h->x.items);
    q.spare = (int)v->by->spare;
    for (int64_t first = 0, places; first < v->n; first += q.n) {
        q.n = met_chunk(&met, v->n - first, h->histories + first, v->k, q.spare, &places);
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

static metrics_t mean_of(const verdict_t *v, int protocol, const partition_t *parts, int part)
{
    const ranks_list_t *list = &v->ranks[protocol];
    return metrics_mean(v->by->metrics, list->rank, v->n, list->k, parts ? parts->of_case : NULL, part);
}

static void judge(verdict_t *v)
{
    const partition_t *parts = v->by->parts;
    for (int protocol = 0; protocol < PROTOCOLS; protocol++) {
        v->all[protocol] = mean_of(v, protocol, NULL, 0);
        for (int p = 0; p < PARTITIONS; p++)
            for (int i = 0; i < parts[p].count; i++) v->parts[p][i][protocol] = mean_of(v, protocol, &parts[p], i);
    }
}

verdict_t verdict_of(ranker_t *r, const held_out_t *h, const criteria_t *by, const verdict_options_t *o)
{
    verdict_t v = {.name = r->name, .by = by, .unit = held_out_unit(h), .n = h->n, .k = o->k,
                   .variety = variety_new(o->k, h->x.items, &by->diversity),
                   .ranks = {{o->k, NEW_ARRAY(int32_t, h->n)}, {by->spare, NEW_ARRAY(int32_t, h->n)}}};
    if (o->calibrate) v.calibration = calibration_new();
    if (o->keep) {
        v.items = spool_open(sizeof(int32_t));
        v.scores = spool_open(sizeof(float));
    }
    ask_all(&v, r, h, o->width);
    if (o->keep) {
        spool_done(&v.items);
        spool_done(&v.scores);
    }
    cut_ranks(&v.ranks[PROTOCOL_UNSEEN], v.n);
    judge(&v);
    return v;
}

void verdict_free(verdict_t *v)
{
    for (int p = 0; p < PROTOCOLS; p++) free(v->ranks[p].rank);
    variety_free(&v->variety);
    calibration_free(&v->calibration);
    spool_close(&v->items);
    spool_close(&v->scores);
    *v = (verdict_t){0};
}

void verdict_add_recs(st_writer_t *w, const verdict_t *v, const strtab_t *item_ids)
{
    st_add_spool2(w, "items", ST_I32, v->k, &v->items);
    st_add_spool2(w, "scores", ST_F32, v->k, &v->scores);
    st_add_strings(w, "item_ids", item_ids);
}

/* Appends hr and ndcg at the main cut, and with `mrr` that one. */
static void note_metrics(buf_t *out, const metric_set_t *set, const metrics_t *metrics, bool mrr)
{
    const int shown[] = {metric_main_hr(set), metric_main_ndcg(set), metric_mrr(set)};
    for (int i = 0; i < (mrr ? 3 : 2); i++)
        if (!isnan(metrics->value[shown[i]])) buf_printf(out, " %s %.4f", set->name[shown[i]], metrics->value[shown[i]]);
}

void verdict_note(const verdict_t *v, const char *split)
{
    const metric_set_t *set = v->by->metrics;
    buf_t values = {0};
    note_metrics(&values, set, &v->all[PROTOCOL_ALL], true);
    if (v->ranks[PROTOCOL_UNSEEN].k >= metric_cut(set, metric_main_hr(set))) {
        buf_printf(&values, "; %s:", protocol_words[PROTOCOL_UNSEEN]);
        note_metrics(&values, set, &v->all[PROTOCOL_UNSEEN], false);
    }
    note("%s, %s, %lld %s:%s", v->name, split, (long long)v->n, v->unit, values.data);
    buf_free(&values);
}
