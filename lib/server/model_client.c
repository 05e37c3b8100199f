#include "server/model_client.h"

#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/progress.h"
#include "net/fetch.h"
#include "server/answers.h"
#include "server/chat_reply.h"
#include "server/model_json.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <uthash.h>

enum { MAX_SAID = 200 /* bytes of a server's own words in an error */ };

model_client_options_t model_client_options = {
    .jobs = 16, .max_retries = 5, .max_failures = 20, .retry_wait = 0.5, .connect_timeout = 10, .timeout = 120,
};

static const char *const path_name[] = {"/chat/completions", "/embeddings"};

/* Who waits for an answer. */
typedef struct asker {
    model_accept_fn accept;
    model_done_fn done;
    void *ctx;
    struct asker *next;
} asker_t;

/* A request under way. */
typedef struct {
    model_client_t *client;
    model_path_t path;
    buf_t body;
    int64_t refused;        /* replies refused so far: part of the answer's key */
    bool sent;              /* something had to be sent */
    answers_key_t id;       /* the first answer's key, whatever was refused since */
    asker_t asker, *others; /* others: the same body, to get the same answer */
    UT_hash_handle hh;
} job_t;

struct model_client {
    model_client_options_t options;
    char *url[2];           /* by path */
    char *key, *headers[3]; /* key NULL: none */
    fetch_t *fetch;
    answers_t *answers;
    job_t *jobs;            /* by id */
    int64_t unfinished;     /* jobs and others */
    int64_t finished;       /* done() calls so far */
    int64_t failures;       /* requests given up since the last reply */
    bool answered;          /* the server has answered something, in this run */
    double first, last;     /* moments: the first request was sent, the last reply came */
    model_client_stats_t stats;
};

/* --- Opening ---------------------------------------------------------------------------------------------------------- */

/* The base without slashes at its end. */
static char *check_url(const char *url)
{
    if (!url || !*url) die(EX_USAGE, "--url: expected a server's base, such as http://127.0.0.1:8080/v1");
    CURLU *u = curl_url();
    char *scheme = NULL, *user = NULL, *password = NULL;
    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) ||
        (strcmp(scheme, "http") && strcmp(scheme, "https")))
        die(EX_USAGE, "--url: not an http:// or https:// address");
    if (!curl_url_get(u, CURLUPART_USER, &user, 0) || !curl_url_get(u, CURLUPART_PASSWORD, &password, 0))
        die(EX_USAGE, "--url: holds a user or password, expected the key in $SIDMILL_API_KEY");
    if (strpbrk(url, "?#"))
        die(EX_USAGE, "--url: has a query or fragment, expected a base such as http://127.0.0.1:8080/v1");
    curl_free(scheme);
    curl_url_cleanup(u);
    size_t n = strlen(url);
    while (url[n - 1] == '/') n--;
    return xstrndup(url, n);
}

static char *take_key(void)
{
    const char *key = getenv("SIDMILL_API_KEY"), *name = "SIDMILL_API_KEY";
    if (!key || !*key) key = getenv(name = "OPENAI_API_KEY");
    if (!key || !*key) return NULL;
    for (const char *c = key; *c; c++)
        if (*c <= ' ' || *c > '~') die(EX_USAGE, "$%s: holds a blank or a character that is not plain ASCII", name);
    return xstrdup(key);
}

static bool leaves_in_clear(const char *url)
{
    const char *host = url + strlen("http://");
    return !strncasecmp(url, "http://", 7) && strncmp(host, "127.", 4) && strncasecmp(host, "localhost", 9) &&
           strncmp(host, "[::1]", 5);
}

static void flush(void *ctx) { answers_commit(((model_client_t *)ctx)->answers); }

model_client_t *model_client_open(const model_client_options_t *options)
{
    model_client_t *c = NEW(model_client_t);
    c->options = *options;
    if (!c->options.max_reply) c->options.max_reply = 4 << 20;
    char *base = check_url(options->url);
    if (!options->model || !*options->model) die(EX_USAGE, "--model: expected the model's name on the server");
    if (!utf8_valid(options->model, strlen(options->model))) die(EX_USAGE, "--model: not UTF-8");
    for (int i = 0; i < 2; i++) c->url[i] = xasprintf("%s%s", base, path_name[i]);
    c->headers[0] = xstrdup("Content-Type: application/json");
    c->key = take_key();
    if (c->key) {
        c->headers[1] = xasprintf("Authorization: Bearer %s", c->key);
        if (leaves_in_clear(base)) warn("the API key is sent unencrypted: %s is not https", base);
    }
    c->answers = answers_open(options->cache);
    c->fetch = fetch_open(&(fetch_options_t){
        .jobs = (int)options->jobs,
        .max_retries = options->max_retries,
        .first_wait = options->retry_wait,
        .connect_timeout = options->connect_timeout,
        .timeout = options->timeout,
        .max_reply = c->options.max_reply,
        .flush = flush,
        .ctx = c,
    });
    free(base);
    return c;
}

/* --- What a server says ------------------------------------------------------------------------------------------------ */

/* Overwrites the key wherever a reply repeats it. */
static void hide_key(const model_client_t *c, char *text, size_t n)
{
    size_t len = c->key ? strlen(c->key) : 0;
    for (char *at = text; len && (at = memmem(at, n - (size_t)(at - text), c->key, len)); ) memset(at, '*', len);
}

/* Appends the message of an error reply, in one line of UTF-8 and not much of it: {"error":{"message":...}}, {"error":...},
 * {"message":...}. */
static void add_message(const model_client_t *c, buf_t *out, const char *reply, size_t n)
{
    if (model_json_check(reply, n)) return;
    model_span_t whole = json_whole(reply, n), error = json_member(whole, "error");
    char *said = json_string(json_member(error, "message"));
    if (!said) said = json_string(error);
    if (!said) said = json_string(json_member(whole, "message"));
    if (!said) return;
    size_t len = strlen(said);
    hide_key(c, said, len); /* escapes may have hidden it before */
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)said[i] < ' ' || said[i] == 127) said[i] = ' ';
    if (len > MAX_SAID) {
        len = MAX_SAID;
        while (((unsigned char)said[len] & 0xc0) == 0x80) len--;
    }
    buf_puts(out, ": ");
    buf_add(out, said, len);
    free(said);
}

static void count_tokens(model_client_t *c, const char *reply, size_t n)
{
    model_span_t usage = json_member(json_whole(reply, n), "usage");
    int64_t prompt = json_count(json_member(usage, "prompt_tokens")), total = json_count(json_member(usage, "total_tokens"));
    int64_t completion = json_count(json_member(usage, "completion_tokens"));
    if (prompt < 0) prompt = total;
    if (prompt > 0) c->stats.prompt_tokens += prompt;
    if (completion > 0) c->stats.completion_tokens += completion;
}

/* --- Keys ------------------------------------------------------------------------------------------------------------- */

static answers_key_t answer_key(const job_t *j)
{
    const char *parts[] = {"sidmill-answers-1", j->client->options.model, path_name[j->path]};
    XXH3_state_t *s = XXH3_createState();
    XXH3_128bits_reset(s);
    for (int i = 0; i < 3; i++) XXH3_128bits_update(s, parts[i], strlen(parts[i]) + 1);
    char ordinal[24];
    snprintf(ordinal, sizeof ordinal, "%lld", (long long)j->refused);
    XXH3_128bits_update(s, ordinal, strlen(ordinal) + 1);
    XXH3_128bits_update(s, j->body.data, j->body.len);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(s));
    XXH3_freeState(s);
    answers_key_t key;
    memcpy(key.bytes, canonical.digest, sizeof key.bytes);
    return key;
}

/* --- A request's end --------------------------------------------------------------------------------------------------- */

/* Tells everybody who waits, after the job is off the books: they may send. */
static void finish(job_t *j, const char *reply, size_t n, const char *error)
{
    model_client_t *c = j->client;
    HASH_DEL(c->jobs, j);
    int64_t askers = 1;
    for (asker_t *a = j->others; a; a = a->next) askers++;
    c->unfinished -= askers;
    c->finished += askers;
    c->stats.cached += j->sent ? askers - 1 : askers;
    if (error) c->stats.failed += askers;
    j->asker.next = j->others;
    for (asker_t *a = &j->asker, *next; a; a = next) {
        next = a->next;
        a->done(a->ctx, error ? NULL : reply, error ? 0 : n, error);
        if (a != &j->asker) free(a);
    }
    buf_free(&j->body);
    free(j);
}

static void send_job(job_t *j);

/* A reply of the right form: done, or asked for again, or given up. */
static void take_reply(job_t *j, const char *reply, size_t n, bool *again)
{
    const char *why = j->asker.accept ? j->asker.accept(j->asker.ctx, reply, n) : NULL;
    *again = false;
    if (!why) {
        finish(j, reply, n, NULL);
        return;
    }
    j->client->stats.refused++;
    if (j->refused++ < j->client->options.max_retries) {
        *again = true;
        return;
    }
    char *error = xasprintf("%s (%lld replies)", why, (long long)j->refused);
    finish(j, NULL, 0, error);
    free(error);
}

/* What went wrong, with the server's own words if it answered. */
static void explain(const model_client_t *c, buf_t *out, const fetch_result_t *r)
{
    buf_puts(out, r->why);
    if (r->status >= 300) add_message(c, out, r->body, r->n);
}

static _Noreturn void stop(const model_client_t *c, const job_t *j, int code, const fetch_result_t *r, const char *hint)
{
    buf_t said = {0};
    explain(c, &said, r);
    die(code, "%s: %s%s%s", c->url[j->path], said.data, *hint ? "; " : "", hint);
}

/* Ends the run where going on would only fail again. */
static void stop_if_hopeless(model_client_t *c, const job_t *j, const fetch_result_t *r)
{
    bool denied = r->status == 401 || r->status == 403;
    bool wrong = r->status == 402 || r->status == 404 || r->status == 405 || (r->status >= 300 && r->status < 400);
    if (r->kind == FETCH_REFUSED && denied)
        stop(c, j, EX_NOPERM, r, c->key ? "it does not take the API key" : "no API key in $SIDMILL_API_KEY or $OPENAI_API_KEY");
    if ((r->kind == FETCH_REFUSED && wrong) || r->kind == FETCH_UNUSABLE || (r->kind == FETCH_NO_SERVER && !c->answered))
        stop(c, j, EX_UNAVAILABLE, r, "");
    if (r->kind == FETCH_REFUSED || ++c->failures < c->options.max_failures || !c->options.max_failures) return;
    char *hint = xasprintf("%lld requests in a row got no answer", (long long)c->failures);
    stop(c, j, EX_UNAVAILABLE, r, hint);
}

/* Whether a 2xx reply has the path's form; if so, it is paid for and kept. */
static const char *check(void *ctx, char *body, size_t n)
{
    job_t *j = ctx;
    model_client_t *c = j->client;
    hide_key(c, body, n);
    const char *why = NULL;
    if (j->path == MODEL_CHAT) {
        why = chat_reply_check(body, n);
    } else {
        why = model_json_check(body, n);
        model_span_t data = why ? (model_span_t){0} : json_member(json_whole(body, n), "data");
        if (!why && (!data.text || *data.text != '[')) why = "the reply has no array 'data'";
    }
    if (!why) answers_put(c->answers, answer_key(j), body, n);
    return why;
}

static void on_result(void *ctx, const fetch_result_t *r)
{
    job_t *j = ctx;
    model_client_t *c = j->client;
    c->stats.sent += 1 + r->retries;
    c->stats.retries += r->retries;
    c->last = seconds_now();
    if (r->status) c->answered = true;
    hide_key(c, r->body, r->n);
    if (r->kind == FETCH_OK) {
        bool again;
        c->failures = 0;
        count_tokens(c, r->body, r->n);
        take_reply(j, r->body, r->n, &again);
        if (again) send_job(j);
        return;
    }
    stop_if_hopeless(c, j, r);
    buf_t error = {0};
    explain(c, &error, r);
    if (r->retries) buf_printf(&error, " (%lld tries)", (long long)r->retries + 1);
    finish(j, NULL, 0, error.data);
    buf_free(&error);
}

/* --- Sending ----------------------------------------------------------------------------------------------------------- */

/* Answers from the cache as far as it knows the replies, then from the server. */
static void send_job(job_t *j)
{
    model_client_t *c = j->client;
    buf_t reply = {0};
    bool again = true;
    while (again && answers_get(c->answers, answer_key(j), &reply)) take_reply(j, reply.data, reply.len, &again);
    buf_free(&reply);
    if (!again) return;
    if (c->first <= 0) c->first = seconds_now();
    j->sent = true;
    fetch_send(c->fetch, &(fetch_request_t){
        .url = c->url[j->path],
        .headers = (const char *const *)c->headers,
        .body = j->body.data,
        .n = j->body.len,
        .key = XXH3_64bits(j->id.bytes, sizeof j->id.bytes) + (uint64_t)j->refused,
        .check = check,
        .done = on_result,
        .ctx = j,
    });
}

/* The job under way with the same body; NULL if there is none. */
static job_t *twin(const model_client_t *c, const job_t *j)
{
    job_t *found;
    HASH_FIND(hh, c->jobs, j->id.bytes, sizeof j->id.bytes, found);
    return found;
}

void model_client_send(model_client_t *c, model_path_t path, buf_t *body, model_accept_fn accept, model_done_fn done,
                       void *ctx)
{
    job_t *j = NEW(job_t);
    *j = (job_t){.client = c, .path = path, .body = *body, .asker = {accept, done, ctx, NULL}};
    *body = (buf_t){0};
    j->id = answer_key(j);
    c->stats.requests++;
    c->unfinished++;
    job_t *same = twin(c, j);
    if (same) {
        asker_t *a = NEW(asker_t);
        *a = j->asker;
        a->next = same->others;
        same->others = a;
        buf_free(&j->body);
        free(j);
        return;
    }
    HASH_ADD(hh, c->jobs, id.bytes, sizeof j->id.bytes, j);
    send_job(j);
}

bool model_client_has_room(const model_client_t *c) { return c->unfinished < c->options.jobs; }
bool model_client_busy(const model_client_t *c) { return c->unfinished > 0; }

void model_client_poll(model_client_t *c, double seconds)
{
    int64_t before = c->finished;
    double end = seconds_now() + seconds, left = seconds;
    do {
        fetch_poll(c->fetch, left);
        left = end - seconds_now();
    } while (c->finished == before && c->unfinished && left > 0);
}

void model_client_wait(model_client_t *c)
{
    if (c->unfinished) model_client_poll(c, INFINITY);
}

/* --- Closing ---------------------------------------------------------------------------------------------------------- */

model_client_stats_t model_client_stats(const model_client_t *c)
{
    model_client_stats_t s = c->stats;
    s.seconds = c->last > c->first ? c->last - c->first : 0;
    return s;
}

static void note_stats(const model_client_t *c)
{
    model_client_stats_t s = model_client_stats(c);
    if (!s.requests) return;
    buf_t line = {0};
    buf_printf(&line, "%s: %lld requests, %lld from the cache; %lld sent", c->options.model, (long long)s.requests,
               (long long)s.cached, (long long)s.sent);
    if (s.seconds > 0) buf_printf(&line, " in %.1f s (%.1f/s)", s.seconds, (double)s.sent / s.seconds);
    buf_printf(&line, ", %lld of them retries; %lld replies refused, %lld requests failed; "
               "%lld prompt and %lld completion tokens",
               (long long)s.retries, (long long)s.refused, (long long)s.failed, (long long)s.prompt_tokens,
               (long long)s.completion_tokens);
    note("%s", line.data);
    buf_free(&line);
}

void model_client_close(model_client_t *c)
{
    if (!c) return;
    note_stats(c);
    fetch_close(c->fetch);
    answers_close(c->answers);
    job_t *j, *next;
    HASH_ITER(hh, c->jobs, j, next) {
        HASH_DEL(c->jobs, j);
        for (asker_t *a = j->others, *after; a; a = after) {
            after = a->next;
            free(a);
        }
        buf_free(&j->body);
        free(j);
    }
    for (int i = 0; i < 2; i++) {
        free(c->url[i]);
        free(c->headers[i]);
    }
    free(c->key);
    free(c);
}
