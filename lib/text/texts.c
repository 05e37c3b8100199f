#include "text/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "base/err.h"
#include "base/mem.h"
#include "bpe/tokenizer.h"
#include "data/json.h"
#include "net/unpack.h"
#include "text/fields.h"

enum form { ITEMS, LINES, JSON, WHOLE };

const char *const texts_forms[] = {[ITEMS] = "items", [LINES] = "lines", [JSON] = "json", [WHOLE] = "whole", NULL};

struct texts {
    enum form form;
    char *const *paths;
    int count, next;     /* files, and the one to be opened next */
    bool open;
    lines_t lines;
    items_t items;
    fields_t fields;
};

texts_t *texts_open(const char *form, const char *fields, char *const *paths, int count)
{
    static char *const stdin_only[] = {NULL};
    texts_t *t = NEW(texts_t);
    *t = (texts_t){.paths = count ? paths : stdin_only, .count = count ? count : 1};
    while (strcmp(texts_forms[t->form], form) != 0) t->form++;
    if (t->form == ITEMS) t->fields = fields_parse(fields);
    for (int i = 0; i < t->fields.count; i++)
        if (t->fields.weight[i] != 1) die(EX_USAGE, "--fields: %s has a weight, which means nothing here", t->fields.name[i]);
    return t;
}

static void close_file(texts_t *t)
{
    if (t->open && t->form == ITEMS) items_close(&t->items);
    else if (t->open) in_close(&t->lines);
    t->open = false;
}

void texts_close(texts_t *t)
{
    close_file(t);
    if (t->form == ITEMS) fields_free(&t->fields);
    free(t);
}

static void open_file(texts_t *t)
{
    const lines_t lines = in_lines_unpacked(t->paths[t->next++], NULL);
    if (t->form == ITEMS) {
        t->items = items_from(lines);
        t->items.repeated_ids = true;
    } else {
        t->lines = lines;
    }
    t->open = true;
}

/* Ends a text of the batch, and what stands before its answer. */
static void end_text(texts_batch_t *b)
{
    const int64_t cap = b->cap;
    GROW(b->end, b->count, b->cap);
    if (b->cap > cap) b->id_end = xreallocarray(b->id_end, (size_t)b->cap, sizeof *b->id_end);
    b->end[b->count] = b->bytes.len;
    b->id_end[b->count++] = b->ids.len;
}

static void check_text(const char *name, long long line, const char *text, size_t n)
{
    if (!tokenizer_is_text(text, n)) die_at(name, line, "%s", charset_why(text, n, NULL));
}

static bool read_item(texts_t *t, texts_batch_t *b)
{
    const text_part_t *parts;
    if (!items_next(&t->items)) return false;
    const int count = fields_parts(&t->fields, &t->items, &parts);
    for (int i = 0; i < count; i++) {
        if (i) buf_puts(&b->bytes, "\n");
        buf_add(&b->bytes, parts[i].text, parts[i].length);
    }
    buf_puts(&b->ids, "\"id\": ");
    buf_json_string(&b->ids, t->items.id, strlen(t->items.id));
    buf_puts(&b->ids, ", ");
    return true;
}

static bool read_line(texts_t *t, texts_batch_t *b)
{
    const lines_t *l = &t->lines;
    if (!in_next(&t->lines)) return false;
    check_text(l->name, l->number, l->line, l->len);
    buf_add(&b->bytes, l->line, l->len);
    return true;
}

static bool read_json(texts_t *t, texts_batch_t *b)
{
    const lines_t *l = &t->lines;
    json_want_t want[] = {{.name = "text"}, {.name = "id"}};
    json_error_t e;
    if (!in_next_text(&t->lines)) return false;
    check_text(l->name, l->number, l->line, l->len);
    if (!json_pick(l->line, l->len, want, 2, &e)) die_at(l->name, l->number, "not JSON at column %zu: %s", e.at + 1, e.why);
    if (!want[0].value || *want[0].value != '"') die_at(l->name, l->number, "no string \"text\", expected one");
    json_unescape_nul(want[0].value, want[0].value_end, &b->bytes);
    if (!want[1].value) return true;
    buf_puts(&b->ids, "\"id\": ");
    buf_add(&b->ids, want[1].value, (size_t)(want[1].value_end - want[1].value));
    buf_puts(&b->ids, ", ");
    return true;
}

static void read_whole(texts_t *t, texts_batch_t *b)
{
    bytes_t all = in_bytes_unpacked(t->paths[t->next++], NULL);
    const char *text = (const char *)all.data;
    check_text(all.name, 0, text, all.len);
    buf_add(&b->bytes, text, all.len);
    in_free(&all);
}

static bool read_text(texts_t *t, texts_batch_t *b)
{
    switch (t->form) {
    case ITEMS: return read_item(t, b);
    case LINES: return read_line(t, b);
    case JSON: return read_json(t, b);
    case WHOLE: break;
    }
    return false;
}

/* Reads the next text of all files. */
static bool next_text(texts_t *t, texts_batch_t *b)
{
    while (t->open || t->next < t->count) {
        if (t->form == WHOLE) {
            read_whole(t, b);
            return true;
        }
        if (!t->open) open_file(t);
        if (read_text(t, b)) return true;
        close_file(t);
    }
    return false;
}

static void add_chunk(texts_batch_t *b, int64_t first)
{
    GROW(b->chunk, b->chunks, b->chunk_cap);
    b->chunk[b->chunks++] = first;
}

static void cut_chunks(texts_batch_t *b)
{
    enum { CHUNK = 1 << 15 /* bytes, or texts */ };
    size_t start = 0;
    int64_t first = 0;
    b->chunks = 0;
    add_chunk(b, 0);
    for (int64_t i = 0; i < b->count; i++) {
        if (i + 1 < b->count && b->end[i] - start + (size_t)(i - first) < CHUNK) continue;
        add_chunk(b, i + 1);
        first = i + 1;
        start = b->end[i];
    }
    b->chunks--;
}

bool texts_read(texts_t *t, texts_batch_t *b, size_t most)
{
    b->count = 0;
    buf_clear(&b->bytes);
    buf_clear(&b->ids);
    buf_add(&b->bytes, "", 0);
    buf_add(&b->ids, "", 0);
    while (b->bytes.len + (size_t)b->count < most && next_text(t, b)) end_text(b);
    cut_chunks(b);
    return b->count > 0;
}

static const char *between(const buf_t *bytes, const size_t *end, int64_t i, size_t *n)
{
    const size_t start = i ? end[i - 1] : 0;
    *n = end[i] - start;
    return bytes->data + start;
}

const char *texts_get(const texts_batch_t *b, int64_t i, size_t *n) { return between(&b->bytes, b->end, i, n); }
const char *texts_id(const texts_batch_t *b, int64_t i, size_t *n) { return between(&b->ids, b->id_end, i, n); }

void texts_batch_free(texts_batch_t *b)
{
    buf_free(&b->bytes);
    buf_free(&b->ids);
    free(b->end);
    free(b->id_end);
    free(b->chunk);
    *b = (texts_batch_t){0};
}
