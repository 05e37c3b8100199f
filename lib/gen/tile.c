#include "gen/tile.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gen/output.h"
#include "nn/vec.h"

enum {
    TILE_LOGITS = 1 << 18, /* of one product, unless TILE_ROWS rows have more; the cut shows in a gradient's last bits */
    TILE_ROWS = 128
};

/* Room for elements of any kind, which only ever grows. */
typedef struct {
    void *at;
    size_t bytes;
} room_t;

struct tile {
    const network_t *net;
    room_t states, logits, dstates, dlogits_packed; /* [rows, hidden_size], [rows, columns], and their gradients */
    room_t gathered, gathered_packed, dcolumns;     /* [columns, hidden_size], where columns are not in place */
    const operand_t *table;                         /* the columns' rows, of the tile at hand */
    output_t *output;                               /* for columns in place */
};

tile_t *tile_new(const network_t *net)
{
    tile_t *t = NEW(tile_t);
    t->net = net;
    t->output = output_new(net);
    return t;
}

void tile_free(tile_t *t)
{
    if (!t) return;
    void *all[] = {t->states.at, t->logits.at, t->dstates.at, t->dlogits_packed.at,
                   t->gathered.at, t->gathered_packed.at, t->dcolumns.at};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    output_free(t->output);
    free(t);
}

int64_t tile_rows(const network_t *net, int64_t columns)
{
    const int64_t rows = TILE_LOGITS / columns;
    return round_rows(net->backend, rows > TILE_ROWS ? rows : TILE_ROWS);
}

/* Makes room for rows x cols elements; what was there is lost where it was too small. */
static void *reserve(room_t *r, int64_t rows, int64_t cols, size_t size)
{
    const size_t bytes = size_mul(size_mul((size_t)rows, (size_t)cols), size);
    if (bytes > r->bytes) {
        free(r->at);
        *r = (room_t){xfloats(bytes / sizeof(float) + 1), bytes};
    }
    return r->at;
}

/* Takes floats as operands, converted into `r` where they are not. */
static const operand_t *as_operands(const backend_t *b, const float *x, int64_t rows, int64_t cols, room_t *r)
{
    return operands_of(b, x, rows * cols, operands_are_floats(b) ? NULL : reserve(r, rows, cols, b->operand_size));
}

/* Tells whether the columns' rows are a range of the output matrix, and that an operand; else they are copied together. */
static bool in_place(const model_t *m, const tile_of_t *at)
{
    return !at->columns.tokens && !m->params.blocks[at->block].sparse;
}

static const operand_t *gathered(tile_t *t, const tile_of_t *at)
{
    const allowed_t *columns = &at->columns;
    const model_t *m = t->net->model;
    const backend_t *b = t->net->backend;
    const int64_t d = m->config.hidden_size;
    float *rows = reserve(&t->gathered, columns->n, d, sizeof *rows);
    for (int32_t j = 0; j < columns->n; j++)
        scored_row(m, at->block, allowed_token(columns, j), rows + j * d);
    return as_operands(b, rows, columns->n, d, &t->gathered_packed);
}

float *tile_forward(tile_t *t, const scored_pass_t *p, const tile_of_t *at)
{
    const backend_t *b = t->net->backend;
    const int64_t d = t->net->model->config.hidden_size, rows = round_rows(b, at->n);
    operand_t *states = reserve(&t->states, rows, d, b->operand_size);
    float *logits = reserve(&t->logits, rows, at->columns.n, sizeof *logits);
    for (int64_t i = 0; i < at->n; i++)
        memcpy(operand_at(b, states, i * d), operand_at(b, p->packed, p->positions[at->chosen[i]].row * d),
               (size_t)d * b->operand_size);
    memset(operand_at(b, states, at->n * d), 0, (size_t)((rows - at->n) * d) * b->operand_size);
    if (in_place(t->net->model, at)) {
        output_forward(t->output, rows, states, at->columns.first, at->columns.n, logits);
        return logits;
    }
    t->table = gathered(t, at);
    b->matmul(false, true, rows, at->columns.n, d, states, t->table, logits);
    return logits;
}

/* Adds the gradient of columns that were copied together, by the row. */
static void columns_backward(tile_t *t, grads_t *grads, const tile_of_t *at, int64_t rows, const operand_t *dlogits)
{
    const allowed_t *columns = &at->columns;
    const backend_t *b = t->net->backend;
    const model_t *m = t->net->model;
    const int64_t d = m->config.hidden_size;
    if (m->params.blocks[at->block].frozen) return;
    float *dcolumns = reserve(&t->dcolumns, columns->n, d, sizeof *dcolumns);
    b->matmul(true, false, columns->n, d, rows, dlogits, t->states.at, dcolumns);
    for (int32_t j = 0; j < columns->n; j++) {
        float *g = scored_row_grad(m, at->block, allowed_token(columns, j), grads);
        if (g) vec_add(d, dcolumns + j * d, g);
    }
}

void tile_backward(tile_t *t, const scored_pass_t *p, const tile_of_t *at)
{
    const backend_t *b = t->net->backend;
    const int64_t d = t->net->model->config.hidden_size, rows = round_rows(b, at->n), width = at->columns.n;
    float *logits = t->logits.at, *dstates = reserve(&t->dstates, rows, d, sizeof *dstates);
    memset(logits + at->n * width, 0, (size_t)((rows - at->n) * width) * sizeof *logits);
    const operand_t *dlogits = as_operands(b, logits, rows, width, &t->dlogits_packed);
    if (in_place(t->net->model, at)) {
        output_backward(t->output, rows, t->states.at, at->columns.first, at->columns.n, dlogits, dstates, p->grads);
    } else {
        b->matmul(false, false, rows, d, width, dlogits, t->table, dstates);
        columns_backward(t, p->grads, at, rows, dlogits);
    }
    for (int64_t i = 0; i < at->n; i++) vec_add(d, dstates + i * d, p->dhidden + p->positions[at->chosen[i]].row * d);
}
