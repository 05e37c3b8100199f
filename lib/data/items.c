#include "data/items.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "base/err.h"
#include "data/json.h"

typedef enum { KEY_ID, KEY_STRING, KEY_STRINGS, KEY_PRICE, KEY_INTENTS, KEY_ARRAY } key_kind;

/* The keys that the contract gives a meaning; their types are checked in every record. */
static const struct known_key {
    const char *name;
    key_kind kind;
    const char *expected;
} known_keys[] = {
    {"id", KEY_ID, "a string"},
    {"title", KEY_STRING, "a string or null"},
    {"description", KEY_STRING, "a string or null"},
    {"categories", KEY_STRINGS, "an array of strings or null"},
    {"brand", KEY_STRING, "a string or null"},
    {"price", KEY_PRICE, "a string, a finite number or null"},
    {"image", KEY_STRING, "a string or null"},
    {"image_url", KEY_STRING, "a string or null"},
    {"image_labels", KEY_STRINGS, "an array of strings or null"},
    {"caption", KEY_STRING, "a string or null"},
    {"intents", KEY_INTENTS, "an array of objects with a string \"text\", or null"},
    {"errors", KEY_ARRAY, "an array or null"},
};

enum { KNOWN_KEYS = sizeof known_keys / sizeof *known_keys };

const char *items_known_key(int i) { return i < KNOWN_KEYS ? known_keys[i].name : NULL; }

static int find_known(const char *name)
{
    for (int k = 0; k < KNOWN_KEYS; k++)
        if (!strcmp(known_keys[k].name, name)) return k;
    return -1;
}

static const cJSON *intent_text(const cJSON *intent)
{
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(intent, "text");
    return cJSON_IsString(text) ? text : NULL;
}

static bool every_element(const cJSON *array, key_kind kind)
{
    const cJSON *e;
    cJSON_ArrayForEach(e, array) {
        if (kind == KEY_STRINGS && !cJSON_IsString(e)) return false;
        if (kind == KEY_INTENTS && !intent_text(e)) return false;
    }
    return true;
}

static bool right_type(const cJSON *value, key_kind kind)
{
    if (kind == KEY_ID) return cJSON_IsString(value);
    if (cJSON_IsNull(value)) return true;
    switch (kind) {
    case KEY_ID:
    case KEY_STRING: return cJSON_IsString(value);
    case KEY_PRICE: return cJSON_IsString(value) || (cJSON_IsNumber(value) && isfinite(value->valuedouble));
    case KEY_STRINGS:
    case KEY_INTENTS:
    case KEY_ARRAY: return cJSON_IsArray(value) && every_element(value, kind);
    }
    return false;
}

const char *items_wrong_type(const char *key, const char *json, size_t n)
{
    const struct known_key *k = &known_keys[find_known(key)];
    cJSON *value = cJSON_ParseWithLength(json, n);
    bool right = value && right_type(value, k->kind);
    cJSON_Delete(value);
    return right ? NULL : k->expected;
}

/* Refuses the current line: returns false where it may be passed over, and ends the process otherwise. */
PRINTF_LIKE(2, 3) static bool refuse(items_t *r, const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    if (!r->bad_left) die_at(r->lines.name, r->lines.number, "%s", why);
    r->bad_left--;
    r->bad++;
    return false;
}

static bool check_keys(items_t *r)
{
    bool seen[KNOWN_KEYS] = {false};
    const cJSON *member;
    cJSON_ArrayForEach(member, r->json) {
        int k = find_known(member->string);
        if (k < 0) continue;
        if (seen[k]) return refuse(r, "\"%s\" is there twice, expected once", member->string);
        seen[k] = true;
        if (!right_type(member, known_keys[k].kind))
            return refuse(r, "\"%s\" has the wrong type, expected %s", member->string, known_keys[k].expected);
    }
    return true;
}

/* Tells whether the id is as the line has it, not as mending made it. */
static bool is_own_id(const items_t *r)
{
    json_want_t id = {.name = "id"};
    return !r->mended || (json_pick(r->text.data, r->text.len, &id, 1, NULL) &&
                          json_unmended(r->lines.line, r->text.data, id.value, id.value_end));
}

static bool take_id(items_t *r)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(r->json, "id");
    if (!id) return refuse(r, "no \"id\", expected a string unique in the file");
    r->id = id->valuestring;
    size_t n = strlen(r->id);
    if (!n) return refuse(r, "\"id\" is empty, expected a string unique in the file");
    if (strpbrk(r->id, "\t\n\r")) return refuse(r, "\"id\" holds a tab or a line break, expected none");
    if (!is_own_id(r)) return refuse(r, "\"id\" is not valid UTF-8");
    if (r->repeated_ids) return true;
    if (!r->ids.slots) strtab_index(&r->ids);
    if (strtab_find(&r->ids, r->id, n) >= 0) return refuse(r, "id \"%s\" was there before, expected unique ids", r->id);
    strtab_add(&r->ids, r->id, n);
    return true;
}

static bool refuse_text(items_t *r)
{
    char *why = charset_why(r->lines.line, r->lines.len, NULL);
    refuse(r, "%s", why);
    free(why);
    return false;
}

/* Copies the current line to r->text, mends it where that is asked for, and checks it. */
static bool take_line(items_t *r)
{
    const lines_t *l = &r->lines;
    buf_clear(&r->text);
    buf_add(&r->text, l->line, l->len);
    r->mended = r->mend && json_mend(r->text.data, r->text.len);
    if (!utf8_valid(r->text.data, r->text.len)) return refuse_text(r);
    json_error_t e;
    if (!json_check(r->text.data, r->text.len, &e))
        return refuse(r, "not JSON at column %zu: %s", e.at + 1, e.why);
    if (r->text.data[strspn(r->text.data, " \t\r")] != '{') return refuse(r, "not an object, expected {...}");
    return true;
}

items_t items_open(const char *path) { return items_from(in_lines(path)); }

items_t items_from(lines_t lines) { return (items_t){.lines = lines}; }

/* Returns false for a line that is passed over. */
static bool parse_line(items_t *r)
{
    cJSON_Delete(r->json);
    r->json = NULL;
    r->id = NULL;
    if (!take_line(r)) return false;
    r->json = cJSON_ParseWithLength(r->text.data, r->text.len);
    if (!r->json) die(EX_OSERR, "%s:%lld: out of memory for the record", r->lines.name, r->lines.number);
    return check_keys(r) && take_id(r);
}

bool items_next(items_t *r)
{
    while (in_next_text(&r->lines))
        if (parse_line(r)) return true;
    return false;
}

void items_close(items_t *r)
{
    cJSON_Delete(r->json);
    in_close(&r->lines);
    strtab_free(&r->ids);
    buf_free(&r->text);
    *r = (items_t){0};
}

const char *items_string(const items_t *r, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(r->json, key);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

/* Appends `s`, set off by `separator` from what this field has given so far; empty strings give nothing. */
static void join(buf_t *out, size_t start, const char *separator, const cJSON *s)
{
    if (!cJSON_IsString(s) || !s->valuestring[0]) return;
    if (out->len > start) buf_puts(out, separator);
    buf_puts(out, s->valuestring);
}

bool items_field_text(const items_t *r, const char *field, buf_t *out)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(r->json, field), *e;
    size_t start = out->len;
    if (cJSON_IsString(value)) join(out, start, "", value);
    if (cJSON_IsNumber(value)) buf_json_number(out, value->valuedouble);
    if (cJSON_IsArray(value)) {
        cJSON_ArrayForEach(e, value) {
            if (cJSON_IsObject(e)) join(out, start, "; ", intent_text(e));
            else join(out, start, ", ", e);
        }
    }
    return out->len > start;
}
