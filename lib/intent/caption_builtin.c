#include "intent/caption_builtin.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/caption_sentence.h"
#include "text/caption_text.h"
#include "vision/decode.h"
#include "vision/pixels.h"
#include "vision/sandbox.h"

typedef struct {
    caption_engine_t base;
    int64_t max_pixels;
    sandbox_t *sandbox;
} builtin_t;

/* An item on its way. */
typedef struct {
    char *labels; /* NULL: none */
    caption_done_fn done;
    void *ctx;
} item_t;

/* Runs in a worker. */
static const char *describe(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    const int64_t *max_pixels = ctx;
    pixels_t p;
    const char *refused = pixels_decode(bytes, n, *max_pixels, &p);
    if (!refused) caption_sentence(&p, reply);
    pixels_free(&p);
    return refused;
}

/* Puts the labels first: they say what the thing is. */
static void finish(const char *labels, const char *sentence, size_t n, const char *error, caption_done_fn done, void *ctx)
{
    buf_t text = {0};
    if (labels) buf_printf(&text, CAPTION_LABELS "%s.%s", labels, n ? " " : "");
    buf_add(&text, sentence, n);
    done(ctx, text.len ? text.data : NULL, error);
    buf_free(&text);
}

static bool is_sentence(const unsigned char *reply, size_t n)
{
    bool ok = n > 0 && n <= CAPTION_MAX_LENGTH;
    for (size_t i = 0; ok && i < n; i++) ok = reply[i] >= ' ' && reply[i] < 127;
    return ok;
}

static void described(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    item_t *i = ctx;
    if (!error && !is_sentence(reply, n)) error = "a worker answered nonsense";
    finish(i->labels, error ? "" : (const char *)reply, error ? 0 : n, error, i->done, i->ctx);
    free(i->labels);
    free(i);
}

static void caption(caption_engine_t *base, buf_t *picture, const char *labels, caption_done_fn done, void *ctx)
{
    builtin_t *e = (builtin_t *)base;
    if (!picture) {
        finish(labels, "", 0, NULL, done, ctx);
        return;
    }
    item_t *i = NEW(item_t);
    *i = (item_t){labels ? xstrdup(labels) : NULL, done, ctx};
    sandbox_send(e->sandbox, picture->data, picture->len, described, i);
    buf_free(picture);
}

static bool has_room(const caption_engine_t *base) { return sandbox_has_room(((const builtin_t *)base)->sandbox); }
static void wait(caption_engine_t *base) { sandbox_wait(((builtin_t *)base)->sandbox); }

static void free_engine(caption_engine_t *base)
{
    sandbox_close(((builtin_t *)base)->sandbox);
    free(base);
}

caption_engine_t *caption_builtin(const caption_limits_t *limits)
{
    builtin_t *e = NEW(builtin_t);
    *e = (builtin_t){.base = {caption, has_room, wait, NULL, free_engine}, .max_pixels = limits->max_pixels};
    const sandbox_options_t worker = caption_worker(limits);
    e->sandbox = sandbox_open(&worker, describe, &e->max_pixels);
    return &e->base;
}
