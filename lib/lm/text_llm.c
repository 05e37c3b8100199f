#include "lm/text_llm.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "lm/backbone.h"
#include "nn/embedding.h"
#include "nn/transformer.h"
#include "nn/vec.h"
#include "server/answers.h"
#include "server/embedding_reply.h"

enum { UNIT_ROWS = 1024 }; /* tokens of a pass, if no single text has more */

const char *const pool_names[] = {[POOL_LAST] = "last", [POOL_MEAN] = "mean", NULL};

/* Texts next to each other that go through the model together. */
typedef struct {
    ids_t ids;
    int64_t *bounds, *row;   /* [count + 1] where texts begin in `ids`; [count] their rows of the result */
    int64_t count, cap;
    float *vectors;          /* [count, width] */
    answers_key_t key;
} unit_t;

typedef struct {
    text_engine_t engine;
    text_llm_options_t options;
    backbone_t *backbone;
    network_t *network;
    encoder_t *encoder;
    activations_t **acts;    /* [workers], made when a worker first needs its own */
    answers_t *answers;
    unit_t *units;           /* [units_cap]: those that wait, the last of which fills */
    int64_t units_count, units_cap;
    embedding_rows_t rows;
    int64_t cut;             /* texts that were too long */
    buf_t text;
    ids_t ids;               /* of the text at hand */
    bool told;
} text_llm_t;

/* --- Texts to tokens ---------------------------------------------------------------------------------------------------------- */

/* Leaves a text's tokens in e->ids: what is kept of them, in the tokenizer's frame. */
static void take_tokens(text_llm_t *e)
{
    const frame_t *frame = &e->backbone->frame;
    const size_t most = (size_t)e->options.tokens - frame->after.count;
    e->ids.count = 0;
    ids_add(&e->ids, frame->before.id, frame->before.count);
    encoder_add(e->encoder, e->text.data, e->text.len, &e->ids);
    if (e->ids.count > most) {
        e->ids.count = most;
        e->cut++;
    }
    ids_add(&e->ids, frame->after.id, frame->after.count);
    if (!e->ids.count) die(EX_DATAERR, "a text has no tokens");
}

static void add_text(unit_t *u, const ids_t *ids, int64_t row)
{
    if (u->count == u->cap) {
        u->cap = u->cap ? 2 * u->cap : 64;
        u->bounds = xreallocarray(u->bounds, (size_t)u->cap + 1, sizeof *u->bounds);
        u->row = xreallocarray(u->row, (size_t)u->cap, sizeof *u->row);
    }
    u->bounds[u->count] = (int64_t)u->ids.count;
    u->row[u->count++] = row;
    ids_add(&u->ids, ids->id, ids->count);
    u->bounds[u->count] = (int64_t)u->ids.count;
}

static void empty_unit(unit_t *u)
{
    free(u->vectors);
    u->vectors = NULL;
    u->ids.count = 0;
    u->count = 0;
}

/* --- Tokens to vectors -------------------------------------------------------------------------------------------------------- */

static int64_t width_of(const text_llm_t *e) { return e->backbone->model->config.hidden_size; }
static int64_t rows_most(const text_llm_t *e) { return max64(UNIT_ROWS, e->options.tokens); }

static void pool(const text_llm_t *e, const unit_t *u, const float *hidden)
{
    const int64_t d = width_of(e);
    for (int64_t i = 0; i < u->count; i++) {
        const int64_t first = u->bounds[i], end = u->bounds[i + 1];
        float *v = u->vectors + i * d;
        if (e->options.pool == POOL_LAST) memcpy(v, hidden + (end - 1) * d, (size_t)d * sizeof *v);
        for (int64_t r = first; r < end && e->options.pool == POOL_MEAN; r++) vec_add(d, hidden + r * d, v);
    }
}

static void run_unit(void *ctx, int64_t shard, int worker)
{
    text_llm_t *e = ctx;
    unit_t *u = &e->units[shard];
    if (u->vectors) return;
    if (!e->acts[worker]) e->acts[worker] = activations_new(e->network, PASS_READ, rows_most(e), e->options.tokens, 0);
    activations_t *a = e->acts[worker];
    const segments_t s = {(int64_t)u->ids.count, u->count, u->bounds, NULL};
    embedding_rows(e->backbone->model, s.rows, u->ids.id, activations_input(a));
    u->vectors = xfloats(size_mul((size_t)u->count, (size_t)width_of(e)));
    pool(e, u, transformer_forward(e->network, a, &s, 0, 0, NULL));
}

/* The key of a unit's vectors: all that they depend on. */
static answers_key_t key_of(const text_llm_t *e, const unit_t *u)
{
    answers_key_t key;
    XXH3_state_t *s = XXH3_createState();
    XXH3_128bits_reset(s);
    const char *words[] = {"text_llm/1", e->backbone->digest, e->options.backend->name, pool_names[e->options.pool]};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) XXH3_128bits_update(s, words[i], strlen(words[i]) + 1);
    XXH3_128bits_update(s, u->bounds, (size_t)(u->count + 1) * sizeof *u->bounds);
    XXH3_128bits_update(s, u->ids.id, u->ids.count * sizeof *u->ids.id);
    XXH128_canonicalFromHash((XXH128_canonical_t *)key.bytes, XXH3_128bits_digest(s));
    XXH3_freeState(s);
    return key;
}

/* Takes a unit's vectors from the cache, where it has them; returns whether. */
static bool recall(text_llm_t *e, unit_t *u, buf_t *kept)
{
    const size_t bytes = size_mul(size_mul((size_t)u->count, (size_t)width_of(e)), sizeof(float));
    u->key = key_of(e, u);
    if (!e->answers || !answers_get(e->answers, u->key, kept) || kept->len != bytes) return false;
    u->vectors = xfloats(bytes / sizeof(float));
    memcpy(u->vectors, kept->data, bytes);
    return true;
}

static void keep(text_llm_t *e, const unit_t *u)
{
    if (e->answers) answers_put(e->answers, u->key, u->vectors, (size_t)(u->count * width_of(e)) * sizeof(float));
}

/* Passes a unit's vectors on from the rank that has made them; its own cache may have had them, or not. */
static void share(const text_llm_t *e, unit_t *u, int from)
{
    const size_t floats = size_mul((size_t)u->count, (size_t)width_of(e));
    if (!u->vectors) u->vectors = xfloats(floats);
    ranks_broadcast_from(from, u->vectors, floats * sizeof(float));
}

/* Gives every text that waits its vector. */
static void flush(text_llm_t *e)
{
    buf_t kept = {0};
    bool *known = NEW_ARRAY(bool, e->units_count + 1);
    for (int64_t i = 0; i < e->units_count; i++) known[i] = recall(e, &e->units[i], &kept);
    parallel_ranks(e->units_count, run_unit, e);
    for (int64_t i = 0; i < e->units_count; i++) {
        unit_t *u = &e->units[i];
        share(e, u, ranks_owner(i, e->units_count));
        if (!known[i] && !ranks_self()) keep(e, u);
        for (int64_t j = 0; j < u->count; j++) embedding_rows_set(&e->rows, u->row[j], u->vectors + j * width_of(e), width_of(e));
        progress_add(u->count);
        empty_unit(u);
    }
    if (e->answers) answers_commit(e->answers);
    e->units_count = 0;
    free(known);
    buf_free(&kept);
}

/* --- The engine --------------------------------------------------------------------------------------------------------------- */

/* The unit that a text of so many tokens goes into. */
static unit_t *unit_for(text_llm_t *e, size_t tokens)
{
    if (e->units_count && e->units[e->units_count - 1].ids.count + tokens <= UNIT_ROWS) return &e->units[e->units_count - 1];
    if (e->units_count == e->units_cap) flush(e);
    return &e->units[e->units_count++];
}

static void add(text_engine_t *engine, const text_part_t *parts, int count)
{
    text_llm_t *e = (text_llm_t *)engine;
    const int64_t row = e->rows.count++;
    if (!count) {
        e->rows.empty++;
        return;
    }
    buf_t fields = {0};
    embedding_text(parts, count, &fields);
    buf_clear(&e->text);
    if (e->options.instruction) buf_printf(&e->text, "Instruct: %s\nQuery:", e->options.instruction);
    buf_add(&e->text, fields.data, fields.len);
    buf_free(&fields);
    take_tokens(e);
    add_text(unit_for(e, e->ids.count), &e->ids, row);
}

static float *finish(text_engine_t *engine, int64_t *dim)
{
    text_llm_t *e = (text_llm_t *)engine;
    const char *what = e->told ? "intent" : "text";
    flush(e);
    if (e->cut) note("tensor %s: %lld of %lld texts were cut after %lld tokens", what, (long long)e->cut, (long long)e->rows.count,
                     (long long)e->options.tokens);
    e->cut = 0;
    e->told = true;
    return embedding_rows_take(&e->rows, dim, what);
}

static void free_engine(text_engine_t *engine)
{
    text_llm_t *e = (text_llm_t *)engine;
    for (int64_t i = 0; i < e->units_cap; i++) {
        empty_unit(&e->units[i]);
        ids_free(&e->units[i].ids);
        free(e->units[i].bounds);
        free(e->units[i].row);
    }
    for (int i = 0; i < parallel_workers(); i++) activations_free(e->acts[i]);
    if (e->answers) answers_close(e->answers);
    network_free(e->network);
    encoder_free(e->encoder);
    backbone_close(e->backbone);
    free(e->acts);
    free(e->units);
    free(e->rows.x);
    free(e->rows.error);
    buf_free(&e->text);
    ids_free(&e->ids);
    free(e);
}

static void check_tokens(const text_llm_t *e)
{
    const int64_t most = e->backbone->model->config.max_position_embeddings;
    const int64_t frame = (int64_t)(e->backbone->frame.before.count + e->backbone->frame.after.count);
    if (e->options.tokens > most)
        die(EX_USAGE, "%lld tokens of a text: the model has positions for %lld", (long long)e->options.tokens, (long long)most);
    if (e->options.tokens <= frame)
        die(EX_USAGE, "%lld tokens of a text: the tokenizer puts %lld around it", (long long)e->options.tokens, (long long)frame);
}

text_engine_t *text_llm(const text_llm_options_t *o)
{
    text_llm_t *e = NEW(text_llm_t);
    e->engine = (text_engine_t){.add = add, .finish = finish, .free = free_engine};
    e->options = *o;
    e->backbone = backbone_open(o->folder, NULL);
    check_tokens(e);
    e->network = network_new(e->backbone->model, o->backend, o->tokens);
    e->encoder = encoder_new(e->backbone->tokenizer);
    e->answers = answers_open(o->cache);
    e->acts = NEW_ARRAY(activations_t *, parallel_workers());
    e->units_cap = 2 * parallel_workers();
    e->units = NEW_ARRAY(unit_t, e->units_cap);
    return &e->engine;
}

const char *text_llm_digest(const text_engine_t *e) { return ((const text_llm_t *)e)->backbone->digest; }
