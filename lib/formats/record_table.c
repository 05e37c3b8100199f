#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/columns.h"
#include "formats/record_line.h"
#include "formats/table.h"
#include "formats/tables.h"

enum { PASSED_OVER = -1, OTHER = -2 };

typedef struct {
    record_source_t base;
    table_t *table;
    int at[RECORD_ROLES];   /* columns, -1: none */
    int *role;              /* [columns] what they are: a RECORD_..., PASSED_OVER, or OTHER: kept under their own name */
    const char *list_separator;
    buf_t line, image, url;
} record_rows_t;

static void add_role(record_rows_t *s, int role, table_cell_t c)
{
    const columns_role_t *r = &record_roles[role];
    if (role == RECORD_IMAGE) buf_add(&s->image, c.s, c.len);
    else if (role == RECORD_IMAGE_URL) buf_add(&s->url, c.s, c.len);
    else if (!c.len || role == RECORD_ID) return;
    else if (r->list) record_line_list(&s->line, r->name, c.s, c.len, s->list_separator);
    else record_line_string(&s->line, r->name, c.s, c.len);
}

static void add_other(record_rows_t *s, int column)
{
    size_t n;
    const char *name = strtab_get(&s->table->header, column, &n);
    table_cell_t c = s->table->cells[column];
    if (!c.len) return;
    record_line_key(&s->line, name, n);
    buf_json_string(&s->line, c.s, c.len);
}

static bool take_row(record_rows_t *s, record_t *r)
{
    table_t *t = s->table;
    table_cell_t id = t->cells[s->at[RECORD_ID]];
    if (!table_is_id(id.s, id.len)) {
        table_bad_row(t, id.len ? "id holds a tab or a line break, expected an id without" : "id is empty, expected an id");
        return false;
    }
    record_line_start(&s->line, id.s, id.len);
    buf_clear(&s->image);
    buf_clear(&s->url);
    for (int i = 0; i < RECORD_ROLES; i++) {
        if (s->at[i] >= 0) add_role(s, i, t->cells[s->at[i]]);
        if (i == RECORD_IMAGE_URL) record_line_pictures(&s->line, &s->image, &s->url, &s->base.tally);
    }
    for (int i = 0; i < t->columns; i++)
        if (s->role[i] == OTHER) add_other(s, i);
    record_line_end(&s->line);
    *r = (record_t){.id = id.s, .id_len = id.len, .line = s->line.data, .line_len = s->line.len, .number = t->line};
    if (s->image.len) r->image = s->image.data;
    return true;
}

static bool records_next(record_source_t *base, record_t *r)
{
    record_rows_t *s = (record_rows_t *)base;
    while (table_next(s->table))
        if (take_row(s, r)) return true;
    return false;
}

static char *records_digest(const record_source_t *base)
{
    return in_digest_hex(&((const record_rows_t *)base)->table->source.lines);
}

static void records_close(record_source_t *base)
{
    record_rows_t *s = (record_rows_t *)base;
    table_free(s->table);
    buf_free(&s->line);
    buf_free(&s->image);
    buf_free(&s->url);
    free(s->role);
    free(s);
}

/* Keeps columns without a role as strings, but for nameless ones and those whose name means something else. */
static void assign_columns(record_rows_t *s)
{
    const table_t *t = s->table;
    s->role = NEW_ARRAY(int, t->columns);
    for (int i = 0; i < t->columns; i++) {
        size_t n = 0;
        const char *name = i < t->header.count ? strtab_get(&t->header, i, &n) : "#";
        s->role[i] = *name == '#' || record_line_known(name, n) ? PASSED_OVER : OTHER;
    }
    for (int r = 0; r < RECORD_ROLES; r++)
        if (s->at[r] >= 0) s->role[s->at[r]] = r;
    strtab_t unused = {0};
    for (int i = 0; i < t->columns; i++)
        if (s->role[i] == PASSED_OVER) table_add_name(t, i, &unused);
    if (unused.count) tally_add(&s->base.tally, "columns_left_out", unused.count);
    columns_note_unused(s->base.name, "columns", &unused);
    strtab_free(&unused);
}

static record_source_t *open_records(table_t *(*open)(const source_options_t *, bool, tally_t *), const source_options_t *o,
                                     const char *list_separator)
{
    record_rows_t *s = NEW(record_rows_t);
    columns_t c = columns_parse(record_roles, RECORD_ROLES, o->columns, "--item-columns");
    s->base = (record_source_t){.next = records_next, .digest = records_digest, .close = records_close};
    s->table = open(o, !c.numbered, &s->base.tally);
    s->base.name = s->table->source.lines.name;
    s->list_separator = s->table->list_separator ? s->table->list_separator : list_separator;
    if (c.numbered) columns_find_numbered(&c, s->table->columns, s->base.name, s->table->line, s->at);
    else columns_find(&c, &s->table->header, s->base.name, s->table->line, s->at);
    table_exact(s->table, s->at[RECORD_ID]);
    assign_columns(s);
    columns_free(&c);
    return &s->base;
}

record_source_t *record_source_csv(const source_options_t *o) { return open_records(table_csv, o, "|"); }
record_source_t *record_source_tsv_table(const source_options_t *o) { return open_records(table_tsv, o, "|"); }
record_source_t *record_source_recbole(const source_options_t *o) { return open_records(table_recbole, o, " "); }

bool table_is_id(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] == '\t' || s[i] == '\n' || s[i] == '\r') return false;
    return n > 0;
}
