#include "report/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "matrix/nearest.h"
#include "report/json_file.h"
#include "report/records.h"
#include "report/thumbnails.h"

enum { NEAREST = 10 };

static void add_ids(buf_t *out, const shelf_t *s)
{
    buf_puts(out, ",\"ids\":[");
    for (int64_t i = 0; i < s->shown; i++) {
        size_t n;
        const char *id = strtab_get(s->ids, s->item[i], &n);
        buf_puts(out, i ? "," : "");
        buf_json_string(out, id, n);
    }
    buf_puts(out, "]");
}

static void add_sids(buf_t *out, const shelf_t *s)
{
    const int levels = s->sids.levels;
    buf_printf(out, ",\"levels\":%d,\"codes\":[", levels);
    for (int64_t i = 0; i < s->shown * levels; i++)
        buf_printf(out, i ? ",%d" : "%d", s->sids.code[s->item[i / levels] * levels + i % levels]);
    buf_puts(out, "],\"suffixes\":[");
    for (int64_t i = 0; i < s->shown; i++) buf_printf(out, i ? ",%d" : "%d", levels ? s->sids.suffix[s->item[i]] : -1);
    buf_puts(out, "]");
}

static void add_popularity(buf_t *out, const shelf_t *s)
{
    int64_t *events = s->histories.users ? interactions_popularity(&s->histories) : NULL;
    buf_puts(out, ",\"popularity\":[");
    for (int64_t i = 0; i < s->shown; i++) buf_printf(out, i ? ",%lld" : "%lld", events ? (long long)events[s->item[i]] : 0LL);
    buf_puts(out, "]");
    free(events);
}

/* Appends a column of a record's texts, or of its arrays. */
static void add_column(buf_t *out, const char *name, const record_t *records, int64_t count, size_t member, bool arrays)
{
    buf_printf(out, ",\"%s\":[", name);
    for (int64_t i = 0; i < count; i++) {
        char *const *text = (char *const *)((const char *)&records[i] + member);
        buf_puts(out, i ? "," : "");
        if (arrays) buf_puts(out, *text ? *text : "[]");
        else json_add_text(out, *text);
    }
    buf_puts(out, "]");
}

static void add_records(buf_t *out, const report_files_t *files, const shelf_t *s)
{
    record_t *records = records_read(files, s);
    add_column(out, "titles", records, s->shown, offsetof(record_t, title), false);
    add_column(out, "categories", records, s->shown, offsetof(record_t, categories), true);
    add_column(out, "brands", records, s->shown, offsetof(record_t, brand), false);
    add_column(out, "captions", records, s->shown, offsetof(record_t, caption), false);
    add_column(out, "intents", records, s->shown, offsetof(record_t, intents), true);
    if (files->pictures) {
        buf_puts(out, ",\"pictures\":");
        thumbnails_add(out, records, s->shown);
    }
    records_free(records, s->shown);
}

/* The vectors of the items shown, [shown, width]. */
static float *vectors_of(const shelf_t *s)
{
    const int64_t width = s->vectors.width;
    float *x = xfloats(size_mul((size_t)s->shown, (size_t)width));
    for (int64_t i = 0; i < s->shown; i++)
        memcpy(x + i * width, s->vectors.vector + s->item[i] * width, (size_t)width * sizeof *x);
    return x;
}

static void add_neighbours(buf_t *out, const shelf_t *s)
{
    int32_t *index = NEW_ARRAY(int32_t, s->shown * NEAREST + 1);
    int64_t *found = NEW_ARRAY(int64_t, s->shown + 1);
    float *cosine = NEW_ARRAY(float, s->shown * NEAREST + 1), *x = vectors_of(s);
    nearest_each(s->shown, s->vectors.width, x, NEAREST, index, cosine, found);
    buf_puts(out, ",\"neighbours\":[");
    for (int64_t i = 0; i < s->shown; i++) {
        buf_puts(out, i ? ",[" : "[");
        for (int64_t j = 0; j < found[i]; j++) buf_printf(out, j ? ",%d" : "%d", index[i * NEAREST + j]);
        buf_puts(out, "]");
    }
    buf_puts(out, "],\"cosines\":[");
    for (int64_t i = 0; i < s->shown; i++) {
        buf_puts(out, i ? ",[" : "[");
        for (int64_t j = 0; j < found[i]; j++) buf_printf(out, j ? ",%.3f" : "%.3f", (double)cosine[i * NEAREST + j]);
        buf_puts(out, "]");
    }
    buf_puts(out, "]");
    free(x);
    free(cosine);
    free(found);
    free(index);
}

void listing_add(buf_t *out, const report_files_t *files, const shelf_t *s, const users_t *users)
{
    buf_puts(out, "{\"schema\":\"catalogue/1\"");
    add_sids(out, s);
    add_ids(out, s);
    add_popularity(out, s);
    add_records(out, files, s);
    if (s->vectors.vector) add_neighbours(out, s);
    buf_puts(out, ",\"users\":[");
    if (users->count) buf_add(out, users->json.data, users->json.len);
    buf_puts(out, "]}");
}
