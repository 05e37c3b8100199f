#include "formats/python_literal.h"

#include <stdlib.h>

#include "base/in.h"
#include "base/mem.h"
#include "unit.h"

static bool gives(const char *python, const char *json)
{
    buf_t b = {0};
    json_error_t e = {0};
    bool ok = python_literal_to_json(python, strlen(python), &b, &e) && !strcmp(b.data, json);
    if (!ok) printf("# %s: %s (%s at %zu)\n", python, b.data ? b.data : "", e.why ? e.why : "taken", e.at);
    buf_free(&b);
    return ok;
}

static bool refused(const char *python, const char *why)
{
    buf_t b = {0};
    json_error_t e = {0};
    bool ok = !python_literal_to_json(python, strlen(python), &b, &e) && e.why && strstr(e.why, why) && e.at <= strlen(python);
    if (!ok) printf("# %s: %s\n", python, e.why ? e.why : "taken");
    buf_free(&b);
    return ok;
}

TEST(containers)
{
    CHECK(gives("{}", "{}"));
    CHECK(gives(" { 'a' : [ 1 , 2 , ] , \"b\" : ( ) , } ", "{\"a\":[1,2],\"b\":[]}"));
    CHECK(gives("[[], {}, ()]", "[[],{},[]]"));
    CHECK(gives("(1,)", "[1]"));
    CHECK(gives("(1, 2)", "[1,2]"));
    CHECK(gives("((1), ('a'))", "[ 1, \"a\"]"));
    CHECK(gives("{1: 2, True: None, -1.5: False}", "{\"1\":2,\"true\":null,\"-1.5\":false}"));
    CHECK(refused("[,]", "value"));
    CHECK(refused("(,)", "value"));
    CHECK(refused("{1, 2}", "':'"));
    CHECK(refused("{[]: 1}", "key"));
    CHECK(refused("{(1, 2): 1}", "key"));
    CHECK(refused("{'a'}", "':'"));
    CHECK(refused("[1 2]", "','"));
    CHECK(refused("[1", "closed"));
    CHECK(refused("[1)", "','"));
    CHECK(refused("[] []", "more text"));
    CHECK(refused("", "value"));
    CHECK(refused("()()", "more text"));
}

TEST(strings)
{
    CHECK(gives("'a\"b'", "\"a\\u0022b\""));
    CHECK(gives("\"it's\"", "\"it's\""));
    CHECK(gives("'it\\'s'", "\"it's\""));
    CHECK(gives("u'a' U\"b\"", "\"ab\""));
    CHECK(gives("'a' 'b'\"c\"", "\"abc\""));
    CHECK(gives("'' ''", "\"\""));
    CHECK(gives("''''a'b'''", "\"'a'b\""));
    CHECK(gives("\"\"\"a\"b\"\"\"", "\"a\\u0022b\""));
    CHECK(gives("r'a\\n\\'b'", "\"a\\u005cn\\u005c'b\""));
    CHECK(gives("'\\\\\\'\\\"\\n\\r\\t\\a\\b\\f\\v'", "\"\\u005c'\\u0022\\u000a\\u000d\\u0009\\u0007\\u0008\\u000c\\u000b\""));
    CHECK(gives("'\\0\\18\\101\\777\\x41\\xe9\\u20ac\\U0001f600'", "\"\\u0000\\u00018A\\u01ffA\\u00e9\\u20ac\\ud83d\\ude00\""));
    CHECK(gives("'\\ud83d\\ude00\\ud800'", "\"\\ud83d\\ude00\\ud800\""));
    CHECK(gives("'\\d\\z'", "\"\\u005cd\\u005cz\""));
    CHECK(gives("'a\tb'", "\"a\\u0009b\""));
    CHECK(gives("'caf\xc3\xa9'", "\"caf\xc3\xa9\""));
    CHECK(refused("'a", "unfinished"));
    CHECK(refused("'a\\", "unfinished"));
    CHECK(refused("'''a''", "unfinished"));
    CHECK(refused("'a\nb'", "line break"));
    CHECK(refused("'\\N{BULLET}'", "\\N"));
    CHECK(refused("'\\x4'", "hexadecimal"));
    CHECK(refused("'\\U00110000'", "beyond"));
    CHECK(refused("b'a'", "value"));
    CHECK(refused("f'a'", "value"));
    CHECK(refused("'a' b'c'", "more text"));
}

TEST(numbers)
{
    CHECK(gives("0", "0"));
    CHECK(gives("00_0", "0"));
    CHECK(gives("-7", "-7"));
    CHECK(gives("- 7", "-7"));
    CHECK(gives("+7", "7"));
    CHECK(gives("1_000", "1000"));
    CHECK(gives("123456789012345678901234567890", "123456789012345678901234567890"));
    CHECK(gives("12.99", "12.99"));
    CHECK(gives("5.", "5.0"));
    CHECK(gives(".5e1", "5.0"));
    CHECK(gives("0777.5", "777.5"));
    CHECK(gives("1e-3", "1e-3"));
    CHECK(gives("1_0e-3", "10e-3"));
    CHECK(gives("0x1F", "31"));
    CHECK(gives("-0b1_01", "-5"));
    CHECK(gives("0o17", "15"));
    CHECK(gives("0xffffffffffffffff", "18446744073709551615"));
    CHECK(refused("0x10000000000000000", "64 bits"));
    CHECK(refused("0x", "digit"));
    CHECK(refused("0b2", "digit"));
    CHECK(refused("0x1__0", "digit"));
    CHECK(refused("007", "leading zero"));
    CHECK(refused("1__0", "value"));
    CHECK(refused("1_", "value"));
    CHECK(refused(".", "value"));
    CHECK(refused("-", "value"));
    CHECK(refused("--1", "value"));
    CHECK(refused("-e5", "value"));
    CHECK(refused("1e", "digit"));
    CHECK(refused("1e999", "large"));
    CHECK(refused("1j", "complex"));
    CHECK(refused("1+2", "more text"));
    CHECK(refused("inf", "value"));
    CHECK(refused("nan", "value"));
}

TEST(words)
{
    CHECK(gives("[True, False, None]", "[true,false,null]"));
    CHECK(refused("true", "value"));
    CHECK(refused("Nones", "value"));
    CHECK(refused("-True", "value"));
    CHECK(refused("set()", "value"));
    CHECK(refused("__import__('os')", "value"));
}

TEST(depth_is_bounded)
{
    const char *open[] = {"[", "(", "{1:"}, *close[] = {"]", ",)", "}"};
    for (size_t i = 0; i < 3; i++)
        for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
            buf_t b = {0};
            for (int k = 0; k < depth; k++) buf_puts(&b, open[i]);
            buf_puts(&b, "1");
            for (int k = 0; k < depth; k++) buf_puts(&b, close[i]);
            buf_t json = {0};
            CHECK(python_literal_to_json(b.data, b.len, &json, NULL) == (depth == JSON_MAX_DEPTH));
            if (depth == JSON_MAX_DEPTH) CHECK(json_check(json.data, json.len, NULL));
            buf_free(&json);
            buf_free(&b);
        }
}

TEST(every_truncation_is_refused_without_reading_past_the_end)
{
    const char *whole = "{'a': u\"it's \\x41\\u20ac\", 'b': ('x' 'y', -1.5e-3, 0x1f), 'c': [True, None], 'd': '''q'''}";
    buf_t json = {0};
    for (size_t n = 0; n <= strlen(whole); n++) {
        char *cut = xmalloc(n);
        memcpy(cut, whole, n);
        CHECK(python_literal_to_json(cut, n, &json, NULL) == (n == strlen(whole)));
        free(cut);
    }
    buf_free(&json);
}

/* For comparison with Python: a line of standard input gives a line, JSON or "refused: why". */
static int convert(void)
{
    lines_t l = in_lines(NULL);
    buf_t json = {0};
    for (; in_next(&l); buf_clear(&json)) {
        json_error_t e;
        if (python_literal_to_json(l.line, l.len, &json, &e)) printf("%s\n", json.data);
        else printf("refused: %s at %zu\n", e.why, e.at);
    }
    buf_free(&json);
    in_close(&l);
    return 0;
}

int main(int argc, char **argv)
{
    static const unit_test_t tests[] = {UNIT(containers), UNIT(strings), UNIT(numbers), UNIT(words), UNIT(depth_is_bounded),
                                        UNIT(every_truncation_is_refused_without_reading_past_the_end)};
    if (argc == 2 && !strcmp(argv[1], "--convert")) return convert();
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
