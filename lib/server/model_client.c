#include "server/model_client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/progress.h"
#include "net/fetch.h"
#include "server/answers.h"
#include "server/chat_reply.h"
#include "server/model_body.h"
#include "server/model_json.h"
#include "server/pool.h"
#include "server/server_words.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <uthash.h>

static const double connect_interval = 0.005; /* seconds: a fixed pool of a server's threads is not to starve */

model_client_options_t model_client_options = {
    .jobs = 16, .max_retries = 5, .max_failures = 0.1, .give_up = 20, .retry_wait = 0.5, .connect_timeout = 10, .timeout = 120,
};

static const char *const path_name[POOL_PATHS] = {"/chat/completions", "/embeddings"};

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
    server_t *server;       /* that it was sent to last */
    int moved;              /* servers in a row that it was taken away from */
    buf_t body;
    buf_t wire;             /* the body as it was sent last */
    int64_t refused;        /* replies refused so far: part of the answer's key */
    uint64_t said;          /* digest of what the last of them said */
    bool sent;              /* something had to be sent */
    bool unasked;           /* it had, and was not */
    bool limit_renamed;     /* it was sent with max_completion_tokens */
    answers_key_t id;       /* the first answer's key, whatever was refused since */
    asker_t asker, *others; /* others: the same body, to get the same answer */
    UT_hash_handle hh;
} job_t;

struct model_client {
    model_client_options_t options;
    pool_t pool;
    fetch_t *fetch;
    answers_t *answers;
    job_t *jobs;            /* by id */
    int64_t unfinished;     /* jobs and others */
    int64_t finished;       /* done() calls so far */
    int64_t in_a_row;       /* requests that ended without an answer since the last that had one */
    bool gave_up;           /* there were too many */
    char *last_error;       /* of them; NULL: none */
    bool answered;          /* a server has answered something, in this run */
    bool limit_renamed;     /* max_tokens is called max_completion_tokens there */
    bool no_seed;           /* the server does not know seed */
    int64_t items, items_failed;
    char *first_error;      /* of an item; NULL: none */
    double first, last;     /* moments: the first request was sent, the last reply came */
    model_client_stats_t stats;
};

/* --- Opening ---------------------------------------------------------------------------------------------------------- */

static void flush(void *ctx) { answers_commit(((model_client_t *)ctx)->answers); }

model_client_t *model_client_open(const model_client_options_t *options)
{
    model_client_t *c = NEW(model_client_t);
    c->options = *options;
    if (!c->options.max_reply) c->options.max_reply = 4 << 20;
    c->pool = pool_open(&options->urls, options->headers, path_name);
    if (!options->model || !*options->model) die(EX_USAGE, "--model: expected the model's name on the server");
    if (!utf8_valid(options->model, strlen(options->model))) die(EX_USAGE, "--model: not UTF-8");
    if (options->body) model_body_check(options->body);
    c->answers = answers_open(options->cache);
    c->fetch = fetch_open(&(fetch_options_t){
        .jobs = (int)options->jobs,
        .max_retries = options->max_retries,
        .first_wait = options->retry_wait,
        .connect_timeout = options->connect_timeout,
        .timeout = options->timeout,
        .connect_interval = connect_interval,
        .max_reply = c->options.max_reply,
        .flush = flush,
        .ctx = c,
    });
    return c;
}

/* --- What a server says ------------------------------------------------------------------------------------------------ */

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

static void digest_text(XXH3_state_t *s, const char *text) { XXH3_128bits_update(s, text, strlen(text) + 1); }

static answers_key_t finish_key(XXH3_state_t *s, const job_t *j)
{
    XXH3_128bits_update(s, j->body.data, j->body.len);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(s));
    XXH3_freeState(s);
    answers_key_t key;
    memcpy(key.bytes, canonical.digest, sizeof key.bytes);
    return key;
}

static XXH3_state_t *start_key(const job_t *j, const char *what)
{
    XXH3_state_t *s = XXH3_createState();
    XXH3_128bits_reset(s);
    digest_text(s, what);
    digest_text(s, j->client->options.model);
    digest_text(s, path_name[j->path]);
    return s;
}

static answers_key_t answer_key(const job_t *j)
{
    XXH3_state_t *s = start_key(j, "sidmill-answers-1");
    char ordinal[24];
    snprintf(ordinal, sizeof ordinal, "%lld", (long long)j->refused);
    digest_text(s, ordinal);
    return finish_key(s, j);
}

/* By what the error of a request is remembered that was too large for the server at this address, or of several the first. */
static answers_key_t refusal_key(const job_t *j)
{
    XXH3_state_t *s = start_key(j, "sidmill-refusals-1");
    digest_text(s, j->client->pool.servers[0].address.base);
    return finish_key(s, j);
}

/* --- A request's end --------------------------------------------------------------------------------------------------- */

/* Counts what ended without an answer; after too many in a row nothing more is sent. */
static void count_in_a_row(model_client_t *c, const job_t *j, const char *error)
{
    if (!j->sent) return;
    c->in_a_row = error ? c->in_a_row + 1 : 0;
    if (error) free(c->last_error);
    if (error) c->last_error = xstrdup(error);
    if (c->options.give_up && c->in_a_row >= c->options.give_up) c->gave_up = true;
}

/* Tells everybody who waits, after the job is off the books: they may send. `error`, owned by the caller, is made safe to show. */
static void finish(job_t *j, const char *reply, size_t n, char *error)
{
    model_client_t *c = j->client;
    HASH_DEL(c->jobs, j);
    int64_t askers = 1;
    for (asker_t *a = j->others; a; a = a->next) askers++;
    c->unfinished -= askers;
    c->finished += askers;
    if (j->unasked) c->stats.unasked += askers;
    else if (j->sent) c->stats.joined += askers - 1;
    else c->stats.cached += askers;
    if (error) c->stats.failed += askers;
    if (error) pool_hide(&c->pool, error, strlen(error));
    count_in_a_row(c, j, error);
    j->asker.next = j->others;
    for (asker_t *a = &j->asker, *next; a; a = next) {
        next = a->next;
        a->done(a->ctx, error ? NULL : reply, error ? 0 : n, error);
        if (a != &j->asker) free(a);
    }
    buf_free(&j->body);
    buf_free(&j->wire);
    free(j);
}

static void fail(job_t *j, char *error)
{
    finish(j, NULL, 0, error);
    free(error);
}

static void send_job(job_t *j);

/* True if asking again would bring the same reply; takes note of what this one says. */
static bool would_repeat(job_t *j, const char *reply, size_t n)
{
    const bool chat = j->path == MODEL_CHAT;
    model_span_t said = chat ? chat_reply_message(reply, n) : json_member(json_whole(reply, n), "data");
    uint64_t digest = XXH3_64bits(said.text ? said.text : "", said.n);
    bool same = j->refused > 0 && digest == j->said;
    j->said = digest;
    return model_body_is_greedy(&j->body, chat) && (same || (chat && chat_reply_is_cut(reply, n)));
}

/* A reply of the right form: done, or asked for again, or given up. */
static void take_reply(job_t *j, const char *reply, size_t n, bool *again)
{
    const char *why = j->asker.accept ? j->asker.accept(j->asker.ctx, reply, n) : NULL;
    *again = false;
    if (!why) {
        finish(j, reply, n, NULL);
        return;
    }
    char *error = xstrdup(why); /* the next call changes it */
    j->client->stats.refused++;
    bool repeats = would_repeat(j, reply, n);
    if (j->refused++ < j->client->options.max_retries && !repeats) {
        *again = true;
        free(error);
        return;
    }
    fail(j, j->refused > 1 ? xasprintf("%s (%lld replies)", error, (long long)j->refused) : xstrdup(error));
    free(error);
}

/* --- What a server says ------------------------------------------------------------------------------------------------ */

/* The reply proper, with a NUL behind it: what some servers put around it belongs to streams. */
static model_span_t bare_reply(char *body, size_t n)
{
    model_span_t reply = model_reply_body(body, n);
    body[reply.text - body + (ptrdiff_t)reply.n] = '\0';
    return reply;
}

/* The status, or the one that an error in a 2xx reply stands for. */
static int true_status(int status, const server_words_t *w) { return status < 300 && w->status ? (int)w->status : status; }

/* Whether a request that failed may succeed later: not if the server says why it cannot. */
static bool may_pass(void *ctx, int status, const char *body, size_t n)
{
    (void)ctx;
    server_words_t w = server_words(body, n);
    int meant = true_status(status, &w);
    bool busy = meant == 429 || meant == 503;
    bool pass = !w.repeats && (busy || !w.unfit) && (meant < 400 || meant == 408 || meant == 425 || meant == 429 || meant >= 500);
    server_words_free(&w);
    return pass;
}

/* What went wrong, with the server's own words where it answered with an error; those of a reply are part of `why`. */
static char *explain(const model_client_t *c, const fetch_result_t *r, const server_words_t *w)
{
    bool more = r->status >= 300 && w->text.len;
    char *said = xasprintf("%s%s%s", r->why, more ? ": " : "", more ? w->text.data : "");
    pool_hide(&c->pool, said, strlen(said));
    return said;
}

static _Noreturn void stop(const job_t *j, int code, const char *said, const char *hint)
{
    die(code, "%s: %s%s%s", j->server->shown[j->path], said, *hint ? "; " : "", hint);
}

static const char *hint_for(const char *said)
{
    if (strstr(said, "response_format")) return "--no-response-format leaves it out";
    return strstr(said, "temperature") ? "--no-temperature leaves it out" : "";
}

/* Ends the run where going on would only fail again. */
static void stop_if_hopeless(model_client_t *c, const job_t *j, const fetch_result_t *r, const server_words_t *w, const char *said)
{
    int status = true_status(r->status, w);
    bool denied = status == 401 || status == 403;
    bool wrong = status == 402 || status == 404 || status == 405 || (status >= 300 && status < 400) || w->repeats;
    if (r->kind == FETCH_REFUSED && denied) stop(j, EX_NOPERM, said, address_key_hint(&j->server->address));
    if ((r->kind == FETCH_REFUSED && wrong) || r->kind == FETCH_UNUSABLE || (r->kind == FETCH_NO_SERVER && !c->answered))
        stop(j, EX_UNAVAILABLE, said, r->kind == FETCH_REFUSED ? hint_for(said) : "");
    if (r->status || !c->options.give_up || c->in_a_row + 1 < c->options.give_up) return;
    char *hint = xasprintf("%lld requests in a row got no answer", (long long)c->in_a_row + 1);
    stop(j, EX_UNAVAILABLE, said, hint);
}

/* Words the request otherwise, where that is what the server asks for: true if there is something to try. */
static bool reword(job_t *j, const server_words_t *w)
{
    model_client_t *c = j->client;
    if (j->path != MODEL_CHAT) return false;
    if (w->wants_other_limit && !j->limit_renamed) {
        if (!c->limit_renamed) note("%s: asked with max_completion_tokens from now on, because max_tokens is refused", c->options.model);
        return c->limit_renamed = true;
    }
    if (j->refused && !c->no_seed && w->text.len && strstr(w->text.data, "seed")) return c->no_seed = true;
    return false;
}

/* Whether a request that fails is to be sent there again, after a while: not as long as there is another server to ask. */
static bool may_wait(const job_t *j) { return j->moved + 1 >= j->client->pool.count; }

static const char *check_form(model_path_t path, model_span_t reply)
{
    static _Thread_local char told[SERVER_WORDS_MAX + 100];
    if (path == MODEL_CHAT) return chat_reply_check(reply.text, reply.n);
    const char *why = model_json_check(reply.text, reply.n);
    model_span_t data = why ? (model_span_t){0} : json_member(json_whole(reply.text, reply.n), "data");
    if (why || (data.text && *data.text == '[')) return why;
    server_words_t w = server_words(reply.text, reply.n);
    snprintf(told, sizeof told, "the reply has no array 'data'%s%s", w.text.len ? ": " : "", w.text.len ? w.text.data : "");
    server_words_free(&w);
    return told;
}

/* Whether a 2xx reply has the path's form; if so, it is paid for and kept. */
static const char *check(void *ctx, char *body, size_t n)
{
    job_t *j = ctx;
    model_client_t *c = j->client;
    pool_hide(&c->pool, body, n);
    model_span_t reply = model_reply_body(body, n);
    const char *why = check_form(j->path, reply);
    if (!why) answers_put(c->answers, answer_key(j), reply.text, reply.n);
    return why;
}

/* Asks another server at once, where one is left that has not failed at this request. */
static bool move_on(job_t *j, const fetch_result_t *r)
{
    if (may_wait(j) || (r->kind != FETCH_GAVE_UP && r->kind != FETCH_NO_SERVER)) return false;
    j->moved++;
    j->client->stats.retries++;
    send_job(j);
    return true;
}

static void take_failure(job_t *j, const fetch_result_t *r)
{
    model_client_t *c = j->client;
    if (move_on(j, r)) return;
    server_words_t w = server_words(r->body, r->n);
    if (r->kind == FETCH_REFUSED && reword(j, &w)) {
        server_words_free(&w);
        send_job(j);
        return;
    }
    char *said = explain(c, r, &w);
    stop_if_hopeless(c, j, r, &w, said);
    if (r->kind == FETCH_REFUSED && (w.too_large || r->status == 413)) answers_put(c->answers, refusal_key(j), said, strlen(said));
    fail(j, r->retries ? xasprintf("%s (%lld tries)", said, (long long)r->retries + 1) : xstrdup(said));
    server_words_free(&w);
    free(said);
}

static void on_result(void *ctx, const fetch_result_t *r)
{
    job_t *j = ctx;
    model_client_t *c = j->client;
    c->stats.sent += 1 + r->retries;
    c->stats.retries += r->retries;
    c->last = seconds_now();
    if (r->status) c->answered = true;
    pool_done(&c->pool, j->server, r->status != 0);
    if (r->kind == FETCH_OK) j->moved = 0;
    pool_hide(&c->pool, r->body, r->n);
    if (r->kind != FETCH_OK) {
        take_failure(j, r);
        return;
    }
    bool again;
    model_span_t reply = bare_reply(r->body, r->n);
    count_tokens(c, reply.text, reply.n);
    take_reply(j, reply.text, reply.n, &again);
    if (again) send_job(j);
}

/* --- Sending ----------------------------------------------------------------------------------------------------------- */

/* The error of an earlier request like this one that was too large; false: there was none, or it is not to count. */
static bool was_too_large(const job_t *j, buf_t *error)
{
    return !j->client->options.ask_again && answers_get(j->client->answers, refusal_key(j), error);
}

/* Ends a job that is not worth sending; false: it is. */
static bool fail_unsent(job_t *j)
{
    model_client_t *c = j->client;
    buf_t error = {0};
    char *why = NULL;
    if (!j->sent && was_too_large(j, &error)) why = xasprintf("%s (so it was before; --ask-again sends it again)", error.data);
    else if (c->gave_up) why = xasprintf("not asked, after %lld failures in a row; the last: %s", (long long)c->in_a_row, c->last_error);
    buf_free(&error);
    if (!why) return false;
    j->unasked = true;
    fail(j, why);
    return true;
}

/* Answers from the cache as far as it knows the replies, then from the server. */
static void send_job(job_t *j)
{
    model_client_t *c = j->client;
    buf_t reply = {0};
    bool again = true;
    while (again && answers_get(c->answers, answer_key(j), &reply)) take_reply(j, reply.data, reply.len, &again);
    buf_free(&reply);
    if (!again || fail_unsent(j)) return;
    if (c->first <= 0) c->first = seconds_now();
    j->sent = true;
    j->limit_renamed = c->limit_renamed;
    model_body_wire(&j->body, (model_wire_t){j->path == MODEL_CHAT, c->limit_renamed, c->no_seed ? 0 : j->refused}, &j->wire);
    j->server = pool_take(&c->pool, j->moved ? j->server : NULL);
    fetch_send(c->fetch, &(fetch_request_t){
        .url = j->server->url[j->path],
        .headers = (const char *const *)j->server->address.headers,
        .once = !may_wait(j),
        .body = j->wire.data,
        .n = j->wire.len,
        .key = XXH3_64bits(j->id.bytes, sizeof j->id.bytes) + (uint64_t)j->refused,
        .check = check,
        .may_pass = may_pass,
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
    model_body_add(&j->body, c->options.body);
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

void model_client_last(model_client_t *c) { fetch_last(c->fetch, true); }

void model_client_drain(model_client_t *c)
{
    model_client_last(c);
    while (model_client_busy(c)) model_client_wait(c);
    fetch_last(c->fetch, false);
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
    buf_printf(&line, "%s: %lld requests, %lld from the cache", c->options.model, (long long)s.requests, (long long)s.cached);
    if (s.joined) buf_printf(&line, ", %lld equal to others under way", (long long)s.joined);
    if (s.unasked) buf_printf(&line, ", %lld not asked", (long long)s.unasked);
    buf_printf(&line, "; %lld sent", (long long)s.sent);
    if (s.seconds > 0) buf_printf(&line, " in %.1f s (%.1f/s)", s.seconds, (double)s.sent / s.seconds);
    buf_printf(&line, ", %lld of them retries; %lld replies refused, %lld requests failed; "
               "%lld prompt and %lld completion tokens",
               (long long)s.retries, (long long)s.refused, (long long)s.failed, (long long)s.prompt_tokens,
               (long long)s.completion_tokens);
    note("%s", line.data);
    buf_free(&line);
}

void model_client_item(model_client_t *c, const char *error)
{
    c->items++;
    c->items_failed += error != NULL;
    if (error && !c->first_error) c->first_error = xstrdup(error);
}

/* Ends the process if too few items got an answer. */
static void check_items(const model_client_t *c)
{
    const char *model = c->options.model, *first = c->first_error;
    long long items = c->items, failed = c->items_failed;
    if (c->gave_up)
        die(EX_UNAVAILABLE, "%s: gave up after %lld failures in a row, %lld of %lld items have no answer; the first: %s", model,
            (long long)c->in_a_row, failed, items, first ? first : "");
    if (failed && failed == items) die(EX_UNAVAILABLE, "%s: none of %lld items got an answer; the first: %s", model, items, first);
    if ((double)failed > c->options.max_failures * (double)items)
        die(EX_UNAVAILABLE, "%s: %lld of %lld items got no answer, more than --max-failures %g; the first: %s", model, failed, items,
            c->options.max_failures, first);
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
        buf_free(&j->wire);
        free(j);
    }
    check_items(c);
    pool_free(&c->pool);
    free(c->first_error);
    free(c->last_error);
    free(c);
}
