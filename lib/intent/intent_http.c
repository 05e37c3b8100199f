#include "intent/intent_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/intent_merge.h"
#include "intent/prompts.h"
#include "server/chat_reply.h"
#include "server/model_json.h"

typedef struct {
    intent_engine_t base;
    intent_http_options_t options;
    char *system;
    const char *format;  /* response_format, NULL: none */
    endpoint_t **endpoint;
    int count;
} http_engine_t;

typedef struct item_asked item_asked_t;

/* One endpoint's part of an item. */
typedef struct {
    item_asked_t *item;
    const endpoint_t *endpoint;
    intents_t found;
    char *error;         /* NULL: none */
} asked_t;

struct item_asked {
    http_engine_t *engine;
    intent_mined_fn done;
    void *ctx;
    int left;            /* answers that are missing; one more while the requests are being made */
    asked_t asked[];     /* one an endpoint */
};

/* Reads the reply to `a`, appending what it says to `out`: NULL, or why it is refused. */
static const char *read_reply(const asked_t *a, const char *reply, size_t n, intents_t *out)
{
    const intent_http_options_t *o = &a->item->engine->options;
    chat_reply_t r;
    const char *why = chat_reply_read(reply, n, (chat_limit_t){o->max_tokens, "--max-tokens"}, &r);
    if (why) return why;
    why = intent_reply_read(r.text, strlen(r.text), o->form, a->endpoint->model, out);
    free(r.text);
    return why && r.cut ? r.cut : why;
}

static const char *accept_reply(void *ctx, const char *reply, size_t n)
{
    intents_t x = {0};
    const char *why = read_reply(ctx, reply, n, &x);
    intents_free(&x);
    return why;
}

/* The item's outcome. Of several errors the first endpoint's is told, whichever came first. */
static void conclude(item_asked_t *t)
{
    int count = t->engine->count;
    intents_t all = {0};
    char *error = NULL;
    for (int m = 0; m < count && !error; m++) {
        const asked_t *a = &t->asked[m];
        if (a->error) error = count > 1 ? xasprintf("%s: %s", a->endpoint->model, a->error) : xstrdup(a->error);
    }
    if (!error && count == 1) {
        all = t->asked[0].found;
        t->asked[0].found = (intents_t){0};
    } else if (!error) {
        intents_t *lists = NEW_ARRAY(intents_t, count);
        for (int m = 0; m < count; m++) lists[m] = t->asked[m].found;
        intents_merge(lists, count, &all);
        free(lists);
    }
    for (int m = 0; m < count; m++) {
        intents_free(&t->asked[m].found);
        free(t->asked[m].error);
    }
    t->done(t->ctx, &all, error);
    intents_free(&all);
    free(error);
    free(t);
}

static void one_less(item_asked_t *t)
{
    if (!--t->left) conclude(t);
}

static void answered(void *ctx, const char *reply, size_t n, const char *error)
{
    asked_t *a = ctx;
    const char *why = error ? error : read_reply(a, reply, n, &a->found);
    model_client_item(a->endpoint->client, why);
    if (why) a->error = xstrdup(why);
    one_less(a->item);
}

static void mine(intent_engine_t *base, const evidence_t *evidence, intent_mined_fn done, void *ctx)
{
    http_engine_t *e = (http_engine_t *)base;
    buf_t user = {0};
    if (!prompt_evidence(evidence, &user)) {
        buf_free(&user);
        done(ctx, &(intents_t){0}, "no title, description or caption to go by");
        return;
    }
    item_asked_t *t = xcalloc(1, size_add(sizeof *t, size_mul((size_t)e->count, sizeof *t->asked)));
    *t = (item_asked_t){.engine = e, .done = done, .ctx = ctx, .left = e->count + 1};
    for (int m = 0; m < e->count; m++) {
        t->asked[m] = (asked_t){.item = t, .endpoint = e->endpoint[m]};
        buf_t body = {0};
        chat_body(&body, &(model_chat_t){.model = e->endpoint[m]->model, .system = e->system, .user = user.data,
                                         .max_tokens = e->options.max_tokens, .temperature = e->options.temperature,
                                         .response_format = e->format});
        model_client_send(e->endpoint[m]->client, MODEL_CHAT, &body, accept_reply, answered, &t->asked[m]);
        buf_free(&body);
    }
    buf_free(&user);
    one_less(t);
}

static void free_engine(intent_engine_t *base)
{
    http_engine_t *e = (http_engine_t *)base;
    free(e->system);
    free(e->endpoint);
    free(e);
}

intent_engine_t *intent_http_new(const intent_http_options_t *o, endpoint_t *const *endpoints, int count)
{
    http_engine_t *e = NEW(http_engine_t);
    *e = (http_engine_t){.base = {.mine = mine, .free = free_engine}, .options = *o, .system = prompt_mine(o->task, o->form),
                         .format = o->form.schema ? prompt_mine_format(o->form.reasoning) : NULL,
                         .endpoint = NEW_ARRAY(endpoint_t *, count), .count = count};
    memcpy(e->endpoint, endpoints, (size_t)count * sizeof(endpoint_t *));
    return &e->base;
}
