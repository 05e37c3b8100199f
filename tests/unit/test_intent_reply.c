#include "intent/intent_reply.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/json.h"
#include "intent/intent_merge.h"
#include "intent/prompts.h"

#include "unit.h"

static const intent_reply_form_t strict = {.schema = true}, steps = {.schema = true, .reasoning = true}, loose = {0},
                          loose_steps = {.reasoning = true};

/* The reply's intents as "text=confidence ...", or "!" and why it is refused. In a static buffer. */
static const char *read_n(const char *text, size_t n, intent_reply_form_t form)
{
    static char out[4096];
    intents_t x = {0};
    const char *why = intent_reply_read(text, n, form, "m", &x);
    buf_t b = {0};
    if (why) buf_printf(&b, "!%s", why);
    CHECK(!why || x.count == 0);
    for (int i = 0; i < x.count; i++) buf_printf(&b, "%s%s=%g", i ? " " : "", x.list[i].text, x.list[i].confidence);
    snprintf(out, sizeof out, "%s", b.data ? b.data : "");
    buf_free(&b);
    intents_free(&x);
    return out;
}

static const char *reads(const char *text, intent_reply_form_t form) { return read_n(text, strlen(text), form); }

static bool gives(const char *text, intent_reply_form_t form, const char *expected)
{
    const char *got = reads(text, form);
    if (strcmp(got, expected) != 0) printf("# %s\n# gives '%s', expected '%s'\n", text, got, expected);
    return !strcmp(got, expected);
}

/* One descriptor's members, in a reply. */
static bool element(const char *members, const char *expected)
{
    char *text = xasprintf("{\"descriptors\":[{%s}]}", members);
    bool ok = gives(text, strict, expected);
    free(text);
    return ok;
}

/* Two descriptors, as JSON writes them. */
static bool distinct(const char *a, const char *b)
{
    char *text = xasprintf("{\"descriptors\":[{\"descriptor\":\"%s\",\"confidence\":1},"
                           "{\"descriptor\":\"%s\",\"confidence\":1}]}", a, b);
    const char *got = reads(text, strict);
    bool repeats = !strcmp(got, "!a descriptor that repeats");
    CHECK(repeats || got[0] != '!');
    free(text);
    return !repeats;
}

#define ONE "{\"descriptor\":\"a\",\"confidence\":0.5}"

TEST(good_replies)
{
    CHECK(gives("{\"descriptors\":[" ONE "]}", strict, "a=0.5"));
    CHECK(gives(" \r\n\t{ \"descriptors\" : [ " ONE " ] }\n", strict, "a=0.5"));
    CHECK(gives("{\"descr\\u0069ptors\":[" ONE "]}", strict, "a=0.5"));
    CHECK(element("\"confidence\":1e-1,\"descriptor\":\"trail running\"", "trail running=0.1"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":0", "a=0"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":-0.0", "a=0"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":1", "a=1"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":1.0e0", "a=1"));
    CHECK(element("\"descriptor\":\"\\u6c34 \\ud83d\\ude00\",\"confidence\":1", "\xe6\xb0\xb4 \xf0\x9f\x98\x80=1"));
}

TEST(strongest_come_first)
{
    CHECK(gives("{\"descriptors\":[{\"descriptor\":\"b\",\"confidence\":0.2},{\"descriptor\":\"c\",\"confidence\":0.9},"
                "{\"descriptor\":\"a\",\"confidence\":0.2}]}", strict, "c=0.9 b=0.2 a=0.2"));
}

TEST(source_and_white_space)
{
    intents_t x = {0};
    const char *text = "{\"descriptors\":[{\"descriptor\":\" a \\n\\t b\\u00a0\\u2003c\\u0001\",\"confidence\":1}]}";
    CHECK(!intent_reply_read(text, strlen(text), strict, "qwen", &x) && x.count == 1);
    CHECK(!strcmp(x.list[0].text, "a b c") && !strcmp(x.list[0].source, "qwen") && x.list[0].label == -1);
    intents_free(&x);
}

TEST(keys)
{
    CHECK(gives("{}", strict, "!a key is missing"));
    CHECK(gives("{\"descriptors\":[" ONE "],\"note\":1}", strict, "!a key that was not asked for"));
    CHECK(gives("{\"descriptors\":[" ONE "],\"descriptors\":[" ONE "]}", strict, "!a key that repeats"));
    CHECK(gives("{\"descriptors\":[" ONE "],\"descriptor\\u0073\":[" ONE "]}", strict, "!a key that repeats"));
    CHECK(gives("{\"Descriptors\":[" ONE "]}", strict, "!a key that was not asked for"));
    CHECK(element("\"descriptor\":\"a\"", "!a key is missing"));
    CHECK(element("\"confidence\":1", "!a key is missing"));
    CHECK(element("", "!a key is missing"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":1,\"why\":\"b\"", "!a key that was not asked for"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":1,\"confidence\":1", "!a key that repeats"));
    CHECK(element("\"descriptor\":\"a\",\"descriptor\":\"a\",\"confidence\":1", "!a key that repeats"));
    CHECK(element("\"descriptor\":\"a\",\"\":0,\"confidence\":1", "!a key that was not asked for"));
}

TEST(types)
{
    CHECK(gives("[]", strict, "!the JSON is no object"));
    CHECK(gives("\"a\"", strict, "!the JSON is no object"));
    CHECK(gives("null", strict, "!the JSON is no object"));
    CHECK(gives("{\"descriptors\":{}}", strict, "!descriptors is no array"));
    CHECK(gives("{\"descriptors\":null}", strict, "!descriptors is no array"));
    CHECK(gives("{\"descriptors\":[]}", strict, "!no descriptors"));
    CHECK(gives("{\"descriptors\":[\"a\"]}", strict, "!an element of descriptors is no object"));
    CHECK(gives("{\"descriptors\":[" ONE ",[]]}", strict, "!an element of descriptors is no object"));
    CHECK(element("\"descriptor\":1,\"confidence\":1", "!a descriptor is no string"));
    CHECK(element("\"descriptor\":null,\"confidence\":1", "!a descriptor is no string"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":\"1\"", "!a confidence is no number"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":null", "!a confidence is no number"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":true", "!a confidence is no number"));
}

TEST(confidences)
{
    CHECK(element("\"descriptor\":\"a\",\"confidence\":1.0000001", "!a confidence is not in [0, 1]"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":-1e-9", "!a confidence is not in [0, 1]"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":85", "!a confidence is not in [0, 1]"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":1e999", "!a confidence is not finite"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":-1e999", "!a confidence is not finite"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":NaN", "!not JSON: expected a value"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":Infinity", "!not JSON: expected a value"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":-Infinity", "!not JSON: expected a digit"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":.5", "!not JSON: expected a value"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":01", "!not JSON: expected ',' or '}'"));
    CHECK(element("\"descriptor\":\"a\",\"confidence\":0x1", "!not JSON: expected ',' or '}'"));
}

TEST(empty_descriptors)
{
    CHECK(element("\"descriptor\":\"\",\"confidence\":1", "!a descriptor is empty"));
    CHECK(element("\"descriptor\":\" \\n\\u00a0\\u3000\",\"confidence\":1", "!a descriptor is empty"));
    CHECK(element("\"descriptor\":\"\\u200b\\u00ad\",\"confidence\":1", "!a descriptor is empty")); /* nothing to see */
}

TEST(long_descriptors)
{
    buf_t b = {0};
    buf_puts(&b, "\"descriptor\":\"");
    for (int i = 0; i < DESCRIPTOR_MAX; i++) buf_puts(&b, "x");
    size_t most = b.len;
    buf_puts(&b, "\",\"confidence\":1");
    char *text = xasprintf("{\"descriptors\":[{%s}]}", b.data);
    CHECK(reads(text, strict)[0] == 'x');
    free(text);
    b.len = most;
    buf_puts(&b, "x\",\"confidence\":1");
    CHECK(element(b.data, "!a descriptor is longer than 1000 bytes"));
    buf_free(&b);
}

TEST(repeated_descriptors)
{
    CHECK(!distinct("gift", "gift"));
    CHECK(!distinct("Gift", "gIFT"));
    CHECK(!distinct("for  hiking", " for hiking\\n"));
    CHECK(!distinct("for\\u00a0hiking", "for hiking"));
    CHECK(!distinct("\\uff47\\uff49\\uff46\\uff54", "gift"));     /* full width */
    CHECK(!distinct("stra\\u00dfe", "STRASSE"));
    CHECK(!distinct("caf\\u00e9", "CAFE\\u0301"));
    CHECK(!distinct("\\ufb01ne", "fine"));                        /* ligature */
    CHECK(!distinct("soft\\u00ad", "soft"));
    CHECK(!distinct("\\u03a3", "\\u03c2"));                       /* sigma, final sigma */
    CHECK(distinct("cafe", "caf\\u00e9"));
    CHECK(distinct("forhiking", "for hiking"));
    CHECK(distinct("gift", "gifts"));
    CHECK(gives("{\"descriptors\":[" ONE ",{\"descriptor\":\"b\",\"confidence\":0.1},"
                "{\"descriptor\":\"A\",\"confidence\":0.2}]}", strict, "!a descriptor that repeats"));
}

TEST(text_around_the_object)
{
    CHECK(gives("", strict, "!not JSON: expected a value"));
    CHECK(gives("{\"descriptors\":[" ONE "]", strict, "!not JSON: expected ',' or '}'"));
    CHECK(gives("{\"descriptors\":[" ONE "]} done", strict, "!not JSON: more text after the value"));
    CHECK(gives("Here: {\"descriptors\":[" ONE "]}", strict, "!not JSON: expected a value"));
    CHECK(gives("{\"descriptors\":[" ONE "]}{\"descriptors\":[" ONE "]}", strict, "!not JSON: more text after the value"));
    CHECK(gives("```json\n{\"descriptors\":[" ONE "]}\n```", strict, "!not JSON: expected a value"));
    CHECK(gives("{\"descriptors\":[" ONE ",]}", strict, "!not JSON: expected a value"));
    CHECK(gives("\xef\xbb\xbf{\"descriptors\":[" ONE "]}", strict, "!not JSON: expected a value"));
    CHECK(gives("{\"descriptors\":[{\"descriptor\":\"\xff\",\"confidence\":1}]}", strict, "!not UTF-8"));
    CHECK(!strcmp(read_n("{\"descriptors\":[" ONE "]}\0", sizeof "{\"descriptors\":[" ONE "]}", strict), "!not UTF-8"));
}

TEST(one_fence_where_there_is_no_schema)
{
    CHECK(gives("{\"descriptors\":[" ONE "]}", loose, "a=0.5"));
    CHECK(gives("\n```json\n{\"descriptors\":[" ONE "]}\n```\n", loose, "a=0.5"));
    CHECK(gives("```\n{\"descriptors\":[" ONE "]}```", loose, "a=0.5"));
    CHECK(gives("Here:\n```\n{\"descriptors\":[" ONE "]}\n```", loose, "!text before the JSON object"));
    CHECK(gives("```\n{\"descriptors\":[" ONE "]}\n```\nDone.", loose, "!not JSON: expected a value"));
    CHECK(gives("Here: {\"descriptors\":[" ONE "]}", loose, "!not JSON: expected a value"));
    CHECK(gives("```xml\n{\"descriptors\":[" ONE "]}\n```", loose, "!not JSON: expected a value"));
    CHECK(gives("```{\"descriptors\":[" ONE "]}", loose, "!not JSON: expected a value"));
    CHECK(reads("``````", loose)[0] == '!' && reads("```", loose)[0] == '!' && reads("`````", loose)[0] == '!');
}

TEST(reasoning_in_the_object)
{
    CHECK(gives("{\"reasoning\":\"1. {\\\"x\\\"}\",\"descriptors\":[" ONE "]}", steps, "a=0.5"));
    CHECK(gives("{\"reasoning\":\"\",\"descriptors\":[" ONE "]}", steps, "a=0.5"));
    CHECK(gives("{\"reasoning\":[],\"descriptors\":[" ONE "]}", steps, "!reasoning is no string"));
    CHECK(gives("{\"descriptors\":[" ONE "]}", steps, "!a key is missing"));
    CHECK(gives("Steps. {\"reasoning\":\"\",\"descriptors\":[" ONE "]}", steps, "!not JSON: expected a value"));
    CHECK(gives("{\"reasoning\":\"\",\"descriptors\":[" ONE "]}", strict, "!a key that was not asked for"));
}

TEST(reasoning_before_the_object)
{
    CHECK(gives("{\"descriptors\":[" ONE "]}", loose_steps, "a=0.5"));
    CHECK(gives("1. A cup.\n2. {so} {\"descriptors\":[]} no:\n{\"descriptors\":[" ONE "]}\n", loose_steps, "a=0.5"));
    CHECK(gives("<think>hm {\"a\":</think>\n```json\n{\"descriptors\":[" ONE "]}\n```", loose_steps, "a=0.5"));
    CHECK(gives("Steps. {\"descriptors\":[" ONE "]} Done.", loose_steps, "!the text does not end in a JSON object"));
    CHECK(gives("Only steps.", loose_steps, "!the text does not end in a JSON object"));
    CHECK(gives("So: {\"descriptors\":[]}", loose_steps, "!no descriptors"));
    CHECK(gives("So: {\"reasoning\":\"\",\"descriptors\":[" ONE "]}", loose_steps, "!a key that was not asked for"));
}

TEST(labels)
{
    int y = 5;
    CHECK(!label_reply_read("0", 1, &y) && y == 0);
    CHECK(!label_reply_read("1", 1, &y) && y == 1);
    CHECK(!label_reply_read(" \n1\r\n", 5, &y) && y == 1);
    static const char *const bad[] = {"", " ", "2", "-0", "+1", "01", "1.0", "1e0", "\"1\"", "true", "1.", "0 1", "1 because",
                                      "Label: 1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(label_reply_read(bad[i], strlen(bad[i]), &y));
    CHECK(label_reply_read("1\0", 2, &y) && label_reply_read("\xc2\xa0" "1", 3, &y));
}

/* Replies that were good, with bytes changed, dropped, doubled: never a crash, and what is accepted keeps the rules. */
TEST(damaged_replies)
{
#define TWO "\"descriptors\":[{\"descriptor\":\"trail \\u00fcber\",\"confidence\":0.75}," \
            "{\"descriptor\":\"gift \xf0\x9f\x8e\x81\",\"confidence\":1e-2}]}"
    static const char *const good[] = {"{" TWO, "{\"reasoning\":\"x {}\"," TWO, "So {}: ```json\n{" TWO "\n```"};
    static const char bytes[] = "{}[]\",:\\u0019.eE-+`\x80\xc3\xff\n \0nt";
    int accepted = 0;
    uint64_t key = rng_stream(1, "damage"), n = 0;
    for (int round = 0; round < 30000; round++) {
        char text[256];
        size_t len = strlen(good[round % 3]);
        memcpy(text, good[round % 3], len);
        for (uint64_t k = rng_u64(key, n++) % 4 + 1; k > 0 && len > 1; k--) {
            size_t at = rng_u64(key, n++) % len;
            char byte = bytes[rng_u64(key, n++) % (sizeof bytes - 1)];
            switch (rng_u64(key, n++) % 4) {
            case 0: text[at] = byte; break;
            case 1: memmove(text + at, text + at + 1, --len - at); break;
            case 2: memmove(text + at + 1, text + at, len++ - at); text[at] = byte; break;
            default: len = at + 1;
            }
        }
        for (int form = 0; form < 4; form++) {
            intents_t x = {0};
            char *copy = xstrndup(text, len); /* of its exact size, for the sanitizers */
            const char *why = intent_reply_read(copy, len, (intent_reply_form_t){form & 1, form & 2}, "m", &x);
            CHECK(!why == (x.count > 0));
            for (int i = 0; i < x.count; i++) {
                CHECK(x.list[i].text[0] && x.list[i].confidence >= 0 && x.list[i].confidence <= 1);
                CHECK(!i || x.list[i - 1].confidence >= x.list[i].confidence);
            }
            accepted += !why;
            intents_free(&x);
            free(copy);
        }
    }
    CHECK(accepted > 100);
}

/* A megabyte of anything costs no more than reading it a few times. */
TEST(large_replies_take_linear_time)
{
    static const char *const junk[] = {"{", "{\"", "{\"a\":", "[", "```", "```json {", "{\"descriptors\":[",
                                       "\xcc\x88\xcc\xa3", "\"", "{} "};
    clock_t start = clock();
    for (size_t j = 0; j < sizeof junk / sizeof *junk; j++) {
        buf_t b = {0};
        while (b.len < 1 << 20) buf_puts(&b, junk[j]);
        for (int form = 0; form < 4; form++) CHECK(read_n(b.data, b.len, (intent_reply_form_t){form & 1, form & 2})[0] == '!');
        buf_clear(&b);
        buf_puts(&b, "{\"descriptors\":[{\"confidence\":1,\"descriptor\":\"");
        while (b.len < 1 << 20) buf_puts(&b, "\xcc\x88\xcc\xa3");
        buf_puts(&b, "\"}]}");
        CHECK(read_n(b.data, b.len, strict)[0] == '!');
        buf_clear(&b);
        buf_puts(&b, "{\"descriptors\":[");
        for (int i = 0; b.len < 1 << 20; i++) buf_printf(&b, "%s{\"confidence\":1,\"descriptor\":\"%d\"}", i ? "," : "", i);
        buf_puts(&b, "]}");
        CHECK(read_n(b.data, b.len, strict)[0] != '!');
        buf_free(&b);
    }
    CHECK(clock() - start < 60 * CLOCKS_PER_SEC);
}

/* --- Merging --------------------------------------------------------------------------------------------------------------- */

static char *merged(const intents_t *lists, int n)
{
    intents_t x = {0};
    buf_t b = {0};
    intents_merge(lists, n, &x);
    intents_json(&x, &b);
    intents_free(&x);
    return b.data;
}

TEST(merge_counts_agreement)
{
    intents_t lists[3] = {0};
    intents_add(&lists[0], "Trail running", 0.75, "a");
    intents_add(&lists[0], "gift", 0.9, "a");
    intents_add(&lists[1], "wet weather", 1, "b");
    intents_add(&lists[1], "trail  RUNNING", 0.25, "b");
    intents_add(&lists[2], "Gift", 0.8, "c");
    intents_add(&lists[2], "\xef\xbd\x94rail running", 0.5, "c");
    char *json = merged(lists, 3);
    CHECK(!strcmp(json, "[{\"text\":\"Trail running\",\"confidence\":0.5,\"source\":\"a+b+c\",\"agreement\":3},"
                        "{\"text\":\"gift\",\"confidence\":0.85,\"source\":\"a+c\",\"agreement\":2},"
                        "{\"text\":\"wet weather\",\"confidence\":1,\"source\":\"b\",\"agreement\":1}]"));
    free(json);
    for (int m = 0; m < 3; m++) intents_free(&lists[m]);
}

TEST(merge_orders_by_confidence_then_place)
{
    intents_t lists[2] = {0};
    intents_add(&lists[0], "z", 0.5, "a");
    intents_add(&lists[0], "y", 0.25, "a");
    intents_add(&lists[1], "x", 0.75, "b");
    intents_add(&lists[1], "b", 0.5, "b");
    char *json = merged(lists, 2);
    cJSON *array = cJSON_Parse(json), *e;
    buf_t order = {0};
    cJSON_ArrayForEach(e, array) buf_puts(&order, cJSON_GetObjectItem(e, "text")->valuestring);
    CHECK(!strcmp(order.data, "xzby"));
    cJSON_Delete(array);
    buf_free(&order);
    free(json);
    for (int m = 0; m < 2; m++) intents_free(&lists[m]);
}

/* --- Prompts --------------------------------------------------------------------------------------------------------------- */

TEST(prompts_say_the_form)
{
    for (int form = 0; form < 4; form++) {
        char *own = prompt_mine(NULL, (intent_reply_form_t){form & 1, form & 2});
        char *other = prompt_mine("Name uses.", (intent_reply_form_t){form & 1, form & 2});
        CHECK(strstr(own, "\"descriptors\":[{\"descriptor\":\"...\",\"confidence\":0.9}]}"));
        CHECK(!strstr(own, "{\"reasoning\":") == (form != 3) && !strstr(own, "step by step") == !(form & 2));
        CHECK(!strncmp(other, "Name uses.\n\n", 12) && strstr(other, "\"descriptors\""));
        free(own);
        free(other);
    }
    for (int reasoning = 0; reasoning < 2; reasoning++) {
        const char *format = prompt_mine_format(reasoning);
        CHECK(json_check(format, strlen(format), NULL));
        CHECK(!strstr(format, "reasoning") == !reasoning);
    }
}

TEST(evidence_object)
{
    buf_t b = {0};
    evidence_t e = {.text = {[FIELD_TITLE] = (char[]){"A \"cup\"\n"}, [FIELD_CATEGORIES] = (char[]){"Kitchen"},
                             [FIELD_CAPTION] = (char[]){"white"}}};
    CHECK(prompt_evidence(&e, &b) && !strcmp(b.data, "{\"title\":\"A \\\"cup\\\"\\n\",\"caption\":\"white\"}"));
    buf_clear(&b);
    evidence_t none = {.text = {[FIELD_CATEGORIES] = (char[]){"Kitchen"}}};
    CHECK(!prompt_evidence(&none, &b));
    buf_free(&b);
}

UNIT_MAIN(UNIT(good_replies), UNIT(strongest_come_first), UNIT(source_and_white_space), UNIT(keys), UNIT(types),
          UNIT(confidences), UNIT(empty_descriptors), UNIT(long_descriptors), UNIT(repeated_descriptors),
          UNIT(text_around_the_object), UNIT(one_fence_where_there_is_no_schema), UNIT(reasoning_in_the_object),
          UNIT(reasoning_before_the_object), UNIT(labels), UNIT(damaged_replies), UNIT(large_replies_take_linear_time),
          UNIT(merge_counts_agreement), UNIT(merge_orders_by_confidence_then_place), UNIT(prompts_say_the_form),
          UNIT(evidence_object))
