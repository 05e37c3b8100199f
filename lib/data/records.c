#include "data/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/items.h"
#include "data/relpath.h"

/* The file has no name, so that it goes when the process does, however that ends. */
static FILE *open_spool(void)
{
    const char *folder = getenv("TMPDIR");
    char *name = xasprintf("%s/sidmill.XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(name);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w+b");
    if (!f) die_errno(EX_CANTCREAT, "temporary file %s", name);
    unlink(name);
    free(name);
    return f;
}

/* The record's line, with its picture's path as seen from the folder `new`, ended by a newline. */
static void take_line(const record_t *r, const char *old, const char *new, buf_t *line)
{
    buf_clear(line);
    buf_add(line, r->line, r->line_len);
    char *moved = r->image ? relpath_move(r->image, old, new) : NULL;
    if (moved && strcmp(moved, r->image) != 0) {
        buf_t json = {0};
        buf_json_string(&json, moved, strlen(moved));
        items_splice(line, "image", json.data);
        buf_free(&json);
    }
    free(moved);
    buf_puts(line, "\n");
}

/* False, and nothing added, where the id was there before. */
static bool add_id(records_t *r, const record_t *record)
{
    if (!r->ids.slots) strtab_index(&r->ids);
    if (strtab_find(&r->ids, record->id, record->id_len) >= 0) return false;
    strtab_add(&r->ids, record->id, record->id_len);
    return true;
}

records_t records_read(record_source_t *s, const char *old, const char *new)
{
    records_t r = {.spool = open_spool()};
    buf_t line = {0};
    progress_start("reading", "items", 0);
    for (record_t record; s->next(s, &record); progress_add(1)) {
        if (!add_id(&r, &record)) {
            if (!s->repeats)
                die_at(s->name, record.number, "id \"%.*s\" was there before, expected unique ids", (int)record.id_len, record.id);
            tally_add(&s->tally, "repeated_records", 1);
            continue;
        }
        take_line(&record, old, new, &line);
        if (fwrite(line.data, 1, line.len, r.spool) != line.len) die_errno(EX_IOERR, "temporary file: write failed");
    }
    progress_end();
    if (!r.ids.count) die_at(s->name, 0, "holds no item, expected one record a line");
    out_flush(r.spool, "temporary file");
    r.digest = s->digest(s);
    buf_free(&line);
    return r;
}

void records_write(const records_t *r, const bool *keep, out_t *out)
{
    char *line = NULL;
    size_t cap = 0;
    rewind(r->spool);
    for (int64_t i = 0; i < r->ids.count; i++) {
        errno = 0;
        ssize_t n = getline(&line, &cap, r->spool);
        if (n < 0) die_errno(EX_IOERR, "temporary file: read failed");
        if (keep[i]) out_write(out, line, (size_t)n);
    }
    free(line);
}

void records_free(records_t *r)
{
    strtab_free(&r->ids);
    if (r->spool) fclose(r->spool);
    free(r->digest);
    *r = (records_t){0};
}
