#include "data/describe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_STRINGS = 3, SHOWN_BYTES = 24 };

st_stats_t st_stats(const st_tensor_t *t)
{
    st_stats_t s = {.min = (double)NAN, .max = (double)NAN, .mean = (double)NAN};
    int64_t finite = 0;
    double sum = 0;
    for (int64_t i = 0; i < t->count; i++) {
        double v = st_value(t, i);
        s.zeros += v == 0;
        s.nan += isnan(v) != 0;
        s.inf += isinf(v) != 0;
        if (!isfinite(v)) continue;
        if (!finite++) s.min = s.max = v;
        if (v < s.min) s.min = v;
        if (v > s.max) s.max = v;
        sum += v;
    }
    if (finite) s.mean = sum / (double)finite;
    return s;
}

bool st_strings(const st_tensor_t *t, strtab_t *table)
{
    size_t n = strlen(t->name);
    return t->dtype == ST_U8 && t->dims == 1 && n > 4 && !strcmp(t->name + n - 4, "_ids")
           && strtab_parse(table, (const char *)t->data, (size_t)t->count);
}

/* Appends text from a file with its control characters spelled out, because a terminal would obey them. */
static void put_clean(buf_t *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f) buf_printf(out, "\\x%02x", c);
        else buf_add(out, s + i, 1);
    }
}

static void put_padded(buf_t *out, const char *text, size_t width)
{
    buf_puts(out, text);
    for (size_t n = strlen(text); n < width; n++) buf_puts(out, " ");
}

static char *shape_text(const st_tensor_t *t)
{
    buf_t b = {0};
    buf_puts(&b, "[");
    for (int d = 0; d < t->dims; d++) buf_printf(&b, "%s%lld", d ? "," : "", (long long)t->shape[d]);
    buf_puts(&b, "]");
    return b.data;
}

/* Measures how much of a string is shown: its first bytes, cut before a UTF-8 sequence that does not fit. */
static size_t shown_length(const char *s, size_t n)
{
    if (n <= SHOWN_BYTES) return n;
    for (n = SHOWN_BYTES; n && ((unsigned char)s[n] & 0xc0) == 0x80;) n--;
    return n;
}

static void put_strings(buf_t *out, const strtab_t *t)
{
    buf_printf(out, "%lld string%s", (long long)t->count, t->count == 1 ? "" : "s");
    for (int64_t i = 0; i < t->count && i < SHOWN_STRINGS; i++) {
        size_t n;
        const char *s = strtab_get(t, i, &n);
        buf_puts(out, i ? ", " : ": ");
        put_clean(out, s, shown_length(s, n));
    }
    if (t->count > SHOWN_STRINGS) buf_puts(out, ", ...");
}

static void put_stats(buf_t *out, const st_tensor_t *t)
{
    st_stats_t s = st_stats(t);
    if (!t->count) {
        buf_puts(out, "empty");
        return;
    }
    buf_printf(out, "min %.6g  max %.6g  mean %.6g  zeros %.1f%%", s.min, s.max, s.mean,
               100.0 * (double)s.zeros / (double)t->count);
    if (s.nan) buf_printf(out, "  NaN %lld", (long long)s.nan);
    if (s.inf) buf_printf(out, "  inf %lld", (long long)s.inf);
}

/* The type's name. */
static const char *dtype_of(const st_tensor_t *t) { return t->other ? t->other : st_dtype_name(t->dtype); }

static void put_contents(buf_t *out, const st_tensor_t *t)
{
    strtab_t table;
    if (t->other) {
        buf_printf(out, "%zu bytes of a type that is not known here", t->size);
        return;
    }
    if (!st_strings(t, &table)) {
        put_stats(out, t);
        return;
    }
    put_strings(out, &table);
    strtab_free(&table);
}

/* Measures the columns of names and shapes. */
static void measure(const st_file_t *f, size_t *name, size_t *shape)
{
    *name = *shape = 0;
    for (int i = 0; i < f->count; i++) {
        char *text = shape_text(&f->tensors[i]);
        if (strlen(text) > *shape) *shape = strlen(text);
        if (strlen(f->tensors[i].name) > *name) *name = strlen(f->tensors[i].name);
        free(text);
    }
}

static void put_tensor(buf_t *out, const st_tensor_t *t, size_t name_width, size_t shape_width, bool brief)
{
    buf_t name = {0};
    char *shape = shape_text(t);
    put_clean(&name, t->name, strlen(t->name));
    put_padded(out, name.data, name_width + 2);
    buf_t type = {0};
    put_clean(&type, dtype_of(t), strlen(dtype_of(t)));
    put_padded(out, type.data ? type.data : "", 7);
    buf_puts(out, "  ");
    put_padded(out, shape, brief ? 0 : shape_width + 2);
    if (!brief) put_contents(out, t);
    buf_puts(out, "\n");
    free(shape);
    buf_free(&name);
    buf_free(&type);
}

void describe_text(buf_t *out, const st_file_t *f, bool brief)
{
    size_t name_width, shape_width;
    measure(f, &name_width, &shape_width);
    for (int i = 0; i < f->count; i++) put_tensor(out, &f->tensors[i], name_width, shape_width, brief);
    for (int i = 0; i < f->meta_count; i++) {
        buf_puts(out, "# ");
        put_clean(out, f->meta_keys[i], strlen(f->meta_keys[i]));
        buf_puts(out, ": ");
        put_clean(out, f->meta_values[i], strlen(f->meta_values[i]));
        buf_puts(out, "\n");
    }
}

static void json_key(buf_t *out, const char *key) { buf_printf(out, ",\"%s\":", key); }

static void json_strings(buf_t *out, const strtab_t *t)
{
    buf_printf(out, ",\"strings\":%lld,\"first\":[", (long long)t->count);
    for (int64_t i = 0; i < t->count && i < SHOWN_STRINGS; i++) {
        size_t n;
        const char *s = strtab_get(t, i, &n);
        if (i) buf_puts(out, ",");
        buf_json_string(out, s, n);
    }
    buf_puts(out, "]");
}

static void json_stats(buf_t *out, const st_tensor_t *t)
{
    st_stats_t s = st_stats(t);
    json_key(out, "min");
    buf_json_number(out, s.min);
    json_key(out, "max");
    buf_json_number(out, s.max);
    json_key(out, "mean");
    buf_json_number(out, s.mean);
    buf_printf(out, ",\"zeros\":%lld,\"nan\":%lld,\"inf\":%lld", (long long)s.zeros, (long long)s.nan, (long long)s.inf);
}

static void json_tensor(buf_t *out, const st_tensor_t *t, bool brief)
{
    char *shape = shape_text(t);
    strtab_t table;
    buf_puts(out, "{\"name\":");
    buf_json_string(out, t->name, strlen(t->name));
    buf_puts(out, ",\"dtype\":");
    buf_json_string(out, dtype_of(t), strlen(dtype_of(t)));
    buf_printf(out, ",\"shape\":%s", shape);
    if (t->other) {
        buf_printf(out, ",\"bytes\":%zu", t->size);
    } else if (!brief && st_strings(t, &table)) {
        json_strings(out, &table);
        strtab_free(&table);
    } else if (!brief) {
        json_stats(out, t);
    }
    buf_puts(out, "}");
    free(shape);
}

void describe_json(buf_t *out, const st_file_t *f, bool brief)
{
    buf_puts(out, "{\"file\":");
    buf_json_string(out, f->name, strlen(f->name));
    json_key(out, "tensors");
    buf_puts(out, "[");
    for (int i = 0; i < f->count; i++) {
        if (i) buf_puts(out, ",");
        json_tensor(out, &f->tensors[i], brief);
    }
    buf_puts(out, "]");
    json_key(out, "metadata");
    buf_puts(out, "{");
    for (int i = 0; i < f->meta_count; i++) {
        if (i) buf_puts(out, ",");
        buf_json_string(out, f->meta_keys[i], strlen(f->meta_keys[i]));
        buf_puts(out, ":");
        buf_json_string(out, f->meta_values[i], strlen(f->meta_values[i]));
    }
    buf_puts(out, "}}\n");
}
