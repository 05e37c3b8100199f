#include "server/chat_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/in.h"
#include "base/mem.h"
#include "server/server_words.h"
#include "server/thinking.h"

static _Thread_local char told[2 * SERVER_WORDS_MAX + 200], told_cut[160];

/* --- Its form ---------------------------------------------------------------------------------------------------------- */

/* The one element of `choices`; text NULL: there is none, or several. */
static model_span_t only_choice(const char *reply, size_t n)
{
    model_span_t choices = json_member(json_whole(reply, n), "choices"), choice = {0}, second;
    if (!json_element(choices, &choice)) return choice;
    second = choice;
    return json_element(choices, &second) ? (model_span_t){0} : choice;
}

model_span_t chat_reply_message(const char *reply, size_t n) { return json_member(only_choice(reply, n), "message"); }

static bool is_object(model_span_t v) { return v.text && *v.text == '{'; }

/* "WHAT: " and the server's own words, if it has any. */
static const char *tell(const char *what, model_span_t said)
{
    buf_t words = {0};
    server_words_of(&words, said);
    server_words_clean(&words);
    snprintf(told, sizeof told, "%s%s%s", what, words.len ? ": " : "", words.len ? words.data : "");
    buf_free(&words);
    return told;
}

static const char *tell_error(const char *reply, size_t n)
{
    server_words_t w = server_words(reply, n);
    if (w.text.len) snprintf(told, sizeof told, "an error in place of an answer: %s", w.text.data);
    bool said = w.text.len > 0;
    server_words_free(&w);
    return said ? told : "the reply has no single choices[0].message";
}

const char *chat_reply_check(const char *reply, size_t n)
{
    const char *why = model_json_check(reply, n);
    if (why) return why;
    model_span_t choice = only_choice(reply, n);
    if (!is_object(json_member(choice, "message")) || is_object(json_member(choice, "error"))) return tell_error(reply, n);
    return NULL;
}

/* --- Its end ----------------------------------------------------------------------------------------------------------- */

static bool finished_by(model_span_t choice, const char *reason)
{
    char *said = json_string(json_member(choice, "finish_reason"));
    bool same = said && !strcasecmp(said, reason);
    free(said);
    return same;
}

static bool context_ended(model_span_t choice) { return finished_by(choice, "model_length"); }

static bool is_cut(model_span_t choice)
{
    return finished_by(choice, "length") || finished_by(choice, "max_tokens") || context_ended(choice);
}

bool chat_reply_is_cut(const char *reply, size_t n) { return !model_json_check(reply, n) && is_cut(only_choice(reply, n)); }

/* Says which limit cut the reply off: its own, unless the server counts fewer tokens than that. */
static const char *tell_cut(const char *reply, size_t n, model_span_t choice, chat_limit_t limit)
{
    model_span_t usage = json_member(json_whole(reply, n), "usage");
    int64_t prompt = json_count(json_member(usage, "prompt_tokens")), total = json_count(json_member(usage, "total_tokens"));
    int64_t written = json_count(json_member(usage, "completion_tokens"));
    if (prompt >= 0 && total - prompt > written) written = total - prompt; /* reasoning is counted apart by some */
    if (context_ended(choice) || (written >= 0 && written < limit.max_tokens))
        snprintf(told_cut, sizeof told_cut, "cut before %s, where the server's context ended (%lld prompt and %lld completion tokens)",
                 limit.option, (long long)prompt, (long long)written);
    else
        snprintf(told_cut, sizeof told_cut, "cut at %s", limit.option);
    return told_cut;
}

/* --- Its text ---------------------------------------------------------------------------------------------------------- */

/* Joins the texts of an array of parts; what is not text, such as reasoning, is left out. Caller frees. */
static char *join_parts(model_span_t parts)
{
    buf_t text = {0};
    model_span_t part = {0};
    buf_puts(&text, "");
    while (json_element(parts, &part)) {
        char *type = json_string(json_member(part, "type")), *piece = json_string(json_member(part, "text"));
        if (piece && (!type || !strcmp(type, "text") || !strcmp(type, "output_text"))) buf_puts(&text, piece);
        free(type);
        free(piece);
    }
    return text.data;
}

/* NULL where there is neither a string nor an array. Caller frees. */
static char *content_text(model_span_t content)
{
    return content.text && *content.text == '[' ? join_parts(content) : json_string(content);
}

static bool has_text(model_span_t v) { return v.text && *v.text == '"' && v.n > 2; }

/* Says why a message has no text; NULL: it says nothing of why. */
static const char *tell_nothing(model_span_t choice)
{
    model_span_t message = json_member(choice, "message"), refusal = json_member(message, "refusal");
    static const char *const apart[] = {"reasoning_content", "reasoning", "thinking"};
    if (has_text(refusal)) return tell("the model refuses", refusal);
    if (finished_by(choice, "content_filter")) return "no answer: the server's content filter stopped it (finish_reason content_filter)";
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        if (!has_text(json_member(message, apart[i]))) continue;
        snprintf(told, sizeof told, "no content: all that was said is in %s", apart[i]);
        return told;
    }
    return NULL;
}

/* Adds to `why` that the reply was cut off, as reasoning often is. */
static const char *with_cut(const char *why, const char *cut)
{
    if (!cut) return why;
    size_t n = strlen(why);
    if (why != told) memcpy(told, why, n + 1); /* all are shorter */
    snprintf(told + n, sizeof told - n, "; %s", cut);
    return told;
}

const char *chat_reply_read(const char *reply, size_t n, chat_limit_t limit, chat_reply_t *out)
{
    *out = (chat_reply_t){0};
    const char *why = chat_reply_check(reply, n), *answer;
    if (why) return why;
    model_span_t choice = only_choice(reply, n);
    char *text = content_text(json_member(json_member(choice, "message"), "content"));
    const char *cut = is_cut(choice) ? tell_cut(reply, n, choice, limit) : NULL;
    if (!text || !text[strspn(text, " \t\r\n")] || finished_by(choice, "content_filter")) why = tell_nothing(choice);
    if (!why && !text) why = tell("the reply has no choices[0].message.content", json_member(choice, "finish_reason"));
    if (!why && !utf8_valid(text, strlen(text))) why = "the answer is not UTF-8";
    if (!why) why = thinking_skip(text, &answer);
    if (!why) *out = (chat_reply_t){.text = xstrdup(answer), .cut = cut};
    free(text);
    return why ? with_cut(why, cut) : NULL;
}
