#include "data/items.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/json.h"
#include "unit.h"

static bool spliced(const char *before, const char *key, const char *json, const char *after)
{
    buf_t b = {0};
    buf_puts(&b, before);
    items_splice(&b, key, json);
    bool same = !strcmp(b.data, after) && b.len == strlen(after);
    if (!same) printf("# got %s\n", b.data);
    buf_free(&b);
    return same;
}

TEST(splice_replaces_one_value_and_no_other_byte)
{
    CHECK(spliced("{\"id\":\"1\",\"n\":12345678901234567890,\"t\":\"a\"}", "t", "\"b\"",
                  "{\"id\":\"1\",\"n\":12345678901234567890,\"t\":\"b\"}"));
    CHECK(spliced(" { \"t\" :  1.10 , \"z\" : 1.10e+00 } ", "t", "null", " { \"t\" :  null , \"z\" : 1.10e+00 } "));
    CHECK(spliced("{\"a\":{\"t\":1},\"t\":[{\"t\":\"}\"},[]]}", "t", "{}", "{\"a\":{\"t\":1},\"t\":{}}"));
    CHECK(spliced("{\"a\":\"\\\"t\\\":1,\",\"t\":2}", "t", "3", "{\"a\":\"\\\"t\\\":1,\",\"t\":3}"));
}

TEST(splice_honours_escapes_in_keys)
{
    CHECK(spliced("{\"\\u0074itle\":\"a\"}", "title", "\"b\"", "{\"\\u0074itle\":\"b\"}"));
    CHECK(spliced("{\"ti\\\\tle\":1}", "title", "2", "{\"ti\\\\tle\":1,\"title\":2}"));
    CHECK(spliced("{\"gr\\u00fc\\u00df\":1}", "gr\xc3\xbc\xc3\x9f", "2", "{\"gr\\u00fc\\u00df\":2}"));
    CHECK(spliced("{\"\\\"\":1}", "\"", "2", "{\"\\\"\":2}"));
}

TEST(splice_appends_in_the_record_s_own_spacing)
{
    CHECK(spliced("{}", "a", "1", "{\"a\":1}"));
    CHECK(spliced("{ }", "a", "1", "{\"a\":1 }"));
    CHECK(spliced("{\"x\":[1]}", "a", "1", "{\"x\":[1],\"a\":1}"));
    CHECK(spliced("{\"x\": [1]}", "a", "1", "{\"x\": [1], \"a\": 1}"));
    CHECK(spliced("\t{\"x\": {\"a\": 0} } ", "a", "1", "\t{\"x\": {\"a\": 0}, \"a\": 1 } "));
    CHECK(spliced("{\"x\":1}", "a\"b", "1", "{\"x\":1,\"a\\\"b\":1}"));
}

TEST(splice_removes_with_one_comma)
{
    CHECK(spliced("{\"a\": 1, \"b\": 2, \"c\": 3}", "a", NULL, "{\"b\": 2, \"c\": 3}"));
    CHECK(spliced("{\"a\": 1, \"b\": 2, \"c\": 3}", "b", NULL, "{\"a\": 1, \"c\": 3}"));
    CHECK(spliced("{\"a\": 1, \"b\": 2, \"c\": 3 }", "c", NULL, "{\"a\": 1, \"b\": 2 }"));
    CHECK(spliced("{\"a\":1}", "a", NULL, "{}"));
    CHECK(spliced("{\"a\":1}", "b", NULL, "{\"a\":1}"));
    CHECK(spliced("{}", "b", NULL, "{}"));
}

TEST(splice_treats_a_repeated_key_as_readers_do)
{
    CHECK(spliced("{\"u\":1,\"u\":2,\"v\":3}", "u", "4", "{\"u\":1,\"u\":4,\"v\":3}"));
    CHECK(spliced("{\"u\":1,\"v\":3,\"u\":2}", "u", NULL, "{\"v\":3}"));
    CHECK(spliced("{\"u\":1,\"u\":2}", "u", NULL, "{}"));
}

static bool is_json(const char *s) { return json_check(s, strlen(s), NULL); }

TEST(json_is_what_the_standard_says)
{
    const char *good[] = {"{}", " [1, -0.5e+10, 0, 1E5] ", "\"\\u00e4\\ud83d\\ude00\\/\\b\"", "true", "null", "{\"\":{\"\":[]}}"};
    const char *bad[] = {"", "{", "{}x", "{} {}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "[1,]", "[1 2]", "01", "+1", "1.", ".5", "1e",
                         "nul", "tru", "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ude00\"",
                         "\"\\ud83d\\u0041\"", "\"a\tb\"", "NaN", "{a:1}", "\"\\", "\"\\u12", "-", "[", "]", "{\"a\":1]"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(is_json(good[i]));
        cJSON *read = cJSON_Parse(good[i]);
        CHECK(read);
        cJSON_Delete(read);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_json(bad[i])) printf("# accepted: %s\n", bad[i]);
        CHECK(!is_json(bad[i]));
    }
    CHECK(!json_check("\"\\\0\"", 4, NULL));
}

TEST(json_depth_and_numbers_are_bounded)
{
    char deep[2 * JSON_MAX_DEPTH + 3] = "";
    memset(deep, '[', JSON_MAX_DEPTH);
    memset(deep + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    CHECK(is_json(deep));
    memset(deep, '[', JSON_MAX_DEPTH + 1);
    memset(deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
    CHECK(!is_json(deep));
    char digits[JSON_MAX_NUMBER + 2] = "";
    memset(digits, '7', JSON_MAX_NUMBER);
    cJSON *read = cJSON_Parse(digits);
    CHECK(is_json(digits) && cJSON_IsNumber(read));
    cJSON_Delete(read);
    digits[JSON_MAX_NUMBER] = '7';
    CHECK(!is_json(digits));
}

/* Every cut of a valid record is refused where it is not the whole of it, without reading past its end. */
TEST(json_survives_every_truncation)
{
    const char *whole = "{\"id\":\"a\\u00e4\\ud83d\\ude00\",\"n\":[-1.5e-3,true,null,{\"k\":false}]}";
    for (size_t n = 0; n < strlen(whole); n++) {
        char *cut = xmalloc(n);
        memcpy(cut, whole, n);
        CHECK(!json_check(cut, n, NULL));
        free(cut);
    }
    CHECK(is_json(whole));
}

static char path[] = "/tmp/test_items.XXXXXX";

static void write_items(const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text, 1, n, f) != n || fclose(f)) die(EX_IOERR, "%s", path);
}

static void read_all_items(void)
{
    items_t r = items_open(path);
    while (items_next(&r)) continue;
    items_close(&r);
}

static bool refused(const char *text)
{
    write_items(text, strlen(text));
    bool yes = unit_exit_code(read_all_items) == EX_DATAERR;
    if (!yes) printf("# accepted: %s\n", text);
    return yes;
}

TEST(records_are_read_with_their_bytes)
{
    const char *text = "\xef\xbb\xbf{\"id\": \"1\", \"title\": \"a\", \"big\": 12345678901234567890}\r\n\n  \t\n"
                       "{\"id\":\"2\",\"title\":null,\"categories\":[\"x\",\"\",\"y\"],\"price\":1.5,"
                       "\"intents\":[{\"text\":\"to run\"},{\"text\":\"to walk\",\"confidence\":0.5}],\"image_labels\":[]}";
    write_items(text, strlen(text));
    items_t r = items_open(path);
    CHECK(items_next(&r));
    CHECK(!strcmp(r.text.data, "{\"id\": \"1\", \"title\": \"a\", \"big\": 12345678901234567890}"));
    CHECK(!strcmp(r.id, "1") && !strcmp(items_string(&r, "title"), "a") && !items_string(&r, "brand"));
    CHECK(items_next(&r));
    CHECK(r.lines.number == 4 && r.ids.count == 2 && !strcmp(r.id, "2") && !items_string(&r, "title"));

    buf_t out = {0};
    CHECK(!items_field_text(&r, "title", &out) && !items_field_text(&r, "image_labels", &out) && !items_field_text(&r, "none", &out));
    CHECK(out.len == 0);
    CHECK(items_field_text(&r, "categories", &out) && !strcmp(out.data, "x, y"));
    buf_puts(&out, "|");
    CHECK(items_field_text(&r, "intents", &out) && !strcmp(out.data, "x, y|to run; to walk"));
    buf_clear(&out);
    CHECK(items_field_text(&r, "price", &out) && !strcmp(out.data, "1.5"));
    buf_free(&out);
    CHECK(!items_next(&r));
    items_close(&r);
}

TEST(many_ids_stay_indexed)
{
    buf_t b = {0};
    for (int i = 0; i < 5000; i++) buf_printf(&b, "{\"id\":\"item-%d\"}\n", i);
    write_items(b.data, b.len);
    items_t r = items_open(path);
    while (items_next(&r)) continue;
    CHECK(r.ids.count == 5000 && strtab_find(&r.ids, "item-4321", 9) == 4321);
    items_close(&r);
    buf_puts(&b, "{\"id\":\"item-17\"}\n");
    CHECK(refused(b.data));
    buf_free(&b);
}

TEST(bad_records_are_refused)
{
    CHECK(refused("[]"));
    CHECK(refused("\"id\""));
    CHECK(refused("{\"id\":\"1\"} {\"id\":\"2\"}"));
    CHECK(refused("{\"id\":\"1\"}\n{\"id\":\"1\"}"));
    CHECK(refused("{\"id\":\"1\"}\n{\"id\":\"\\u0031\"}"));
    CHECK(refused("{\"id\":\"\"}"));
    CHECK(refused("{\"id\":1}"));
    CHECK(refused("{\"id\":null}"));
    CHECK(refused("{\"title\":\"a\"}"));
    CHECK(refused("{\"id\":\"a\\tb\"}"));
    CHECK(refused("{\"id\":\"a\\nb\"}"));
    CHECK(refused("{\"id\":\"a\\u0000b\"}"));
    CHECK(refused("{\"id\":\"1\",\"id\":\"2\"}"));
    CHECK(refused("{\"id\":\"1\",\"title\":\"a\",\"ti\\u0074le\":\"b\"}"));
    CHECK(refused("{\"id\":\"1\",\"title\":3}"));
    CHECK(refused("{\"id\":\"1\",\"categories\":\"a\"}"));
    CHECK(refused("{\"id\":\"1\",\"categories\":[1]}"));
    CHECK(refused("{\"id\":\"1\",\"price\":1e999}"));
    CHECK(refused("{\"id\":\"1\",\"price\":[]}"));
    CHECK(refused("{\"id\":\"1\",\"intents\":[\"a\"]}"));
    CHECK(refused("{\"id\":\"1\",\"intents\":[{\"text\":1}]}"));
    CHECK(refused("{\"id\":\"1\",\"errors\":{}}"));
    CHECK(refused("{\"id\":\"1\",\"title\":\"\xff\"}"));
    CHECK(refused("{\"id\":\"1\""));
    const char nul[] = "{\"id\":\"1\",\"title\":\"a\0b\"}\n";
    write_items(nul, sizeof nul - 1);
    CHECK(unit_exit_code(read_all_items) == EX_DATAERR);
}

TEST(lines_digest_every_byte_read)
{
    const char text[] = "a\r\n\nb\tc\nno end";
    const char *expected[] = {"99aa06d3014798d86001c324468d497f", NULL};
    XXH128_hash_t h = XXH3_128bits(text, sizeof text - 1);
    char whole[33];
    snprintf(whole, sizeof whole, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
    expected[1] = whole;
    for (int full = 0; full < 2; full++) {
        write_items(text, full ? sizeof text - 1 : 0);
        lines_t l = in_lines(path);
        in_digest(&l);
        while (in_next(&l)) continue;
        char *hex = in_digest_hex(&l);
        CHECK(!strcmp(hex, expected[full]));
        free(hex);
        in_close(&l);
    }
}

static void missing(void)
{
    items_t r = items_open("/tmp/test_items/none");
    items_close(&r);
}

TEST(a_missing_file_is_no_input)
{
    CHECK(unit_exit_code(missing) == EX_NOINPUT);
}

int main(void)
{
    static const unit_test_t tests[] = {
        UNIT(splice_replaces_one_value_and_no_other_byte), UNIT(splice_honours_escapes_in_keys),
        UNIT(splice_appends_in_the_record_s_own_spacing), UNIT(splice_removes_with_one_comma),
        UNIT(splice_treats_a_repeated_key_as_readers_do), UNIT(json_is_what_the_standard_says),
        UNIT(json_depth_and_numbers_are_bounded), UNIT(json_survives_every_truncation),
        UNIT(records_are_read_with_their_bytes), UNIT(many_ids_stay_indexed), UNIT(bad_records_are_refused),
        UNIT(lines_digest_every_byte_read), UNIT(a_missing_file_is_no_input),
    };
    int fd = mkstemp(path);
    if (fd < 0) return 1;
    close(fd);
    int rc = unit_run(tests, (int)(sizeof tests / sizeof *tests));
    unlink(path);
    return rc;
}
