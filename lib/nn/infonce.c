#include "nn/infonce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/vec.h"

static const float NOTHING = -1e30f; /* a logit that adds nothing to any sum of exponentials */

struct infonce {
    const backend_t *backend;
    int64_t rows, keys, width;
    float *unit, *dunit, *length, *logits;                /* [rows, width] twice, [rows], [rows, keys] */
    float *key;                                           /* [keys, width]: round numbers, so that few kernels are made */
    operand_t *unit_packed, *keys_packed, *logits_packed; /* NULL where operands are floats */
};

infonce_t *infonce_new(const backend_t *b, int64_t rows, int64_t keys, int64_t width)
{
    infonce_t *s = NEW(infonce_t);
    rows = round_rows(b, rows);
    keys = round_rows(b, keys);
    *s = (infonce_t){.backend = b, .rows = rows, .keys = keys, .width = width};
    s->unit = xfloats(size_mul((size_t)rows, (size_t)width));
    s->dunit = xfloats(size_mul((size_t)rows, (size_t)width));
    s->length = xfloats((size_t)rows);
    s->key = xfloats(size_mul((size_t)keys, (size_t)width));
    s->logits = xfloats(size_mul((size_t)rows, (size_t)keys));
    if (operands_are_floats(b)) return s;
    s->unit_packed = operands_new(b, rows * width);
    s->keys_packed = operands_new(b, keys * width);
    s->logits_packed = operands_new(b, rows * keys);
    return s;
}

void infonce_free(infonce_t *s)
{
    if (!s) return;
    void *all[] = {s->unit, s->dunit, s->length, s->logits, s->key, s->unit_packed, s->keys_packed, s->logits_packed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(s);
}

/* Scales the rows to length 1, and keeps what they were divided by. Rows and keys are filled up with zeros. */
static void to_units(infonce_t *s, const infonce_pass_t *p, int64_t rows, int64_t keys)
{
    const int64_t d = p->width;
    memcpy(s->key, p->keys, (size_t)(p->count * d) * sizeof *s->key);
    memset(s->key + p->count * d, 0, (size_t)((keys - p->count) * d) * sizeof *s->key);
    memcpy(s->unit, p->x, (size_t)(p->n * d) * sizeof *s->unit);
    memset(s->unit + p->n * d, 0, (size_t)((rows - p->n) * d) * sizeof *s->unit);
    for (int64_t i = 0; i < p->n; i++) {
        s->length[i] = sqrtf(vec_dot(d, p->x + i * d, p->x + i * d));
        vec_to_length_one(d, s->unit + i * d);
    }
}

/* Turns a row's cosines into the gradient of weight times its loss by them; returns the loss. */
static double row_loss(const infonce_pass_t *p, int64_t i, double weight, float *x)
{
    const int32_t own = p->own[i];
    const float inverse = (float)(1 / p->temperature), scale = (float)weight * inverse;
    for (int64_t j = 0; j < p->count; j++) {
        const bool twin = p->label && j != own && p->label[j] == p->label[own];
        x[j] = twin ? NOTHING : x[j] * inverse;
    }
    const float top = vec_max(p->count, x), at = x[own], sum = vec_exp_sum(p->count, top, x);
    for (int64_t j = 0; j < p->count; j++) x[j] *= scale / sum;
    x[own] -= scale;
    return logf(sum) + top - at;
}

/* Takes the gradient of row i's direction back to the row: what is along it does not matter. */
static void add_across(const infonce_t *s, int64_t i, int64_t d, float *dx)
{
    const float *u = s->unit + i * d, *du = s->dunit + i * d, along = vec_dot(d, u, du);
    if (s->length[i] < 1e-5f) return;
    vec_add_scaled(d, 1 / s->length[i], du, dx);
    vec_add_scaled(d, -along / s->length[i], u, dx);
}

double infonce_backward(infonce_t *s, const infonce_pass_t *p, double weight, float *dx)
{
    const backend_t *b = s->backend;
    const int64_t rows = round_rows(b, p->n), keys = round_rows(b, p->count), d = p->width;
    double loss = 0;
    if (rows > s->rows || keys > s->keys || d > s->width) die(EX_SOFTWARE, "infonce: more than there is room for");
    to_units(s, p, rows, keys);
    const operand_t *unit = operands_of(b, s->unit, rows * d, s->unit_packed);
    const operand_t *key = operands_of(b, s->key, keys * d, s->keys_packed);
    b->matmul(false, true, rows, keys, d, unit, key, s->logits);
    for (int64_t i = 0; i < p->n; i++) {
        loss += row_loss(p, i, weight, s->logits + i * keys);
        memset(s->logits + i * keys + p->count, 0, (size_t)(keys - p->count) * sizeof *s->logits);
    }
    memset(s->logits + p->n * keys, 0, (size_t)((rows - p->n) * keys) * sizeof *s->logits);
    b->matmul(false, false, rows, d, keys, operands_of(b, s->logits, rows * keys, s->logits_packed), key, s->dunit);
    for (int64_t i = 0; i < p->n; i++) add_across(s, i, d, dx + i * d);
    return loss;
}
