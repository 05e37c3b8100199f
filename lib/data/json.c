#include "data/json.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <string.h>

#include "base/in.h"
#include "base/run.h"

typedef struct {
    const char *p, *end;
    const char *why;
    bool any;             /* take all that the standard takes: \u0000, unpaired surrogates, numbers of any length */
    json_want_t *want;    /* members looked for in the outermost object */
    int wanted;
} scan_t;

static bool fail(scan_t *s, const char *why)
{
    s->why = why;
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool more(const scan_t *s) { return s->p < s->end; }
static bool at(const scan_t *s, char c) { return more(s) && *s->p == c; }

static void skip_blanks(scan_t *s)
{
    while (more(s) && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) s->p++;
}

/* Reads the four digits after \u, or -1. */
static long scan_hex4(scan_t *s)
{
    long v = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        if (!more(s)) return -1;
        char c = *s->p;
        if (is_digit(c)) v = v * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f') v = v * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') v = v * 16 + (c - 'A' + 10);
        else return -1;
    }
    return v;
}

/* Checks what follows \u, a low surrogate's escape included. */
static bool scan_unicode(scan_t *s)
{
    long high = scan_hex4(s);
    if (high < 0) return fail(s, "expected four hexadecimal digits after \\u");
    if (s->any) return true;
    if (high == 0) return fail(s, "\\u0000 is not accepted in text");
    if (high < 0xd800 || high > 0xdfff) return true;
    bool paired = high < 0xdc00 && s->end - s->p >= 2 && s->p[0] == '\\' && s->p[1] == 'u';
    if (paired) {
        s->p += 2;
        long low = scan_hex4(s);
        paired = low >= 0xdc00 && low <= 0xdfff;
    }
    return paired || fail(s, "unpaired surrogate");
}

static bool scan_string(scan_t *s)
{
    if (!at(s, '"')) return fail(s, "expected a string");
    for (s->p++;;) {
        s->p += run_plain(s->p, (size_t)(s->end - s->p), '"', '\\', '\\');
        if (!more(s)) break;
        char c = *s->p++;
        if (c == '"') return true;
        if ((unsigned char)c < 0x20) {
            s->p--;
            return fail(s, "control character in a string, expected it escaped");
        }
        if (c != '\\') continue;
        if (!more(s)) break;
        c = *s->p++;
        if (c == 'u' && !scan_unicode(s)) return false;
        if (c != 'u' && (!c || !strchr("\"\\/bfnrt", c))) {
            s->p--;
            return fail(s, "unknown escape in a string");
        }
    }
    return fail(s, "unfinished string");
}

static bool scan_digits(scan_t *s)
{
    if (!more(s) || !is_digit(*s->p)) return fail(s, "expected a digit");
    while (more(s) && is_digit(*s->p)) s->p++;
    return true;
}

static bool scan_number(scan_t *s)
{
    const char *start = s->p;
    if (at(s, '-')) s->p++;
    if (at(s, '0')) s->p++;
    else if (!scan_digits(s)) return false;
    if (at(s, '.')) {
        s->p++;
        if (!scan_digits(s)) return false;
    }
    if (at(s, 'e') || at(s, 'E')) {
        s->p++;
        if (at(s, '+') || at(s, '-')) s->p++;
        if (!scan_digits(s)) return false;
    }
    return s->any || s->p - start <= JSON_MAX_NUMBER || fail(s, "number of more than 63 characters");
}

static bool scan_word(scan_t *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) return fail(s, "expected a value");
    s->p += n;
    return true;
}

static bool scan_value(scan_t *s, int depth);

static void take_wanted(scan_t *s, const json_member_t *m)
{
    for (int i = 0; i < s->wanted; i++) {
        const char *name = s->want[i].name;
        if (!name || (m->key[1] != *name && m->key[1] != '\\' && *name) || !json_member_is(m, name)) continue;
        s->want[i].value = m->value;
        s->want[i].value_end = m->value_end;
    }
}

/* Scans an object's or array's members up to the closing bracket; the opening one is passed. */
static bool scan_members(scan_t *s, bool object, int depth)
{
    char close = object ? '}' : ']';
    if (depth > JSON_MAX_DEPTH) return fail(s, "nested deeper than 64");
    for (bool first = true;; first = false) {
        skip_blanks(s);
        if (first && at(s, close)) break;
        json_member_t m = {.key = s->p};
        if (object) {
            if (!scan_string(s)) return false;
            m.key_end = s->p;
            skip_blanks(s);
            if (!at(s, ':')) return fail(s, "expected ':'");
            s->p++;
            skip_blanks(s);
        }
        m.value = s->p;
        if (!scan_value(s, depth)) return false;
        m.value_end = s->p;
        if (s->wanted && depth == 1) take_wanted(s, &m);
        skip_blanks(s);
        if (at(s, close)) break;
        if (!at(s, ',')) return fail(s, object ? "expected ',' or '}'" : "expected ',' or ']'");
        s->p++;
    }
    s->p++;
    return true;
}

static bool scan_value(scan_t *s, int depth)
{
    if (!more(s)) return fail(s, "expected a value");
    switch (*s->p) {
    case '{':
    case '[': {
        bool object = *s->p++ == '{';
        return scan_members(s, object, depth + 1);
    }
    case '"': return scan_string(s);
    case 't': return scan_word(s, "true");
    case 'f': return scan_word(s, "false");
    case 'n': return scan_word(s, "null");
    default: return *s->p == '-' || is_digit(*s->p) ? scan_number(s) : fail(s, "expected a value");
    }
}

static bool scan_text(scan_t *s, const char *text, json_error_t *error)
{
    skip_blanks(s);
    bool ok = !s->wanted || at(s, '{') ? scan_value(s, 0) : fail(s, "expected an object");
    if (ok) {
        skip_blanks(s);
        if (more(s)) ok = fail(s, "more text after the value");
    }
    if (!ok && error) *error = (json_error_t){s->why, (size_t)(s->p - text)};
    return ok;
}

bool json_check(const char *text, size_t n, json_error_t *error)
{
    return scan_text(&(scan_t){.p = text, .end = text + n}, text, error);
}

bool json_pick(const char *text, size_t n, json_want_t *want, int wanted, json_error_t *error)
{
    for (int i = 0; i < wanted; i++) want[i].value = want[i].value_end = NULL;
    return scan_text(&(scan_t){.p = text, .end = text + n, .any = true, .want = want, .wanted = wanted}, text, error);
}

bool json_next_member(const char *text, size_t n, json_member_t *m)
{
    scan_t s = {.p = m->value_end ? m->value_end : text, .end = text + n, .any = true};
    skip_blanks(&s);
    if (!at(&s, m->value_end ? ',' : '{')) return false;
    s.p++;
    skip_blanks(&s);
    m->key = s.p;
    if (!scan_string(&s)) return false;
    m->key_end = s.p;
    skip_blanks(&s);
    s.p++;
    skip_blanks(&s);
    m->value = s.p;
    if (!scan_value(&s, 0)) return false;
    m->value_end = s.p;
    return true;
}

bool json_next_element(const char *text, size_t n, json_element_t *e)
{
    scan_t s = {.p = e->value_end ? e->value_end : text, .end = text + n, .any = true};
    skip_blanks(&s);
    if (!at(&s, e->value_end ? ',' : '[')) return false;
    s.p++;
    skip_blanks(&s);
    e->value = s.p;
    if (!scan_value(&s, 0)) return false; /* the ']' of an empty array */
    e->value_end = s.p;
    return true;
}

bool json_member_is(const json_member_t *m, const char *name)
{
    size_t n = (size_t)(m->key_end - m->key), len = strlen(name);
    if (!memchr(m->key, '\\', n)) return n == len + 2 && !memcmp(m->key + 1, name, len);
    cJSON *key = cJSON_ParseWithLength(m->key, n);
    bool same = key && cJSON_IsString(key) && !strcmp(key->valuestring, name);
    cJSON_Delete(key);
    return same;
}

enum { REPLACEMENT = 0xfffd };

static void add_utf8(buf_t *out, uint32_t c)
{
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    }
    buf_add(out, b, n);
}

/* Reads the character of a \u escape whose digits start at s->p, a surrogate's other half included; `nul` stands for U+0000. */
static uint32_t unescape_unicode(scan_t *s, uint32_t nul)
{
    uint32_t c = (uint32_t)scan_hex4(s);
    if (c < 0xd800 || c > 0xdfff) return c ? c : nul;
    scan_t low = {.p = s->p + 2, .end = s->end};
    if (c > 0xdbff || s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u') return REPLACEMENT;
    uint32_t d = (uint32_t)scan_hex4(&low);
    if (d < 0xdc00 || d > 0xdfff) return REPLACEMENT;
    s->p = low.p;
    return 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00);
}

static void unescape(const char *value, const char *value_end, buf_t *out, uint32_t nul)
{
    scan_t s = {.p = value + 1, .end = value_end - 1};
    while (more(&s)) {
        const char *backslash = memchr(s.p, '\\', (size_t)(s.end - s.p));
        buf_add(out, s.p, (size_t)((backslash ? backslash : s.end) - s.p));
        if (!backslash) return;
        s.p = backslash + 2;
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *control = strchr(from, backslash[1]);
        if (backslash[1] == 'u') add_utf8(out, unescape_unicode(&s, nul));
        else buf_add(out, control ? to + (control - from) : backslash + 1, 1);
    }
}

void json_unescape(const char *value, const char *value_end, buf_t *out) { unescape(value, value_end, out, REPLACEMENT); }
void json_unescape_nul(const char *value, const char *value_end, buf_t *out) { unescape(value, value_end, out, 0); }

/* Mends the escape that starts at `c`, and gives its last byte. */
static char *mend_escape(char *c, const char *end, bool *mended)
{
    enum { LENGTH = 6 };   /* of \uXXXX */
    scan_t digits = {.p = c + 2, .end = end}, whole = digits;
    if (end - c < 2 || c[1] != 'u' || scan_hex4(&digits) < 0) return c + 1;
    if (scan_unicode(&whole)) return c + (whole.p - c) - 1;
    memset(c, ' ', LENGTH);
    *mended = true;
    return c + LENGTH - 1;
}

bool json_mend(char *text, size_t n)
{
    bool mended = utf8_mend(text, n), within = false;
    const char *end = text + n;
    for (char *c = text; c < end; c++) {
        if (*c == '"') within = !within;
        else if (within && *c == '\\') c = mend_escape(c, end, &mended);
        else if (within && (unsigned char)*c < 0x20) *c = ' ', mended = true;
    }
    return mended;
}

bool json_unmended(const char *before, const char *text, const char *from, const char *to)
{
    return !memcmp(before + (from - text), from, (size_t)(to - from));
}
