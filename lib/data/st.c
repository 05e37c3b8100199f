#include "data/st.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"

/* What the published format allows: 8 bytes of length, a header of at most 100 MB. */
enum { LENGTH_BYTES = 8, MAX_HEADER = 100000000 };

struct st_source {
    bool listing;
    bytes_t bytes;
    strtab_t names; /* of the tensors, in header order while reading, in the order of f->tensors after */
};

void st_bad(const st_file_t *f, const char *tensor, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    die_at(f->name, 0, "tensor '%s': %s", tensor, n < 0 ? "" : text);
}

static const char *json_kind(const cJSON *v)
{
    if (cJSON_IsObject(v)) return "an object";
    if (cJSON_IsArray(v)) return "an array";
    if (cJSON_IsString(v)) return "a string";
    return cJSON_IsNumber(v) ? "a number" : "true, false or null";
}

/* Checks the length and hands over the header's text. */
static const char *header_text(const st_file_t *f, size_t *n)
{
    const bytes_t *b = &f->source->bytes;
    uint64_t len;
    if (!b->len) die_at(f->name, 0, "is empty, expected a safetensors file");
    if (b->len < LENGTH_BYTES) die_at(f->name, 0, "ends after %zu bytes, expected a safetensors file", b->len);
    memcpy(&len, b->data, sizeof len);
    if (len > MAX_HEADER)
        die_at(f->name, 0, "not a safetensors file: header length %llu, expected at most %d", (unsigned long long)len,
               MAX_HEADER);
    if (len > b->len - LENGTH_BYTES)
        die_at(f->name, 0, "header length %llu runs past the end, %zu bytes on; the file is cut short or not safetensors",
               (unsigned long long)len, b->len - LENGTH_BYTES);
    *n = (size_t)len;
    return (const char *)b->data + LENGTH_BYTES;
}

static cJSON *parse_header(const st_file_t *f, size_t *n)
{
    const char *text = header_text(f, n);
    json_error_t e;
    if (!*n || text[0] != '{') die_at(f->name, 0, "not a safetensors file: the header does not begin with '{'");
    if (!utf8_valid(text, *n)) die_at(f->name, 0, "header: not valid UTF-8");
    if (!json_check(text, *n, &e)) die_at(f->name, 0, "header: not JSON at byte %zu: %s", e.at, e.why);
    cJSON *header = cJSON_ParseWithLength(text, *n);
    if (!header) die_at(f->name, 0, "header: not JSON that can be read");
    return header;
}

/* Reads a whole number in [0, 2^53), where JSON numbers are exact. */
static bool as_size(const cJSON *v, size_t *out)
{
    double d = cJSON_IsNumber(v) ? v->valuedouble : -1;
    if (!(d >= 0) || d >= 0x1p53 || floor(d) != d) return false;
    *out = (size_t)d;
    return true;
}

static const cJSON *need_key(const st_file_t *f, const cJSON *info, const char *key)
{
    const cJSON *found = NULL, *v;
    cJSON_ArrayForEach(v, info) {
        if (strcmp(v->string, key) != 0) continue;
        if (found) st_bad(f, info->string, "'%s' is there twice, expected once", key);
        found = v;
    }
    if (!found) st_bad(f, info->string, "no '%s', expected dtype, shape and data_offsets", key);
    return found;
}

static void read_shape(const st_file_t *f, const cJSON *info, st_tensor_t *t)
{
    const cJSON *shape = need_key(f, info, "shape"), *v;
    size_t count = 1, extent;
    if (!cJSON_IsArray(shape)) st_bad(f, t->name, "shape is %s, expected an array", json_kind(shape));
    cJSON_ArrayForEach(v, shape) {
        if (t->dims == ST_MAX_DIMS) st_bad(f, t->name, "more than %d dimensions", ST_MAX_DIMS);
        if (!as_size(v, &extent)) st_bad(f, t->name, "shape holds something else than whole numbers from 0");
        if (__builtin_mul_overflow(count, extent, &count) || count > INT64_MAX / 16)
            st_bad(f, t->name, "shape overflows");
        t->shape[t->dims++] = (int64_t)extent;
    }
    t->count = (int64_t)count;
}

/* Finds where the tensor's data begins. */
static size_t read_offsets(const st_file_t *f, const cJSON *info, st_tensor_t *t, size_t data_len)
{
    size_t begin, end;
    const cJSON *v = need_key(f, info, "data_offsets");
    if (cJSON_GetArraySize(v) != 2 || !cJSON_IsArray(v) || !as_size(v->child, &begin) || !as_size(v->child->next, &end))
        st_bad(f, t->name, "data_offsets: expected two whole numbers from 0");
    if (begin > end) st_bad(f, t->name, "data_offsets [%zu,%zu] run backwards", begin, end);
    if (end > data_len)
        st_bad(f, t->name, "data_offsets [%zu,%zu] run past the end, expected at most %zu bytes of data", begin, end,
               data_len);
    size_t need = t->other ? end - begin : (size_t)t->count * st_dtype_size(t->dtype);
    if (end - begin != need)
        st_bad(f, t->name, "data_offsets [%zu,%zu] hold %zu bytes, expected %zu from dtype and shape", begin, end,
               end - begin, need);
    t->size = need;
    return begin;
}

static void read_tensor(st_file_t *f, const cJSON *info, const unsigned char *data, size_t data_len)
{
    struct st_source *s = f->source;
    st_tensor_t *t = &f->tensors[f->count];
    const char *name = info->string;
    if (!cJSON_IsObject(info)) st_bad(f, name, "is %s, expected an object", json_kind(info));
    if (strtab_find(&s->names, name, strlen(name)) >= 0)
        die_at(f->name, 0, "tensor '%s' is there twice, expected unique names", name);
    strtab_add(&s->names, name, strlen(name));
    t->name = xstrdup(name);
    const cJSON *dtype = need_key(f, info, "dtype");
    const bool known = cJSON_IsString(dtype) && st_dtype_parse(dtype->valuestring, &t->dtype);
    if (!known && s->listing && cJSON_IsString(dtype)) {
        t->dtype = ST_OTHER;
        t->other = xstrdup(dtype->valuestring);
    } else if (!known)
        st_bad(f, name, "dtype %s is not known", cJSON_IsString(dtype) ? dtype->valuestring : json_kind(dtype));
    read_shape(f, info, t);
    t->data = data + read_offsets(f, info, t, data_len);
    f->count++;
}

static void read_meta(st_file_t *f, const cJSON *meta)
{
    strtab_t keys = {0};
    strtab_index(&keys);
    if (f->meta_keys) die_at(f->name, 0, "__metadata__ is there twice, expected once");
    if (!cJSON_IsObject(meta))
        die_at(f->name, 0, "__metadata__ is %s, expected an object of strings", json_kind(meta));
    int n = cJSON_GetArraySize(meta);
    f->meta_keys = NEW_ARRAY(char *, n);
    f->meta_values = NEW_ARRAY(char *, n);
    const cJSON *v;
    cJSON_ArrayForEach(v, meta) {
        size_t len = strlen(v->string);
        if (!cJSON_IsString(v))
            die_at(f->name, 0, "__metadata__ '%s' is %s, expected a string", v->string, json_kind(v));
        if (strtab_find(&keys, v->string, len) >= 0)
            die_at(f->name, 0, "__metadata__ '%s' is there twice, expected once", v->string);
        strtab_add(&keys, v->string, len);
        f->meta_keys[f->meta_count] = xstrdup(v->string);
        f->meta_values[f->meta_count++] = xstrdup(v->valuestring);
    }
    strtab_free(&keys);
}

static int by_place(const void *pa, const void *pb)
{
    const st_tensor_t *a = pa, *b = pb;
    if (a->data != b->data) return a->data < b->data ? -1 : 1;
    /* Empty tensors lie where the next begins, and come before it. */
    if (!a->size != !b->size) return a->size ? 1 : -1;
    return strcmp(a->name, b->name);
}

/* Puts the tensors in the order of their data, which must cover the buffer without holes or overlaps. */
static void check_cover(st_file_t *f, const unsigned char *data, size_t data_len)
{
    qsort(f->tensors, (size_t)f->count, sizeof *f->tensors, by_place);
    const unsigned char *at = data;
    for (int i = 0; i < f->count; i++) {
        const st_tensor_t *t = &f->tensors[i];
        if (t->data < at) die_at(f->name, 0, "tensors '%s' and '%s' overlap", f->tensors[i - 1].name, t->name);
        if (t->data > at)
            die_at(f->name, 0, "hole of %zu bytes before tensor '%s', expected its data at offset %zu",
                   (size_t)(t->data - at), t->name, (size_t)(at - data));
        at += t->size;
    }
    if (at != data + data_len)
        die_at(f->name, 0, "%zu bytes after the last tensor's data, expected the end of the file",
               data_len - (size_t)(at - data));
}

/* Indexes the names as the tensors now stand, for st_find(). */
static void index_names(st_file_t *f)
{
    strtab_free(&f->source->names);
    for (int i = 0; i < f->count; i++) strtab_add(&f->source->names, f->tensors[i].name, strlen(f->tensors[i].name));
    strtab_index(&f->source->names);
}

static st_file_t *open_bytes(bytes_t bytes, bool listing)
{
    st_file_t *f = NEW(st_file_t);
    struct st_source *s = f->source = NEW(struct st_source);
    s->bytes = bytes;
    s->listing = listing;
    f->name = xstrdup(s->bytes.name);
    size_t header_len;
    cJSON *header = parse_header(f, &header_len);
    const unsigned char *data = s->bytes.data + LENGTH_BYTES + header_len;
    size_t data_len = s->bytes.len - LENGTH_BYTES - header_len;
    int n = cJSON_GetArraySize(header);
    f->tensors = NEW_ARRAY(st_tensor_t, n);
    strtab_index(&s->names);
    const cJSON *v;
    cJSON_ArrayForEach(v, header) {
        if (!strcmp(v->string, "__metadata__")) read_meta(f, v);
        else read_tensor(f, v, data, data_len);
    }
    cJSON_Delete(header);
    check_cover(f, data, data_len);
    index_names(f);
    return f;
}

st_file_t *st_open(const char *path) { return st_open_bytes(in_bytes(path)); }
st_file_t *st_open_bytes(bytes_t bytes) { return open_bytes(bytes, false); }
st_file_t *st_open_listing(const char *path) { return open_bytes(in_bytes(path), true); }

void st_close(st_file_t *f)
{
    if (!f) return;
    for (int i = 0; i < f->count; i++) {
        free(f->tensors[i].name);
        free(f->tensors[i].other);
    }
    for (int i = 0; i < f->meta_count; i++) {
        free(f->meta_keys[i]);
        free(f->meta_values[i]);
    }
    strtab_free(&f->source->names);
    in_free(&f->source->bytes);
    free(f->source);
    free(f->meta_keys);
    free(f->meta_values);
    free(f->tensors);
    free(f->name);
    free(f);
}

bool st_begins(const char *bytes, size_t n)
{
    uint64_t len = 0;
    if (n <= LENGTH_BYTES) return false;
    memcpy(&len, bytes, sizeof len);
    return len <= MAX_HEADER && bytes[LENGTH_BYTES] == '{';
}

void st_release(const st_file_t *f, const void *data, size_t n)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), end = (uintptr_t)data + n;
    const uintptr_t start = ((uintptr_t)data + page - 1) / page * page;
    if (f->source->bytes.mapped && end > start + page) madvise((void *)start, end - start, MADV_DONTNEED);
}

const st_tensor_t *st_find(const st_file_t *f, const char *name)
{
    int64_t i = strtab_find(&f->source->names, name, strlen(name));
    return i < 0 ? NULL : &f->tensors[i];
}

const char *st_meta(const st_file_t *f, const char *key)
{
    for (int i = 0; i < f->meta_count; i++)
        if (!strcmp(f->meta_keys[i], key)) return f->meta_values[i];
    return NULL;
}

/* Reads the bytes a stretch at a time, so that a large file does not fill the memory. */
static XXH128_hash_t hash_bytes(const st_file_t *f)
{
    enum { STRETCH = 1 << 25 };
    const bytes_t *b = &f->source->bytes;
    if (b->len <= STRETCH) return XXH3_128bits(b->data, b->len);
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_128bits_reset(state) == XXH_ERROR) die(EX_OSERR, "out of memory");
    for (size_t at = 0; at < b->len; at += STRETCH) {
        const size_t n = b->len - at < STRETCH ? b->len - at : STRETCH;
        XXH3_128bits_update(state, b->data + at, n);
        st_release(f, b->data + at, n);
    }
    const XXH128_hash_t h = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return h;
}

char *st_digest(const st_file_t *f)
{
    XXH128_canonical_t d;
    XXH128_canonicalFromHash(&d, hash_bytes(f));
    char *hex = xmalloc(2 * sizeof d.digest + 1);
    for (size_t i = 0; i < sizeof d.digest; i++) {
        hex[2 * i] = "0123456789abcdef"[d.digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[d.digest[i] & 15];
    }
    hex[2 * sizeof d.digest] = '\0';
    return hex;
}
