#include "intent/intents.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

intent_t *intents_add(intents_t *x, const char *text, double confidence, const char *source)
{
    GROW(x->list, x->count, x->cap);
    intent_t *i = &x->list[x->count++];
    *i = (intent_t){xstrdup(text), confidence, -1, source ? xstrdup(source) : NULL, NULL};
    return i;
}

/* Keeps a member that has no meaning here, so that it is written again. */
static void keep_member(intent_t *i, const cJSON *member)
{
    char *value = cJSON_PrintUnformatted(member);
    if (!value) return;
    buf_t text = {0};
    if (i->rest) buf_puts(&text, i->rest);
    buf_puts(&text, ",");
    buf_json_string(&text, member->string, strlen(member->string));
    buf_puts(&text, ":");
    buf_puts(&text, value);
    free(i->rest);
    cJSON_free(value);
    i->rest = text.data;
}

static const char *read_member(intent_t *i, const cJSON *m)
{
    if (!strcmp(m->string, "text")) return NULL;
    if (!strcmp(m->string, "confidence")) {
        if (cJSON_IsNull(m)) return NULL;
        if (!cJSON_IsNumber(m) || !(m->valuedouble >= 0 && m->valuedouble <= 1))
            return "the confidence of an intent is no number from 0 to 1";
        i->confidence = m->valuedouble;
    } else if (!strcmp(m->string, "label")) {
        if (cJSON_IsNull(m)) return NULL;
        if (!cJSON_IsNumber(m) || !(m->valuedouble <= 0 || m->valuedouble >= 1) || fabs(m->valuedouble - 0.5) > 0.5)
            return "the label of an intent is neither 0 nor 1";
        i->label = m->valuedouble > 0.5;
    } else if (!strcmp(m->string, "source")) {
        if (cJSON_IsNull(m)) return NULL;
        if (!cJSON_IsString(m)) return "the source of an intent is no string";
        free(i->source);
        i->source = xstrdup(m->valuestring);
    } else {
        keep_member(i, m);
    }
    return NULL;
}

const char *intents_read(const cJSON *array, intents_t *out)
{
    const cJSON *e, *m;
    cJSON_ArrayForEach(e, array) {
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(e, "text");
        if (!cJSON_IsString(text) || !text->valuestring[0]) continue;
        intent_t *i = intents_add(out, text->valuestring, NAN, NULL);
        cJSON_ArrayForEach(m, e) {
            const char *why = read_member(i, m);
            if (why) return why;
        }
    }
    return NULL;
}

void intents_json(const intents_t *x, buf_t *out)
{
    buf_puts(out, "[");
    for (int k = 0; k < x->count; k++) {
        const intent_t *i = &x->list[k];
        buf_puts(out, k ? ",{\"text\":" : "{\"text\":");
        buf_json_string(out, i->text, strlen(i->text));
        if (!isnan(i->confidence)) {
            buf_puts(out, ",\"confidence\":");
            buf_json_number(out, i->confidence);
        }
        if (i->label >= 0) buf_printf(out, ",\"label\":%d", i->label);
        if (i->source) {
            buf_puts(out, ",\"source\":");
            buf_json_string(out, i->source, strlen(i->source));
        }
        if (i->rest) buf_puts(out, i->rest);
        buf_puts(out, "}");
    }
    buf_puts(out, "]");
}

bool intents_judged(const intents_t *x)
{
    for (int i = 0; i < x->count; i++)
        if (x->list[i].label >= 0) return true;
    return false;
}

void intents_free(intents_t *x)
{
    for (int i = 0; i < x->count; i++) {
        free(x->list[i].text);
        free(x->list[i].source);
        free(x->list[i].rest);
    }
    free(x->list);
    *x = (intents_t){0};
}
