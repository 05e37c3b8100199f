#include "data/tsv.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static void put_float(buf_t *b, double v, bool wide)
{
    char text[40];
    for (int digits = 6, most = wide ? DBL_DECIMAL_DIG : FLT_DECIMAL_DIG; digits <= most; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (wide ? strtod(text, NULL) == v : (double)strtof(text, NULL) == v) break;
    }
    buf_puts(b, text);
}

void tsv_put(buf_t *b, const st_tensor_t *t, int64_t i)
{
    int64_t v;
    if (st_dtype_is_float(t->dtype)) put_float(b, st_value(t, i), t->dtype == ST_F64);
    else if (st_integer(t, i, &v)) buf_printf(b, "%lld", (long long)v);
    else buf_printf(b, "%llu", (unsigned long long)v);
}

void tsv_write(out_t *o, const st_tensor_t *t)
{
    int64_t rows = t->dims ? t->shape[0] : 1, cols = rows ? t->count / rows : 0;
    buf_t line = {0};
    for (int64_t r = 0; r < rows; r++) {
        buf_clear(&line);
        for (int64_t c = 0; c < cols; c++) {
            if (c) buf_puts(&line, "\t");
            tsv_put(&line, t, r * cols + c);
        }
        buf_puts(&line, "\n");
        out_write(o, line.data, line.len);
    }
    buf_free(&line);
}

/* Text being read; `line` is 1-based. */
typedef struct {
    const char *file, *p, *end;
    long long line;
    st_dtype dtype;
} scan_t;

/* Takes the line at s->p without its line break; s->p moves to the next. */
static const char *next_line(scan_t *s, size_t *n)
{
    const char *start = s->p, *newline = memchr(start, '\n', (size_t)(s->end - start));
    const char *stop = newline ? newline : s->end;
    s->p = newline ? newline + 1 : s->end;
    s->line++;
    if (stop > start && stop[-1] == '\r') stop--;
    *n = (size_t)(stop - start);
    return start;
}

static const struct {
    long long low;
    unsigned long long high;
} ranges[ST_DTYPES] = {
    [ST_BOOL] = {0, 1},                 [ST_U8] = {0, UINT8_MAX},    [ST_I8] = {INT8_MIN, INT8_MAX},
    [ST_I16] = {INT16_MIN, INT16_MAX},  [ST_U16] = {0, UINT16_MAX},  [ST_I32] = {INT32_MIN, INT32_MAX},
    [ST_U32] = {0, UINT32_MAX},         [ST_I64] = {INT64_MIN, INT64_MAX}, [ST_U64] = {0, UINT64_MAX},
};

/* Reads the field's value into its type's bytes (little-endian: the low ones of a wider integer); false if it is none. */
static bool parse_integer(const char *text, st_dtype dtype, void *out)
{
    char *end;
    bool negative = text[0] == '-';
    errno = 0;
    unsigned long long v = negative ? (unsigned long long)strtoll(text, &end, 10) : strtoull(text, &end, 10);
    if (end == text || *end || errno) return false;
    if (negative ? (long long)v < ranges[dtype].low : v > ranges[dtype].high) return false;
    memcpy(out, &v, st_dtype_size(dtype));
    return true;
}

static bool parse_float(const char *text, st_dtype dtype, void *out)
{
    char *end;
    if (dtype == ST_F32) memcpy(out, &(float){strtof(text, &end)}, sizeof(float));
    else memcpy(out, &(double){strtod(text, &end)}, sizeof(double));
    return end != text && !*end;
}

static void parse_field(const scan_t *s, const char *field, size_t n, void *out)
{
    char text[512];
    bool fits = n && n < sizeof text && !strchr(" \f\v\r", field[0]);
    if (fits) {
        memcpy(text, field, n);
        text[n] = '\0';
        fits = st_dtype_is_float(s->dtype) ? parse_float(text, s->dtype, out) : parse_integer(text, s->dtype, out);
    }
    if (!fits)
        die_at(s->file, s->line, "'%.*s', expected a number of type %s", n < 60 ? (int)n : 60, field,
               st_dtype_name(s->dtype));
}

/* Adds a line's numbers to `data`; returns how many. */
static int64_t parse_line(const scan_t *s, const char *line, size_t n, buf_t *data)
{
    int64_t cols = 0;
    for (const char *stop = line + n;; cols++) {
        const char *tab = memchr(line, '\t', (size_t)(stop - line));
        char value[8];
        parse_field(s, line, (size_t)((tab ? tab : stop) - line), value);
        buf_add(data, value, st_dtype_size(s->dtype));
        if (!tab) return cols + 1;
        line = tab + 1;
    }
}

st_tensor_t tsv_parse(const bytes_t *b, st_dtype dtype)
{
    scan_t s = {b->name, (const char *)b->data, (const char *)b->data + b->len, 0, dtype};
    buf_t data = {0};
    int64_t cols = 0;
    while (s.p < s.end) {
        size_t n;
        const char *line = next_line(&s, &n);
        int64_t found = parse_line(&s, line, n, &data);
        if (s.line == 1) cols = found;
        if (found != cols)
            die_at(s.file, s.line, "%lld columns, expected %lld as in the first line", (long long)found, (long long)cols);
    }
    st_tensor_t t = {.dtype = dtype, .dims = cols > 1 ? 2 : 1, .shape = {s.line, cols}, .count = s.line * cols};
    t.data = (unsigned char *)data.data;
    return t;
}

strtab_t tsv_parse_strings(const bytes_t *b)
{
    scan_t s = {.file = b->name, .p = (const char *)b->data, .end = (const char *)b->data + b->len};
    strtab_t t = {0};
    while (s.p < s.end) {
        size_t n;
        const char *line = next_line(&s, &n);
        if (!n) die_at(s.file, s.line, "empty line, expected a string");
        if (memchr(line, '\t', n)) die_at(s.file, s.line, "a tab, expected one string a line");
        if (!utf8_valid(line, n)) die_at(s.file, s.line, "not valid UTF-8");
        strtab_add(&t, line, n);
    }
    return t;
}
