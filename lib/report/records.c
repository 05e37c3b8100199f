#include "report/records.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/items.h"
#include "data/relpath.h"
#include "report/json_file.h"

static char *copy_of(const items_t *r, const char *key)
{
    const char *text = items_string(r, key);
    return text ? xstrdup(text) : NULL;
}

/* Whether an intent counts: it was not judged, or held to be right. */
static bool is_meant(const cJSON *intent)
{
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(intent, "label");
    return !cJSON_IsNumber(label) || label->valuedouble > 0;
}

/* The texts of the record's array, of objects that have one or of strings, as JSON; NULL where there is none. */
static char *texts_of(const items_t *r, const char *key)
{
    const cJSON *element;
    buf_t out = {0};
    cJSON_ArrayForEach(element, cJSON_GetObjectItemCaseSensitive(r->json, key))
    {
        const cJSON *text = cJSON_IsObject(element) ? cJSON_GetObjectItemCaseSensitive(element, "text") : element;
        if (!is_meant(element)) continue;
        buf_puts(&out, out.len ? "," : "[");
        json_add(&out, text);
    }
    if (out.len) buf_puts(&out, "]");
    return out.data;
}

/* A picture's path as it counts from the working folder. */
static char *picture_of(const items_t *r, const char *folder)
{
    const char *path = items_string(r, "image");
    if (!path) return NULL;
    return *path == '/' || !folder ? xstrdup(path) : xasprintf("%s/%s", folder, path);
}

static void take(record_t *to, const items_t *r, const char *folder)
{
    *to = (record_t){true, copy_of(r, "title"), copy_of(r, "brand"), copy_of(r, "caption"), picture_of(r, folder),
                     texts_of(r, "categories"), texts_of(r, "intents")};
}

/* Reads a file; returns how many of the catalogue's items it tells of. */
static int64_t read_file(const char *path, const char *image_root, const shelf_t *s, record_t *records)
{
    int64_t found = 0;
    char *own = relpath_folder(path);
    items_t r = items_open(path);
    while (items_next(&r)) {
        const int64_t item = strtab_find(s->ids, r.id, strlen(r.id)), at = item < 0 ? -1 : s->place[item];
        found += item >= 0;
        if (at >= 0 && !records[at].known) take(&records[at], &r, image_root ? image_root : own);
    }
    items_close(&r);
    free(own);
    return found;
}

record_t *records_read(const report_files_t *files, const shelf_t *s)
{
    record_t *records = NEW_ARRAY(record_t, s->shown + 1);
    int64_t found = 0;
    for (int i = 0; i < files->items.count; i++) found += read_file(files->items.items[i], files->image_root, s, records);
    if (files->items.count && s->ids->count && !found)
        die(EX_DATAERR, "%s: tells of no item that the other files name", files->items.items[0]);
    return records;
}

void records_free(record_t *r, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        free(r[i].title);
        free(r[i].brand);
        free(r[i].caption);
        free(r[i].picture);
        free(r[i].categories);
        free(r[i].intents);
    }
    free(r);
}
