#include "server/model_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/items.h"
#include "data/json.h"
#include "server/model_json.h"

static model_span_t member_of(const buf_t *body, const char *name) { return json_member((model_span_t){body->data, body->len}, name); }

void model_body_check(const char *members)
{
    static const char *const own[] = {"model", "messages", "input", "stream"};
    size_t n = strlen(members);
    json_error_t e;
    if (!utf8_valid(members, n)) die(EX_USAGE, "--body: not UTF-8");
    if (!json_check(members, n, &e)) die(EX_USAGE, "--body: not JSON at byte %zu: %s", e.at + 1, e.why);
    model_span_t whole = json_whole(members, n);
    if (*whole.text != '{') die(EX_USAGE, "--body: not a JSON object, expected something like {\"top_p\":0.9}");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        for (json_member_t m = {0}; json_next_member(whole.text, whole.n, &m);)
            if (json_member_is(&m, own[i])) die(EX_USAGE, "--body: has \"%s\", which is not to be set there", own[i]);
}

void model_body_add(buf_t *body, const char *members)
{
    if (!members) return;
    model_span_t whole = json_whole(members, strlen(members));
    for (json_member_t m = {0}; json_next_member(whole.text, whole.n, &m);) {
        char *name = json_string((model_span_t){m.key, (size_t)(m.key_end - m.key)});
        char *value = xstrndup(m.value, (size_t)(m.value_end - m.value));
        items_splice(body, name, value);
        free(name);
        free(value);
    }
}

static void rename_limit(buf_t *body)
{
    model_span_t limit = member_of(body, "max_tokens");
    if (!limit.text) return;
    char *value = xstrndup(limit.text, limit.n);
    items_splice(body, "max_tokens", NULL);
    items_splice(body, "max_completion_tokens", value);
    free(value);
}

void model_body_wire(const buf_t *body, model_wire_t w, buf_t *out)
{
    buf_clear(out);
    buf_add(out, body->data, body->len);
    if (!w.chat) return;
    items_splice(out, "stream", "false");
    if (w.completion_limit) rename_limit(out);
    if (!w.seed) return;
    int64_t own = json_count(member_of(body, "seed"));
    char *seed = xasprintf("%lld", (long long)((own > 0 ? own : 0) + w.seed));
    items_splice(out, "seed", seed);
    free(seed);
}

bool model_body_is_greedy(const buf_t *body, bool chat)
{
    model_span_t t = member_of(body, "temperature");
    return !chat || (t.text && *t.text == '0' && strtod(t.text, NULL) <= 0);
}
