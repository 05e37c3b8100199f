#include "text/topics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/mem.h"
#include "text/tokens.h"

const char *const topic_field_names[TOPIC_FIELDS] = {"categories", "brand", "image_labels", "intents", "title", "caption"};

typedef struct {
    char *key;          /* a letter for the field, then the text */
    topics_field_t field;
    int64_t number;     /* place in topics_t.terms */
    int64_t count, last; /* records with it; the last that had it, from 1 */
    UT_hash_handle hh;
} term_t;

/* The terms of a group's records, with repetition. */
typedef struct {
    int64_t *terms, count, cap;
    int64_t records;
} group_t;

struct topics {
    term_t *table, **terms; /* by key, and by number */
    int64_t count, cap;
    group_t *groups;
    int64_t group_count, records;
    tokens_t tokens;
    buf_t key;
    int64_t *found, found_count, found_cap; /* terms of the current record */
};

topics_t *topics_new(int64_t groups)
{
    topics_t *t = NEW(topics_t);
    t->group_count = groups;
    t->groups = NEW_ARRAY(group_t, groups);
    return t;
}

void topics_free(topics_t *t)
{
    if (!t) return;
    HASH_CLEAR(hh, t->table);
    for (int64_t i = 0; i < t->count; i++) {
        free(t->terms[i]->key);
        free(t->terms[i]);
    }
    for (int64_t g = 0; g < t->group_count; g++) free(t->groups[g].terms);
    free(t->groups);
    free(t->terms);
    free(t->found);
    tokens_free(&t->tokens);
    buf_free(&t->key);
    free(t);
}

/* Notes the term whose text was appended to t->key after its letter. */
static void note_term(topics_t *t, topics_field_t field)
{
    term_t *term;
    HASH_FIND(hh, t->table, t->key.data, t->key.len, term);
    if (!term) {
        term = NEW(term_t);
        *term = (term_t){.key = xstrndup(t->key.data, t->key.len), .field = field, .number = t->count};
        HASH_ADD_KEYPTR(hh, t->table, term->key, t->key.len, term);
        GROW(t->terms, t->count, t->cap);
        t->terms[t->count++] = term;
    }
    if (term->last == t->records) return;
    term->last = t->records;
    term->count++;
    GROW(t->found, t->found_count, t->found_cap);
    t->found[t->found_count++] = term->number;
}

static void begin_term(topics_t *t, topics_field_t field)
{
    buf_clear(&t->key);
    buf_add(&t->key, &(char){(char)('a' + field)}, 1);
}

static void note_value(topics_t *t, topics_field_t field, const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    if (!text || !*text) return;
    begin_term(t, field);
    buf_puts(&t->key, text);
    note_term(t, field);
}

static void note_words(topics_t *t, topics_field_t field, const char *text)
{
    tokens_split(&t->tokens, text, strlen(text));
    for (int64_t i = 0; i < t->tokens.count; i++) {
        begin_term(t, field);
        tokens_word(&t->tokens, i, &t->key);
        note_term(t, field);
    }
}

void topics_add(topics_t *t, const items_t *record, const int64_t *groups, int n)
{
    t->records++;
    t->found_count = 0;
    for (topics_field_t field = 0; field < TOPIC_FIELDS; field++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(record->json, topic_field_names[field]), *e;
        if (field == TOPIC_TITLE || field == TOPIC_CAPTION) {
            if (cJSON_IsString(value)) note_words(t, field, value->valuestring);
        } else if (cJSON_IsArray(value)) {
            cJSON_ArrayForEach(e, value) note_value(t, field, cJSON_IsObject(e) ? cJSON_GetObjectItemCaseSensitive(e, "text") : e);
        } else {
            note_value(t, field, value);
        }
    }
    for (int i = 0; i < n; i++) {
        group_t *g = &t->groups[groups[i]];
        g->records++;
        for (int64_t j = 0; j < t->found_count; j++) {
            GROW(g->terms, g->count, g->cap);
            g->terms[g->count++] = t->found[j];
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double weight(const topics_term_t *t) { return t->share * log(t->share / t->overall); }

/* Keeps the best `max` terms sorted; among equals the one met first in the catalogue stays first. */
static int keep_best(topics_term_t *terms, int n, int max, topics_term_t term)
{
    int at = n;
    while (at > 0 && weight(&terms[at - 1]) < weight(&term)) at--;
    if (at >= max) return n;
    if (n < max) n++;
    memmove(terms + at + 1, terms + at, (size_t)(n - 1 - at) * sizeof *terms);
    terms[at] = term;
    return n;
}

int topics_top(const topics_t *t, int64_t group, topics_field_t field, int max, topics_term_t *terms)
{
    const group_t *g = &t->groups[group];
    int found = 0;
    if (g->count) qsort(g->terms, (size_t)g->count, sizeof *g->terms, by_number);
    for (int64_t i = 0, end; i < g->count; i = end) {
        for (end = i; end < g->count && g->terms[end] == g->terms[i];) end++;
        const term_t *term = t->terms[g->terms[i]];
        if (term->field != field || end - i < 2) continue;
        topics_term_t found_term = {term->key + 1, end - i, (double)(end - i) / (double)g->records,
                                    (double)term->count / (double)t->records};
        if (found_term.share > found_term.overall) found = keep_best(terms, found, max, found_term);
    }
    return found;
}

void topics_write(const topics_t *t, int64_t group, int max, buf_t *out)
{
    bool first = true;
    buf_puts(out, "{");
    for (topics_field_t f = 0; f < TOPIC_FIELDS; f++) {
        topics_term_t terms[TOPIC_TERMS_MOST];
        const int n = topics_top(t, group, f, max, terms);
        if (!n) continue;
        buf_printf(out, "%s\"%s\":[", first ? "" : ",", topic_field_names[f]);
        for (int i = 0; i < n; i++) {
            buf_puts(out, i ? ",{\"text\":" : "{\"text\":");
            buf_json_string(out, terms[i].text, strlen(terms[i].text));
            buf_printf(out, ",\"items\":%lld,\"overall\":%.6g}", (long long)terms[i].count, terms[i].overall);
        }
        buf_puts(out, "]");
        first = false;
    }
    buf_puts(out, "}");
}
