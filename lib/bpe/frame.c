#include "bpe/frame.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/json.h"
#include "formats/json_document.h"
#include "net/unpack.h"

typedef struct {
    const char *name;       /* the file's */
    const tokenizer_t *t;
    frame_t frame;
    bool behind;            /* the text has come by */
} reader_t;

_Noreturn static void refuse(const reader_t *r, const char *what) { die_at(r->name, 0, "post_processor: %s", what); }

static void add_id(reader_t *r, const cJSON *v)
{
    const double id = cJSON_IsNumber(v) ? v->valuedouble : -1;
    size_t n;
    if (id < 0 || id > INT32_MAX || id != floor(id) || !tokenizer_piece(r->t, (int32_t)id, &n))
        refuse(r, "an id that is no token's");
    ids_add(r->behind ? &r->frame.after : &r->frame.before, &(int32_t){(int32_t)id}, 1);
}

static void add_special(reader_t *r, const cJSON *piece, const cJSON *specials)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(piece, "id"), *id;
    const cJSON *token = cJSON_IsString(name) ? cJSON_GetObjectItemCaseSensitive(specials, name->valuestring) : NULL;
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(token, "ids");
    if (!cJSON_IsArray(ids)) refuse(r, "single: expected tokens that special_tokens has, with their ids");
    cJSON_ArrayForEach(id, ids) add_id(r, id);
}

static void read_template(reader_t *r, const cJSON *v)
{
    const cJSON *single = cJSON_GetObjectItemCaseSensitive(v, "single"), *specials = cJSON_GetObjectItemCaseSensitive(v, "special_tokens");
    const cJSON *part;
    if (!cJSON_IsArray(single)) refuse(r, "single: expected an array");
    if (r->behind) refuse(r, "two templates are not supported");
    cJSON_ArrayForEach(part, single)
    {
        const cJSON *special = cJSON_GetObjectItemCaseSensitive(part, "SpecialToken");
        if (special) add_special(r, special, specials);
        else if (!cJSON_GetObjectItemCaseSensitive(part, "Sequence") || r->behind) refuse(r, "single: expected one Sequence and SpecialTokens");
        else r->behind = true;
    }
    if (!r->behind) refuse(r, "single: no Sequence, expected one");
}

static void read_processor(reader_t *r, const cJSON *v)
{
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(v, "type"), *parts = cJSON_GetObjectItemCaseSensitive(v, "processors"), *part;
    const char *name = cJSON_IsString(type) ? type->valuestring : "";
    if (!strcmp(name, "TemplateProcessing")) read_template(r, v);
    else if (!strcmp(name, "Sequence") && cJSON_IsArray(parts)) cJSON_ArrayForEach(part, parts) read_processor(r, part);
    else if (strcmp(name, "ByteLevel") != 0)
        die_at(r->name, 0, "post_processor: \"%.40s\" is not supported, expected TemplateProcessing, ByteLevel or a Sequence of them", name);
}

/* Reads the frame out of a file's bytes, which are taken over. */
static frame_t read_frame(bytes_t bytes, const tokenizer_t *t)
{
    json_want_t found = {.name = "post_processor"};
    json_document_t d = json_document_open(bytes, false, NULL);
    reader_t r = {.name = d.bytes.name, .t = t};
    json_pick(d.text, d.bytes.len - (size_t)(d.text - (const char *)d.bytes.data), &found, 1, NULL);
    cJSON *json = found.value ? cJSON_ParseWithLength(found.value, (size_t)(found.value_end - found.value)) : NULL;
    if (json && !cJSON_IsNull(json)) read_processor(&r, json);
    cJSON_Delete(json);
    json_document_close(&d);
    return r.frame;
}

frame_t frame_load(const char *path, const tokenizer_t *t) { return read_frame(in_bytes_unpacked(path, NULL), t); }

frame_t frame_parse(const char *name, const void *bytes, size_t n, const tokenizer_t *t)
{
    return read_frame((bytes_t){.data = memcpy(xcalloc(n + 1, 1), bytes, n), .len = n, .name = xstrdup(name)}, t);
}

void frame_free(frame_t *f)
{
    ids_free(&f->before);
    ids_free(&f->after);
}
