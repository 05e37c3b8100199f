#include "text/lsa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "text/lsa_space.h"

enum {
    OVERSAMPLE = 32,
    ROWS = 256,   /* scaled by one shard */
    BATCH = 4096, /* texts that wait to be projected together */
};

struct scaling {
    int64_t rows, k, dim;
    const float *scale; /* [k] */
    const float *from;  /* [rows, k] */
    float *to;          /* [rows, dim] */
};

static void scale_rows(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct scaling *s = ctx;
    int64_t end = (shard + 1) * ROWS < s->rows ? (shard + 1) * ROWS : s->rows;
    for (int64_t r = shard * ROWS; r < end; r++) {
        const float *from = s->from + r * s->k;
        float *to = s->to + r * s->dim;
        double before = 0, after = 0;
        for (int64_t j = 0; j < s->k; j++) {
            to[j] = from[j] * s->scale[j];
            before += (double)from[j] * (double)from[j];
            after += (double)to[j] * (double)to[j];
        }
        /* What is left of a row of length 1 outside the space is rounding error, not direction. */
        float to_one = before > 1e-10 ? (float)(1 / sqrt(after)) : 0;
        for (int64_t j = 0; j < s->k; j++) to[j] *= to_one;
    }
}

float *lsa_column_scale(const svd_t *d, double exponent)
{
    float *scale = xfloats((size_t)d->k);
    for (int64_t j = 0; j < d->rank; j++) scale[j] = (float)pow(d->s[j] / d->s[0], exponent - 1);
    return scale;
}

float *lsa_project(const csr_t *x, const svd_t *d, int64_t dim, double exponent)
{
    float *out = xfloats(size_mul((size_t)x->rows, (size_t)dim)), *scale = lsa_column_scale(d, exponent);
    float *projected = xfloats(size_mul((size_t)x->rows, (size_t)d->k));
    csr_product(x, d->k, d->v, projected);
    struct scaling s = {x->rows, d->k, dim, scale, projected, out};
    parallel_for((x->rows + ROWS - 1) / ROWS, scale_rows, &s);
    free(projected);
    free(scale);
    return out;
}

lsa_t *lsa_new(const lsa_options_t *o)
{
    lsa_t *l = NEW(lsa_t);
    l->options = *o;
    l->tfidf = tfidf_new(&o->tfidf);
    l->info.dim = o->dim;
    return l;
}

lsa_t *lsa_fitted(const lsa_options_t *o, tfidf_t *t, svd_t d)
{
    lsa_t *l = NEW(lsa_t);
    l->options = *o;
    l->tfidf = t;
    l->svd = d;
    l->fitted = true;
    l->info = (lsa_info_t){.dim = o->dim, .terms = d.cols, .rank = d.rank, .share = (double)NAN};
    return l;
}

void lsa_free(lsa_t *l)
{
    tfidf_free(l->tfidf);
    svd_free(&l->svd);
    free(l->rows);
    free(l->hash);
    free(l->kind);
    free(l->idf);
    free(l);
}

/* Appends the rows of a matrix to those at hand. */
static void project(lsa_t *l, const csr_t *x)
{
    int64_t dim = l->options.dim;
    float *rows = lsa_project(x, &l->svd, dim, l->options.exponent);
    if (!l->count) {
        free(l->rows);
        l->rows = rows;
        l->cap = x->rows;
    } else {
        while (l->cap < l->count + x->rows) l->cap *= 2;
        l->rows = xreallocarray(l->rows, size_mul((size_t)l->cap, (size_t)dim), sizeof(float));
        memcpy(l->rows + l->count * dim, rows, (size_t)(x->rows * dim) * sizeof(float));
        free(rows);
    }
    l->count += x->rows;
}

/* Takes the texts that wait, as a matrix. */
static csr_t take_waiting(lsa_t *l)
{
    int64_t empty;
    csr_t x = tfidf_finish(l->tfidf, &empty);
    l->empty += empty;
    l->waiting = 0;
    return x;
}

static void project_waiting(lsa_t *l)
{
    csr_t x = take_waiting(l);
    project(l, &x);
    csr_free(&x);
}

void lsa_add(lsa_t *l, const text_part_t *parts, int count)
{
    if (l->fitted && l->waiting == BATCH) project_waiting(l);
    tfidf_item(l->tfidf);
    for (int i = 0; i < count; i++) tfidf_field(l->tfidf, parts[i].text, parts[i].length, parts[i].weight);
    l->waiting++;
}

static csr_t fit(lsa_t *l)
{
    csr_t x = take_waiting(l);
    tfidf_trim(l->tfidf); /* its memory is better spent on the SVD */
    const svd_options_t o = {l->options.dim, OVERSAMPLE, l->options.iterations, l->options.seed};
    l->svd = svd_truncated(&x, &o);
    l->fitted = true;
    double all = csr_sum_squares(&x), kept = 0;
    for (int64_t j = 0; j < l->svd.rank; j++) kept += l->svd.s[j] * l->svd.s[j];
    l->info.share = all > 0 ? kept / all : 0;
    l->info.terms = x.cols;
    l->info.rank = l->svd.rank;
    l->info.elements = x.offsets[x.rows];
    return x;
}

static void end_round(lsa_t *l, int64_t texts)
{
    l->info.texts = texts;
    l->info.empty = l->empty;
    l->empty = l->count = l->cap = 0;
}

void lsa_fit(lsa_t *l)
{
    csr_t x = fit(l);
    end_round(l, x.rows);
    csr_free(&x);
}

float *lsa_rows(lsa_t *l, int64_t *count)
{
    if (l->fitted) {
        project_waiting(l);
    } else {
        csr_t x = fit(l);
        project(l, &x);
        csr_free(&x);
    }
    float *rows = l->rows;
    l->rows = NULL;
    *count = l->count;
    end_round(l, l->count);
    return rows;
}

lsa_info_t lsa_info(const lsa_t *l) { return l->info; }
