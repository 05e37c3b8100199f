#include "select/facets.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "data/strtab.h"

/* Items that have a value, the last added first: links[i] leads to the next, -1 ends. */
typedef struct {
    int32_t item;
    int64_t next;
} link_t;

struct facets {
    strtab_t pairs;   /* key, NUL, value */
    int64_t *first;   /* [pairs] */
    int64_t first_cap;
    link_t *links;
    int64_t count, cap;
    buf_t pair, number;
};

facets_t *facets_new(void)
{
    facets_t *f = NEW(facets_t);
    strtab_index(&f->pairs);
    return f;
}

void facets_free(facets_t *f)
{
    if (!f) return;
    strtab_free(&f->pairs);
    free(f->first);
    free(f->links);
    buf_free(&f->pair);
    buf_free(&f->number);
    free(f);
}

static void make_pair(buf_t *pair, const char *key, const char *value)
{
    buf_clear(pair);
    buf_add(pair, key, strlen(key) + 1);
    buf_puts(pair, value);
}

static void add_value(facets_t *f, int32_t item, const char *key, const char *value)
{
    if (strlen(value) > FACET_VALUE_MAX) return;
    make_pair(&f->pair, key, value);
    const int64_t known = f->pairs.count;
    const int64_t pair = strtab_find_or_add(&f->pairs, f->pair.data, f->pair.len, strtab_hash(f->pair.data, f->pair.len));
    GROW(f->first, pair, f->first_cap);
    if (pair == known) f->first[pair] = -1;
    GROW(f->links, f->count, f->cap);
    f->links[f->count] = (link_t){item, f->first[pair]};
    f->first[pair] = f->count++;
}

const char *facet_value(const cJSON *value, buf_t *text)
{
    if (cJSON_IsString(value)) return value->valuestring;
    if (cJSON_IsBool(value)) return cJSON_IsTrue(value) ? "true" : "false";
    if (!cJSON_IsNumber(value)) return NULL;
    buf_clear(text);
    buf_json_number(text, value->valuedouble);
    return text->data;
}

static void add_any(facets_t *f, int32_t item, const char *key, const cJSON *value, bool listed)
{
    const cJSON *e;
    const char *one = facet_value(value, &f->number);
    if (one) add_value(f, item, key, one);
    if (cJSON_IsArray(value))
        cJSON_ArrayForEach(e, value) add_any(f, item, key, e, true);
    if (cJSON_IsObject(value) && listed) add_any(f, item, key, cJSON_GetObjectItemCaseSensitive(value, "text"), false);
}

void facets_add(facets_t *f, int32_t item, const cJSON *record)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, record)
        if (strcmp(member->string, "id")) add_any(f, item, member->string, member, false);
}

void facets_each(const facets_t *f, const char *key, const char *value, void (*fn)(void *ctx, int32_t item), void *ctx)
{
    buf_t pair = {0};
    make_pair(&pair, key, value);
    const int64_t at = strtab_find(&f->pairs, pair.data, pair.len);
    buf_free(&pair);
    for (int64_t i = at < 0 ? -1 : f->first[at]; i >= 0; i = f->links[i].next) fn(ctx, f->links[i].item);
}
