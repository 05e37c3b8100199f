#include "server/text_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/embedding_reply.h"

typedef struct {
    text_engine_t engine;
    model_client_t *client;
    const char *model;
    int64_t batch_size;
    struct batch *batch;     /* the one that fills; NULL: none */
    embedding_rows_t rows;
    buf_t text;
    bool told;               /* the first round is over */
} text_http_t;

/* The texts of one request. */
typedef struct batch {
    text_http_t *engine;
    int64_t count;
    int64_t *row;
    char **text;
} batch_t;

static batch_t *new_batch(text_http_t *e, int64_t size)
{
    batch_t *b = NEW(batch_t);
    b->engine = e;
    b->row = NEW_ARRAY(int64_t, size);
    b->text = NEW_ARRAY(char *, size);
    return b;
}

static void free_batch(batch_t *b)
{
    for (int64_t i = 0; i < b->count; i++) free(b->text[i]);
    free(b->text);
    free(b->row);
    free(b);
}

static void send_batch(batch_t *b);

/* Each text of a batch alone, so that one the server does not take costs one item. */
static void split(batch_t *b)
{
    for (int64_t i = 0; i < b->count; i++) {
        batch_t *one = new_batch(b->engine, 1);
        one->row[one->count] = b->row[i];
        one->text[one->count++] = b->text[i];
        send_batch(one);
    }
    b->count = 0;
}

static const char *accept_batch(void *ctx, const char *reply, size_t n)
{
    const batch_t *b = ctx;
    const char *why;
    int64_t dim;
    free(embedding_read(reply, n, b->count, &dim, &why));
    return why;
}

static void batch_done(void *ctx, const char *reply, size_t n, const char *error)
{
    batch_t *b = ctx;
    embedding_rows_t *rows = &b->engine->rows;
    for (int64_t i = 0; i < b->count && (!error || b->count == 1); i++) model_client_item(b->engine->client, error);
    if (error && b->count > 1) {
        split(b);
    } else if (error) {
        embedding_rows_fail(rows, b->row[0], error);
    } else {
        const char *why;
        int64_t dim;
        float *x = embedding_read(reply, n, b->count, &dim, &why);
        for (int64_t i = 0; i < b->count; i++) embedding_rows_set(rows, b->row[i], x + i * dim, dim);
        free(x);
    }
    free_batch(b);
}

static void send_batch(batch_t *b)
{
    buf_t body = {0};
    embedding_body(&body, b->engine->model, b->text, b->count);
    model_client_send(b->engine->client, MODEL_EMBEDDINGS, &body, accept_batch, batch_done, b);
}

static void flush(text_http_t *e)
{
    if (!e->batch) return;
    while (!model_client_has_room(e->client)) model_client_wait(e->client);
    batch_t *b = e->batch;
    e->batch = NULL;
    send_batch(b);
}

static void add(text_engine_t *engine, const text_part_t *parts, int count)
{
    text_http_t *e = (text_http_t *)engine;
    int64_t row = e->rows.count++;
    if (!count) {
        e->rows.empty++;
        return;
    }
    if (!e->batch) e->batch = new_batch(e, e->batch_size);
    embedding_text(parts, count, &e->text);
    e->batch->row[e->batch->count] = row;
    e->batch->text[e->batch->count++] = xstrndup(e->text.data, e->text.len);
    if (e->batch->count == e->batch_size) flush(e);
}

static float *finish(text_engine_t *engine, int64_t *dim)
{
    text_http_t *e = (text_http_t *)engine;
    flush(e);
    model_client_drain(e->client);
    float *x = embedding_rows_take(&e->rows, dim, e->told ? "intent" : "text");
    e->told = true;
    return x;
}

static void free_engine(text_engine_t *engine)
{
    text_http_t *e = (text_http_t *)engine;
    if (e->batch) free_batch(e->batch);
    free(e->rows.x);
    free(e->rows.error);
    buf_free(&e->text);
    free(e);
}

text_engine_t *text_http(model_client_t *client, const char *model, int64_t batch)
{
    text_http_t *e = NEW(text_http_t);
    e->engine = (text_engine_t){.add = add, .finish = finish, .free = free_engine};
    e->client = client;
    e->model = model;
    e->batch_size = batch;
    return &e->engine;
}
