#include "data/npy.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

static const char magic[6] = "\x93NUMPY";

/* NumPy's names of the types, without the byte order. */
static const struct {
    const char *descr;
    st_dtype dtype;
} types[] = {
    {"b1", ST_BOOL}, {"u1", ST_U8},  {"i1", ST_I8},  {"i2", ST_I16}, {"u2", ST_U16}, {"f2", ST_F16}, {"i4", ST_I32},
    {"u4", ST_U32},  {"f4", ST_F32}, {"f8", ST_F64}, {"i8", ST_I64}, {"u8", ST_U64},
};

enum { TYPES = sizeof types / sizeof *types };

bool npy_is(const bytes_t *b) { return b->len >= sizeof magic && !memcmp(b->data, magic, sizeof magic); }

/* The header's text, a Python dictionary, while it is read. */
typedef struct {
    const char *file, *p, *end;
} reader_t;

static _Noreturn void malformed(const reader_t *r)
{
    die_at(r->file, 0, "npy header not understood, expected {'descr': ..., 'fortran_order': ..., 'shape': ...}");
}

static void skip_blanks(reader_t *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n')) r->p++;
}

static bool take(reader_t *r, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(r);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0) return false;
    r->p += n;
    return true;
}

static void expect(reader_t *r, const char *word)
{
    if (!take(r, word)) malformed(r);
}

/* Reads a quoted string, cut to fit. */
static void read_string(reader_t *r, char *out, size_t size)
{
    skip_blanks(r);
    if (r->p == r->end || (*r->p != '\'' && *r->p != '"')) malformed(r);
    const char *start = r->p + 1, *close = memchr(start, *r->p, (size_t)(r->end - start));
    if (!close) malformed(r);
    size_t n = (size_t)(close - start) < size - 1 ? (size_t)(close - start) : size - 1;
    memcpy(out, start, n);
    out[n] = '\0';
    r->p = close + 1;
}

static void read_descr(reader_t *r, st_tensor_t *t)
{
    char descr[32];
    skip_blanks(r);
    if (r->p < r->end && *r->p == '[') die_at(r->file, 0, "npy: holds records, expected numbers of one type");
    read_string(r, descr, sizeof descr);
    if (descr[0] == '>') die_at(r->file, 0, "npy: type '%s' is big-endian, expected little-endian", descr);
    if (descr[0] == '|' && descr[1] == 'O') die_at(r->file, 0, "npy: holds Python objects, expected numbers");
    if (descr[0] == '<' || descr[0] == '|')
        for (int i = 0; i < TYPES; i++)
            if (!strcmp(descr + 1, types[i].descr)) {
                t->dtype = types[i].dtype;
                return;
            }
    die_at(r->file, 0, "npy: type '%s', expected booleans, integers or floats of up to 64 bits", descr);
}

static int64_t read_extent(reader_t *r)
{
    int64_t v = 0;
    skip_blanks(r);
    if (r->p == r->end || *r->p < '0' || *r->p > '9') malformed(r);
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *r->p - '0', &v))
            die_at(r->file, 0, "npy: shape overflows");
    return v;
}

static void read_shape(reader_t *r, st_tensor_t *t)
{
    expect(r, "(");
    for (t->dims = 0; !take(r, ")"); t->dims++) {
        if (t->dims == ST_MAX_DIMS) die_at(r->file, 0, "npy: more than %d dimensions", ST_MAX_DIMS);
        t->shape[t->dims] = read_extent(r);
        if (!take(r, ",")) {
            expect(r, ")");
            t->dims++;
            break;
        }
    }
}

static void read_dictionary(reader_t *r, st_tensor_t *t)
{
    bool descr = false, order = false, shape = false;
    expect(r, "{");
    while (!take(r, "}")) {
        char key[32];
        read_string(r, key, sizeof key);
        expect(r, ":");
        if (!strcmp(key, "descr") && !descr) {
            descr = true;
            read_descr(r, t);
        } else if (!strcmp(key, "fortran_order") && !order) {
            order = true;
            if (take(r, "True"))
                die_at(r->file, 0, "npy: array in Fortran order, expected C order (numpy.ascontiguousarray)");
            expect(r, "False");
        } else if (!strcmp(key, "shape") && !shape) {
            shape = true;
            read_shape(r, t);
        } else {
            malformed(r);
        }
        take(r, ",");
    }
    skip_blanks(r);
    if (!descr || !order || !shape || r->p != r->end) malformed(r);
}

/* Finds the header's text; returns the offset of the data. */
static size_t find_header(const bytes_t *b, reader_t *r)
{
    size_t start = sizeof magic + 2, len;
    if (!npy_is(b) || b->len < start) die_at(b->name, 0, "not a .npy file");
    int major = b->data[sizeof magic];
    if (major != 1 && major != 2) die_at(b->name, 0, "npy: version %d, expected 1 or 2", major);
    size_t size = major == 1 ? 2 : 4;
    if (b->len < start + size) die_at(b->name, 0, "npy: cut short in the header");
    len = (size_t)b->data[start] | (size_t)b->data[start + 1] << 8;
    if (major == 2) len |= (size_t)b->data[start + 2] << 16 | (size_t)b->data[start + 3] << 24;
    start += size;
    if (len > b->len - start) die_at(b->name, 0, "npy: cut short in the header");
    *r = (reader_t){b->name, (const char *)b->data + start, (const char *)b->data + start + len};
    return start + len;
}

st_tensor_t npy_parse(const bytes_t *b)
{
    st_tensor_t t = {0};
    reader_t r;
    size_t at = find_header(b, &r), bytes;
    read_dictionary(&r, &t);
    size_t count = 1;
    for (int d = 0; d < t.dims; d++)
        if (__builtin_mul_overflow(count, (size_t)t.shape[d], &count)) die_at(b->name, 0, "npy: shape overflows");
    if (__builtin_mul_overflow(count, st_dtype_size(t.dtype), &bytes)) die_at(b->name, 0, "npy: shape overflows");
    if (b->len - at != bytes)
        die_at(b->name, 0, "npy: %zu bytes of data, expected %zu from type and shape", b->len - at, bytes);
    t.count = (int64_t)count;
    t.data = b->data + at;
    return t;
}

/* Gives NumPy's name of the type, with its byte order; NULL where NumPy has none. */
static const char *type_name(st_dtype t)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].dtype == t) return types[i].descr;
    return NULL;
}

static void write_header(out_t *o, const st_tensor_t *t, const char *descr)
{
    buf_t b = {0};
    buf_printf(&b, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", descr[1] == '1' ? '|' : '<', descr);
    for (int d = 0; d < t->dims; d++) buf_printf(&b, "%s%lld", d ? ", " : "", (long long)t->shape[d]);
    buf_printf(&b, "%s), }", t->dims == 1 ? "," : "");
    while ((sizeof magic + 4 + b.len + 1) % 64) buf_puts(&b, " ");
    buf_puts(&b, "\n");
    unsigned char start[4] = {1, 0, (unsigned char)(b.len & 255), (unsigned char)(b.len >> 8)};
    out_write(o, magic, sizeof magic);
    out_write(o, start, sizeof start);
    out_write(o, b.data, b.len);
    buf_free(&b);
}

void npy_write(out_t *o, const st_tensor_t *t)
{
    const char *descr = type_name(t->dtype);
    write_header(o, t, descr ? descr : "f4");
    if (descr) {
        out_write(o, t->data, (size_t)t->count * st_dtype_size(t->dtype));
        return;
    }
    for (int64_t i = 0; i < t->count; i++) {
        float v = (float)st_value(t, i);
        out_write(o, &v, sizeof v);
    }
}
