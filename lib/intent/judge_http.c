#include "intent/judge_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/intent_reply.h"
#include "intent/prompts.h"
#include "server/chat_reply.h"
#include "server/model_json.h"

typedef struct {
    intent_judge_t base;
    char *system;
    int64_t max_tokens;
    double temperature;
    endpoint_t *endpoint;
} http_judge_t;

typedef struct item_judged item_judged_t;

/* One descriptor of an item. */
typedef struct {
    item_judged_t *item;
    int label;
    char *error;         /* NULL: none */
} asked_t;

struct item_judged {
    intents_t *intents;
    intent_judged_fn done;
    void *ctx;
    const endpoint_t *endpoint;
    int64_t max_tokens;
    int left;            /* answers that are missing; one more while the requests are being made */
    asked_t asked[];     /* one a descriptor */
};

static const char *read_reply(const asked_t *a, const char *reply, size_t n, int *label)
{
    chat_reply_t r;
    const char *why = chat_reply_read(reply, n, (chat_limit_t){a->item->max_tokens, "--judge-max-tokens"}, &r);
    if (why) return why;
    why = label_reply_read(r.text, strlen(r.text), label);
    free(r.text);
    return why && r.cut ? r.cut : why;
}

static const char *accept_reply(void *ctx, const char *reply, size_t n)
{
    int label;
    return read_reply(ctx, reply, n, &label);
}

/* The item's outcome: all labels, or the first descriptor's error. */
static void conclude(item_judged_t *t)
{
    int count = t->intents->count;
    const asked_t *bad = NULL;
    for (int i = count - 1; i >= 0; i--)
        if (t->asked[i].error) bad = &t->asked[i];
    for (int i = 0; i < count && !bad; i++) t->intents->list[i].label = t->asked[i].label;
    model_client_item(t->endpoint->client, bad ? bad->error : NULL);
    char *error = bad ? xasprintf("judging \"%s\": %s", t->intents->list[bad - t->asked].text, bad->error) : NULL;
    t->done(t->ctx, error);
    free(error);
    for (int i = 0; i < count; i++) free(t->asked[i].error);
    free(t);
}

static void one_less(item_judged_t *t)
{
    if (!--t->left) conclude(t);
}

static void answered(void *ctx, const char *reply, size_t n, const char *error)
{
    asked_t *a = ctx;
    const char *why = error ? error : read_reply(a, reply, n, &a->label);
    if (why) a->error = xstrdup(why);
    one_less(a->item);
}

static void ask(const http_judge_t *j, const char *evidence, const char *descriptor, asked_t *a)
{
    buf_t user = {0}, body = {0};
    buf_printf(&user, "{\"evidence\":%s,\"descriptor\":", evidence);
    buf_json_string(&user, descriptor, strlen(descriptor));
    buf_puts(&user, "}");
    chat_body(&body, &(model_chat_t){.model = j->endpoint->model, .system = j->system, .user = user.data,
                                     .max_tokens = j->max_tokens, .temperature = j->temperature});
    model_client_send(j->endpoint->client, MODEL_CHAT, &body, accept_reply, answered, a);
    buf_free(&body);
    buf_free(&user);
}

static void judge(intent_judge_t *base, const evidence_t *evidence, intents_t *intents, intent_judged_fn done, void *ctx)
{
    const http_judge_t *j = (const http_judge_t *)base;
    int count = intents->count;
    buf_t object = {0};
    if (!prompt_evidence(evidence, &object)) {
        buf_free(&object);
        done(ctx, "no title, description or caption to judge by");
        return;
    }
    item_judged_t *t = xcalloc(1, size_add(sizeof *t, size_mul((size_t)count, sizeof *t->asked)));
    *t = (item_judged_t){.intents = intents, .done = done, .ctx = ctx, .endpoint = j->endpoint, .max_tokens = j->max_tokens, .left = count + 1};
    for (int i = 0; i < count; i++) {
        t->asked[i] = (asked_t){.item = t, .label = -1};
        ask(j, object.data, intents->list[i].text, &t->asked[i]);
    }
    buf_free(&object);
    one_less(t);
}

static void free_judge(intent_judge_t *base)
{
    http_judge_t *j = (http_judge_t *)base;
    free(j->system);
    free(j);
}

intent_judge_t *judge_http_new(const char *task, int64_t max_tokens, double temperature, endpoint_t *endpoint)
{
    http_judge_t *j = NEW(http_judge_t);
    *j = (http_judge_t){.base = {.judge = judge, .free = free_judge}, .system = prompt_judge(task), .max_tokens = max_tokens,
                        .temperature = temperature, .endpoint = endpoint};
    return &j->base;
}
