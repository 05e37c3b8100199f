/* The files of LC-Rec, LETTER and their kin: X.inter.json, one object that gives every user's items in order, and
 * X.item.json, one object that gives every item's features. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "formats/json_document.h"
#include "formats/record_object.h"
#include "formats/tables.h"

/* Such a file, and what happens to members that cannot be read. */
typedef struct {
    json_document_t json;
    source_lines_t source;   /* only for messages */
} document_t;

static void open_document(document_t *d, const source_options_t *o, tally_t *tally)
{
    d->json = json_document_open(source_bytes(o), o->mend, o->encoding_option);
    d->source = (source_lines_t){.bad_left = o->bad_lines, .tally = tally};
    d->source.lines.name = xstrdup(d->json.bytes.name);
}

/* True if json_mend() left the text from `from` to `to` as it was: an id does not come of what it made. */
static bool unmended(const document_t *d, const char *from, const char *to)
{
    return !d->json.before || json_unmended(d->json.before, d->json.text, from, to);
}

/* Steps to the next member whose key is good; false at the end. */
static bool next_member(document_t *d)
{
    while (json_document_next(&d->json)) {
        d->source.lines.number = d->json.line;
        if (unmended(d, d->json.member.key, d->json.member.key_end)) return true;
        source_bad_line(&d->source, "\"%.60s\" is not valid UTF-8", d->json.key.data);
    }
    return false;
}

static void close_document(document_t *d)
{
    json_document_close(&d->json);
    source_close(&d->source);
}

/* --- Events ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    event_source_t base;
    document_t document;
    json_element_t element;   /* of the current user's array */
    int64_t position;         /* of the next item in it; -1: no user yet */
    strtab_t users;
    buf_t item;
} events_t;

/* Says what is wrong with the member as a user's history, or NULL. */
static const char *refusal(const events_t *s)
{
    const json_document_t *d = &s->document.json;
    if (!table_is_id(d->key.data, d->key.len)) return "is empty or holds a tab or a line break, expected an id";
    if (*d->member.value != '[') return "has no array of items";
    if (strtab_find(&s->users, d->key.data, d->key.len) >= 0) return "is there twice, expected one array of items";
    return NULL;
}

/* Goes to the next user with an array of items; false at the end. */
static bool next_user(events_t *s)
{
    document_t *d = &s->document;
    while (next_member(d)) {
        const char *why = refusal(s);
        if (why) {
            source_bad_line(&d->source, "user \"%.60s\" %s", d->json.key.data, why);
            continue;
        }
        strtab_add(&s->users, d->json.key.data, d->json.key.len);
        s->element = (json_element_t){0};
        s->position = 0;
        return true;
    }
    return false;
}

static bool events_next(event_source_t *base, event_t *e)
{
    events_t *s = (events_t *)base;
    document_t *d = &s->document;
    for (;;) {
        const json_member_t *m = &d->json.member;
        if (s->position < 0 || !json_next_element(m->value, (size_t)(m->value_end - m->value), &s->element)) {
            if (!next_user(s)) return false;
            continue;
        }
        const bool good = json_id(s->element.value, s->element.value_end, &s->item);
        if (good && unmended(d, s->element.value, s->element.value_end)) break;
        json_document_to(&d->json, s->element.value);
        d->source.lines.number = d->json.line;
        source_bad_line(&d->source, "an item of user \"%.60s\": its id %s", d->json.key.data, good ? "is not valid UTF-8" : json_no_id);
    }
    *e = (event_t){d->json.key.data, s->item.data, d->json.key.len, s->item.len, s->position++, 0};
    return true;
}

static char *events_digest(const event_source_t *base) { return in_bytes_hex(&((const events_t *)base)->document.json.bytes); }

static void events_close(event_source_t *base)
{
    events_t *s = (events_t *)base;
    close_document(&s->document);
    strtab_free(&s->users);
    buf_free(&s->item);
    free(s);
}

event_source_t *event_source_lcrec(const source_options_t *o)
{
    events_t *s = NEW(events_t);
    s->base = (event_source_t){.next = events_next, .digest = events_digest, .close = events_close, .order_only = true};
    open_document(&s->document, o, &s->base.tally);
    if (o->rating) die_at(s->document.json.bytes.name, 0, "this format has no ratings, but --min-rating needs them");
    strtab_index(&s->users);
    s->position = -1;
    return &s->base;
}

/* --- Records ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    record_source_t base;
    document_t document;
    record_object_t *object;
} records_t;

static bool records_next(record_source_t *base, record_t *r)
{
    records_t *s = (records_t *)base;
    document_t *d = &s->document;
    while (next_member(d)) {
        const json_member_t *m = &d->json.member;
        const char *why = "has no object, expected {...}";
        size_t n = (size_t)(m->value_end - m->value);
        bool good = *m->value == '{' && record_object_read(s->object, m->value, n, NULL, d->json.key.data, r, &why);
        r->number = d->source.lines.number;
        if (good) return true;
        source_bad_line(&d->source, "item \"%.60s\": %s", d->json.key.data, why);
    }
    return false;
}

static char *records_digest(const record_source_t *base) { return in_bytes_hex(&((const records_t *)base)->document.json.bytes); }

static void records_close(record_source_t *base)
{
    records_t *s = (records_t *)base;
    record_object_note(s->object, s->base.name);
    close_document(&s->document);
    record_object_free(s->object);
    free(s);
}

record_source_t *record_source_lcrec(const source_options_t *o)
{
    records_t *s = NEW(records_t);
    s->base = (record_source_t){.next = records_next, .digest = records_digest, .close = records_close};
    columns_t c = columns_parse(record_roles, RECORD_ROLES, o->columns, "--item-columns");
    if (c.numbered || c.given[RECORD_ID]) die(EX_USAGE, "--item-columns: expected keys by name, and none for the id");
    s->object = record_object_new(c, o->list_separator ? o->list_separator : ",", &s->base.tally);
    open_document(&s->document, o, &s->base.tally);
    s->base.name = s->document.json.bytes.name;
    return &s->base;
}
