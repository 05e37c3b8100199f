#include "server/model_json.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"

/* --- Requests -------------------------------------------------------------------------------------------------------- */

static void add_string(buf_t *out, const char *s) { buf_json_string(out, s, strlen(s)); }

void model_content_parts(buf_t *out, const char *text, const void *image, size_t n, const char *type)
{
    buf_puts(out, "[");
    if (image) {
        buf_printf(out, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:%s;base64,", type);
        base64_add(out, image, n);
        buf_puts(out, "\"}}");
    }
    if (text) {
        buf_puts(out, image ? ",{\"type\":\"text\",\"text\":" : "{\"type\":\"text\",\"text\":");
        add_string(out, text);
        buf_puts(out, "}");
    }
    buf_puts(out, "]");
}

void chat_body(buf_t *out, const model_chat_t *c)
{
    buf_puts(out, "{\"model\":");
    add_string(out, c->model);
    buf_puts(out, ",\"messages\":[");
    if (c->system) {
        buf_puts(out, "{\"role\":\"system\",\"content\":");
        add_string(out, c->system);
        buf_puts(out, "},");
    }
    buf_puts(out, "{\"role\":\"user\",\"content\":");
    if (c->image) model_content_parts(out, c->user, c->image, c->image_size, c->image_type);
    else add_string(out, c->user ? c->user : "");
    buf_puts(out, "}]");
    if (c->max_tokens) buf_printf(out, ",\"max_tokens\":%lld", (long long)c->max_tokens);
    if (c->temperature >= 0) buf_puts(out, ",\"temperature\":");
    if (c->temperature >= 0) buf_json_number(out, c->temperature);
    if (c->response_format) {
        buf_puts(out, ",\"response_format\":");
        buf_puts(out, c->response_format);
    }
    buf_puts(out, "}");
}

/* --- Replies --------------------------------------------------------------------------------------------------------- */

model_span_t json_member(model_span_t object, const char *name)
{
    model_span_t found = {0};
    json_member_t m = {0};
    if (!object.text || !object.n || *object.text != '{') return found;
    while (json_next_member(object.text, object.n, &m)) {
        if (!json_member_is(&m, name)) continue;
        if (found.text) return (model_span_t){0};
        found = (model_span_t){m.value, (size_t)(m.value_end - m.value)};
    }
    return found;
}

bool json_element(model_span_t array, model_span_t *element)
{
    if (!array.text) return false;
    json_element_t m = {.value = element->text, .value_end = element->text ? element->text + element->n : NULL};
    if (!json_next_element(array.text, array.n, &m)) return false;
    *element = (model_span_t){m.value, (size_t)(m.value_end - m.value)};
    return true;
}

char *json_string(model_span_t value)
{
    if (!value.text || *value.text != '"') return NULL;
    cJSON *json = cJSON_ParseWithLength(value.text, value.n);
    char *s = json && cJSON_IsString(json) ? xstrdup(json->valuestring) : NULL;
    cJSON_Delete(json);
    return s;
}

int64_t json_count(model_span_t value)
{
    if (!value.text || !value.n || value.n > 15) return -1;
    int64_t v = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.text[i] < '0' || value.text[i] > '9') return -1;
        v = v * 10 + (value.text[i] - '0');
    }
    return v;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

model_span_t json_whole(const char *text, size_t n)
{
    while (n && is_blank(*text)) text++, n--;
    return (model_span_t){text, n};
}

static bool begins(model_span_t s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && !memcmp(s.text, with, n);
}

/* Takes `end` off the end, and the blanks before it. */
static bool strip_end(model_span_t *s, const char *end)
{
    size_t n = strlen(end);
    if (s->n < n || memcmp(s->text + s->n - n, end, n) != 0) return false;
    s->n -= n;
    while (s->n && is_blank(s->text[s->n - 1])) s->n--;
    return true;
}

model_span_t model_reply_body(const char *body, size_t n)
{
    model_span_t s = json_whole(body, n);
    strip_end(&s, "");
    if (strip_end(&s, "[DONE]")) strip_end(&s, "data:");
    return begins(s, "data:") ? json_whole(s.text + 5, s.n - 5) : s;
}

const char *model_json_check(const char *reply, size_t n)
{
    json_error_t e;
    model_span_t text = json_whole(reply, n);
    if (!text.n) return "the reply is empty";
    if (begins(text, "data:") || begins(text, "event:") || memmem(text.text, text.n, "\ndata:", 6))
        return "the reply is a stream, which was not asked for";
    if (*text.text != '{') return "the reply is not a JSON object";
    if (!utf8_valid(reply, n)) return "the reply is not UTF-8";
    return json_check(reply, n, &e) ? NULL : "the reply is not JSON";
}
