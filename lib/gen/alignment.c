#include "gen/alignment.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/vec.h"

alignment_t *alignment_read(const st_file_t *model, int levels, int codes, int64_t hidden_size)
{
    if (!st_find(model, "think.centroids")) return NULL;
    int64_t shape[] = {levels, -1, -1}, of_shape[] = {levels, codes};
    alignment_t *a = NEW(alignment_t);
    a->hidden_size = hidden_size;
    a->clusters.centroids = st_need_f32(model, "think.centroids", 3, shape);
    if (shape[1] < 1 || shape[1] > codes || shape[2] < 1)
        die_at(model->name, 0, "think.centroids: %lld clusters of a level's %d codes, %lld wide", (long long)shape[1], codes,
               (long long)shape[2]);
    a->clusters.of = st_need_i32(model, "think.cluster_of", 2, of_shape);
    a->clusters.levels = levels;
    a->clusters.codes = codes;
    a->clusters.clusters = (int)shape[1];
    a->clusters.width = shape[2];
    int64_t project_shape[] = {levels, shape[2], hidden_size};
    if (st_find(model, "think.project")) a->project = st_need_f32(model, "think.project", 3, project_shape);
    else if (shape[2] != hidden_size)
        die_at(model->name, 0, "think.centroids: %lld wide, expected %lld", (long long)shape[2], (long long)hidden_size);
    if (!clusters_sound(&a->clusters))
        die_at(model->name, 0, "think.cluster_of: a code's cluster is not among the %lld", (long long)shape[1]);
    return a;
}

void alignment_free(alignment_t *a)
{
    if (!a) return;
    clusters_free(&a->clusters);
    free(a->project);
    free(a);
}

void alignment_add(st_writer_t *w, const alignment_t *a)
{
    if (!a) return;
    const clusters_t *c = &a->clusters;
    st_add(w, "think.centroids", ST_F32, 3, (int64_t[]){c->levels, c->clusters, c->width}, c->centroids);
    st_add2(w, "think.cluster_of", ST_I32, c->levels, c->codes, c->of);
    if (a->project) st_add(w, "think.project", ST_F32, 3, (int64_t[]){c->levels, c->width, a->hidden_size}, a->project);
}

/* Takes a thought to the centroids' space, as a direction; caller frees. */
static float *direction(const alignment_t *a, int level, const float *thought)
{
    const int64_t width = a->clusters.width, d = a->hidden_size;
    float *q = xfloats((size_t)width);
    if (a->project)
        for (int64_t i = 0; i < width; i++) q[i] = vec_dot(d, a->project + (level * width + i) * d, thought);
    else
        memcpy(q, thought, (size_t)d * sizeof *q);
    vec_to_length_one(width, q);
    return q;
}

static int by_cosine(const void *a, const void *b)
{
    const alignment_near_t *x = a, *y = b;
    if (x->cosine != y->cosine) return x->cosine > y->cosine ? -1 : 1;
    return x->cluster - y->cluster;
}

int alignment_nearest(const alignment_t *a, int level, const float *thought, int most, alignment_near_t *near)
{
    const clusters_t *c = &a->clusters;
    float *q = direction(a, level, thought);
    alignment_near_t *all = NEW_ARRAY(alignment_near_t, c->clusters);
    for (int k = 0; k < c->clusters; k++)
        all[k] = (alignment_near_t){k, vec_dot(c->width, q, c->centroids + ((int64_t)level * c->clusters + k) * c->width)};
    qsort(all, (size_t)c->clusters, sizeof *all, by_cosine);
    const int n = most < c->clusters ? most : c->clusters;
    memcpy(near, all, (size_t)n * sizeof *near);
    free(all);
    free(q);
    return n;
}
