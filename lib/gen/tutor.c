#include "gen/tutor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/rng.h"

enum { MOST_CLUSTERS = 256 }; /* unless more are asked for: k-means takes codes times clusters */

static int clusters_of(const tutor_options_t *o, const space_t *space)
{
    const int64_t codes = space->vocab.codes;
    if (o->clusters > codes)
        die(EX_USAGE, "--think-clusters %lld: a level has only %lld codes", (long long)o->clusters, (long long)codes);
    return (int)(o->clusters ? o->clusters : min64(max64(codes / 8, min64(codes, 2)), MOST_CLUSTERS));
}

/* Adds a map of thoughts to the codebook's space for every level. */
static linear_t *add_projections(tutor_t *t, int64_t width)
{
    linear_t *project = NEW_ARRAY(linear_t, t->vocab.levels);
    for (int l = 0; l < t->vocab.levels; l++) {
        const int block = params_add(t->params, (param_t){.name = xasprintf("project.%d.weight", l), .rows = t->codebook.width,
                                                          .cols = width, .decay = true});
        project[l] = linear_on(width, t->codebook.width, block, -1);
        params_align(t->params);
    }
    return project;
}

static void init(const tutor_t *t, uint64_t seed)
{
    const uint64_t key = rng_stream(seed, "tutor init");
    for (int i = 0; i < t->params->count; i++) {
        const param_t *p = &t->params->blocks[i];
        if (!p->rows) params_fill(t->params, i, 1);
        else params_fill_normal(t->params, i, i == t->decoder.down.weight ? 0 : 0.02, rng_stream(key, p->name));
    }
}

tutor_t *tutor_new(const network_t *net, const space_t *space, const tutor_options_t *o, codebook_t codebook, int64_t shards,
                   bool best, uint64_t seed)
{
    const model_config_t *c = &net->model->config;
    tutor_t *t = NEW(tutor_t);
    *t = (tutor_t){.o = *o, .model = net->model, .codebook = codebook, .vocab = space->vocab, .params = NEW(params_t)};
    t->clusters = clusters_new(t->vocab.levels, t->vocab.codes, clusters_of(o, space),
                               codebook.vectors ? codebook.width : c->hidden_size);
    t->decoder = gated_add(t->params, "decoder", c->hidden_size, o->ffn, c->rms_norm_eps);
    if (codebook.vectors) t->project = add_projections(t, c->hidden_size);
    params_allocate(t->params);
    init(t, seed);
    t->weights = weights_new(t->params, net->backend);
    t->learner = learner_new(t->params, shards, best, false);
    return t;
}

void tutor_free(tutor_t *t)
{
    if (!t) return;
    learner_free(&t->learner);
    weights_free(&t->weights);
    params_free(t->params);
    clusters_free(&t->clusters);
    free(t->project);
    free(t->params);
    free(t);
}

void tutor_cluster(tutor_t *t, uint64_t key)
{
    const float *vectors = t->codebook.vectors ? t->codebook.vectors : model_embedding(t->model, t->vocab.first_code);
    clusters_fit(&t->clusters, vectors, (int)t->learner.shards, key);
}

void tutor_sync(tutor_t *t) { weights_sync(&t->weights); }

alignment_t *tutor_alignment(const tutor_t *t)
{
    if (!(t->o.align > 0)) return NULL;
    const clusters_t *c = &t->clusters;
    const int64_t d = t->model->config.hidden_size, each = c->width * d;
    alignment_t *a = NEW(alignment_t);
    *a = (alignment_t){.clusters = clusters_new(c->levels, c->codes, c->clusters, c->width), .hidden_size = d};
    memcpy(a->clusters.centroids, c->centroids, (size_t)(c->levels * c->clusters * c->width) * sizeof *c->centroids);
    memcpy(a->clusters.of, c->of, (size_t)((int64_t)c->levels * c->codes) * sizeof *c->of);
    if (t->project) a->project = xfloats((size_t)(c->levels * each));
    for (int l = 0; t->project && l < c->levels; l++)
        memcpy(a->project + l * each, params_values(t->params, t->project[l].weight), (size_t)each * sizeof *a->project);
    return a;
}

void tutor_fields(tutor_t *t, checkpoint_t *c)
{
    learner_fields(&t->learner, "tutor", c);
    clusters_fields(&t->clusters, c);
}

bool tutor_sound(const tutor_t *t) { return clusters_sound(&t->clusters); }
