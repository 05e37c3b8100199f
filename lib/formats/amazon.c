#include "formats/amazon.h"

#include <string.h>

#include "formats/python_literal.h"

const amazon_edition_t amazon2014 = {
    .python = true,
    .ticks = 1,
    .review = {"reviewerID", "asin", "overall", "unixReviewTime"},
    .columns = {0, 1, 2, 3},
    .meta = {"asin", "title", "description", NULL, "categories", NULL, "brand", "price", "imUrl", NULL, NULL},
};

const amazon_edition_t amazon2018 = {
    .ticks = 1,
    .review = {"reviewerID", "asin", "overall", "unixReviewTime"},
    .columns = {1, 0, 2, 3},
    .meta = {"asin", "title", "description", "feature", "category", "main_cat", "brand", "price", "imageURLHighRes", "imageURL",
             "image"},
};

const amazon_edition_t amazon2023 = {
    .ticks = 1000,
    .review = {"user_id", "parent_asin", "rating", "timestamp"},
    .columns = {0, 1, 2, 3},
    .meta = {"parent_asin", "title", "description", "features", "categories", "main_category", "store", "price", "images", NULL, NULL},
};

/* Python's repr() quotes with ' where it can, and a key is never an occasion not to; JSON always quotes with ". */
static bool is_python(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && strchr("{ \t", s[i])) i++;
    return i < n && s[i] != '"';
}

static bool pick_json(source_lines_t *s, const char *text, size_t n, json_want_t *want, int wanted)
{
    json_error_t e;
    bool ok = json_pick(text, n, want, wanted, &e);
    if (!ok) source_bad_line(s, "not JSON at column %zu: %s", e.at + 1, e.why);
    return ok;
}

bool amazon_pick(source_lines_t *s, const amazon_edition_t *a, const char *text, size_t n, buf_t *json,
                 json_want_t *want, int wanted)
{
    if (n > AMAZON_MAX_LINE) {
        source_bad_line(s, "a line of %zu bytes, expected at most %d", n, AMAZON_MAX_LINE);
        return false;
    }
    if (!a->python || !is_python(text, n)) return pick_json(s, text, n, want, wanted);
    json_error_t e;
    buf_clear(json);
    if (!python_literal_to_json(text, n, json, &e)) {
        source_bad_line(s, "not a Python literal at column %zu: %s", e.at + 1, e.why);
        return false;
    }
    return pick_json(s, json->data, json->len, want, wanted);
}

bool amazon_id(const json_want_t *member, buf_t *buf, const char **id, size_t *n)
{
    if (!member->value || *member->value != '"') return false;
    *id = member->value + 1;
    *n = (size_t)(member->value_end - member->value) - 2;
    if (memchr(*id, '\\', *n)) {
        buf_clear(buf);
        json_unescape(member->value, member->value_end, buf);
        *id = buf->data;
        *n = buf->len;
    }
    for (size_t i = 0; i < *n; i++)
        if ((unsigned char)(*id)[i] < 0x20 || (*id)[i] == 0x7f) return false;
    return *n && utf8_valid(*id, *n);
}
