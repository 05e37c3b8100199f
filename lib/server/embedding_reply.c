#include "server/embedding_reply.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "server/model_json.h"

enum { MAX_DIM = 65536 };

static void start_body(buf_t *out, const char *model)
{
    buf_puts(out, "{\"model\":");
    buf_json_string(out, model, strlen(model));
}

void embedding_body(buf_t *out, const char *model, char *const *texts, int64_t count)
{
    start_body(out, model);
    buf_puts(out, ",\"input\":[");
    for (int64_t i = 0; i < count; i++) {
        if (i) buf_puts(out, ",");
        buf_json_string(out, texts[i], strlen(texts[i]));
    }
    buf_puts(out, "],\"encoding_format\":\"float\"}");
}

void embedding_joint_body(buf_t *out, const char *model, const char *text, const void *image, size_t n, const char *type)
{
    start_body(out, model);
    buf_puts(out, ",\"messages\":[{\"role\":\"user\",\"content\":");
    model_content_parts(out, text, image, n, type);
    buf_puts(out, "}],\"encoding_format\":\"float\"}");
}

void embedding_text(const text_part_t *parts, int count, buf_t *out)
{
    buf_clear(out);
    for (int i = 0; i < count; i++) {
        if (i) buf_puts(out, "\n");
        buf_add(out, parts[i].text, parts[i].length);
    }
}

/* --- Replies --------------------------------------------------------------------------------------------------------- */

/* A vector's numbers into `v`, at most `most`; their count, or -1 where one is no finite number. */
static int64_t read_vector(model_span_t vector, float *v, int64_t most)
{
    model_span_t e = {0};
    int64_t n = 0;
    double squares = 0;
    for (; json_element(vector, &e); n++) {
        char first = *e.text;
        double value = strtod(e.text, NULL);
        if (n == most || (first != '-' && (first < '0' || first > '9')) || !(fabs(value) <= (double)FLT_MAX)) return -1;
        v[n] = (float)value;
        squares += value * value;
    }
    return squares > 0 ? n : -1;
}

/* Width of a vector; -1 where it is none, or too wide. */
static int64_t count_elements(model_span_t vector)
{
    model_span_t e = {0};
    int64_t n = 0;
    while (n <= MAX_DIM && json_element(vector, &e)) n++;
    return n && n <= MAX_DIM ? n : -1;
}

static const char *read_data(model_span_t data, int64_t count, int64_t *dim, float **x, char *seen)
{
    model_span_t e = {0};
    int64_t found = 0;
    for (; json_element(data, &e); found++) {
        int64_t index = json_count(json_member(e, "index"));
        model_span_t vector = json_member(e, "embedding");
        if (index < 0 || index >= count) return "an embedding has an index that was not asked for";
        if (seen[index]++) return "two embeddings have the same index";
        if (!*x) {
            *dim = count_elements(vector);
            if (*dim < 0) return "an embedding is no array of numbers";
            *x = NEW_ARRAY(float, size_mul((size_t)count, (size_t)*dim));
        }
        int64_t n = read_vector(vector, *x + index * *dim, *dim);
        if (n < 0) return "an embedding is zero, or not an array of finite numbers as wide as the others";
        if (n != *dim) return "the embeddings are not all as wide";
    }
    return found < count ? "embeddings are missing" : NULL;
}

float *embedding_read(const char *reply, size_t n, int64_t count, int64_t *dim, const char **why)
{
    float *x = NULL;
    if ((*why = model_json_check(reply, n))) return NULL;
    model_span_t data = json_member(json_whole(reply, n), "data");
    char *seen = NEW_ARRAY(char, count);
    *why = data.text ? read_data(data, count, dim, &x, seen) : "the reply has no array 'data'";
    free(seen);
    if (!*why) return x;
    free(x);
    return NULL;
}

/* --- Rows ------------------------------------------------------------------------------------------------------------ */

void embedding_rows_set(embedding_rows_t *r, int64_t row, const float *v, int64_t dim)
{
    if (r->dim && r->dim != dim)
        die(EX_PROTOCOL, "the server gives vectors of %lld numbers after some of %lld", (long long)dim, (long long)r->dim);
    r->dim = dim;
    if (row >= r->cap) {
        int64_t cap = row + row / 2 + 256;
        r->x = xreallocarray(r->x, size_mul((size_t)cap, (size_t)dim), sizeof *r->x);
        memset(r->x + r->cap * dim, 0, (size_t)((cap - r->cap) * dim) * sizeof *r->x);
        r->cap = cap;
    }
    double squares = 0;
    for (int64_t j = 0; j < dim; j++) squares += (double)v[j] * (double)v[j];
    double scale = 1 / sqrt(squares);
    for (int64_t j = 0; j < dim; j++) r->x[row * dim + j] = (float)((double)v[j] * scale);
}

void embedding_rows_fail(embedding_rows_t *r, int64_t row, const char *why)
{
    if (r->failed++ && row > r->error_row) return;
    free(r->error);
    r->error = xstrdup(why);
    r->error_row = row;
}

static void report(const embedding_rows_t *r, const char *what)
{
    if (r->failed)
        warn("%s: %lld of %lld items got no vector, their rows are zero; first item %lld: %s", what, (long long)r->failed,
             (long long)r->count, (long long)r->error_row + 1, r->error);
    if (r->empty)
        note("%s: %lld of %lld items have nothing to embed: their rows are zero", what, (long long)r->empty, (long long)r->count);
    jsonlog("{\"tensor\":\"%s\",\"items\":%lld,\"dim\":%lld,\"empty\":%lld,\"failed\":%lld}", what, (long long)r->count,
            (long long)r->dim, (long long)r->empty, (long long)r->failed);
}

float *embedding_rows_take(embedding_rows_t *r, int64_t *dim, const char *what)
{
    if (!r->dim && r->failed)
        die(EX_UNAVAILABLE, "%s: no item got a vector; item %lld: %s", what, (long long)r->error_row + 1, r->error);
    if (!r->dim) die(EX_DATAERR, "%s: no item has anything to embed", what);
    report(r, what);
    float *x = NEW_ARRAY(float, size_mul((size_t)r->count, (size_t)r->dim));
    memcpy(x, r->x ? r->x : x, (size_t)((r->count < r->cap ? r->count : r->cap) * r->dim) * sizeof *x);
    *dim = r->dim;
    free(r->x);
    free(r->error);
    *r = (embedding_rows_t){.dim = r->dim};
    return x;
}
