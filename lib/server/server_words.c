#include "server/server_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"
#include "text/one_line.h"

enum { MAX_NESTED = 4, MAX_LISTED = 3 };

/* --- Words ------------------------------------------------------------------------------------------------------------- */

/* Drops what is not to be seen but steers: marks of direction and the like. */
static void drop_format_characters(char *s)
{
    char *to = s;
    for (const char *p = s; *p;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &c);
        if (n < 1) break;
        if (utf8proc_category(c) != UTF8PROC_CATEGORY_CF) {
            memmove(to, p, (size_t)n);
            to += n;
        }
        p += n;
    }
    *to = '\0';
}

void server_words_clean(buf_t *text)
{
    if (!text->len) return;
    if (!utf8_valid(text->data, text->len)) *text->data = '\0';
    drop_format_characters(text->data);
    one_line(text->data);
    text->len = strlen(text->data);
    if (text->len <= SERVER_WORDS_MAX) return;
    size_t n = SERVER_WORDS_MAX;
    while (((unsigned char)text->data[n] & 0xc0) == 0x80) n--;
    text->len = n;
    buf_puts(text, "...");
}

static bool is_there(model_span_t v) { return v.text && *v.text != 'n' && !(v.n == 2 && (*v.text == '"' || *v.text == '[' || *v.text == '{')); }

/* The first of the members that is there; text NULL where none is. */
static model_span_t first_member(model_span_t object, const char *const *names)
{
    for (; *names; names++) {
        model_span_t v = json_member(object, *names);
        if (is_there(v)) return v;
    }
    return (model_span_t){0};
}

/* Where a request is wrong, as FastAPI has it: ["body", "messages", 0]. */
static void add_place(buf_t *out, model_span_t loc)
{
    model_span_t e = {0};
    size_t before = out->len;
    while (json_element(loc, &e)) {
        char *name = json_string(e);
        if (out->len > before) buf_puts(out, ".");
        if (name) buf_puts(out, name);
        else buf_add(out, e.text, e.n);
        free(name);
    }
    if (out->len > before) buf_puts(out, ": ");
}

static void add_words(buf_t *out, model_span_t said, int depth)
{
    static const char *const names[] = {"message", "msg", "detail", "error", "errors", "error_msg", "error_message",
                                        "error_description", "description", "reason", "title", NULL};
    if (!is_there(said)) return;
    model_span_t inner = first_member(said, names), e = {0};
    char *text = json_string(said);
    if (text) {
        buf_puts(out, text);
    } else if (*said.text == '[' && depth < MAX_NESTED) {
        for (int i = 0; i < MAX_LISTED && json_element(said, &e); i++) {
            if (i) buf_puts(out, "; ");
            add_words(out, e, depth + 1);
        }
    } else if (inner.text && depth < MAX_NESTED) {
        add_place(out, json_member(said, "loc"));
        add_words(out, inner, depth + 1);
    } else {
        buf_add(out, said.text, said.n);
    }
    free(text);
}

void server_words_of(buf_t *out, model_span_t said) { add_words(out, said, 0); }

/* --- What follows from them -------------------------------------------------------------------------------------------- */

/* True if the text has all of the words of a pattern, which blanks part. */
static bool has_all(const char *text, const char *pattern)
{
    for (const char *p = pattern; *p;) {
        size_t n = strcspn(p, " ");
        if (!memmem(text, strlen(text), p, n)) return false;
        p += n + (p[n] == ' ');
    }
    return true;
}

static bool has_any(const char *text, const char *const *patterns)
{
    for (; *patterns; patterns++)
        if (has_all(text, *patterns)) return true;
    return false;
}

/* Judges by words in lower case, the message's and those of its code and type. */
static void judge(server_words_t *w, const char *text)
{
    static const char *const large[] = {"too large", "too long", "too big", "too many tokens", "exceed context", "context length",
                                        "context_length", "context window", "context size", "physical batch", NULL};
    static const char *const cannot[] = {"not supported", "unsupported", "does not support", "not implemented", NULL};
    static const char *const unknown[] = {
        "unsupported_parameter", "unknown_parameter", "unsupported_value", "unsupported value", "unsupported parameter", "unknown parameter", "unrecognized argument",
        "unrecognized parameter", "unrecognized field", "unknown field", "unknown argument", "unexpected argument", "extra not permitted",
        "parameter not supported", "parameter not permitted", "parameter not allowed", "response_format not support",
        "response_format unavailable",
        "model_not_found", "model not found", "model not exist", "unknown model", "unknown_model", "invalid_model", "no such model",
        "not valid model id", "invalid_api_key", "api invalid key", "api incorrect key", "api missing key", "api expired key",
        "api required key", "insufficient_quota", NULL};
    static const char *const no_limit[] = {"max_completion_tokens", "max_tokens unsupported", "max_tokens unknown", "max_tokens unrecognized",
                                           "max_tokens not supported", "max_tokens not permitted", "max_tokens deprecated", NULL};
    w->wants_other_limit = has_all(text, "max_tokens") && has_any(text, no_limit);
    w->repeats = has_any(text, unknown);
    w->too_large = !w->repeats && !has_all(text, "max_tokens") && has_any(text, large);
    w->unfit = w->too_large || has_any(text, cannot);
}

static void add_code(buf_t *out, model_span_t error, const char *name)
{
    char *text = json_string(json_member(error, name));
    buf_puts(out, " ");
    buf_puts(out, text ? text : "");
    free(text);
}

static void lower(buf_t *text)
{
    for (size_t i = 0; i < text->len; i++) text->data[i] = (char)tolower((unsigned char)text->data[i]);
}

/* Reads an object that tells of an error, or an array of which the first element is one. */
static void read_json(server_words_t *w, model_span_t whole)
{
    static const char *const names[] = {"error", "errors", "detail", "message", "msg", "error_msg", "error_message", NULL};
    model_span_t first = {0}, choice = {0};
    if (whole.n && *whole.text == '[' && json_element(whole, &first)) whole = first;
    model_span_t said = first_member(whole, names);
    if (!said.text && json_element(json_member(whole, "choices"), &choice)) said = json_member(choice, "error");
    model_span_t coded = said.text && *said.text == '{' ? said : whole;
    server_words_of(&w->text, said);
    w->status = json_count(json_member(coded, "code"));
    if (w->status < 400 || w->status > 599) w->status = 0;
    buf_t all = {0};
    buf_puts(&all, w->text.data ? w->text.data : "");
    add_code(&all, coded, "code");
    add_code(&all, coded, "type");
    lower(&all);
    judge(w, all.data);
    buf_free(&all);
}

static void read_plain(server_words_t *w, model_span_t whole)
{
    if (!whole.n || *whole.text == '<' || *whole.text == '{' || !utf8_valid(whole.text, whole.n)) return;
    buf_add(&w->text, whole.text, whole.n);
    buf_t all = {0};
    buf_add(&all, whole.text, whole.n);
    lower(&all);
    judge(w, all.data);
    buf_free(&all);
}

server_words_t server_words(const char *reply, size_t n)
{
    server_words_t w = {0};
    model_span_t whole = json_whole(reply, n);
    if (utf8_valid(reply, n) && json_check(reply, n, NULL)) read_json(&w, whole);
    else read_plain(&w, whole);
    server_words_clean(&w.text);
    return w;
}

void server_words_free(server_words_t *w) { buf_free(&w->text); }
