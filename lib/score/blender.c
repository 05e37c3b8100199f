#include "score/blender.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "blend/mixer.h"
#include "data/catalogue.h"

/* The mixture, or a part of it: what differs is how parts are mixed. */
typedef struct {
    ranker_t ranker;
    blender_t *blender;
    mixing_t how;
} mix_t;

struct blender {
    mix_t mixture, alone[PARTS];
    blend_t blend;
    recommender_t *recommender; /* NULL for none */
    mixer_t *mixer;
    char *digest;
};

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    const mix_t *x = (mix_t *)r;
    mixer_restrict(x->blender->mixer, q->within);
    mixer_unfold(x->blender->mixer, q->unfoldings);
    mixer_topk(x->blender->mixer, &x->how, q->n, q->histories, q->width, q->spare, k, items, scores);
}

static void topk_generator(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    ranker_t *generator = recommender_ranker(((mix_t *)r)->blender->recommender);
    generator->topk(generator, q, k, items, scores);
}

static void keep_open(ranker_t *r) { (void)r; }

static void close_blender(ranker_t *r)
{
    blender_t *b = ((mix_t *)r)->blender;
    for (int s = 0; s < b->blend.parts; s++) mixing_free(&b->alone[s].how);
    mixer_free(b->mixer);
    blend_free(&b->blend);
    if (b->recommender) recommender_ranker(b->recommender)->free(recommender_ranker(b->recommender));
    free(b->digest);
    free(b);
}

/* Refuses a generator that is not the one fitted with, or none where there was one. */
static void check_generator(const blender_t *b, const char *path)
{
    const bool mixed = blend_place(&b->blend, PART_GENERATOR) >= 0;
    if (mixed && !b->recommender) die_at(path, 0, "mixes in a generator, expected --model and --sids with it");
    if (!mixed && b->recommender) die_at(path, 0, "mixes in no generator, expected no --model with it");
    if (!b->recommender) return;
    blend_check_model(&b->blend, path, recommender_model_digest(b->recommender));
    catalogue_check_items(path, &b->blend.item_ids, "the SIDs", &recommender_sids(b->recommender)->item_ids);
}

blender_t *blender_open(const char *path, recommender_t *r)
{
    blender_t *b = NEW(blender_t);
    st_file_t *f = st_open(path);
    b->blend = blend_read(f);
    b->digest = st_digest(f);
    b->recommender = r;
    check_generator(b, f->name);
    b->mixer = mixer_new(&b->blend, r ? recommender_network(r) : NULL, r ? recommender_space(r) : NULL, BLENDER_CANDIDATES);
    b->mixture = (mix_t){{"blend", topk, close_blender, 0}, b, b->blend.mixing};
    for (int s = 0; s < b->blend.parts; s++) {
        const part_t part = b->blend.part[s];
        b->alone[s] = (mix_t){{part_names[part], part == PART_GENERATOR ? topk_generator : topk, keep_open, 0}, b,
                              mixing_alone(b->blend.bins, b->blend.groups, b->blend.parts, s)};
    }
    st_close(f);
    return b;
}

const blend_t *blender_blend(const blender_t *b) { return &b->blend; }
const char *blender_digest(const blender_t *b) { return b->digest; }
ranker_t *blender_ranker(blender_t *b) { return &b->mixture.ranker; }
ranker_t *blender_part(blender_t *b, int place) { return &b->alone[place].ranker; }

void blender_json(const blender_t *b, buf_t *out)
{
    buf_printf(out, "\"blend\": {\"protocol\": \"%s\", ", protocol_names[b->blend.sources.protocol]);
    blend_json(&b->blend, NULL, out);
    buf_puts(out, "}");
}
