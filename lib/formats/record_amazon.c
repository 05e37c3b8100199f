#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "formats/amazon.h"
#include "formats/clean_text.h"

enum { MAX_CATEGORIES = 32, MAX_URL = 2048 };

typedef struct {
    record_source_t base;
    source_lines_t source;
    const amazon_edition_t *edition;
    clean_text_t cleaner;
    json_want_t want[META_FIELDS];
    buf_t json;               /* the current line, where it was a Python literal */
    buf_t id, raw, clean, line;
    long long number;
} metadata_t;

typedef struct {
    const char *s, *end;
} span_t;

static span_t value_of(const metadata_t *m, int field) { return (span_t){m->want[field].value, m->want[field].value_end}; }
static size_t length(span_t v) { return (size_t)(v.end - v.s); }
static char kind(span_t v) { return v.s ? *v.s : 'n'; }   /* '"', '[', '{', 'n' for null, ... */

static void count(metadata_t *m, const char *reason) { tally_add(&m->base.tally, reason, 1); }

static void add_key(metadata_t *m, const char *key)
{
    buf_puts(&m->line, ", \"");
    buf_puts(&m->line, key);
    buf_puts(&m->line, "\": ");
}

static void add_clean(metadata_t *m) { buf_json_string(&m->line, m->clean.data, m->clean.len); }

/* Puts the text of a string into m->raw. */
static void unescape(metadata_t *m, span_t string)
{
    buf_clear(&m->raw);
    buf_add(&m->raw, "", 0);
    json_unescape(string.s, string.end, &m->raw);
}

/* --- Texts --------------------------------------------------------------------------------------------------------------- */

/* Finds where a name begins behind "by" and a line break, which sellers copied from the page that showed the brand; else 0. */
static size_t behind_by(const char *s, size_t n)
{
    size_t i = n > 2 && !memcmp(s, "by", 2) ? 2 + strspn(s + 2, " \r\n") : 0;
    return i > 2 && memchr(s, '\n', i) ? i : 0;
}

/* Puts the name into m->clean; false without one. */
static bool clean_one(metadata_t *m, span_t string, size_t limit)
{
    unescape(m, string);
    size_t skip = behind_by(m->raw.data, m->raw.len);
    buf_clear(&m->clean);
    return clean_name(&m->cleaner, m->raw.data + skip, m->raw.len - skip, limit, &m->clean);
}

static bool add_name(metadata_t *m, const char *key, int field, size_t limit)
{
    span_t v = value_of(m, field);
    if (kind(v) != 'n' && kind(v) != '"') count(m, "unusable_values");
    if (kind(v) != '"' || !clean_one(m, v, limit)) return false;
    add_key(m, key);
    add_clean(m);
    return true;
}

/* Appends a text to m->raw as a sentence of its own. */
static void join(metadata_t *m, span_t string)
{
    if (m->raw.len > CLEAN_RAW) return;
    size_t before = m->raw.len;
    if (before) buf_puts(&m->raw, strchr(".!?:;,>", m->raw.data[before - 1]) ? " " : ". ");
    size_t start = m->raw.len;
    json_unescape(string.s, string.end, &m->raw);
    if (m->raw.data && strspn(m->raw.data + start, " \t\r\n") < m->raw.len - start) return;
    m->raw.len = before; /* a text without words */
    if (m->raw.data) m->raw.data[before] = '\0';
}

/* Appends a string, or an array of strings. */
static void join_all(metadata_t *m, span_t v)
{
    if (kind(v) == '"') {
        join(m, v);
    } else if (kind(v) == '[') {
        for (json_element_t e = {0}; json_next_element(v.s, length(v), &e);)
            if (*e.value == '"') join(m, (span_t){e.value, e.value_end});
    } else if (kind(v) != 'n') {
        count(m, "unusable_values");
    }
}

static void add_description(metadata_t *m)
{
    buf_clear(&m->raw);
    buf_clear(&m->clean);
    join_all(m, value_of(m, META_DESCRIPTION));
    join_all(m, value_of(m, META_FEATURES));
    if (!m->raw.len || !clean_text(&m->cleaner, m->raw.data, m->raw.len, CLEAN_DESCRIPTION, &m->clean)) return;
    add_key(m, "description");
    add_clean(m);
}

/* --- Categories ------------------------------------------------------------------------------------------------------------ */

static int count_strings(span_t array)
{
    int n = 0;
    for (json_element_t e = {0}; json_next_element(array.s, length(array), &e);) n += *e.value == '"';
    return n;
}

/* Chooses the longest of several paths; of equally long ones the first. */
static span_t longest_path(span_t v)
{
    span_t best = v;
    int most = count_strings(v);
    for (json_element_t e = {0}; json_next_element(v.s, length(v), &e);) {
        span_t path = {e.value, e.value_end};
        int n = *e.value == '[' ? count_strings(path) : 0;
        if (n > most) {
            most = n;
            best = path;
        }
    }
    return best;
}

static int add_category(metadata_t *m, span_t string, int before)
{
    if (before == MAX_CATEGORIES || !clean_one(m, string, CLEAN_NAME)) return before;
    if (!before) add_key(m, "categories");
    buf_puts(&m->line, before ? ", " : "[");
    add_clean(m);
    return before + 1;
}

static void add_categories(metadata_t *m)
{
    span_t v = value_of(m, META_CATEGORIES), main = value_of(m, META_MAIN_CATEGORY);
    int n = 0;
    if (kind(v) == '[') {
        span_t path = longest_path(v);
        for (json_element_t e = {0}; json_next_element(path.s, length(path), &e);)
            if (*e.value == '"') n = add_category(m, (span_t){e.value, e.value_end}, n);
    } else if (kind(v) != 'n') {
        count(m, "unusable_values");
    }
    if (!n && kind(main) == '"') n = add_category(m, main, 0);
    if (n) buf_puts(&m->line, "]");
}

/* --- Price ---------------------------------------------------------------------------------------------------------------- */

/* Recognises amounts as pages show them: "$12.99", "from 3.50", "$5.00 - $7.50", "1,299.00". */
static bool is_price(const char *s, size_t n)
{
    size_t digits = 0, from = n > 5 && !memcmp(s, "from ", 5) ? 5 : 0;
    if (!n || n > 40) return false;
    for (size_t i = from; i < n; i++) {
        bool digit = s[i] >= '0' && s[i] <= '9';
        bool sign = strchr("$.,- ", s[i]) || (unsigned char)s[i] >= 0x80;   /* other currencies' signs */
        if (!digit && !sign) return false;
        digits += digit;
    }
    return digits && utf8_valid(s, n);
}

static void add_price(metadata_t *m)
{
    span_t v = value_of(m, META_PRICE);
    if (kind(v) == 'n') return;
    bool number = kind(v) == '-' || (kind(v) >= '0' && kind(v) <= '9');
    if (number && length(v) <= JSON_MAX_NUMBER && kind(v) != '-' && isfinite(strtod(v.s, NULL))) {
        add_key(m, "price");
        buf_add(&m->line, v.s, length(v));
        return;
    }
    buf_clear(&m->clean);
    if (kind(v) == '"') {
        unescape(m, v);
        if (!m->raw.len || !strcmp(m->raw.data, "None")) return;
    }
    if (kind(v) == '"' && is_price(m->raw.data, m->raw.len)) {
        buf_add(&m->clean, m->raw.data, m->raw.len);
        add_key(m, "price");
        add_clean(m);
    } else {
        count(m, "unusable_prices");
    }
}

/* --- Picture ------------------------------------------------------------------------------------------------------------- */

/* Recognises an address that can be fetched, which is then in m->raw; Amazon's sign for "no picture" is none. */
static bool is_picture(metadata_t *m, span_t v)
{
    if (kind(v) != '"' || length(v) > MAX_URL) return false;
    unescape(m, v);
    const char *s = m->raw.data;
    if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0) return false;
    for (size_t i = 0; i < m->raw.len; i++)
        if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f || strchr("<>\"\\", s[i])) return false;
    return !strstr(s, "/no-img-");
}

/* Finds the member of an object; all zero where it has none. */
static span_t member(span_t object, const char *name)
{
    for (json_member_t f = {0}; json_next_member(object.s, length(object), &f);)
        if (json_member_is(&f, name)) return (span_t){f.value, f.value_end};
    return (span_t){0};
}

static span_t element(span_t array, int i)
{
    if (kind(array) == '[')
        for (json_element_t e = {0}; json_next_element(array.s, length(array), &e);)
            if (!i--) return (span_t){e.value, e.value_end};
    return (span_t){0};
}

static bool is_main(span_t v) { return kind(v) == '"' && length(v) == 6 && !memcmp(v.s, "\"MAIN\"", 6); }

static const char *const sizes[] = {"hi_res", "large", "thumb"};

/* Takes the best address of {"hi_res": url, "large": url, "thumb": url, "variant": name}, or, with i >= 0, of arrays of those. */
static bool pick_size(metadata_t *m, span_t picture, int i)
{
    for (int k = 0; k < 3; k++) {
        span_t v = member(picture, sizes[k]);
        if (is_picture(m, i < 0 ? v : element(v, i))) return true;
    }
    return false;
}

/* Takes an address from Hugging Face's form, an object of arrays. */
static bool pick_from_arrays(metadata_t *m, span_t pictures)
{
    span_t variants = member(pictures, "variant");
    int main = -1, n = 0;
    if (kind(variants) == '[')
        for (json_element_t e = {0}; json_next_element(variants.s, length(variants), &e); n++)
            if (main < 0 && is_main((span_t){e.value, e.value_end})) main = n;
    if (main >= 0 && pick_size(m, pictures, main)) return true;
    return pick_size(m, pictures, 0);
}

/* Takes the best of an array of addresses, or of objects, of which the one that calls itself MAIN comes first. */
static bool pick_from_array(metadata_t *m, span_t pictures)
{
    for (int any = 0; any < 2; any++)
        for (json_element_t e = {0}; json_next_element(pictures.s, length(pictures), &e);) {
            span_t v = {e.value, e.value_end};
            bool object = kind(v) == '{';
            if (object && (any || is_main(member(v, "variant"))) && pick_size(m, v, -1)) return true;
            if (any && !object && is_picture(m, v)) return true;
        }
    return false;
}

static bool has_picture(span_t v)
{
    return kind(v) != 'n' && !(kind(v) == '"' && length(v) == 2) && !(kind(v) == '[' && !element(v, 0).s);
}

static void add_picture(metadata_t *m)
{
    bool offered = false;
    for (int i = META_PICTURES; i < META_FIELDS; i++) {
        span_t v = value_of(m, i);
        offered |= has_picture(v);
        bool found = kind(v) == '[' ? pick_from_array(m, v) : kind(v) == '{' ? pick_from_arrays(m, v) : is_picture(m, v);
        if (!found) continue;
        add_key(m, "image_url");
        buf_json_string(&m->line, m->raw.data, m->raw.len);
        return;
    }
    if (offered) count(m, "unusable_pictures");
}

/* --- Records -------------------------------------------------------------------------------------------------------------- */

static bool read_record(metadata_t *m, const char *text, size_t n, record_t *r)
{
    if (!amazon_pick(&m->source, m->edition, text, n, &m->json, m->want, META_FIELDS)) return false;
    const json_want_t *id = &m->want[META_ID];
    if (!amazon_id(id, &m->id, &r->id, &r->id_len)) {
        source_bad_line(&m->source, id->value ? "\"%s\" is not an id" : "no \"%s\", expected an id", id->name);
        return false;
    }
    buf_clear(&m->line);
    buf_puts(&m->line, "{\"id\": ");
    buf_json_string(&m->line, r->id, r->id_len);
    if (!add_name(m, "title", META_TITLE, CLEAN_TITLE)) count(m, "without_title");
    add_description(m);
    add_categories(m);
    add_name(m, "brand", META_BRAND, CLEAN_NAME);
    add_price(m);
    add_picture(m);
    buf_puts(&m->line, "}");
    r->line = m->line.data;
    r->line_len = m->line.len;
    r->number = m->source.lines.number;
    return true;
}

static bool next(record_source_t *base, record_t *r)
{
    metadata_t *m = (metadata_t *)base;
    const lines_t *l = &m->source.lines;
    *r = (record_t){0};
    while (in_next_text(&m->source.lines))
        if (read_record(m, l->line, l->len, r)) return true;
    return false;
}

static char *digest(const record_source_t *s) { return in_digest_hex(&((const metadata_t *)s)->source.lines); }

static void close_source(record_source_t *s)
{
    metadata_t *m = (metadata_t *)s;
    source_close(&m->source);
    cleaner_free(&m->cleaner);
    buf_free(&m->json);
    buf_free(&m->id);
    buf_free(&m->raw);
    buf_free(&m->clean);
    buf_free(&m->line);
    free(m);
}

static record_source_t *open_metadata(const source_options_t *o, const amazon_edition_t *edition)
{
    metadata_t *m = NEW(metadata_t);
    m->base = (record_source_t){.next = next, .digest = digest, .close = close_source, .repeats = true};
    m->edition = edition;
    m->cleaner.tally = &m->base.tally;
    for (int i = 0; i < META_FIELDS; i++) m->want[i].name = edition->meta[i];
    m->source = source_open(o, &m->base.tally);
    m->base.name = m->source.lines.name;
    return &m->base;
}

record_source_t *record_source_amazon2014(const source_options_t *o) { return open_metadata(o, &amazon2014); }
record_source_t *record_source_amazon2018(const source_options_t *o) { return open_metadata(o, &amazon2018); }
record_source_t *record_source_amazon2023(const source_options_t *o) { return open_metadata(o, &amazon2023); }
