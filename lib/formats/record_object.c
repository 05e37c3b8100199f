#include "formats/record_object.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/items.h"
#include "data/json.h"
#include "formats/known_keys.h"
#include "formats/record_line.h"
#include "formats/tables.h"

struct record_object {
    columns_t columns;
    const char *list_separator;
    tally_t *tally;
    known_keys_t keys;
    strtab_t unused;      /* the keys that were left out */
    json_member_t *others;
    int other_count, other_cap;
    int64_t objects;
    buf_t id, text, line, image, url;
    char why[160];
};

static known_key_t *find_key(record_object_t *o, const json_member_t *m)
{
    bool fresh;
    known_key_t *k = known_keys_find(&o->keys, m, &fresh);
    if (!fresh) return k;
    buf_clear(&o->text);
    json_unescape(m->key, m->key_end, &o->text);
    k->met = 0;
    k->role = columns_role(&o->columns, o->text.len ? o->text.data : "", o->text.len, &k->rank);
    return k;
}

static bool wrong(record_object_t *o, const char *key, const char *expected)
{
    snprintf(o->why, sizeof o->why, "the %s has the wrong type, expected %s", key, expected);
    return false;
}

static bool is_number(const char *value) { return *value == '-' || (*value >= '0' && *value <= '9'); }

/* Appends the value's bytes on one line: only blanks between tokens can be line breaks. */
static void copy_value(buf_t *line, const char *value, const char *value_end)
{
    size_t start = line->len;
    buf_add(line, value, (size_t)(value_end - value));
    for (char *c = line->data + start; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' ';
}

static bool only_strings(const char *array, const char *end)
{
    for (json_element_t e = {0}; json_next_element(array, (size_t)(end - array), &e);)
        if (*e.value != '"') return false;
    return true;
}

static void join_strings(record_object_t *o, const char *array, const char *end)
{
    for (json_element_t e = {0}; json_next_element(array, (size_t)(end - array), &e);) {
        if (o->text.len) buf_puts(&o->text, " ");
        json_unescape(e.value, e.value_end, &o->text);
    }
    tally_add(o->tally, "texts_joined", 1);
}

static bool add_text(record_object_t *o, const char *key, const char *value, const char *end)
{
    buf_clear(&o->text);
    if (*value == '"') json_unescape(value, end, &o->text);
    else if (is_number(value)) buf_add(&o->text, value, (size_t)(end - value)), tally_add(o->tally, "numbers_as_texts", 1);
    else if (*value == '[' && only_strings(value, end)) join_strings(o, value, end);
    else return wrong(o, key, "a string");
    if (!o->text.len) return true;
    record_line_key(&o->line, key, strlen(key));
    if (*value == '"') copy_value(&o->line, value, end);
    else buf_json_string(&o->line, o->text.data, o->text.len);
    return true;
}

/* Puts the text of a picture's key, of an array that of the first element, into *to: empty where there is none. */
static bool take_picture(record_object_t *o, int role, const json_member_t *m, buf_t *to)
{
    json_element_t e = {m->value, m->value_end};
    buf_clear(to);
    if (!m->key || *m->value == 'n') return true;
    if (*m->value == '[') {
        e = (json_element_t){0};
        if (!json_next_element(m->value, (size_t)(m->value_end - m->value), &e)) return true;
    }
    if (*e.value == '"') json_unescape(e.value, e.value_end, to);
    else if (!is_number(e.value)) return wrong(o, record_roles[role].name, "a string, or an array of strings");
    else buf_add(to, e.value, (size_t)(e.value_end - e.value)), tally_add(o->tally, "numbers_as_texts", 1);
    return true;
}

static bool add_pictures(record_object_t *o, const json_member_t role[RECORD_ROLES])
{
    if (!take_picture(o, RECORD_IMAGE, &role[RECORD_IMAGE], &o->image)) return false;
    if (!take_picture(o, RECORD_IMAGE_URL, &role[RECORD_IMAGE_URL], &o->url)) return false;
    record_line_pictures(&o->line, &o->image, &o->url, o->tally);
    return true;
}

static bool add_list(record_object_t *o, const char *key, const char *value, const char *end)
{
    buf_clear(&o->text);
    if (*value == '[' && only_strings(value, end)) {
        record_line_key(&o->line, key, strlen(key));
        copy_value(&o->line, value, end);
    } else if (*value == '"') {
        json_unescape(value, end, &o->text);
        if (o->text.len) record_line_list(&o->line, key, o->text.data, o->text.len, o->list_separator);
    } else {
        return wrong(o, key, "an array of strings, or a string");
    }
    return true;
}

static bool add_price(record_object_t *o, const char *value, const char *end)
{
    bool good = *value == '"' || (is_number(value) && isfinite(strtod(value, NULL)));
    if (!good) return wrong(o, "price", "a string or a finite number");
    record_line_key(&o->line, "price", 5);
    copy_value(&o->line, value, end);
    return true;
}

static bool add_role(record_object_t *o, int role, const json_member_t *m)
{
    const char *key = record_roles[role].name;
    if (*m->value == 'n') return true;
    if (role == RECORD_PRICE) return add_price(o, m->value, m->value_end);
    if (record_roles[role].list) return add_list(o, key, m->value, m->value_end);
    return add_text(o, key, m->value, m->value_end);
}

static bool leave_out(record_object_t *o, const char *key)
{
    tally_add(o->tally, "keys_left_out", 1);
    strtab_find_or_add(&o->unused, key, strlen(key), strtab_hash(key, strlen(key)));
    return true;
}

/* Appends a key without a role. Of those that mean something only what tools add to records is taken, where its type is right. */
static bool add_other(record_object_t *o, const json_member_t *m, unsigned *seen)
{
    static const char *const evidence[] = {"caption", "intents", "errors"};
    buf_clear(&o->text);
    json_unescape(m->key, m->key_end, &o->text);
    const char *key = o->text.len ? o->text.data : "";
    if (record_line_known(key, o->text.len)) {
        int i = 0;
        while (i < 3 && strcmp(key, evidence[i]) != 0) i++;
        if (i == 3) return leave_out(o, key);
        const char *expected = items_wrong_type(key, m->value, (size_t)(m->value_end - m->value));
        if (expected) return wrong(o, evidence[i], expected);
        if (*seen & 1u << i) return wrong(o, evidence[i], "it once");
        *seen |= 1u << i;
    }
    buf_puts(&o->line, ", ");
    buf_add(&o->line, m->key, (size_t)(m->key_end - m->key));
    buf_puts(&o->line, ": ");
    copy_value(&o->line, m->value, m->value_end);
    return true;
}

static bool repeated(record_object_t *o, const json_member_t *m)
{
    size_t n = (size_t)(m->key_end - m->key);
    snprintf(o->why, sizeof o->why, "the key %.*s is there twice, expected once", n < 60 ? (int)n : 60, m->key);
    return false;
}

/* Finds the member of every role, of equally good ones the first; those without go to o->others. False if a key is repeated. */
static bool assign(record_object_t *o, const char *object, size_t n, bool has_id, json_member_t role[RECORD_ROLES])
{
    int best[RECORD_ROLES] = {0};
    o->other_count = o->keys.next = 0;
    o->objects++;
    for (json_member_t m = {0}; json_next_member(object, n, &m);) {
        known_key_t *k = find_key(o, &m);
        if (k->met == o->objects) return repeated(o, &m);
        k->met = o->objects;
        json_member_t other = m;
        int r = has_id && k->role == RECORD_ID ? -1 : k->role;
        if (r >= 0 && (!role[r].key || k->rank < best[r])) {
            other = role[r];
            role[r] = m;
            best[r] = k->rank;
        }
        if (!other.key) continue;
        GROW(o->others, o->other_count, o->other_cap);
        o->others[o->other_count++] = other;
    }
    return true;
}

bool record_object_read(record_object_t *o, const char *object, size_t n, const char *before, const char *id, record_t *r, const char **why)
{
    json_member_t role[RECORD_ROLES] = {0};
    unsigned seen = 0;
    *why = o->why;
    if (!assign(o, object, n, id, role)) return false;
    buf_clear(&o->id);
    if (id) buf_puts(&o->id, id);
    if (!id && !role[RECORD_ID].key) {
        *why = "no key for the id, expected one with a usual name, or named by option";
        return false;
    }
    if (id ? !table_is_id(id, strlen(id)) : !json_id(role[RECORD_ID].value, role[RECORD_ID].value_end, &o->id)) {
        snprintf(o->why, sizeof o->why, "the id %s", json_no_id);
        return false;
    }
    if (before && !id && !json_unmended(before, object, role[RECORD_ID].value, role[RECORD_ID].value_end)) {
        *why = "the id is not valid UTF-8";
        return false;
    }
    record_line_start(&o->line, o->id.data, o->id.len);
    for (int i = RECORD_ID + 1; i < RECORD_ROLES; i++) {
        if (i == RECORD_IMAGE ? !add_pictures(o, role) : i != RECORD_IMAGE_URL && role[i].key && !add_role(o, i, &role[i]))
            return false;
    }
    for (int i = 0; i < o->other_count; i++)
        if (!add_other(o, &o->others[i], &seen)) return false;
    record_line_end(&o->line);
    *r = (record_t){.id = o->id.data, .id_len = o->id.len, .line = o->line.data, .line_len = o->line.len};
    if (o->image.len) r->image = o->image.data;
    return true;
}

record_object_t *record_object_new(columns_t columns, const char *list_separator, tally_t *tally)
{
    record_object_t *o = NEW(record_object_t);
    o->tally = tally;
    o->columns = columns;
    o->list_separator = list_separator;
    strtab_index(&o->unused);
    return o;
}

void record_object_note(const record_object_t *o, const char *file) { columns_note_unused(file, "keys", &o->unused); }

void record_object_free(record_object_t *o)
{
    known_keys_free(&o->keys);
    strtab_free(&o->unused);
    columns_free(&o->columns);
    free(o->others);
    buf_free(&o->id);
    buf_free(&o->text);
    buf_free(&o->line);
    buf_free(&o->image);
    buf_free(&o->url);
    free(o);
}

const char json_no_id[] = "is empty, holds a tab or a line break, or is neither a string nor a whole number";

bool json_id(const char *value, const char *value_end, buf_t *id)
{
    buf_clear(id);
    if (*value == '"') {
        json_unescape(value, value_end, id);
    } else {
        buf_add(id, value, (size_t)(value_end - value));
        if (id->data[strspn(id->data, "-0123456789")]) return false;
    }
    return id->len && table_is_id(id->data, id->len);
}
