#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/version.h"
#include "data/st.h"

enum { PIECE = 1 << 22 }; /* bytes that a source is asked for at once */

/* A borrowed stretch of rows. */
typedef struct {
    const void *data;
    const spool_t *spool;   /* in place of data */
    st_read_fn read;        /* likewise, with data for its context */
    size_t bytes;
} part_t;

/* A tensor to write: its rows, part after part. */
typedef struct {
    char *name;
    st_dtype dtype;
    int dims;
    int64_t shape[ST_MAX_DIMS];
    size_t bytes;
    part_t *parts;
    int count, cap;
    uint16_t *own;      /* converted values that `parts` points to; NULL: none */
} entry_t;

struct st_writer {
    out_t *out;
    bool written;
    entry_t *entries;
    int count, cap;
    char **meta_keys, **meta_values;
    int meta_count, meta_cap, value_cap;
};

st_writer_t *st_create(const char *path, const char *schema)
{
    st_writer_t *w = NEW(st_writer_t);
    w->out = out_open(path, true);
    st_set_meta(w, "tool", err_program_name());
    st_set_meta(w, "version", SIDMILL_VERSION);
    if (schema) st_set_meta(w, "schema", schema);
    return w;
}

static void check_text(const st_writer_t *w, const char *what, const char *s)
{
    if (!utf8_valid(s, strlen(s))) die(EX_DATAERR, "%s: %s is not valid UTF-8", out_name(w->out), what);
}

void st_set_meta(st_writer_t *w, const char *key, const char *value)
{
    check_text(w, "a metadata key", key);
    check_text(w, key, value);
    for (int i = 0; i < w->meta_count; i++)
        if (!strcmp(w->meta_keys[i], key)) {
            char *copy = xstrdup(value);
            free(w->meta_values[i]);
            w->meta_values[i] = copy;
            return;
        }
    GROW(w->meta_keys, w->meta_count, w->meta_cap);
    GROW(w->meta_values, w->meta_count, w->value_cap);
    w->meta_keys[w->meta_count] = xstrdup(key);
    w->meta_values[w->meta_count++] = xstrdup(value);
}

static entry_t *find_entry(const st_writer_t *w, const char *name)
{
    for (int i = 0; i < w->count; i++)
        if (!strcmp(w->entries[i].name, name)) return &w->entries[i];
    return NULL;
}

static void add_part(entry_t *e, const void *data, size_t bytes)
{
    GROW(e->parts, e->count, e->cap);
    e->parts[e->count++] = (part_t){.data = data, .bytes = bytes};
    e->bytes = size_add(e->bytes, bytes);
}

void st_add(st_writer_t *w, const char *name, st_dtype dtype, int dims, const int64_t *shape, const void *data)
{
    size_t bytes = st_dtype_size(dtype);
    check_text(w, "a tensor's name", name);
    if (dims < 0 || dims > ST_MAX_DIMS) die(EX_SOFTWARE, "tensor '%s': %d dimensions", name, dims);
    if (!strcmp(name, "__metadata__")) die(EX_USAGE, "a tensor cannot be called __metadata__");
    if (find_entry(w, name)) die(EX_SOFTWARE, "tensor '%s' is written twice", name);
    GROW(w->entries, w->count, w->cap);
    entry_t *e = &w->entries[w->count++];
    *e = (entry_t){.name = xstrdup(name), .dtype = dtype, .dims = dims};
    for (int d = 0; d < dims; d++) {
        if (shape[d] < 0) die(EX_SOFTWARE, "tensor '%s': extent %lld", name, (long long)shape[d]);
        e->shape[d] = shape[d];
        bytes = size_mul(bytes, (size_t)shape[d]);
    }
    add_part(e, data, bytes);
}

void st_add_bf16(st_writer_t *w, const char *name, int dims, const int64_t *shape, const float *values)
{
    size_t n = 1;
    for (int d = 0; d < dims; d++) n = size_mul(n, (size_t)shape[d]);
    uint16_t *own = NEW_ARRAY(uint16_t, n + 1);
    st_bf16_of((int64_t)n, values, own);
    st_add(w, name, ST_BF16, dims, shape, own);
    find_entry(w, name)->own = own;
}

void st_extend(st_writer_t *w, const char *name, int64_t rows, const void *data)
{
    entry_t *e = find_entry(w, name);
    if (!e || !e->dims || rows < 0) die(EX_SOFTWARE, "tensor '%s' cannot be extended", name);
    size_t bytes = size_mul(st_dtype_size(e->dtype), (size_t)rows);
    for (int d = 1; d < e->dims; d++) bytes = size_mul(bytes, (size_t)e->shape[d]);
    e->shape[0] += rows;
    add_part(e, data, bytes);
}

void st_add1(st_writer_t *w, const char *name, st_dtype dtype, int64_t n, const void *data)
{
    st_add(w, name, dtype, 1, &n, data);
}

void st_add2(st_writer_t *w, const char *name, st_dtype dtype, int64_t rows, int64_t cols, const void *data)
{
    st_add(w, name, dtype, 2, (int64_t[]){rows, cols}, data);
}

void st_add_strings(st_writer_t *w, const char *name, const strtab_t *t)
{
    st_add1(w, name, ST_U8, t->count ? t->offsets[t->count] : 0, t->bytes);
}

static void add_spool(st_writer_t *w, const char *name, st_dtype dtype, int dims, const int64_t *shape, const spool_t *s)
{
    if (s->size != st_dtype_size(dtype)) die(EX_SOFTWARE, "tensor '%s': elements of %zu bytes", name, s->size);
    st_add(w, name, dtype, dims, shape, NULL);
    find_entry(w, name)->parts[0].spool = s;
}

void st_add_spool(st_writer_t *w, const char *name, st_dtype dtype, const spool_t *s)
{
    add_spool(w, name, dtype, 1, &s->count, s);
}

void st_add_spool2(st_writer_t *w, const char *name, st_dtype dtype, int64_t cols, const spool_t *s)
{
    if (cols < 1 || s->count % cols)
        die(EX_SOFTWARE, "tensor '%s': %lld elements in rows of %lld", name, (long long)s->count, (long long)cols);
    add_spool(w, name, dtype, 2, (int64_t[]){s->count / cols, cols}, s);
}

void st_add_source(st_writer_t *w, const char *name, st_dtype dtype, int dims, const int64_t *shape, st_read_fn read, const void *ctx)
{
    st_add(w, name, dtype, dims, shape, ctx);
    find_entry(w, name)->parts[0].read = read;
}

/* Wide types first, so that every tensor is aligned to its elements; then by name. */
static int by_width(const void *pa, const void *pb)
{
    const entry_t *a = pa, *b = pb;
    size_t wa = st_dtype_size(a->dtype), wb = st_dtype_size(b->dtype);
    return wa != wb ? (wa > wb ? -1 : 1) : strcmp(a->name, b->name);
}

static void put_string(buf_t *b, const char *s) { buf_json_string(b, s, strlen(s)); }

static void put_meta(buf_t *b, const st_writer_t *w)
{
    buf_puts(b, "\"__metadata__\":{");
    for (int i = 0; i < w->meta_count; i++) {
        if (i) buf_puts(b, ",");
        put_string(b, w->meta_keys[i]);
        buf_puts(b, ":");
        put_string(b, w->meta_values[i]);
    }
    buf_puts(b, "}");
}

static void put_entry(buf_t *b, const entry_t *e, size_t begin)
{
    buf_puts(b, ",");
    put_string(b, e->name);
    buf_printf(b, ":{\"dtype\":\"%s\",\"shape\":[", st_dtype_name(e->dtype));
    for (int d = 0; d < e->dims; d++) buf_printf(b, "%s%lld", d ? "," : "", (long long)e->shape[d]);
    buf_printf(b, "],\"data_offsets\":[%zu,%zu]}", begin, size_add(begin, e->bytes));
}

static void write_header(const st_writer_t *w)
{
    buf_t b = {0};
    size_t at = 0;
    buf_puts(&b, "{");
    put_meta(&b, w);
    for (int i = 0; i < w->count; i++) {
        put_entry(&b, &w->entries[i], at);
        at = size_add(at, w->entries[i].bytes);
    }
    buf_puts(&b, "}");
    while (b.len % 8) buf_puts(&b, " ");
    if (b.len > 100000000) die(EX_DATAERR, "%s: header of %zu bytes, expected at most 100 MB", out_name(w->out), b.len);
    uint64_t len = b.len;
    out_write(w->out, &len, sizeof len);
    out_write(w->out, b.data, b.len);
    buf_free(&b);
}

static void write_spool(const st_writer_t *w, const spool_t *s)
{
    spool_reader_t in = spool_reader(s);
    for (int64_t at = 0, n; at < s->count; at += n) {
        n = s->count - at < SPOOL_CHUNK ? s->count - at : SPOOL_CHUNK;
        out_write(w->out, spool_next(&in, n), (size_t)n * s->size);
    }
    spool_reader_free(&in);
}

static void write_source(const st_writer_t *w, const part_t *p)
{
    char *piece = xmalloc(PIECE);
    for (size_t at = 0, n; at < p->bytes; at += n) {
        n = p->bytes - at < PIECE ? p->bytes - at : PIECE;
        p->read(p->data, at, n, piece);
        out_write(w->out, piece, n);
    }
    free(piece);
}

static void write_part(const st_writer_t *w, const part_t *p)
{
    if (p->spool) write_spool(w, p->spool);
    else if (p->read) write_source(w, p);
    else out_write(w->out, p->data, p->bytes);
}

void st_write(st_writer_t *w, void (*written)(const void *data, size_t bytes))
{
    if (w->written) return;
    w->written = true;
    if (w->count) qsort(w->entries, (size_t)w->count, sizeof *w->entries, by_width);
    write_header(w);
    for (int i = 0; i < w->count; i++)
        for (int p = 0; p < w->entries[i].count; p++) {
            const part_t *part = &w->entries[i].parts[p];
            write_part(w, part);
            if (written && part->data && !part->read) written(part->data, part->bytes);
        }
}

void st_prepare(st_writer_t *w)
{
    st_write(w, NULL);
    out_prepare(w->out);
}

void st_commit(st_writer_t *w)
{
    st_write(w, NULL);
    out_commit(w->out);
    for (int i = 0; i < w->count; i++) {
        free(w->entries[i].name);
        free(w->entries[i].parts);
        free(w->entries[i].own);
    }
    for (int i = 0; i < w->meta_count; i++) {
        free(w->meta_keys[i]);
        free(w->meta_values[i]);
    }
    free(w->entries);
    free(w->meta_keys);
    free(w->meta_values);
    free(w);
}
