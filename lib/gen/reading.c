#include "gen/reading.h"

#include <string.h>

#include "base/rng.h"
#include "nn/embedding.h"
#include "nn/vec.h"

/* Tells whether a row loses something that goes at `rate`. */
static bool dropped(double rate, uint64_t key, int64_t row)
{
    return rate > 0 && rng_uniform(key, (uint64_t)row) < (float)rate;
}

static bool item_dropped(reading_drop_t d, int64_t row) { return dropped(d.item, rng_key(d.key, 0), row); }
static bool vector_dropped(reading_drop_t d, int64_t row) { return dropped(d.vector, rng_key(d.key, 1), row); }

static void add_item(const model_t *m, const space_t *s, int32_t item, bool vector, float *x)
{
    const int64_t d = m->config.hidden_size;
    const int32_t *sid = space_sid(s, item);
    for (int l = 0; l < space_sid_length(s, item); l++) vec_add(d, model_embedding(m, sid[l]), x);
    if (vector && m->item_vectors >= 0) vec_add(d, model_row(m, m->item_vectors, item), x);
}

static void timeline_rows(const model_t *m, const space_t *s, int64_t rows, const int32_t *symbols, reading_drop_t drop, float *x)
{
    const int64_t d = m->config.hidden_size;
    memset(x, 0, (size_t)(rows * d) * sizeof *x);
    for (int64_t r = 0; r < rows; r++) {
        if (symbols[r] == TIMELINE_BOS) vec_add(d, model_embedding(m, s->vocab.bos), x + r * d);
        else if (!item_dropped(drop, r)) add_item(m, s, symbols[r], !vector_dropped(drop, r), x + r * d);
    }
}

static void position_rows(const model_t *m, const segments_t *p, float *x)
{
    const int64_t d = m->config.hidden_size;
    const float *table = params_values(&m->params, m->positions);
    for (int64_t g = 0; g < p->count; g++)
        for (int64_t r = p->bounds[g]; r < p->bounds[g + 1]; r++) vec_add(d, table + (r - p->bounds[g]) * d, x + r * d);
}

void reading_rows(const model_t *m, const space_t *s, const segments_t *p, const int32_t *symbols, reading_drop_t drop, float *x)
{
    if (s->body == BODY_FLAT) embedding_rows(m, p->rows, symbols, x);
    else timeline_rows(m, s, p->rows, symbols, drop, x);
    if (m->positions >= 0) position_rows(m, p, x);
}

void reading_want(const model_t *m, const space_t *s, int64_t rows, const int32_t *symbols, loan_t *loan)
{
    for (int64_t r = 0; s->body == BODY_TIMELINE && r < rows; r++)
        if (symbols[r] != TIMELINE_BOS) loan_want(loan, m->item_vectors, symbols[r], 1);
}

static void add_to_row(const model_t *m, grads_t *grads, int block, int64_t row, const float *dx)
{
    float *g = grads_row(grads, block, row);
    if (g) vec_add(m->config.hidden_size, dx, g);
}

static void item_backward(const model_t *m, const space_t *s, int32_t item, bool vector, const float *dx, grads_t *grads)
{
    const int32_t *sid = space_sid(s, item);
    for (int l = 0; l < space_sid_length(s, item); l++) add_to_row(m, grads, m->embed, sid[l], dx);
    if (vector && m->item_vectors >= 0) add_to_row(m, grads, m->item_vectors, item, dx);
}

static void timeline_backward(const model_t *m, const space_t *s, int64_t rows, const int32_t *symbols, reading_drop_t drop,
                              const float *dx, grads_t *grads)
{
    const int64_t d = m->config.hidden_size;
    for (int64_t r = 0; r < rows; r++) {
        if (symbols[r] == TIMELINE_BOS) add_to_row(m, grads, m->embed, s->vocab.bos, dx + r * d);
        else if (!item_dropped(drop, r)) item_backward(m, s, symbols[r], !vector_dropped(drop, r), dx + r * d, grads);
    }
}

void reading_backward(const model_t *m, const space_t *s, const segments_t *p, const int32_t *symbols, reading_drop_t drop,
                      const float *dx, grads_t *grads)
{
    const int64_t d = m->config.hidden_size;
    if (s->body == BODY_FLAT) embedding_rows_backward(m, p->rows, symbols, dx, grads);
    else timeline_backward(m, s, p->rows, symbols, drop, dx, grads);
    for (int64_t g = 0; m->positions >= 0 && g < p->count; g++)
        for (int64_t r = p->bounds[g]; r < p->bounds[g + 1]; r++)
            add_to_row(m, grads, m->positions, r - p->bounds[g], dx + r * d);
}
