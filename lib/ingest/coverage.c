#include "ingest/coverage.h"

#include <stdbool.h>
#include <string.h>

#include "data/json.h"

const char *const coverage_names[COVERAGE_KINDS] = {"title", "description", "categories", "image", "caption", "intents"};

static const struct {
    const char *key;
    int kind;
} keys[] = {
    {"title", HAS_TITLE},         {"description", HAS_DESCRIPTION}, {"categories", HAS_CATEGORIES}, {"image", HAS_IMAGE},
    {"image_url", HAS_IMAGE},     {"caption", HAS_CAPTION},         {"intents", HAS_INTENTS},
};

static bool is_filled(const char *value, size_t n);

/* Tells whether a value says anything: an array by one of its elements, an object of `intents` by its text. */
static bool array_is_filled(const char *value, size_t n)
{
    json_element_t e = {0};
    while (json_next_element(value, n, &e))
        if (is_filled(e.value, (size_t)(e.value_end - e.value))) return true;
    return false;
}

static bool text_is_filled(const char *object, size_t n)
{
    json_member_t m = {0};
    while (json_next_member(object, n, &m))
        if (json_member_is(&m, "text")) return is_filled(m.value, (size_t)(m.value_end - m.value));
    return false;
}

static bool is_filled(const char *value, size_t n)
{
    switch (value[0]) {
    case '"': return n > 2;
    case '[': return array_is_filled(value, n);
    case '{': return text_is_filled(value, n);
    default: return false;
    }
}

uint8_t coverage_of(const char *line, size_t n)
{
    unsigned has = 0;
    json_member_t m = {0};
    while (json_next_member(line, n, &m))
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (json_member_is(&m, keys[k].key) && is_filled(m.value, (size_t)(m.value_end - m.value))) has |= 1u << keys[k].kind;
    return (uint8_t)has;
}
