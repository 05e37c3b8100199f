#include "server/chat_reply.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "server/server_words.h"
#include "server/thinking.h"
#include "unit.h"

/* --- Reasoning --------------------------------------------------------------------------------------------------------- */

/* The answer without blanks before it, or "!" and why there is none. In a static buffer. */
static const char *answer_in(const char *text)
{
    static char out[256];
    const char *answer = NULL, *why = thinking_skip(text, &answer);
    CHECK(!why == (answer != NULL));
    if (answer) answer += strspn(answer, " \n");
    snprintf(out, sizeof out, "%s%s", why ? "!" : "", why ? why : answer);
    return out;
}

static bool gives(const char *text, const char *expected)
{
    const char *got = answer_in(text);
    if (strcmp(got, expected) != 0) printf("# %s\n# gives '%s', expected '%s'\n", text, got, expected);
    return !strcmp(got, expected);
}

TEST(reasoning_before_the_answer_is_left_out)
{
    CHECK(gives("A cup.", "A cup."));
    CHECK(gives("", ""));
    CHECK(gives("<think>\nhm\n</think>\n\nA cup.", "A cup."));
    CHECK(gives(" \n<Thinking>hm</Thinking >A cup.", "A cup."));
    CHECK(gives("<reasoning></reasoning>A cup.", "A cup."));
    CHECK(gives("[THINK]hm[/THINK]A cup.", "A cup."));
    CHECK(gives("\u25c1think\u25b7hm\u25c1/think\u25b7A cup.", "A cup."));
    CHECK(gives("<|thinking|>hm<|/thinking|>A cup.", "A cup."));
    CHECK(gives("<seed:think>hm</seed:think>A cup.", "A cup."));
    CHECK(gives("<think>a</think><think>b</think>A cup.", "A cup."));
    CHECK(gives("<think>a <think> b </think> c</think>A cup.", "A cup."));
    CHECK(gives("<think>{\"x\":1}</think>{\"y\":2}", "{\"y\":2}"));
    CHECK(gives("<unused94>thought\nhm<unused95>A cup.", "A cup."));
    CHECK(gives("thought\nhm<unused95>A cup.", "A cup."));
    CHECK(gives("The template began.\n</think>\nA cup.", "A cup."));
    CHECK(gives("hm\n</thinking>1", "1"));
}

TEST(reasoning_without_an_answer_is_named)
{
    CHECK(gives("<unused94>thought\nhm", "!reasoning that does not end, and no answer"));
    CHECK(gives("<unused94>thought\nhm<unused95>", "!reasoning, and no answer"));
    CHECK(gives("A cup. <unused94>thought", "!reasoning within the answer"));
    CHECK(gives("<think>\nhm", "!reasoning that does not end, and no answer"));
    CHECK(gives("<think>a</think>\n<think>b", "!reasoning that does not end, and no answer"));
    CHECK(gives("<think>hm</think> \n", "!reasoning, and no answer"));
    CHECK(gives("hm</think>", "!reasoning, and no answer"));
    CHECK(gives("A cup. <think>hm</think> Or two.", "!reasoning within the answer"));
    CHECK(gives("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>A cup.",
                "!reasoning in channels, which the server has not parted"));
}

TEST(what_only_looks_like_reasoning_stays)
{
    CHECK(gives("I think <b>so</b> [thinks] [1] a < b", "I think <b>so</b> [thinks] [1] a < b"));
    CHECK(gives("{\"a\":\"<think>hm</think>\"}", "{\"a\":\"<think>hm</think>\"}"));
    CHECK(gives("<thinker>A cup.", "<thinker>A cup."));
    CHECK(gives("{\"a\":\"<|channel|>\"}", "{\"a\":\"<|channel|>\"}"));
    CHECK(gives("\u25c1 A cup. \u20ac", "\u25c1 A cup. \u20ac"));
}

/* Any damage to a text with tags: never a crash, and never more than the text. */
TEST(damaged_tags)
{
    const char whole[] = "<think>a [/THINK] \u25c1/think\u25b7 <reasoning> b</reasoning> </think>c";
    for (size_t cut = 0; cut < sizeof whole; cut++)
        for (size_t drop = 0; drop + cut < sizeof whole; drop += 3) {
            char text[sizeof whole];
            memcpy(text, whole, cut);
            strcpy(text + cut, whole + cut + drop);
            const char *answer = text, *why = thinking_skip(text, &answer);
            CHECK(why || (answer >= text && answer <= text + strlen(text)));
        }
}

/* --- Replies ----------------------------------------------------------------------------------------------------------- */

/* A reply's answer, " |" and where it was cut; or "!" and why there is none. In a static buffer. */
static const char *read_choice(const char *message, const char *finish, const char *usage)
{
    static char out[700];
    char *reply = xasprintf("{\"choices\":[{\"index\":0,\"finish_reason\":\"%s\",\"message\":%s}],\"usage\":{%s}}", finish, message, usage);
    chat_reply_t r;
    const char *why = chat_reply_read(reply, strlen(reply), (chat_limit_t){10, "--max-tokens"}, &r);
    snprintf(out, sizeof out, "%s%s%s%s", why ? "!" : "", why ? why : r.text, r.cut ? " |" : "", r.cut ? r.cut : "");
    free(r.text);
    free(reply);
    return out;
}

#define SAYS(message, finish, usage, expected)                              \
    do {                                                                    \
        const char *says = read_choice(message, finish, usage);             \
        CHECK(!strcmp(says, expected));                                     \
        if (strcmp(says, expected)) printf("# says '%s'\n", says);          \
    } while (0)

TEST(contents)
{
    SAYS("{\"content\":\"a\\n\\u00e9\"}", "stop", "", "a\n\xc3\xa9");
    SAYS("{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}", "stop", "", "ab");
    SAYS("{\"content\":[{\"type\":\"thinking\",\"thinking\":[]},{\"type\":\"reasoning\",\"text\":\"hm\"},{\"text\":\"b\"}]}", "stop", "", "b");
    SAYS("{\"content\":[]}", "stop", "", "");
    SAYS("{\"content\":null}", "stop", "", "!the reply has no choices[0].message.content: stop");
    SAYS("{\"content\":{}}", "stop", "", "!the reply has no choices[0].message.content: stop");
    SAYS("{\"content\":\"a\",\"content\":\"b\"}", "stop", "", "!the reply has no choices[0].message.content: stop");
}

TEST(answers_elsewhere_and_refusals_are_named)
{
    SAYS("{\"content\":null,\"reasoning_content\":\"hm\"}", "stop", "", "!no content: all that was said is in reasoning_content");
    SAYS("{\"content\":\"\",\"reasoning\":\"hm\"}", "stop", "", "!no content: all that was said is in reasoning");
    SAYS("{\"content\":\"\",\"reasoning_content\":\"hm\"}", "length", "",
         "!no content: all that was said is in reasoning_content; cut at --max-tokens");
    SAYS("{\"content\":null,\"refusal\":\"I will\\nnot.\"}", "stop", "", "!the model refuses: I will not.");
    SAYS("{\"content\":\"a\"}", "content_filter", "", "!no answer: the server's content filter stopped it (finish_reason content_filter)");
    SAYS("{\"content\":\"<think>hm\"}", "length", "", "!reasoning that does not end, and no answer; cut at --max-tokens");
    SAYS("{\"content\":\"a\",\"reasoning_content\":\"hm\",\"refusal\":null}", "stop", "", "a");
}

TEST(where_a_reply_was_cut)
{
    SAYS("{\"content\":\"a\"}", "length", "", "a |cut at --max-tokens");
    SAYS("{\"content\":\"a\"}", "length", "\"prompt_tokens\":90,\"completion_tokens\":10", "a |cut at --max-tokens");
    SAYS("{\"content\":\"a\"}", "length", "\"prompt_tokens\":90,\"completion_tokens\":6",
         "a |cut before --max-tokens, where the server's context ended (90 prompt and 6 completion tokens)");
    SAYS("{\"content\":\"a\"}", "length", "\"prompt_tokens\":90,\"completion_tokens\":2,\"total_tokens\":100", "a |cut at --max-tokens");
    SAYS("{\"content\":\"a\"}", "model_length", "\"prompt_tokens\":90,\"completion_tokens\":10",
         "a |cut before --max-tokens, where the server's context ended (90 prompt and 10 completion tokens)");
}

TEST(replies_of_another_form)
{
    static const char *const bad[] = {
        "", " ", "[]", "{}", "{\"choices\":[]}", "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"choices\":[{\"message\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\"}},{\"message\":{\"content\":\"b\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"x\":NaN}", "{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}}", "{\"choices\":\"a\"}", "{\"choices\":[\"a\"]}",
        "{\"choices\":[{\"message\":[\"content\"]}]}", "{\"Choices\":[{\"message\":{\"content\":\"a\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"\"},\"error\":{\"message\":\"gone\"}}]}",
    };
    chat_reply_t r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(chat_reply_check(bad[i], strlen(bad[i])));
        CHECK(chat_reply_read(bad[i], strlen(bad[i]), (chat_limit_t){0}, &r) && !r.text);
    }
    const char *good = " {\"id\":1, \"choices\" : [ {\"message\":{\"content\":null}} ] } ";
    CHECK(!chat_reply_check(good, strlen(good)));
}

/* --- What servers say -------------------------------------------------------------------------------------------------- */

static bool words(const char *reply, const char *expected)
{
    server_words_t w = server_words(reply, strlen(reply));
    const char *said = w.text.len ? w.text.data : "";
    bool same = !strcmp(said, expected);
    if (!same) printf("# %s\n# says '%s', expected '%s'\n", reply, said, expected);
    server_words_free(&w);
    return same;
}

TEST(messages_are_found)
{
    CHECK(words("{\"error\":{\"message\":\"a\\u001b[1m\\nb\\u202e\",\"code\":400}}", "a [1m b"));
    CHECK(words("{\"error\":\"a\"}", "a"));
    CHECK(words("{\"message\":\"a\"}", "a"));
    CHECK(words("{\"error\":null,\"msg\":\"a\"}", "a"));
    CHECK(words("{\"error\":{\"code\":5}}", "{\"code\":5}"));
    CHECK(words("[{\"error\":{\"message\":\"a\"}}]", "a"));
    CHECK(words("{\"detail\":\"a\"}", "a"));
    CHECK(words("{\"detail\":[{\"loc\":[\"body\",\"messages\",0],\"msg\":\"a\"},{\"msg\":\"b\"}]}", "body.messages.0: a; b"));
    CHECK(words("{\"errors\":[{\"message\":\"a\"}]}", "a"));
    CHECK(words("{\"choices\":[{\"error\":{\"message\":\"a\"}}]}", "a"));
    CHECK(words("upstream  is\ngone", "upstream is gone"));
    CHECK(words("<html>no</html>", ""));
    CHECK(words("\xff", "") && words("", "") && words("{", "") && words("{}", "") && words("[]", ""));
    CHECK(words("{\"error\":[[[[[[[\"a\"]]]]]]]}", "[[[\"a\"]]]"));
}

TEST(long_messages_are_cut)
{
    buf_t reply = {0};
    buf_puts(&reply, "{\"error\":\"");
    for (int i = 0; i < 150; i++) buf_puts(&reply, "\u00e9");
    buf_puts(&reply, "\"}");
    server_words_t w = server_words(reply.data, reply.len);
    CHECK(w.text.len == SERVER_WORDS_MAX + 3 && !strcmp(w.text.data + SERVER_WORDS_MAX - 2, "\u00e9..."));
    server_words_free(&w);
    buf_free(&reply);
}

/* What follows from a message: "r" it repeats, "u" unfit, "l" too large, "m" another name of max_tokens. */
static bool means(const char *message, const char *code, const char *expected)
{
    char *reply = xasprintf("{\"error\":{\"message\":\"%s\",\"code\":\"%s\"}}", message, code), got[5] = "";
    server_words_t w = server_words(reply, strlen(reply));
    if (w.repeats) strcat(got, "r");
    if (w.unfit) strcat(got, "u");
    if (w.too_large) strcat(got, "l");
    if (w.wants_other_limit) strcat(got, "m");
    bool same = !strcmp(got, expected);
    if (!same) printf("# %s: means '%s', expected '%s'\n", message, got, expected);
    server_words_free(&w);
    free(reply);
    return same;
}

TEST(what_follows_from_a_message)
{
    CHECK(means("this one I do not like", "", ""));
    CHECK(means("Rate limit exceeded", "429", ""));
    CHECK(means("Unrecognized request argument supplied: top_q", "", "r"));
    CHECK(means("The model `m` does not exist", "model_not_found", "r"));
    CHECK(means("model \\\"m\\\" not found, try pulling it first", "", "r"));
    CHECK(means("Incorrect API key provided", "invalid_api_key", "r"));
    CHECK(means("Extra inputs are not permitted", "", "r"));
    CHECK(means("the request exceeds the available context size, try increasing it", "", "ul"));
    CHECK(means("input is too large to process. increase the physical batch size", "", "ul"));
    CHECK(means("image input is not supported", "", "u"));
    CHECK(means("response_format json_schema is not supported", "", "ru"));
    CHECK(means("This response_format type is unavailable now", "", "r"));
    CHECK(means("max_tokens is too large: 5000", "", ""));
    CHECK(means("'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "unsupported_parameter", "rum"));
}

UNIT_MAIN(UNIT(reasoning_before_the_answer_is_left_out), UNIT(reasoning_without_an_answer_is_named),
          UNIT(what_only_looks_like_reasoning_stays), UNIT(damaged_tags), UNIT(contents), UNIT(answers_elsewhere_and_refusals_are_named),
          UNIT(where_a_reply_was_cut), UNIT(replies_of_another_form), UNIT(messages_are_found), UNIT(long_messages_are_cut),
          UNIT(what_follows_from_a_message))
