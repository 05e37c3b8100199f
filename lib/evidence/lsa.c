#include "evidence/lsa.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"

enum { OVERSAMPLE = 32, ROWS = 256 };

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

float *lsa_project(const csr_t *x, const svd_t *d, int64_t dim, double exponent)
{
    float *out = xfloats(size_mul((size_t)x->rows, (size_t)dim)), *scale = xfloats((size_t)d->k);
    float *projected = xfloats(size_mul((size_t)x->rows, (size_t)d->k));
    csr_product(x, d->k, d->v, projected);
    for (int64_t j = 0; j < d->rank; j++) scale[j] = (float)pow(d->s[j] / d->s[0], exponent - 1);
    struct scaling s = {x->rows, d->k, dim, scale, projected, out};
    parallel_for((x->rows + ROWS - 1) / ROWS, scale_rows, &s);
    free(projected);
    free(scale);
    return out;
}

typedef struct {
    text_engine_t engine;
    lsa_options_t options;
    tfidf_t *tfidf;
} lsa_t;

static void lsa_add(text_engine_t *e, const text_part_t *parts, int count)
{
    lsa_t *l = (lsa_t *)e;
    tfidf_item(l->tfidf);
    for (int i = 0; i < count; i++) tfidf_field(l->tfidf, parts[i].text, parts[i].length, parts[i].weight);
}

static int64_t zero_rows(int64_t rows, int64_t dim, const float *x)
{
    int64_t count = 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t j = 0;
        while (j < dim && x[r * dim + j] == 0) j++;
        count += j == dim;
    }
    return count;
}

static void report(const csr_t *x, const svd_t *d, int64_t dim, int64_t empty, int64_t zero)
{
    double all = csr_sum_squares(x), kept = 0;
    for (int64_t j = 0; j < d->rank; j++) kept += d->s[j] * d->s[j];
    double share = all > 0 ? kept / all : 0;
    note("%lld items, %lld terms; %lld dimensions hold %.1f%% of the matrix", (long long)x->rows, (long long)x->cols,
         (long long)d->rank, 100 * share);
    jsonlog("{\"items\":%lld,\"terms\":%lld,\"elements\":%lld,\"rank\":%lld,\"share\":%.6g,\"empty\":%lld,\"zero\":%lld}",
            (long long)x->rows, (long long)x->cols, (long long)x->offsets[x->rows], (long long)d->rank, share,
            (long long)empty, (long long)zero);
    if (d->rank < dim)
        note("the texts span %lld dimensions only: columns %lld to %lld are zero", (long long)d->rank, (long long)d->rank,
             (long long)dim - 1);
    if (zero)
        warn("zero rows: items without text %lld, with text but no term that was kept (see --min-df) %lld", (long long)empty,
             (long long)(zero - empty));
}

static float *lsa_finish(text_engine_t *e, int64_t *dim)
{
    lsa_t *l = (lsa_t *)e;
    int64_t empty;
    csr_t x = tfidf_finish(l->tfidf, &empty);
    tfidf_free(l->tfidf); /* its memory is better spent on the SVD */
    l->tfidf = NULL;
    const svd_options_t o = {l->options.dim, OVERSAMPLE, l->options.iterations, l->options.seed};
    svd_t d = svd_truncated(&x, &o);
    *dim = l->options.dim;
    float *out = lsa_project(&x, &d, *dim, l->options.exponent);
    report(&x, &d, *dim, empty, zero_rows(x.rows, *dim, out));
    svd_free(&d);
    csr_free(&x);
    return out;
}

static void lsa_free(text_engine_t *e)
{
    lsa_t *l = (lsa_t *)e;
    if (l->tfidf) tfidf_free(l->tfidf);
    free(l);
}

text_engine_t *lsa_engine(const lsa_options_t *o)
{
    lsa_t *l = NEW(lsa_t);
    l->engine = (text_engine_t){lsa_add, lsa_finish, lsa_free};
    l->options = *o;
    l->tfidf = tfidf_new(&o->tfidf);
    return &l->engine;
}
