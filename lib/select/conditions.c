#include "select/conditions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void conditions_free(conditions_t *c)
{
    for (int64_t i = 0; i < c->count; i++) {
        for (int64_t j = 0; j < c->each[i].count; j++) free(c->each[i].values[j]);
        free(c->each[i].values);
        free(c->each[i].key);
    }
    free(c->each);
    *c = (conditions_t){0};
}

/* The condition on a key, which is added where there is none yet. */
static condition_t *on_key(conditions_t *c, const char *key)
{
    for (int64_t i = 0; i < c->count; i++)
        if (!strcmp(c->each[i].key, key)) return &c->each[i];
    GROW(c->each, c->count, c->cap);
    c->each[c->count] = (condition_t){.key = xstrdup(key)};
    return &c->each[c->count++];
}

void conditions_add(conditions_t *c, const char *key, const char *value)
{
    condition_t *on = on_key(c, key);
    GROW(on->values, on->count, on->cap);
    on->values[on->count++] = xstrdup(value);
}

bool conditions_add_text(conditions_t *c, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) return false;
    char *key = xstrndup(text, (size_t)(equals - text));
    conditions_add(c, key, equals + 1);
    free(key);
    return true;
}

static const char *add_json_value(conditions_t *c, const char *key, const cJSON *value)
{
    buf_t text = {0};
    const char *one = facet_value(value, &text);
    if (one) conditions_add(c, key, one);
    buf_free(&text);
    return one ? NULL : "expected strings, numbers, true or false as values of \"filter\"";
}

const char *conditions_add_json(conditions_t *c, const cJSON *filter)
{
    const cJSON *member, *value;
    const char *wrong = NULL;
    if (!cJSON_IsObject(filter)) return "expected an object as \"filter\"";
    if (cJSON_GetArraySize(filter) > CONDITIONS_MOST) return "expected at most 64 keys in \"filter\"";
    cJSON_ArrayForEach(member, filter) {
        on_key(c, member->string); /* of an empty list no value will do */
        if (!cJSON_IsArray(member)) wrong = add_json_value(c, member->string, member);
        else cJSON_ArrayForEach(value, member) wrong = wrong ? wrong : add_json_value(c, member->string, value);
        if (wrong) return wrong;
    }
    return NULL;
}

static void take(void *ctx, int32_t item) { item_set_add(ctx, item); }

static item_set_t *meet_one(const condition_t *c, const facets_t *f, int64_t items)
{
    item_set_t *s = item_set_new(items, NULL);
    for (int64_t i = 0; i < c->count; i++) {
        facets_each(f, c->key, c->values[i], take, s);
        if (!strcmp(c->key, "category")) facets_each(f, "categories", c->values[i], take, s);
    }
    return s;
}

item_set_t *conditions_meet(const conditions_t *c, const facets_t *f, int64_t items, const trie_t *trie)
{
    if (!c->count) return item_set_all(items, trie);
    item_set_t *met = meet_one(&c->each[0], f, items), *s = item_set_new(items, trie);
    for (int64_t i = 1; i < c->count; i++) {
        item_set_t *other = meet_one(&c->each[i], f, items);
        item_set_intersect(met, other);
        item_set_free(other);
    }
    for (int64_t i = item_set_next(met, 0); i >= 0; i = item_set_next(met, i + 1)) item_set_add(s, (int32_t)i);
    item_set_free(met);
    return s;
}

void conditions_write(const conditions_t *c, buf_t *out)
{
    for (int64_t i = 0; i < c->count; i++) {
        buf_json_string(out, c->each[i].key, strlen(c->each[i].key));
        for (int64_t j = 0; j < c->each[i].count; j++) {
            buf_puts(out, j ? "|" : "=");
            buf_json_string(out, c->each[i].values[j], strlen(c->each[i].values[j]));
        }
        buf_puts(out, "&");
    }
}
