/* JSON Lines with keys of one's own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/json.h"
#include "formats/event_history.h"
#include "formats/id_list.h"
#include "formats/known_keys.h"
#include "formats/python_literal.h"
#include "formats/record_object.h"
#include "formats/tables.h"
#include "formats/when.h"

static columns_t keys_parse(const columns_role_t *roles, int count, const char *spec, const char *option)
{
    columns_t c = columns_parse(roles, count, spec, option);
    if (c.numbered) die(EX_USAGE, "%s: keys have no numbers, expected names", option);
    return c;
}

/* A file of objects. */
typedef struct {
    source_lines_t source;
    bool mend;
    buf_t raw;            /* the line before it was mended */
    buf_t json;           /* the line, where it is a Python literal */
    const char *before;   /* the same, NULL where there was nothing to mend */
    const char *line;
    size_t n;
} objects_t;

static objects_t objects_open(const source_options_t *o, tally_t *tally)
{
    source_options_t elements = *o;
    elements.arrays = true;
    return (objects_t){.source = source_open(&elements, tally), .mend = o->mend};
}

static void objects_close(objects_t *s)
{
    source_close(&s->source);
    buf_free(&s->raw);
    buf_free(&s->json);
}

/* Makes the text the current object, with blanks in the place of what is malformed where that is asked for. */
static void take(objects_t *s, char *text, size_t n)
{
    s->line = text;
    s->n = n;
    s->before = NULL;
    if (!s->mend) return;
    buf_clear(&s->raw);
    buf_add(&s->raw, text, n);
    if (json_mend(text, n)) s->before = s->raw.data;
}

/* What keeps the current object from being one in UTF-8, or NULL. *at: how far it is JSON, SIZE_MAX where that is not the reason. Caller
 * frees. */
static char *refusal(const objects_t *s, size_t *at)
{
    json_error_t e;
    *at = SIZE_MAX;
    if (!utf8_valid(s->line, s->n)) return source_no_utf8(&s->source);
    if (!json_check(s->line, s->n, &e)) {
        *at = e.at;
        return xasprintf("not JSON at column %zu: %s", e.at + 1, e.why);
    }
    return s->line[strspn(s->line, " \t\r")] == '{' ? NULL : xstrdup("not an object, expected {...}");
}

/* Makes the line the current object if it is a Python dictionary, as print() gives it. Where it is one for longer than the `json` bytes that
 * are JSON, *why says what ends it. */
static bool take_python(objects_t *s, const char *text, size_t n, size_t json, char **why)
{
    json_error_t e;
    buf_clear(&s->json);
    if (text[strspn(text, " \t\r")] != '{') return false;
    if (python_literal_to_json(text, n, &s->json, &e)) {
        take(s, s->json.data, s->json.len);
        return true;
    }
    if (json == SIZE_MAX || e.at <= json) return false;
    free(*why);
    *why = xasprintf("not a Python literal at column %zu: %s", e.at + 1, e.why);
    return false;
}

/* Reads the next line that is one object in UTF-8; false at the end. */
static bool next_object(objects_t *s)
{
    lines_t *l = &s->source.lines;
    while (in_next_text(l)) {
        take(s, l->line, l->len);
        size_t json;
        char *why = refusal(s, &json);
        if (why && take_python(s, s->before ? s->before : l->line, l->len, json, &why)) {
            free(why);
            why = refusal(s, &json);
        }
        if (!why) return true;
        source_bad_line(&s->source, "%s", why);
        free(why);
    }
    return false;
}

/* --- Events ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    event_source_t base;
    objects_t objects;
    columns_t keys;
    char *names[EVENT_ROLES];   /* the keys, NULL: none; known when the first object has come */
    known_keys_t known;         /* their roles: EVENT_..., or NO_ROLE */
    strtab_t unused;            /* the names of those without a role */
    const char *list_separator;
    event_history_t *histories; /* where objects hold lists of items, else NULL */
    id_list_t list;
    bool named, rating;
    const char *time_format;
    int64_t ticks, row;
    buf_t user, item, text;
} events_t;

enum { NO_ROLE = -1 };

/* Lets the first object that has the keys asked for decide which they are; what comes before is malformed. */
static bool find_keys(events_t *s, const char *object, size_t n)
{
    strtab_t header = {0};
    int found[EVENT_ROLES];
    buf_t key = {0};
    bool lists[KNOWN_KEYS] = {false};
    for (json_member_t m = {0}; json_next_member(object, n, &m);) {
        buf_clear(&key);
        if (header.count < KNOWN_KEYS) lists[header.count] = *m.value == '[';
        json_unescape(m.key, m.key_end, &key);
        strtab_add(&header, key.len ? key.data : "", key.len);
    }
    int missing = columns_match_events(&s->keys, &header, header.count <= KNOWN_KEYS ? lists : NULL, found);
    if (missing < 0 && s->rating && found[EVENT_RATING] < 0) missing = EVENT_RATING;
    s->named = missing < 0;
    for (int r = 0; s->named && r < EVENT_ROLES; r++)
        if (found[r] >= 0) s->names[r] = strtab_dup(&header, found[r]);
    if (s->names[EVENT_ITEMS]) s->histories = event_history_new();
    if (s->named && !s->names[EVENT_USER])
        note("%s: no key for the user: each line is the history of one of its own", s->objects.source.lines.name);
    const char *time = s->names[EVENT_TIME];
    s->base.order_only = !time || columns_is_order(time, strlen(time));
    char *why = s->named ? NULL : columns_missing_why(&s->keys, missing, &header);
    if (why) source_bad_line(&s->objects.source, "%s", why);
    free(why);
    buf_free(&key);
    strtab_free(&header);
    return s->named;
}

/* Puts the text of a string or number into s->text; false for anything else. */
static bool take_text(events_t *s, const json_want_t *v)
{
    buf_clear(&s->text);
    if (*v->value == '"') json_unescape(v->value, v->value_end, &s->text);
    else if (strchr("-0123456789", *v->value)) buf_add(&s->text, v->value, (size_t)(v->value_end - v->value));
    return s->text.len > 0;
}

/* Reads the time, or position, in s->text; NULL, or what is wrong. */
static const char *read_time(const events_t *s, bool there, int64_t *time)
{
    const bool order = s->base.order_only;
    if (!there) return order ? "expected a whole number" : "expected a number or a date";
    return order ? order_parse(s->text.data, s->text.len, time) : when_parse_as(s->time_format, s->text.data, s->text.len, s->ticks, time);
}

/* Refuses an id that mending has changed. */
static bool unmended(events_t *s, const json_want_t *v)
{
    const objects_t *o = &s->objects;
    const bool good = !o->before || json_unmended(o->before, o->line, v->value, v->value_end);
    if (!good) source_bad_line(&s->objects.source, "\"%s\" is not valid UTF-8", v->name);
    return good;
}

/* Reads the id of the user or the item. */
static bool take_id(events_t *s, const json_want_t *v, int role, buf_t *id)
{
    static const char *const kind[] = {"user", "item"};
    const bool there = v->value, good = there && json_id(v->value, v->value_end, id);
    if (!there) source_bad_line(&s->objects.source, "no \"%s\", expected the %s's id", v->name, kind[role]);
    else if (!good) source_bad_line(&s->objects.source, "the %s's id %s", kind[role], json_no_id);
    return good && unmended(s, v);
}

static bool take_event(events_t *s, const json_want_t v[EVENT_ROLES], event_t *e)
{
    if (!take_id(s, &v[EVENT_USER], EVENT_USER, &s->user) || !take_id(s, &v[EVENT_ITEM], EVENT_ITEM, &s->item)) return false;
    *e = (event_t){s->user.data, s->item.data, s->user.len, s->item.len, s->row, 0};
    if (v[EVENT_TIME].name) {
        bool there = v[EVENT_TIME].value && take_text(s, &v[EVENT_TIME]);
        const char *why = read_time(s, there, &e->time);
        if (why) source_bad_line(&s->objects.source, "%s \"%.60s\" %s", v[EVENT_TIME].name, there ? s->text.data : "", why);
        if (why) return false;
    }
    if (s->rating) {
        bool there = v[EVENT_RATING].value && take_text(s, &v[EVENT_RATING]);
        bool good = there && decimal_parse(s->text.data, s->text.len, &e->rating);
        if (!good) source_bad_line(&s->objects.source, "\"%s\" is no number, expected a rating", v[EVENT_RATING].name);
        if (!good) return false;
    }
    s->row++;
    return true;
}

/* Adds the items of an array, or of a string that holds a list. */
static bool add_items(events_t *s, const json_want_t *v)
{
    const char *id;
    size_t n;
    if (*v->value == '[') {
        for (json_element_t e = {0}; json_next_element(v->value, (size_t)(v->value_end - v->value), &e);) {
            if (!json_id(e.value, e.value_end, &s->item)) return false;
            event_history_add(s->histories, s->item.data, s->item.len);
        }
        return true;
    }
    if (!take_text(s, v)) return *v->value == '"'; /* an empty string is an empty list */
    id_list_start(&s->list, s->text.data, s->text.len, s->list_separator);
    while (id_list_next(&s->list, &id, &n)) {
        if (!table_is_id(id, n)) return false;
        event_history_add(s->histories, id, n);
    }
    return !s->list.why;
}

/* Takes an object that holds a list, and behind it the item that follows, if there is one; see take_list() of event_table.c. */
static bool take_list(events_t *s, const json_want_t v[EVENT_ROLES])
{
    const json_want_t *items = &v[EVENT_ITEMS], *item = &v[EVENT_ITEM];
    char number[24];
    snprintf(number, sizeof number, "%lld", s->objects.source.lines.number);
    if (v[EVENT_USER].name && !take_id(s, &v[EVENT_USER], EVENT_USER, &s->user)) return false;
    const char *user = v[EVENT_USER].name ? s->user.data : number;
    event_history_start(s->histories, user, strlen(user));
    const bool good = items->value && add_items(s, items);
    if (!good) source_bad_line(&s->objects.source, "\"%s\" is no list of ids", items->name);
    if (!good || !unmended(s, items)) return false;
    if (item->name && !take_id(s, item, EVENT_ITEM, &s->item)) return false;
    if (item->name) event_history_add(s->histories, s->item.data, s->item.len);
    event_history_fold(s->histories);
    return true;
}

/* Tells what a key that was not met before is. */
static int role_of(events_t *s, const json_member_t *m)
{
    for (int r = 0; r < EVENT_ROLES; r++)
        if (s->names[r] && json_member_is(m, s->names[r])) return r;
    buf_clear(&s->text);
    json_unescape(m->key, m->key_end, &s->text);
    const char *name = s->text.len ? s->text.data : "";
    strtab_find_or_add(&s->unused, name, s->text.len, strtab_hash(name, s->text.len));
    return NO_ROLE;
}

/* Finds the values of the current object; of a key that repeats, the last. */
static void pick(events_t *s, json_want_t v[EVENT_ROLES])
{
    for (int r = 0; r < EVENT_ROLES; r++) v[r] = (json_want_t){.name = s->names[r]};
    s->known.next = 0;
    for (json_member_t m = {0}; json_next_member(s->objects.line, s->objects.n, &m);) {
        bool fresh;
        known_key_t *k = known_keys_find(&s->known, &m, &fresh);
        if (fresh) k->role = role_of(s, &m);
        if (k->role == NO_ROLE) continue;
        v[k->role].value = m.value;
        v[k->role].value_end = m.value_end;
    }
}

static bool events_next(event_source_t *base, event_t *e)
{
    events_t *s = (events_t *)base;
    if (s->histories && event_history_next(s->histories, e)) return true;
    const objects_t *o = &s->objects;
    while (next_object(&s->objects)) {
        if (!s->named && !find_keys(s, o->line, o->n)) continue;
        json_want_t v[EVENT_ROLES];
        pick(s, v);
        if (s->histories ? take_list(s, v) && event_history_next(s->histories, e) : take_event(s, v, e)) return true;
    }
    return false;
}

static char *events_digest(const event_source_t *base) { return in_digest_hex(&((const events_t *)base)->objects.source.lines); }

static void events_close(event_source_t *base)
{
    events_t *s = (events_t *)base;
    columns_note_unused(s->objects.source.lines.name, "keys", &s->unused);
    objects_close(&s->objects);
    columns_free(&s->keys);
    known_keys_free(&s->known);
    strtab_free(&s->unused);
    event_history_free(s->histories);
    id_list_free(&s->list);
    for (int r = 0; r < EVENT_ROLES; r++) free(s->names[r]);
    buf_free(&s->user);
    buf_free(&s->item);
    buf_free(&s->text);
    free(s);
}

event_source_t *event_source_jsonl(const source_options_t *o)
{
    events_t *s = NEW(events_t);
    s->base = (event_source_t){.next = events_next, .digest = events_digest, .close = events_close};
    s->keys = keys_parse(event_roles, EVENT_ROLES, o->columns, "--columns");
    s->objects = objects_open(o, &s->base.tally);
    columns_check_events(&s->keys, "--columns");
    strtab_index(&s->unused);
    s->list_separator = o->list_separator;
    s->rating = o->rating;
    s->time_format = o->time_format;
    s->ticks = o->ticks ? o->ticks : 1;
    return &s->base;
}

/* --- Records ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    record_source_t base;
    objects_t objects;
    record_object_t *object;
} records_t;

static bool records_next(record_source_t *base, record_t *r)
{
    records_t *s = (records_t *)base;
    const objects_t *o = &s->objects;
    const char *why;
    while (next_object(&s->objects)) {
        bool good = record_object_read(s->object, o->line, o->n, o->before, NULL, r, &why);
        r->number = s->objects.source.lines.number;
        if (good) return true;
        source_bad_line(&s->objects.source, "%s", why);
    }
    return false;
}

static char *records_digest(const record_source_t *base) { return in_digest_hex(&((const records_t *)base)->objects.source.lines); }

static void records_close(record_source_t *base)
{
    records_t *s = (records_t *)base;
    record_object_note(s->object, s->base.name);
    objects_close(&s->objects);
    record_object_free(s->object);
    free(s);
}

record_source_t *record_source_jsonl(const source_options_t *o)
{
    records_t *s = NEW(records_t);
    s->base = (record_source_t){.next = records_next, .digest = records_digest, .close = records_close};
    s->object = record_object_new(keys_parse(record_roles, RECORD_ROLES, o->columns, "--item-columns"),
                                  o->list_separator ? o->list_separator : "|", &s->base.tally);
    s->objects = objects_open(o, &s->base.tally);
    s->base.name = s->objects.source.lines.name;
    return &s->base;
}
