#include <stdlib.h>

#include "base/buf.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"
#include "unit.h"

static bool is(const json_want_t *w, const char *expected)
{
    if (!w->value || !expected) return !w->value && !expected;
    size_t n = (size_t)(w->value_end - w->value);
    return n == strlen(expected) && !memcmp(w->value, expected, n);
}

static bool picks(const char *text, const char *a, const char *b)
{
    json_want_t want[] = {{.name = "a"}, {.name = NULL}, {.name = "b"}};
    json_error_t e = {0};
    bool ok = json_pick(text, strlen(text), want, 3, &e) && is(&want[0], a) && is(&want[2], b) && !want[1].value;
    if (!ok) printf("# %s: %s at %zu\n", text, e.why ? e.why : "picked wrongly", e.at);
    return ok;
}

TEST(members_of_the_outermost_object_are_found)
{
    CHECK(picks("{\"a\":1,\"b\":\"x\"}", "1", "\"x\""));
    CHECK(picks(" { \"b\" : [1, {\"a\": 2}] , \"a\" : {\"b\":0} } ", "{\"b\":0}", "[1, {\"a\": 2}]"));
    CHECK(picks("{\"c\":{\"a\":1,\"b\":2}}", NULL, NULL));
    CHECK(picks("{\"\":3,\"ab\":1,\"\\u0061\":null}", "null", NULL));
    CHECK(picks("{}", NULL, NULL));
}

TEST(of_members_that_repeat_the_last_counts)
{
    CHECK(picks("{\"a\":1,\"a\":2,\"b\":3,\"a\":4}", "4", "3"));
}

static bool refused(const char *text, size_t at)
{
    json_want_t want[] = {{.name = "a"}};
    json_error_t e = {0};
    bool ok = !json_pick(text, strlen(text), want, 1, &e) && e.why && e.at == at;
    if (!ok) printf("# %s: %s at %zu\n", text, e.why ? e.why : "accepted", e.at);
    return ok;
}

TEST(what_is_no_object_is_refused_where_it_stops_to_be_one)
{
    CHECK(refused("", 0));
    CHECK(refused("[1]", 0));
    CHECK(refused("\"a\"", 0));
    CHECK(refused("{\"a\":1", 6));
    CHECK(refused("{\"a\":1}}", 7));
    CHECK(refused("{\"a\":01}", 6));
    CHECK(refused("{\"long enough for blocks of eight\x1f bytes\":1}", 33));
    CHECK(refused("{\"a\":\"0123456789\\x\"}", 17));
    CHECK(refused("{'a':1}", 1));
    CHECK(refused("{\"a\":NaN}", 5));
}

/* A string's special byte at every place of the blocks that are scanned together, up to the end of the memory. */
TEST(strings_are_scanned_alike_at_every_offset)
{
    for (size_t n = 0; n < 40; n++)
        for (size_t k = 0; k <= n; k++) {
            char *text = xmalloc(n + 9);
            memcpy(text, "{\"a\":\"", 6);
            memset(text + 6, '\xff', n);
            memcpy(text + 6 + n, "\"}", 2);
            json_want_t want[] = {{.name = "a"}};
            CHECK(json_pick(text, n + 8, want, 1, NULL) && want[0].value_end - want[0].value == (long)n + 2);
            for (size_t cut = 0; cut < n + 8; cut++) CHECK(!json_pick(text, cut, want, 1, NULL));
            if (k < n) {
                text[6 + k] = '\x01';
                json_error_t e;
                CHECK(!json_pick(text, n + 8, want, 1, &e) && e.at == 6 + k);
                text[6 + k] = '"';
                CHECK(!json_pick(text, n + 8, want, 1, &e) && e.at == 6 + k + 1);
            }
            free(text);
        }
}

TEST(what_the_standard_allows_is_taken)
{
    char digits[200] = "{\"a\":";
    memset(digits + 5, '7', 100);
    strcpy(digits + 105, "}");
    json_want_t want[] = {{.name = "a"}};
    CHECK(json_pick(digits, strlen(digits), want, 1, NULL) && want[0].value_end - want[0].value == 100);
    CHECK(!json_check(digits, strlen(digits), NULL));
    CHECK(picks("{\"a\":\"\\u0000\\ud800\",\"b\":\"\\udc00\"}", "\"\\u0000\\ud800\"", "\"\\udc00\""));
}

TEST(depth_is_bounded)
{
    buf_t b = {0};
    for (int i = 0; i < 100000; i++) buf_puts(&b, "{\"a\":");
    json_want_t want[] = {{.name = "a"}};
    json_error_t e;
    CHECK(!json_pick(b.data, b.len, want, 1, &e) && e.at < 1000);
    buf_free(&b);
}

static bool unescaped(const char *json, const char *text, size_t n)
{
    buf_t b = {0};
    json_unescape(json, json + strlen(json), &b);
    bool same = b.len == n && !memcmp(b.data ? b.data : "", text, n);
    if (!same) printf("# %s: %.*s\n", json, (int)b.len, b.data);
    buf_free(&b);
    return same;
}

#define UNESCAPED(json, text) unescaped(json, text, sizeof(text) - 1)

TEST(escapes_are_undone)
{
    CHECK(UNESCAPED("\"\"", ""));
    CHECK(UNESCAPED("\"plain\"", "plain"));
    CHECK(UNESCAPED("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"));
    CHECK(UNESCAPED("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00.\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80."));
    CHECK(UNESCAPED("\"\\u0000\"", "\xef\xbf\xbd"));
    CHECK(UNESCAPED("\"\\ud83dx\"", "\xef\xbf\xbdx"));
    CHECK(UNESCAPED("\"\\ud83d\"", "\xef\xbf\xbd"));
    CHECK(UNESCAPED("\"\\ude00\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"));
    CHECK(UNESCAPED("\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"));
    CHECK(UNESCAPED("\"\\ud83d\\n\"", "\xef\xbf\xbd\n"));
}

TEST(utf8_is_checked_alike_in_blocks_and_alone)
{
    char text[100];
    for (size_t n = 1; n < sizeof text; n++)
        for (size_t k = 0; k < n; k++) {
            memset(text, 'x', n);
            CHECK(utf8_valid(text, n));
            text[k] = '\0';
            CHECK(!utf8_valid(text, n));
            text[k] = '\xe9';
            CHECK(!utf8_valid(text, n));
            if (k + 1 < n) {
                memcpy(text + k, "\xc3\xa9", 2);
                CHECK(utf8_valid(text, n));
            }
        }
}

/* What json_mend() makes of a text, which json_check() then takes. */
static bool mended(const char *text, const char *want)
{
    char copy[100];
    json_error_t e;
    const size_t n = strlen(text);
    memcpy(copy, text, n + 1);
    const bool changed = json_mend(copy, n);
    return changed == (strcmp(text, want) != 0) && !strcmp(copy, want) && utf8_valid(copy, n) && json_check(copy, n, &e);
}

TEST(what_is_malformed_within_strings_becomes_blanks)
{
    CHECK(mended("{\"a\":\t\"caf\xc3\xa9 \\\\u0000 \\\"\"}", "{\"a\":\t\"caf\xc3\xa9 \\\\u0000 \\\"\"}"));
    CHECK(mended("{\"a\":\"x\xff\xe2\x80\"}", "{\"a\":\"x   \"}"));
    CHECK(mended("[\"\\ud83d\\ude00\\ud83d\", \"\\u0000\\ude00\"]", "[\"\\ud83d\\ude00      \", \"            \"]"));
    CHECK(mended("[\"\\ud83d\\ud83d\\ude00\"]", "[\"      \\ud83d\\ude00\"]"));
    CHECK(mended("[\"a\tb\x01\", 1\t]", "[\"a b \", 1\t]"));
    char cut[] = "\"\\", open[] = "\"\\u12";
    CHECK(!json_mend(cut, 2) && !json_mend(open, 5));
}

UNIT_MAIN(UNIT(what_is_malformed_within_strings_becomes_blanks), UNIT(members_of_the_outermost_object_are_found), UNIT(of_members_that_repeat_the_last_counts),
          UNIT(what_is_no_object_is_refused_where_it_stops_to_be_one), UNIT(strings_are_scanned_alike_at_every_offset),
          UNIT(what_the_standard_allows_is_taken), UNIT(depth_is_bounded), UNIT(escapes_are_undone),
          UNIT(utf8_is_checked_alike_in_blocks_and_alone))
