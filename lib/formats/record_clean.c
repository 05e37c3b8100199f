#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/items.h"
#include "data/json.h"
#include "formats/clean_text.h"
#include "formats/record_source.h"

enum { TITLE, DESCRIPTION, BRAND, CATEGORIES, KEYS };

static const char *const keys[KEYS] = {"title", "description", "brand", "categories"};

typedef struct {
    record_source_t base;
    record_source_t *inner;
    clean_text_t cleaner;
    buf_t line, raw, clean, json;
} source_t;

/* Puts the string's text into s->raw, and cleaned into s->clean; true if they are the same. */
static bool clean_string(source_t *s, const char *value, const char *value_end, int key)
{
    buf_clear(&s->raw);
    buf_clear(&s->clean);
    json_unescape(value, value_end, &s->raw);
    if (!s->raw.len) return true;
    if (key == DESCRIPTION) clean_text(&s->cleaner, s->raw.data, s->raw.len, CLEAN_DESCRIPTION, &s->clean);
    else clean_name(&s->cleaner, s->raw.data, s->raw.len, key == TITLE ? CLEAN_TITLE : CLEAN_NAME, &s->clean);
    return s->clean.len == s->raw.len && !memcmp(s->clean.data, s->raw.data, s->raw.len);
}

/* Puts the key's new value into s->json, empty where nothing is left of it; true if it is the old one. */
static bool clean_value(source_t *s, const json_want_t *v, int key)
{
    buf_clear(&s->json);
    if (*v->value == '"') {
        bool same = clean_string(s, v->value, v->value_end, key);
        if (s->clean.len) buf_json_string(&s->json, s->clean.data, s->clean.len);
        return same;
    }
    if (*v->value != '[') return true;
    bool same = true;
    int n = 0;
    size_t length = (size_t)(v->value_end - v->value);
    for (json_element_t e = {0}; json_next_element(v->value, length, &e);) {
        same &= clean_string(s, e.value, e.value_end, key);
        if (!s->clean.len) continue;
        buf_puts(&s->json, n++ ? ", " : "[");
        buf_json_string(&s->json, s->clean.data, s->clean.len);
    }
    if (n) buf_puts(&s->json, "]");
    return same;
}

static void clean_key(source_t *s, int key)
{
    json_want_t v = {.name = keys[key]};
    buf_clear(&s->clean);
    bool there = json_pick(s->line.data, s->line.len, &v, 1, NULL) && v.value, same = !there || clean_value(s, &v, key);
    if (key == TITLE && !s->clean.len) tally_add(&s->base.tally, "without_title", 1);
    if (!same) items_splice(&s->line, keys[key], s->json.len ? s->json.data : NULL);
}

static void take_tally(source_t *s)
{
    for (int i = 0; i < s->inner->tally.count; i++) tally_add(&s->base.tally, s->inner->tally.of[i].reason, s->inner->tally.of[i].n);
    s->inner->tally = (tally_t){0};
}

static bool next(record_source_t *base, record_t *r)
{
    source_t *s = (source_t *)base;
    if (!s->inner->next(s->inner, r)) {
        take_tally(s);
        return false;
    }
    buf_clear(&s->line);
    buf_add(&s->line, r->line, r->line_len);
    for (int key = 0; key < KEYS; key++) clean_key(s, key);
    r->line = s->line.data;
    r->line_len = s->line.len;
    return true;
}

static char *digest(const record_source_t *base)
{
    const source_t *s = (const source_t *)base;
    return s->inner->digest(s->inner);
}

static void close_source(record_source_t *base)
{
    source_t *s = (source_t *)base;
    s->inner->close(s->inner);
    cleaner_free(&s->cleaner);
    buf_free(&s->line);
    buf_free(&s->raw);
    buf_free(&s->clean);
    buf_free(&s->json);
    free(s);
}

record_source_t *record_source_clean(record_source_t *inner)
{
    source_t *s = NEW(source_t);
    s->base = (record_source_t){.next = next, .digest = digest, .close = close_source, .name = inner->name, .repeats = inner->repeats};
    s->inner = inner;
    s->cleaner.tally = &s->base.tally;
    return &s->base;
}
