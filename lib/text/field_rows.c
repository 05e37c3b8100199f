#include "text/field_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "text/lsa_space.h"
#include "nn/vec.h"

enum { BLOCK = 64 /* items that one step of a parallel pass takes */ };

struct field_rows {
    int64_t n, width;
    int fields;
    double kind_weight[NGRAM_KINDS];
    float *part; /* [fields, kinds, n, width] x_fc V S^(exponent - 1) */
    float *gram; /* [n, kinds, fields, fields] products of x_fc and x_gc */
};

static float *part_of(const field_rows_t *r, int field, int kind)
{
    return r->part + ((int64_t)field * NGRAM_KINDS + kind) * r->n * r->width;
}

static float *gram_of(const field_rows_t *r, int64_t row, int kind)
{
    return r->gram + (row * NGRAM_KINDS + kind) * r->fields * r->fields;
}

/* One field's TF-IDF values, a row an item. */
static csr_t field_values(lsa_t *space, const field_texts_t *texts, int64_t n, const int64_t *items, int field)
{
    for (int64_t i = 0; i < n; i++) {
        size_t length;
        const char *text = field_texts_get(texts, items[i], field, &length);
        tfidf_item(space->tfidf);
        if (length) tfidf_field(space->tfidf, text, length, 1);
    }
    return tfidf_values(space->tfidf);
}

/* Projects the terms of one kind. */
static void project_kind(const field_rows_t *r, const csr_t *x, const svd_t *d, const float *scale, const uint8_t *kinds, int field,
                         int kind)
{
    csr_t of_kind = *x;
    of_kind.value = NEW_ARRAY(float, x->offsets[x->rows]);
    for (int64_t e = 0; e < x->offsets[x->rows]; e++) of_kind.value[e] = kinds[x->index[e]] == kind ? x->value[e] : 0;
    float *part = part_of(r, field, kind);
    csr_product(&of_kind, d->k, d->v, part);
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t j = 0; j < r->width; j++) part[i * r->width + j] *= scale[j];
    free(of_kind.value);
}

struct gram_pass {
    const field_rows_t *r;
    const csr_t *values; /* [fields] */
    const uint8_t *kinds;
    float **row;         /* [workers] one of [terms], zero between uses */
};

static void multiply(const struct gram_pass *p, const float *row, int64_t item, int f, int g)
{
    const csr_t *x = &p->values[g];
    double sum[NGRAM_KINDS] = {0};
    for (int64_t e = x->offsets[item]; e < x->offsets[item + 1]; e++)
        sum[p->kinds[x->index[e]]] += (double)x->value[e] * (double)row[x->index[e]];
    for (int c = 0; c < NGRAM_KINDS; c++) {
        float *gram = gram_of(p->r, item, c);
        gram[f * p->r->fields + g] = gram[g * p->r->fields + f] = (float)sum[c];
    }
}

static void gram_block(void *ctx, int64_t block, int worker)
{
    const struct gram_pass *p = ctx;
    float *row = p->row[worker];
    for (int64_t i = block * BLOCK; i < (block + 1) * BLOCK && i < p->r->n; i++)
        for (int f = 0; f < p->r->fields; f++) {
            const csr_t *x = &p->values[f];
            for (int64_t e = x->offsets[i]; e < x->offsets[i + 1]; e++) row[x->index[e]] = x->value[e];
            for (int g = 0; g <= f; g++) multiply(p, row, i, f, g);
            for (int64_t e = x->offsets[i]; e < x->offsets[i + 1]; e++) row[x->index[e]] = 0;
        }
}

static int64_t blocks(const field_rows_t *r) { return (r->n + BLOCK - 1) / BLOCK; }

static void make_grams(const field_rows_t *r, const csr_t *values, const uint8_t *kinds, int64_t terms)
{
    const int workers = parallel_workers();
    struct gram_pass p = {r, values, kinds, NEW_ARRAY(float *, workers)};
    for (int w = 0; w < workers; w++) p.row[w] = xfloats((size_t)terms);
    parallel_for(blocks(r), gram_block, &p);
    for (int w = 0; w < workers; w++) free(p.row[w]);
    free(p.row);
}

field_rows_t *field_rows_new(lsa_t *space, const field_texts_t *texts, int64_t n, const int64_t *items)
{
    field_rows_t *r = NEW(field_rows_t);
    *r = (field_rows_t){.n = n, .width = space->svd.k, .fields = texts->fields};
    r->kind_weight[NGRAM_WORDS] = 1;
    r->kind_weight[NGRAM_CHARS] = space->options.tfidf.char_weight;
    r->part = xfloats(size_mul(size_mul((size_t)texts->fields * NGRAM_KINDS, (size_t)n), (size_t)r->width));
    r->gram = xfloats(size_mul((size_t)n * NGRAM_KINDS, (size_t)(r->fields * r->fields)));
    int64_t *hash;
    uint8_t *kinds;
    float *idf, *scale = lsa_column_scale(&space->svd, space->options.exponent);
    tfidf_terms(space->tfidf, &hash, &kinds, &idf);
    csr_t values[MAX_FIELDS];
    for (int f = 0; f < r->fields; f++) {
        values[f] = field_values(space, texts, n, items, f);
        for (int c = 0; c < NGRAM_KINDS; c++) project_kind(r, &values[f], &space->svd, scale, kinds, f, c);
    }
    make_grams(r, values, kinds, space->svd.cols);
    for (int f = 0; f < r->fields; f++) csr_free(&values[f]);
    free(hash);
    free(kinds);
    free(idf);
    free(scale);
    return r;
}

void field_rows_free(field_rows_t *r)
{
    if (!r) return;
    free(r->part);
    free(r->gram);
    free(r);
}

int64_t field_rows_width(const field_rows_t *r) { return r->width; }

struct make_pass {
    const field_rows_t *r;
    const double *weight;
    float *x;
    int64_t stride;
};

/* |sum_f w_f x_fc|^2 */
static double square_length(const field_rows_t *r, const double *weight, int64_t item, int kind)
{
    const float *gram = gram_of(r, item, kind);
    double sum = 0;
    for (int f = 0; f < r->fields; f++)
        for (int g = 0; g < r->fields; g++) sum += weight[f] * weight[g] * (double)gram[f * r->fields + g];
    return sum;
}

static void add_kind(const struct make_pass *p, int64_t item, int kind, float *row)
{
    const field_rows_t *r = p->r;
    const double square = square_length(r, p->weight, item, kind);
    if (!(square > 0)) return;
    for (int f = 0; f < r->fields; f++) {
        const float scale = (float)(r->kind_weight[kind] * p->weight[f] / sqrt(square));
        const float *part = part_of(r, f, kind) + item * r->width;
        if (scale > 0)
            for (int64_t j = 0; j < r->width; j++) row[j] += scale * part[j];
    }
}

static void make_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const struct make_pass *p = ctx;
    for (int64_t i = block * BLOCK; i < (block + 1) * BLOCK && i < p->r->n; i++) {
        float *row = p->x + i * p->stride;
        memset(row, 0, (size_t)p->r->width * sizeof *row);
        for (int c = 0; c < NGRAM_KINDS; c++) add_kind(p, i, c, row);
        vec_to_length_one(p->r->width, row);
    }
}

void field_rows_make(const field_rows_t *r, const double *weight, float *x, int64_t stride)
{
    struct make_pass p = {r, weight, x, stride};
    parallel_for(blocks(r), make_block, &p);
}
