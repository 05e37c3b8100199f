#include "ingest/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/spool.h"
#include "data/items.h"
#include "data/relpath.h"
#include "ingest/coverage.h"
#include "net/download.h"

/* Writes the record's line, with its picture's path as seen from the folder `new`, ended by a newline. */
static void take_line(const record_t *r, const char *old, const char *new, buf_t *line)
{
    buf_clear(line);
    buf_add(line, r->line, r->line_len);
    char *moved = r->image && !is_url(r->image) ? relpath_move(r->image, old, new) : NULL;
    if (moved && strcmp(moved, r->image) != 0) {
        buf_t json = {0};
        buf_json_string(&json, moved, strlen(moved));
        items_splice(line, "image", json.data);
        buf_free(&json);
    }
    free(moved);
    buf_puts(line, "\n");
}

/* Adds an id; false, and nothing added, where it was there before. */
static bool add_id(records_t *r, const record_t *record)
{
    if (!r->ids.slots) strtab_index(&r->ids);
    if (strtab_find(&r->ids, record->id, record->id_len) >= 0) return false;
    GROW(r->evidence, r->ids.count, r->cap);
    r->evidence[r->ids.count] = coverage_of(record->line, record->line_len);
    strtab_add(&r->ids, record->id, record->id_len);
    return true;
}

records_t records_read(record_source_t *s, const char *old, const char *new)
{
    records_t r = {.spool = spool_file()};
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

bool records_next(const records_t *r, records_walk_t *walk)
{
    if (!walk->next) rewind(r->spool);
    if (walk->next == r->ids.count) return false;
    errno = 0;
    ssize_t n = getline(&walk->line, &walk->cap, r->spool);
    if (n < 0) die_errno(EX_IOERR, "temporary file: read failed");
    walk->n = (size_t)n;
    walk->next++;
    return true;
}

void records_walk_free(records_walk_t *walk) { free(walk->line); }

char *records_write(const records_t *r, const bool *keep, records_edit_t edit, void *ctx, out_t *out)
{
    XXH3_state_t *digest = XXH3_createState();
    if (!digest || XXH3_128bits_reset(digest) == XXH_ERROR) die(EX_OSERR, "out of memory");
    records_walk_t walk = {0};
    buf_t line = {0};
    while (records_next(r, &walk)) {
        if (!keep[walk.next - 1]) continue;
        buf_clear(&line);
        buf_add(&line, walk.line, walk.n - 1);
        if (edit) edit(ctx, walk.next - 1, &line);
        buf_puts(&line, "\n");
        out_write(out, line.data, line.len);
        XXH3_128bits_update(digest, line.data, line.len);
    }
    records_walk_free(&walk);
    buf_free(&line);
    XXH128_hash_t h = XXH3_128bits_digest(digest);
    XXH3_freeState(digest);
    return digest_hex(h);
}

void records_free(records_t *r)
{
    strtab_free(&r->ids);
    free(r->evidence);
    if (r->spool) fclose(r->spool);
    free(r->digest);
    *r = (records_t){0};
}
