#include "intent/caption_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/chat_reply.h"
#include "server/model_json.h"
#include "text/one_line.h"
#include "vision/sandbox.h"
#include "vision/sendable.h"

typedef struct {
    caption_engine_t base;
    caption_http_options_t options;
    sendable_limits_t limits;
    sandbox_t *sandbox;
    model_client_t *client;
    const char *model;
} http_t;

/* An item on its way. */
typedef struct {
    http_t *engine;
    buf_t file;  /* until it is sent */
    caption_done_fn done;
    void *ctx;
} item_t;

static const char *usual_question(void)
{
    return "This is the main picture of a product in a catalogue. Describe it in one or two plain sentences, 60 words at "
           "most. Say only what can be seen: the product's appearance (form, colours, pattern, parts), its material or "
           "texture where they show, the setting in which it is used, and the scene around it. State facts. Leave out "
           "guesses, opinions, praise, and whatever is not in the picture. Of people in it, say no more than that they are "
           "there and how they use the product: nothing on who they are, on private traits such as age, origin, religion "
           "or health, or on what they feel. Answer with the description alone.";
}

const char *caption_reply(const char *reply, size_t n, int64_t max_tokens, char **caption)
{
    chat_reply_t r;
    const char *why = chat_reply_read(reply, n, (chat_limit_t){max_tokens, "--max-tokens"}, &r);
    if (why) return why;
    one_line(r.text);
    if (r.cut) why = r.cut; /* its sentences may be reasoning that would have ended later */
    else if (!*r.text) why = "the caption is empty";
    else if (strlen(r.text) > CAPTION_MAX_LENGTH) why = "the caption is too long";
    if (why) free(r.text);
    else *caption = r.text;
    return why;
}

static void finish(item_t *i, const char *text, const char *error)
{
    i->done(i->ctx, text, error);
    buf_free(&i->file);
    free(i);
}

static void answered(void *ctx, const char *reply, size_t n, const char *error)
{
    item_t *i = ctx;
    char *text = NULL;
    model_client_item(i->engine->client, error);
    if (!error) error = caption_reply(reply, n, i->engine->options.max_tokens, &text);
    finish(i, text, error);
    free(text);
}

static const char *accept_reply(void *ctx, const char *reply, size_t n)
{
    const item_t *i = ctx;
    char *text = NULL;
    const char *why = caption_reply(reply, n, i->engine->options.max_tokens, &text);
    free(text);
    return why;
}

static void ask_model(item_t *i, const sendable_t *image)
{
    const http_t *e = i->engine;
    const caption_http_options_t *o = &e->options;
    buf_t body = {0};
    chat_body(&body, &(model_chat_t){.model = e->model, .user = o->question ? o->question : usual_question(), .image = image->bytes,
                                     .image_size = image->n, .image_type = image->type, .max_tokens = o->max_tokens,
                                     .temperature = o->temperature});
    buf_free(&i->file);
    model_client_send(e->client, MODEL_CHAT, &body, accept_reply, answered, i);
    buf_free(&body);
}

/* Takes a worker's word on the picture. */
static void looked_at(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    item_t *i = ctx;
    sendable_t image;
    if (!error && sendable_read(reply, n, &i->file, &image)) ask_model(i, &image);
    else finish(i, NULL, error ? error : "a worker answered nonsense");
}

static void caption(caption_engine_t *base, buf_t *picture, const char *labels, caption_done_fn done, void *ctx)
{
    http_t *e = (http_t *)base;
    (void)labels;
    if (!picture) {
        done(ctx, NULL, NULL);
        return;
    }
    item_t *i = NEW(item_t);
    *i = (item_t){e, *picture, done, ctx};
    *picture = (buf_t){0};
    sandbox_send(e->sandbox, i->file.data, i->file.len, looked_at, i);
}

static bool has_room(const caption_engine_t *base)
{
    const http_t *e = (const http_t *)base;
    return sandbox_has_room(e->sandbox) && model_client_has_room(e->client);
}

/* Looks at workers and servers in turn while both have something to do. */
static void wait(caption_engine_t *base)
{
    http_t *e = (http_t *)base;
    bool asking = model_client_busy(e->client);
    if (asking && sandbox_busy(e->sandbox)) {
        model_client_poll(e->client, 0);
        sandbox_poll(e->sandbox, 0.002);
    } else if (asking) {
        model_client_wait(e->client);
    } else {
        sandbox_wait(e->sandbox);
    }
}

static void last(caption_engine_t *base) { model_client_last(((http_t *)base)->client); }

static void free_engine(caption_engine_t *base)
{
    http_t *e = (http_t *)base;
    sandbox_close(e->sandbox);
    model_client_close(e->client);
    free(e);
}

caption_engine_t *caption_http(const caption_limits_t *limits, const caption_http_options_t *o, const model_client_options_t *server)
{
    http_t *e = NEW(http_t);
    *e = (http_t){.base = {caption, has_room, wait, last, free_engine}, .options = *o, .model = server->model,
                  .limits = {.max_pixels = limits->max_pixels, .max_side = o->max_side, .max_bytes = o->max_send}};
    const sandbox_options_t worker = caption_worker(limits);
    e->sandbox = sandbox_open(&worker, sendable_check, &e->limits); /* workers have no use for the client's connections */
    e->client = model_client_open(server);
    return &e->base;
}
