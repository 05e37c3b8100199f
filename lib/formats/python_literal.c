#include "formats/python_literal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/run.h"

typedef struct {
    const char *p, *end;
    const char *why;
    buf_t *out;
} scan_t;

static bool fail(scan_t *s, const char *why)
{
    s->why = why;
    return false;
}

static bool more(const scan_t *s) { return s->p < s->end; }
static bool at(const scan_t *s, char c) { return more(s) && *s->p == c; }
static bool digit_at(const scan_t *s) { return more(s) && *s->p >= '0' && *s->p <= '9'; }

static void skip_blanks(scan_t *s)
{
    while (more(s) && (*s->p == ' ' || *s->p == '\t' || *s->p == '\f' || *s->p == '\r' || *s->p == '\n')) s->p++;
}

/* Tells what could go on a word or a number: letters, digits, _, and all beyond ASCII. */
static bool word_at(const scan_t *s)
{
    return more(s) && (isalnum((unsigned char)*s->p) || *s->p == '_' || (unsigned char)*s->p >= 0x80);
}

/* --- Strings ---------------------------------------------------------------------------------------------------------- */

static void add_unit(buf_t *out, unsigned long c)
{
    static const char hex[] = "0123456789abcdef";
    buf_add(out, (char[]){'\\', 'u', hex[c >> 12 & 15], hex[c >> 8 & 15], hex[c >> 4 & 15], hex[c & 15]}, 6);
}

static void add_character(buf_t *out, unsigned long c)
{
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
        buf_add(out, &(char){(char)c}, 1);
    } else if (c < 0x10000) {
        add_unit(out, c);
    } else {
        add_unit(out, 0xd800 + ((c - 0x10000) >> 10));
        add_unit(out, 0xdc00 + (c & 0x3ff));
    }
}

/* Reads what follows \x, \u and \U: exactly so many hexadecimal digits. */
static bool scan_hex(scan_t *s, int digits)
{
    unsigned long v = 0;
    for (int i = 0; i < digits; i++, s->p++) {
        if (!more(s) || !isxdigit((unsigned char)*s->p)) return fail(s, "expected 2 hexadecimal digits after \\x, 4 after \\u, 8 after \\U");
        char c = *s->p;
        v = v * 16 + (unsigned long)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (v > 0x10ffff) return fail(s, "character beyond U+10FFFF");
    add_character(s->out, v);
    return true;
}

static void scan_octal(scan_t *s)
{
    unsigned long v = 0;
    for (int i = 0; i < 3 && more(s) && *s->p >= '0' && *s->p <= '7'; i++) v = v * 8 + (unsigned long)(*s->p++ - '0');
    add_character(s->out, v);
}

/* Reads what follows a backslash. */
static bool scan_escape(scan_t *s)
{
    static const char from[] = "\\'\"nrtabfv", to[] = "\\'\"\n\r\t\a\b\f\v";
    if (!more(s)) return fail(s, "unfinished string");
    char c = *s->p;
    const char *simple = c ? strchr(from, c) : NULL;
    if (c >= '0' && c <= '7') {
        scan_octal(s);
        return true;
    }
    s->p++;
    switch (c) {
    case 'x': return scan_hex(s, 2);
    case 'u': return scan_hex(s, 4);
    case 'U': return scan_hex(s, 8);
    case 'N': return fail(s, "\\N{...} is not accepted");
    case '\n': return true;
    }
    if (simple) {
        add_character(s->out, (unsigned char)to[simple - from]);
    } else { /* Python keeps both characters of an escape that it does not know */
        add_character(s->out, '\\');
        s->p--;
    }
    return true;
}

/* Looks for a quote, with or without the prefix of a string. */
static bool string_at(const scan_t *s)
{
    const char *p = s->p;
    if (p < s->end && (*p | 0x20) != 'u' && (*p | 0x20) != 'r') return *p == '\'' || *p == '"';
    return s->end - p >= 2 && (p[1] == '\'' || p[1] == '"');
}

/* Passes the quotes that end the string; false elsewhere. */
static bool closed(scan_t *s, char quote, size_t quotes)
{
    if ((size_t)(s->end - s->p) < quotes) return false;
    for (size_t i = 0; i < quotes; i++)
        if (s->p[i] != quote) return false;
    s->p += quotes;
    return true;
}

/* Copies the backslash of a raw string with the byte behind it, which does not end the string. */
static bool scan_raw_escape(scan_t *s)
{
    add_character(s->out, '\\');
    if (!more(s)) return fail(s, "unfinished string");
    if (*s->p == '\'' || *s->p == '"' || *s->p == '\\') add_character(s->out, (unsigned char)*s->p++);
    return true;
}

/* Reads one of the strings that stand side by side. */
static bool scan_piece(scan_t *s)
{
    bool raw = (*s->p | 0x20) == 'r';
    if (*s->p != '\'' && *s->p != '"') s->p++;
    char quote = *s->p;
    size_t quotes = s->end - s->p >= 3 && s->p[1] == quote && s->p[2] == quote ? 3 : 1;
    s->p += quotes;
    for (;;) {
        size_t n = run_plain(s->p, (size_t)(s->end - s->p), quote, '"', '\\');
        buf_add(s->out, s->p, n);
        s->p += n;
        if (!more(s)) return fail(s, "unfinished string");
        if (closed(s, quote, quotes)) return true;
        char c = *s->p;
        if (!c || (c == '\n' && quotes == 1)) return fail(s, "a line break or U+0000 in a string");
        s->p++;
        if (c != '\\') add_character(s->out, (unsigned char)c);
        else if (!(raw ? scan_raw_escape(s) : scan_escape(s))) return false;
    }
}

static bool scan_string(scan_t *s)
{
    buf_puts(s->out, "\"");
    do {
        if (!scan_piece(s)) return false;
        skip_blanks(s);
    } while (string_at(s));
    buf_puts(s->out, "\"");
    return true;
}

/* --- Numbers and words ------------------------------------------------------------------------------------------------- */

/* Takes digits, single underscores between them; false without any. */
static bool scan_digits(scan_t *s, buf_t *plain)
{
    if (!digit_at(s)) return false;
    for (;;) {
        const char *start = s->p;
        while (digit_at(s)) s->p++;
        buf_add(plain, start, (size_t)(s->p - start));
        if (!(at(s, '_') && s->end - s->p >= 2 && isdigit((unsigned char)s->p[1]))) return true;
        s->p++;
    }
}

/* Reads 0x..., 0o..., 0b...: with single underscores before and between the digits. */
static bool scan_based(scan_t *s, unsigned base)
{
    unsigned long long v = 0;
    bool joint = false, digit = false;
    for (s->p += 2; word_at(s); s->p++) {
        if (*s->p == '_' && !joint) {
            joint = true;
            continue;
        }
        char c = (char)(*s->p | 0x20);
        unsigned d = digit_at(s) ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
        if (d >= base) return fail(s, "expected a digit of the number's base");
        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v)) return fail(s, "integer of more than 64 bits");
        digit = true;
        joint = false;
    }
    if (!digit || joint) return fail(s, "expected a digit of the number's base");
    buf_printf(s->out, "%llu", v);
    return true;
}

static bool add_float(scan_t *s, const buf_t *plain)
{
    double v = strtod(plain->data, NULL);
    if (!isfinite(v)) return fail(s, "number too large");
    if (json_check(plain->data, plain->len, NULL)) {
        buf_add(s->out, plain->data, plain->len);
        return true;
    }
    size_t start = s->out->len;
    buf_json_number(s->out, v);
    if (!strpbrk(s->out->data + start, ".e")) buf_puts(s->out, ".0");
    return true;
}

static bool add_integer(scan_t *s, const char *plain)
{
    size_t zeros = strspn(plain, "0");
    if (zeros && plain[zeros]) return fail(s, "integer with a leading zero");
    buf_puts(s->out, zeros ? "0" : plain);
    return true;
}

static bool scan_decimal(scan_t *s, buf_t *plain)
{
    bool whole = scan_digits(s, plain), real = at(s, '.');
    if (real) {
        s->p++;
        buf_puts(plain, ".");
        whole = scan_digits(s, plain) || whole;
    }
    if (!whole) return fail(s, "expected a value");
    if (at(s, 'e') || at(s, 'E')) {
        real = true;
        s->p++;
        buf_puts(plain, "e");
        if (at(s, '+') || at(s, '-')) buf_add(plain, s->p++, 1);
        if (!scan_digits(s, plain)) return fail(s, "expected a digit");
    }
    if (word_at(s)) return fail(s, *s->p == 'j' || *s->p == 'J' ? "complex numbers are not accepted" : "expected a value");
    return real ? add_float(s, plain) : add_integer(s, plain->data);
}

static bool scan_number(scan_t *s)
{
    if (at(s, '+') || at(s, '-')) {
        if (*s->p++ == '-') buf_puts(s->out, "-");
        skip_blanks(s);
    }
    if (at(s, '0') && s->end - s->p >= 2) {
        char base = (char)(s->p[1] | 0x20);
        if (base == 'x' || base == 'o' || base == 'b') return scan_based(s, base == 'x' ? 16 : base == 'o' ? 8 : 2);
    }
    buf_t plain = {0};
    bool ok = scan_decimal(s, &plain);
    buf_free(&plain);
    return ok;
}

static bool scan_word(scan_t *s)
{
    static const char *const words[][2] = {{"True", "true"}, {"False", "false"}, {"None", "null"}};
    const char *start = s->p;
    while (word_at(s)) s->p++;
    size_t n = (size_t)(s->p - start);
    for (size_t i = 0; i < 3; i++) {
        if (n != strlen(words[i][0]) || memcmp(start, words[i][0], n) != 0) continue;
        buf_puts(s->out, words[i][1]);
        return true;
    }
    s->p = start;
    return fail(s, "expected a value");
}

/* --- Lists, tuples, dictionaries --------------------------------------------------------------------------------------- */

static bool scan_value(scan_t *s, int depth);

static bool scan_atom(scan_t *s)
{
    if (string_at(s)) return scan_string(s);
    if (digit_at(s) || at(s, '.') || at(s, '+') || at(s, '-')) return scan_number(s);
    return scan_word(s);
}

/* Reads a key and makes it a string where it is none, as JSON wants it. */
static bool scan_key(scan_t *s)
{
    if (!more(s)) return fail(s, "unfinished dictionary");
    if (*s->p == '(' || *s->p == '[' || *s->p == '{') return fail(s, "expected a string, a number or a word as key");
    bool string = string_at(s);
    if (!string) buf_puts(s->out, "\"");
    if (!scan_atom(s)) return false;
    if (!string) buf_puts(s->out, "\"");
    skip_blanks(s);
    if (!at(s, ':')) return fail(s, "expected ':'");
    s->p++;
    buf_puts(s->out, ":");
    return true;
}

/* Passes what is behind an element; *last is set at the closing bracket. */
static bool next_element(scan_t *s, char close, bool *last)
{
    skip_blanks(s);
    bool comma = at(s, ',');
    if (comma) {
        s->p++;
        skip_blanks(s);
    }
    *last = at(s, close);
    if (*last) s->p++;
    else if (!more(s)) return fail(s, "a bracket is not closed");
    else if (comma) buf_puts(s->out, ",");
    return *last || comma || fail(s, "expected ',' or the closing bracket");
}

/* Reads the elements up to the closing bracket; the opening one is passed. */
static bool scan_elements(scan_t *s, char close, int depth)
{
    bool last = at(s, close);
    if (last) s->p++;
    while (!last) {
        if (close == '}' && !scan_key(s)) return false;
        if (!scan_value(s, depth) || !next_element(s, close, &last)) return false;
    }
    return true;
}

/* Reads what follows '(': a tuple, or a value in parentheses, which is no tuple. Only a comma tells, so that the place of the
 * JSON array's bracket is kept with a blank. */
static bool scan_parentheses(scan_t *s, int depth)
{
    size_t open = s->out->len;
    buf_puts(s->out, "[");
    bool last = at(s, ')');
    if (last) s->p++;
    else if (!scan_value(s, depth)) return false;
    skip_blanks(s);
    if (!last && at(s, ')')) {
        s->p++;
        s->out->data[open] = ' ';
        return true;
    }
    if (!last && (!next_element(s, ')', &last) || (!last && !scan_elements(s, ')', depth)))) return false;
    buf_puts(s->out, "]");
    return true;
}

static bool scan_value(scan_t *s, int depth)
{
    skip_blanks(s);
    if (!more(s)) return fail(s, "expected a value");
    char c = *s->p;
    if (c != '{' && c != '[' && c != '(') return scan_atom(s);
    if (depth == JSON_MAX_DEPTH) return fail(s, "nested deeper than 64");
    s->p++;
    skip_blanks(s);
    if (c == '(') return scan_parentheses(s, depth + 1);
    buf_puts(s->out, c == '{' ? "{" : "[");
    if (!scan_elements(s, c == '{' ? '}' : ']', depth + 1)) return false;
    buf_puts(s->out, c == '{' ? "}" : "]");
    return true;
}

bool python_literal_to_json(const char *text, size_t n, buf_t *out, json_error_t *error)
{
    scan_t s = {.p = text, .end = text + n, .out = out};
    bool ok = scan_value(&s, 0);
    if (ok) {
        skip_blanks(&s);
        if (more(&s)) ok = fail(&s, "more text after the value");
    }
    if (!ok && error) *error = (json_error_t){s.why, (size_t)(s.p - text)};
    return ok;
}
