#include "intent/intent_reply.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"

typedef struct {
    const char *p, *end;
} span_t;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static span_t trimmed(span_t s)
{
    while (s.p < s.end && is_blank(*s.p)) s.p++;
    while (s.p < s.end && is_blank(s.end[-1])) s.end--;
    return s;
}

static bool starts_with(span_t s, const char *prefix)
{
    size_t n = strlen(prefix);
    return (size_t)(s.end - s.p) >= n && !memcmp(s.p, prefix, n);
}

/* --- White space and case ------------------------------------------------------------------------------------------------ */

static bool is_space(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP: return true;
    default: return false;
    }
}

char *text_fold_blanks(const char *text)
{
    buf_t out = {0};
    bool gap = false;
    for (const char *p = text; *p;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &c);
        if (n < 1) die(EX_SOFTWARE, "text_fold_blanks: the text is not UTF-8");
        if (is_space(c)) {
            gap = true;
        } else {
            if (gap && out.len) buf_puts(&out, " ");
            buf_add(&out, p, (size_t)n);
            gap = false;
        }
        p += n;
    }
    return out.data ? out.data : xstrdup("");
}

char *descriptor_fold(const char *text)
{
    utf8proc_uint8_t *folded = utf8proc_NFKC_Casefold((const utf8proc_uint8_t *)text);
    if (!folded) die(EX_SOFTWARE, "descriptor_fold: the text cannot be folded");
    char *out = text_fold_blanks((const char *)folded);
    free(folded);
    return out;
}

/* --- Where the object is --------------------------------------------------------------------------------------------------- */

/* What stands in the Markdown fence that the text ends in, three backquotes at either end, the first with or without "json";
 * all of the text where there is none. *before: what stands before the fence. */
static span_t unfenced(span_t s, span_t *before)
{
    *before = (span_t){s.p, s.p};
    if (s.end - s.p < 6 || memcmp(s.end - 3, "```", 3) != 0) return s;
    span_t in = {s.p, s.end - 3};
    const char *open = in.end;
    while (open - in.p >= 3 && memcmp(open - 3, "```", 3) != 0) open--;
    if (open - in.p < 3) return s;
    *before = (span_t){in.p, open - 3};
    in.p = open;
    if (starts_with(in, "json") || starts_with(in, "JSON")) in.p += 4;
    return in;
}

/* The object that the text ends in: the first brace from which all the rest is one object. A text has at most one. */
static bool final_object(span_t *s)
{
    for (const char *p = s->p; (p = memchr(p, '{', (size_t)(s->end - p))); p++) {
        if (json_check(p, (size_t)(s->end - p), NULL)) {
            s->p = p;
            return true;
        }
    }
    return false;
}

/* Narrows `s` to the text that is to be the object. */
static const char *find_object(span_t *s, intent_reply_form_t form)
{
    *s = trimmed(*s);
    if (form.schema) return NULL;
    span_t before, in = trimmed(unfenced(*s, &before));
    before = trimmed(before);
    if (before.p < before.end && !form.reasoning) return "text before the JSON object";
    *s = in;
    if (form.reasoning && !final_object(s)) return "the text does not end in a JSON object";
    return NULL;
}

/* --- What the object holds ---------------------------------------------------------------------------------------------- */

/* Checks that the object's keys are exactly `names`, each once. */
static const char *check_keys(const cJSON *object, const char *const *names, int count)
{
    int seen[2] = {0};
    const cJSON *m;
    cJSON_ArrayForEach(m, object) {
        int k = 0;
        while (k < count && strcmp(m->string, names[k]) != 0) k++;
        if (k == count) return "a key that was not asked for";
        if (seen[k]++) return "a key that repeats";
    }
    for (int k = 0; k < count; k++)
        if (!seen[k]) return "a key is missing";
    return NULL;
}

static const char *read_descriptor(const cJSON *e, const char *source, intents_t *out)
{
    static const char *const names[] = {"descriptor", "confidence"};
    if (!cJSON_IsObject(e)) return "an element of descriptors is no object";
    const char *why = check_keys(e, names, 2);
    if (why) return why;
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(e, "descriptor");
    const cJSON *confidence = cJSON_GetObjectItemCaseSensitive(e, "confidence");
    if (!cJSON_IsString(text)) return "a descriptor is no string";
    if (!cJSON_IsNumber(confidence)) return "a confidence is no number";
    double c = confidence->valuedouble;
    if (!isfinite(c)) return "a confidence is not finite";
    if (c < 0 || c > 1) return "a confidence is not in [0, 1]";
    if (strlen(text->valuestring) > DESCRIPTOR_MAX) return "a descriptor is longer than 1000 bytes";
    char *folded = text_fold_blanks(text->valuestring);
    if (folded[0]) intents_add(out, folded, c > 0 ? c : 0, source);
    else why = "a descriptor is empty";
    free(folded);
    return why;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static const char *check_distinct(const intents_t *x)
{
    const char *why = NULL;
    char **key = NEW_ARRAY(char *, x->count);
    for (int i = 0; i < x->count; i++) key[i] = descriptor_fold(x->list[i].text);
    qsort(key, (size_t)x->count, sizeof *key, by_text);
    for (int i = 0; i < x->count && !why; i++) {
        if (!key[i][0]) why = "a descriptor is empty";
        else if (i && !strcmp(key[i - 1], key[i])) why = "a descriptor that repeats";
    }
    for (int i = 0; i < x->count; i++) free(key[i]);
    free(key);
    return why;
}

typedef struct {
    intent_t intent;
    int place;
} placed_t;

static int strongest_first(const void *a, const void *b)
{
    const placed_t *x = a, *y = b;
    if (x->intent.confidence > y->intent.confidence) return -1;
    if (x->intent.confidence < y->intent.confidence) return 1;
    return x->place - y->place;
}

/* Moves all of `from`, sorted, to the end of `out`. */
static void append_sorted(intents_t *from, intents_t *out)
{
    placed_t *p = NEW_ARRAY(placed_t, from->count);
    for (int i = 0; i < from->count; i++) p[i] = (placed_t){from->list[i], i};
    qsort(p, (size_t)from->count, sizeof *p, strongest_first);
    for (int i = 0; i < from->count; i++) {
        GROW(out->list, out->count, out->cap);
        out->list[out->count++] = p[i].intent;
    }
    free(p);
    free(from->list);
    *from = (intents_t){0};
}

static const char *read_object(const cJSON *reply, bool reasoning, const char *source, intents_t *out)
{
    static const char *const names[] = {"descriptors", "reasoning"};
    if (!cJSON_IsObject(reply)) return "the JSON is no object";
    const char *why = check_keys(reply, names, reasoning ? 2 : 1);
    if (why) return why;
    if (reasoning && !cJSON_IsString(cJSON_GetObjectItemCaseSensitive(reply, "reasoning"))) return "reasoning is no string";
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(reply, "descriptors"), *e;
    if (!cJSON_IsArray(list)) return "descriptors is no array";
    cJSON_ArrayForEach(e, list) {
        why = read_descriptor(e, source, out);
        if (why) return why;
    }
    if (!out->count) return "no descriptors";
    return check_distinct(out);
}

static const char *not_json(const char *why)
{
    static _Thread_local char text[128];
    snprintf(text, sizeof text, "not JSON: %s", why);
    return text;
}

const char *intent_reply_read(const char *text, size_t n, intent_reply_form_t form, const char *source, intents_t *out)
{
    span_t s = {text, text + n};
    if (!utf8_valid(text, n)) return "not UTF-8";
    const char *why = find_object(&s, form);
    if (why) return why;
    size_t length = (size_t)(s.end - s.p);
    json_error_t error;
    if (!json_check(s.p, length, &error)) return not_json(error.why);
    cJSON *reply = cJSON_ParseWithLength(s.p, length);
    if (!reply) return "not JSON";
    intents_t read = {0};
    why = read_object(reply, form.schema && form.reasoning, source, &read);
    if (!why) append_sorted(&read, out);
    intents_free(&read);
    cJSON_Delete(reply);
    return why;
}

const char *label_reply_read(const char *text, size_t n, int *label)
{
    span_t s = trimmed((span_t){text, text + n});
    if (s.end - s.p != 1 || (*s.p != '0' && *s.p != '1')) return "neither 0 nor 1";
    *label = *s.p == '1';
    return NULL;
}
