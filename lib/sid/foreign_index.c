/* index.json: one object of an array of tokens for every item, such as "12": ["<a_3>", "<b_0>", "<c_7>"]. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "formats/json_document.h"
#include "formats/when.h"
#include "net/unpack.h"
#include "sid/foreign_forms.h"

/* Reads the code of "<a_12>" on level 0, "<b_12>" on level 1; false if the text is none, or one that would not come out again. */
static bool token_code(const char *s, size_t n, int level, int64_t *code)
{
    if (n < 5 || s[0] != '<' || (s[1] != 'a' + level && s[1] != 'A' + level) || s[2] != '_' || s[n - 1] != '>') return false;
    const bool digit = s[3] >= '0' && s[3] <= '9', padded = s[3] == '0' && n > 5;
    return digit && !padded && integer_parse(s + 3, n - 4, code);
}

/* Reads an element of an item's array: a token, or a plain number. */
static bool element_code(const json_element_t *e, int level, buf_t *text, int64_t *code)
{
    if (*e->value != '"') return integer_parse(e->value, (size_t)(e->value_end - e->value), code);
    buf_clear(text);
    buf_add(text, "", 0);
    json_unescape(e->value, e->value_end, text);
    return token_code(text->data, text->len, level, code);
}

static void read_item(foreign_rows_t *r, const json_document_t *d, buf_t *text)
{
    const json_member_t *m = &d->member;
    int64_t codes[SID_MAX_TOKENS];
    int n = 0;
    if (*m->value != '[') foreign_bad_item(r, d->line, d->key.data, d->key.len, "no array, expected [\"<a_1>\", \"<b_2>\", ...]");
    for (json_element_t e = {0}; json_next_element(m->value, (size_t)(m->value_end - m->value), &e); n++) {
        if (n == SID_MAX_TOKENS) foreign_bad_item(r, d->line, d->key.data, d->key.len, "more than %d tokens", SID_MAX_TOKENS);
        if (element_code(&e, n, text, &codes[n])) continue;
        const int shown = e.value_end - e.value < 60 ? (int)(e.value_end - e.value) : 60;
        foreign_bad_item(r, d->line, d->key.data, d->key.len, "token %d is %.*s, expected \"<%c_NUMBER>\"", n + 1, shown, e.value,
                         'a' + n);
    }
    foreign_rows_add(r, d->line, d->key.data, d->key.len, n, codes);
}

foreign_sids_t foreign_index_read(const char *path, bool last_is_suffix)
{
    json_document_t d = json_document_open(in_bytes_unpacked(path, NULL), false, NULL);
    foreign_rows_t r = {.file = d.bytes.name, .last_is_suffix = last_is_suffix};
    buf_t text = {0};
    while (json_document_next(&d)) read_item(&r, &d, &text);
    foreign_sids_t f = foreign_rows_end(&r);
    f.name = xstrdup(d.bytes.name);
    f.digest = in_bytes_hex(&d.bytes);
    json_document_close(&d);
    buf_free(&text);
    return f;
}

static void put_item(buf_t *line, const sids_t *s, int64_t i)
{
    size_t n;
    const char *id = strtab_get(&s->item_ids, i, &n);
    buf_json_string(line, id, n);
    for (int l = 0; l < s->levels; l++) buf_printf(line, "%s\"<%c_%d>\"", l ? ", " : ": [", 'a' + l, s->code[i * s->levels + l]);
    if (s->suffix[i] >= 0) buf_printf(line, ", \"<%c_%d>\"", 'a' + s->levels, s->suffix[i]);
    buf_puts(line, "]");
}

void foreign_index_write(const sids_t *s, out_t *o)
{
    buf_t line = {0};
    for (int64_t i = 0; i < s->items; i++) {
        buf_clear(&line);
        buf_puts(&line, i ? ",\n" : "{\n");
        put_item(&line, s, i);
        out_write(o, line.data, line.len);
    }
    out_write(o, "\n}\n", 3);
    buf_free(&line);
}
