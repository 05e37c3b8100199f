#include "serve/engine.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/catalogue.h"
#include "data/met.h"
#include "score/baselines.h"
#include "score/blender.h"

struct engine {
    recommender_t *recommender;
    blender_t *blender;
    ranker_t *ranker;
    ranker_t *popular;   /* with interactions */
    int64_t *popularity; /* [items], likewise */
    double events;       /* training events in all */
    met_t met;
};

static void read_popularity(engine_t *e, const engine_files_t *files)
{
    st_file_t *f = st_open(files->interactions);
    interactions_t x = interactions_read(f);
    catalogue_check_items(files->interactions, &x.item_ids, files->blend ? files->blend : files->sids, engine_ids(e));
    if (e->blender) blend_check_interactions(blender_blend(e->blender), files->blend, f);
    e->popular = popular_ranker(&x, NULL);
    e->popularity = interactions_popularity(&x);
    for (int64_t i = 0; i < x.items; i++) e->events += (double)e->popularity[i];
    interactions_free(&x);
    st_close(f);
}

engine_t *engine_open(const engine_files_t *f)
{
    engine_t *e = NEW(engine_t);
    e->recommender = f->model ? recommender_open(f->model, f->sids, f->gemm) : NULL;
    e->blender = f->blend ? blender_open(f->blend, e->recommender) : NULL;
    e->ranker = e->blender ? blender_ranker(e->blender) : recommender_ranker(e->recommender);
    e->met = met_new(engine_ids(e)->count);
    if (f->interactions) read_popularity(e, f);
    return e;
}

void engine_free(engine_t *e)
{
    if (!e) return;
    met_free(&e->met);
    free(e->popularity);
    if (e->popular) e->popular->free(e->popular);
    e->ranker->free(e->ranker);
    free(e);
}

const strtab_t *engine_ids(const engine_t *e)
{
    return e->blender ? &blender_blend(e->blender)->item_ids : &recommender_sids(e->recommender)->item_ids;
}

const recommender_t *engine_recommender(const engine_t *e) { return e->recommender; }
const trie_t *engine_trie(const engine_t *e) { return e->recommender ? &recommender_space(e->recommender)->trie : NULL; }

/* Asks for n histories from `first` on, by lists of so many places. */
static void ask(ranker_t *r, const engine_query_t *q, int64_t first, int64_t n, int64_t places, int32_t *items, float *scores)
{
    const ranker_query_t asked = {.n = n, .histories = q->histories + first, .width = (int)q->beam,
                                  .spare = q->exclude_seen ? (int)q->k : 0, .within = q->within ? q->within + first : NULL,
                                  .unfoldings = q->unfoldings ? q->unfoldings + first : NULL};
    r->topk(r, &asked, places, items, scores);
}

/* The same with met items left out, of lists that are wide enough for k others. */
static void ask_unmet(engine_t *e, const engine_query_t *q, int64_t first, int64_t n, int64_t places, int32_t *items, float *scores)
{
    int32_t *wide = NEW_ARRAY(int32_t, n * places);
    float *wide_scores = NEW_ARRAY(float, n * places);
    ask(e->ranker, q, first, n, places, wide, wide_scores);
    for (int64_t i = 0; i < n; i++) {
        int32_t *list = wide + i * places;
        float *score = wide_scores + i * places;
        met_take(&e->met, &q->histories[first + i]);
        const int64_t left = met_leave_out(&e->met, places, list, score);
        unfolding_t *u = q->unfoldings ? q->unfoldings[first + i] : NULL;
        if (u) u->found_count = met_leave_out(&e->met, u->found_count, u->found, u->found_score);
        for (int64_t j = 0; j < q->k; j++) {
            items[i * q->k + j] = j < left ? list[j] : RANKER_NONE;
            scores[i * q->k + j] = j < left ? score[j] : 0;
        }
    }
    free(wide);
    free(wide_scores);
}

static void ask_popular(engine_t *e, const engine_query_t *q, int64_t i, int32_t *items, float *scores)
{
    ask(e->popular, q, i, 1, q->k, items, scores);
    for (int64_t j = 0; j < q->k && items[j] >= 0; j++)
        scores[j] = (float)log(((double)e->popularity[items[j]] + 1) / (e->events + (double)engine_ids(e)->count));
    if (q->unfoldings && q->unfoldings[i]) unfolding_free(q->unfoldings[i]);
}

void engine_ask(engine_t *e, const engine_query_t *q, int32_t *items, float *scores)
{
    for (int64_t done = 0, n; done < q->n; done += n) {
        int64_t places = q->k;
        n = q->n - done;
        if (q->exclude_seen) n = met_chunk(&e->met, n, q->histories + done, q->k, q->k, &places);
        if (q->exclude_seen) ask_unmet(e, q, done, n, places, items + done * q->k, scores + done * q->k);
        else ask(e->ranker, q, done, n, places, items + done * q->k, scores + done * q->k);
    }
    for (int64_t i = 0; i < q->n && e->popular; i++)
        if (!q->histories[i].count) ask_popular(e, q, i, items + i * q->k, scores + i * q->k);
}
