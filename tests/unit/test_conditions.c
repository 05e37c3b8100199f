/* What items say of themselves, conditions on it, and the items that meet them. */
#include <stdarg.h>
#include <stdlib.h>

#include "select/conditions.h"
#include "unit.h"

enum { ITEMS = 6 };

static const char *const records[ITEMS] = {
    "{\"id\":\"a\",\"brand\":\"X\",\"price\":18.00,\"categories\":[\"All\",\"Cup\"],\"new\":true}",
    "{\"id\":\"b\",\"brand\":\"Y\",\"price\":\"18\",\"categories\":[[\"All\",[\"Cup\"]],\"Tea\"],\"new\":false}",
    "{\"id\":\"c\",\"brand\":\"X\",\"category\":\"Cup\",\"intents\":[{\"text\":\"gift\",\"label\":1}],\"new\":null}",
    "{\"id\":\"d\",\"brand\":\"\",\"shape\":{\"text\":\"round\"},\"price\":0.1}",
    "{\"id\":\"e\",\"a=b\":\"c\",\"brand\":[\"X\",\"X\",\"Z\"]}",
    "{\"id\":\"X\"}",
};

static facets_t *make_facets(void)
{
    facets_t *f = facets_new();
    for (int32_t i = 0; i < ITEMS; i++) {
        cJSON *json = cJSON_Parse(records[i]);
        facets_add(f, i, json);
        cJSON_Delete(json);
    }
    return f;
}

/* The items that meet conditions, given as KEY=VALUE and ended by NULL, as letters. */
static const char *meet(const facets_t *f, ...)
{
    static char letters[ITEMS + 1];
    conditions_t c = {0};
    va_list texts;
    va_start(texts, f);
    for (const char *t; (t = va_arg(texts, const char *));) CHECK(conditions_add_text(&c, t));
    va_end(texts);
    item_set_t *s = conditions_meet(&c, f, ITEMS, NULL);
    int n = 0;
    for (int64_t i = item_set_next(s, 0); i >= 0; i = item_set_next(s, i + 1)) letters[n++] = (char)('a' + i);
    letters[n] = '\0';
    item_set_free(s);
    conditions_free(&c);
    return letters;
}

#define CHECK_MEET(LETTERS, ...) CHECK(!strcmp(meet(f, __VA_ARGS__, NULL), LETTERS))

TEST(values_of_every_kind)
{
    facets_t *f = make_facets();
    CHECK(!strcmp(meet(f, NULL), "abcdef"));
    CHECK_MEET("ace", "brand=X");
    CHECK_MEET("abce", "brand=X", "brand=Y");
    CHECK_MEET("e", "brand=Z");
    CHECK_MEET("d", "brand=");
    CHECK_MEET("ab", "price=18");
    CHECK_MEET("", "price=18.00");
    CHECK_MEET("d", "price=0.1");
    CHECK_MEET("ab", "categories=Cup");
    CHECK_MEET("abc", "category=Cup");
    CHECK_MEET("a", "new=true");
    CHECK_MEET("b", "new=false");
    CHECK_MEET("", "new=null");
    CHECK_MEET("c", "intents=gift");
    CHECK_MEET("", "intents=1");
    CHECK_MEET("", "shape=round"); /* an object that is no element of a list */
    CHECK_MEET("", "id=X");
    CHECK_MEET("a", "brand=X", "category=Cup", "new=true");
    CHECK_MEET("ac", "brand=X", "category=Cup");
    CHECK_MEET("", "brand=X", "nothing=Cup");
    facets_free(f);
}

TEST(a_long_value_is_no_value)
{
    facets_t *f = facets_new();
    char value[FACET_VALUE_MAX + 2], text[FACET_VALUE_MAX + 8];
    memset(value, 'v', sizeof value);
    for (int over = 0; over < 2; over++) {
        value[FACET_VALUE_MAX + over] = '\0';
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "key", value);
        facets_add(f, over, json);
        cJSON_Delete(json);
        snprintf(text, sizeof text, "key=%s", value);
        CHECK(!strcmp(meet(f, text, NULL), over ? "" : "a"));
        value[FACET_VALUE_MAX + over] = 'v';
    }
    facets_free(f);
}

static const char *add_json(conditions_t *c, const char *text)
{
    cJSON *json = cJSON_Parse(text);
    const char *wrong = conditions_add_json(c, json);
    cJSON_Delete(json);
    return wrong;
}

TEST(conditions_in_json)
{
    facets_t *f = make_facets();
    conditions_t c = {0};
    CHECK(!add_json(&c, "{\"brand\":[\"X\",\"Y\"],\"price\":18.0}"));
    item_set_t *s = conditions_meet(&c, f, ITEMS, NULL);
    CHECK(s->count == 2 && item_set_holds(s, 0) && item_set_holds(s, 1));
    item_set_free(s);
    CHECK(!add_json(&c, "{\"none\":[]}")); /* none of no values */
    s = conditions_meet(&c, f, ITEMS, NULL);
    CHECK(s->count == 0);
    item_set_free(s);
    conditions_free(&c);
    const char *const wrong[] = {"[]", "1", "null", "{\"a\":null}", "{\"a\":[[\"x\"]]}", "{\"a\":{}}", "{\"a\":[{}]}", "{\"a\":[1,null]}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(add_json(&c, wrong[i]));
        conditions_free(&c);
    }
    facets_free(f);
}

TEST(texts_of_conditions)
{
    conditions_t c = {0};
    CHECK(!conditions_add_text(&c, "brand") && !conditions_add_text(&c, "=x") && !conditions_add_text(&c, ""));
    CHECK(c.count == 0);
    CHECK(conditions_add_text(&c, "a=b=c") && !strcmp(c.each[0].key, "a") && !strcmp(c.each[0].values[0], "b=c"));
    conditions_free(&c);
}

/* Different conditions never have one name: what one asked is not given to another. */
TEST(names_tell_conditions_apart)
{
    const char *const texts[] = {"{}", "{\"a\":\"b\"}", "{\"a\":[\"b\",\"c\"]}", "{\"a\":\"b|c\"}", "{\"a\":\"b\\\"|\\\"c\"}",
                                 "{\"a\":\"b\",\"c\":\"\"}", "{\"a\":\"b&\\\"c\\\"=\"}", "{\"a\":[]}", "{\"a\":[],\"b\":[]}",
                                 "{\"a\":\"\"}"};
    enum { TEXTS = sizeof texts / sizeof *texts };
    buf_t name[TEXTS] = {0};
    for (int i = 0; i < TEXTS; i++) {
        conditions_t c = {0};
        CHECK(!add_json(&c, texts[i]));
        conditions_write(&c, &name[i]);
        conditions_free(&c);
        for (int j = 0; j < i; j++) CHECK(name[i].len != name[j].len || memcmp(name[i].data, name[j].data, name[i].len) != 0);
    }
    for (int i = 0; i < TEXTS; i++) buf_free(&name[i]);
}

UNIT_MAIN(UNIT(values_of_every_kind), UNIT(a_long_value_is_no_value), UNIT(conditions_in_json), UNIT(texts_of_conditions),
          UNIT(names_tell_conditions_apart))
