#include "net/fetch.h"

#include <curl/curl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "net/fetch_attempt.h"
#include "net/fetch_hosts.h"

enum { MAX_BACKOFF = 30 /* seconds: where doubling ends */ };

typedef enum { SLOT_FREE, SLOT_RUNNING, SLOT_WAITING, SLOT_DONE } slot_state_t;

/* One of the `jobs` places. */
typedef struct slot {
    slot_state_t state;
    fetch_attempt_t attempt;
    fetch_host_t *home, *host;  /* the URL's; that of `url`, or else the same */
    bool placed;                /* it is under way at `host`, or keeps its place there for the next attempt */
    int64_t retries;
    double due;                 /* SLOT_WAITING: when to send again */
    char *url;                  /* where the attempt has been, or will be, redirected to; NULL: nowhere */
    int redirects;
} slot_t;

struct fetch {
    fetch_options_t options;
    CURLM *multi;
    slot_t *slots;
    fetch_hosts_t *hosts;        /* requests beyond the slots */
    int running;                 /* slots that are SLOT_RUNNING */
    int connections;             /* as many as have been needed at once: more are new ones */
    double connected;            /* when the last of them was made */
    bool last;                   /* no more requests will come */
    int unfinished;              /* slots in use, and requests that wait */
    int done;                    /* slots that are SLOT_DONE */
};

fetch_t *fetch_open(const fetch_options_t *options)
{
    signal(SIGPIPE, SIG_IGN); /* a connection that was cut is an error of its request */
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) die(EX_OSERR, "libcurl does not start");
    fetch_t *f = NEW(fetch_t);
    f->options = *options;
    f->multi = curl_multi_init();
    if (!f->multi) die(EX_OSERR, "libcurl does not start");
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)options->jobs);
    f->hosts = fetch_hosts_open(options);
    f->slots = NEW_ARRAY(slot_t, options->jobs);
    return f;
}

/* --- Attempts begin -------------------------------------------------------------------------------------------------- */

/* Sends the request to its URL, or to where it has been redirected. */
static void send_on(fetch_t *f, slot_t *s)
{
    s->state = SLOT_RUNNING;
    if (++f->running > f->connections) {
        f->connections = f->running;
        f->connected = seconds_now();
    }
    curl_easy_setopt(s->attempt.easy, CURLOPT_FORBID_REUSE, 0L);
    fetch_attempt_aim(&s->attempt, s->url ? s->url : s->attempt.request.url);
    if (curl_multi_add_handle(f->multi, s->attempt.easy)) die(EX_OSERR, "libcurl refuses a request");
}

static void start_attempt(fetch_t *f, slot_t *s)
{
    fetch_attempt_prepare(&s->attempt);
    send_on(f, s);
}

/* Ends a request whose host is not asked any more. */
static void fail_unsent(fetch_t *f, slot_t *s)
{
    fetch_attempt_t *a = &s->attempt;
    buf_clear(&a->why);
    buf_printf(&a->why, "not asked for after %lld failures of its host", (long long)f->options.host_failures);
    buf_add(&a->reply, "", 0);
    a->result = (fetch_result_t){.kind = FETCH_NO_SERVER, .head = {.length = -1, .first = -1, .total = -1, .type = "", .etag = "",
                                 .last_modified = "", .url = a->request.url}, .body = a->reply.data, .why = a->why.data,
                                 .retries = s->retries};
    s->state = SLOT_DONE;
    f->done++;
}

static void forget_redirects(slot_t *s)
{
    free(s->url);
    s->url = NULL;
    s->redirects = 0;
}

static void take_slot(fetch_t *f, slot_t *s, const fetch_request_t *request, fetch_host_t *host)
{
    fetch_attempt_take(&s->attempt, &f->options, request, s);
    s->home = s->host = host;
    s->placed = true;
    s->retries = 0;
    forget_redirects(s);
    if (fetch_hosts_lost(f->hosts, host)) {
        fail_unsent(f, s);
        return;
    }
    start_attempt(f, s);
}

static slot_t *free_slot(fetch_t *f)
{
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_FREE) return &f->slots[i];
    return NULL;
}

/* Finds the moment from which one more may be sent: at once, if there is a connection for it. */
static double connection_due(const fetch_t *f)
{
    return f->running < f->connections || f->options.connect_interval <= 0 ? 0 : f->connected + f->options.connect_interval;
}

/* Starts what may be started. */
static void send_queued(fetch_t *f)
{
    double now = seconds_now();
    fetch_request_t request;
    fetch_host_t *host;
    for (slot_t *s; connection_due(f) <= now && (s = free_slot(f)) && (host = fetch_hosts_take(f->hosts, now, &request));)
        take_slot(f, s, &request, host);
}

/* One that was redirected to a host that is not asked any more. */
static bool is_lost(const fetch_t *f, const slot_t *s) { return s->url && fetch_hosts_lost(f->hosts, s->host); }

/* Finds the moment when one that waits may go on: it has waited long enough, for itself and for its host. */
static double slot_due(const fetch_t *f, const slot_t *s)
{
    return is_lost(f, s) ? 0 : fmax(s->due, fetch_hosts_ready(f->hosts, s->host, s->placed));
}

static void send_waiting(fetch_t *f, slot_t *s, double now)
{
    if (is_lost(f, s)) {
        fail_unsent(f, s);
        return;
    }
    fetch_hosts_enter(f->hosts, s->host, s->placed, now);
    s->placed = true;
    if (s->url) send_on(f, s);
    else start_attempt(f, s);
}

/* Sends what may be sent now: what has begun comes first. */
static void send_due(fetch_t *f)
{
    double now = seconds_now();
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_WAITING && slot_due(f, &f->slots[i]) <= now) send_waiting(f, &f->slots[i], now);
    send_queued(f);
}

void fetch_send(fetch_t *f, const fetch_request_t *request)
{
    if (request->follow && (request->headers || request->body)) die(EX_SOFTWARE, "only plain requests follow redirects");
    f->unfinished++;
    fetch_hosts_add(f->hosts, request);
    send_due(f);
}

/* Has connections closed or kept at their requests' ends. */
static void close_or_keep(fetch_t *f)
{
    int begun = 0;
    for (int i = 0; i < f->options.jobs; i++) begun += f->slots[i].state != SLOT_FREE;
    const long closes = f->last && begun == f->unfinished;
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_RUNNING) curl_easy_setopt(f->slots[i].attempt.easy, CURLOPT_FORBID_REUSE, closes);
    if (closes) f->connections = f->running;
}

void fetch_last(fetch_t *f, bool last)
{
    f->last = last;
    close_or_keep(f);
}

bool fetch_has_room(const fetch_t *f) { return f->unfinished < f->options.jobs; }
bool fetch_busy(const fetch_t *f) { return f->unfinished > 0; }
int64_t fetch_unfinished(const fetch_t *f) { return f->unfinished; }

/* --- Attempts end ---------------------------------------------------------------------------------------------------- */

/* Gives the seconds until the next attempt. */
static double wait_before_retry(fetch_t *f, slot_t *s)
{
    double wait = fmin(MAX_BACKOFF, f->options.first_wait * exp2((double)(s->retries < 60 ? s->retries : 60)));
    float share = rng_uniform(rng_key(rng_stream(0, "fetch retries"), s->attempt.request.key), (uint64_t)s->retries);
    wait *= 0.5 + 0.5 * (double)share;
    curl_off_t asked = 0;
    curl_easy_getinfo(s->attempt.easy, CURLINFO_RETRY_AFTER, &asked);
    asked = asked < FETCH_MAX_WAIT ? asked : FETCH_MAX_WAIT;
    if (asked > 0 && f->options.per_host > 0) fetch_hosts_pause(s->host, seconds_now() + (double)asked);
    return fmax(wait, (double)asked);
}

static bool has_scheme(const char *url, const char *scheme) { return !strncasecmp(url, scheme, strlen(scheme)); }

/* Makes another host the one to ask, and to wait for. */
static void move_to(slot_t *s, fetch_host_t *host)
{
    if (host == s->host) return;
    if (s->placed) fetch_hosts_end(s->host);
    s->host = host;
    s->placed = false;
}

/* Lets a request wait for the host to which the server points; false where there is nothing to follow, or why not is said. */
static bool redirect(fetch_t *f, slot_t *s)
{
    const char *from = s->url ? s->url : s->attempt.request.url;
    char *to = NULL;
    curl_easy_getinfo(s->attempt.easy, CURLINFO_REDIRECT_URL, &to);
    if (!s->attempt.request.follow || !to) return false;
    buf_clear(&s->attempt.why);
    if (s->redirects == FETCH_MAX_REDIRECTS) {
        buf_printf(&s->attempt.why, "more than %d redirects", FETCH_MAX_REDIRECTS);
        return false;
    }
    if (!has_scheme(to, "https://") && (!has_scheme(to, "http://") || has_scheme(from, "https://"))) {
        buf_printf(&s->attempt.why, "redirected from %.*s to %.*s", (int)strcspn(from, ":"), from, (int)strcspn(to, ":"), to);
        return false;
    }
    to = xstrdup(to);
    free(s->url);
    s->url = to;
    s->redirects++;
    fetch_host_t *host = fetch_hosts_find(f->hosts, to);
    if (host != s->host) fetch_hosts_count(s->host, false); /* it has answered; what follows is the other's */
    move_to(s, host);
    s->due = 0;
    s->state = SLOT_WAITING;
    return true;
}

static void end_attempt(fetch_t *f, slot_t *s, CURLcode code)
{
    curl_multi_remove_handle(f->multi, s->attempt.easy);
    f->running--;
    fetch_kind_t kind = fetch_attempt_judge(&s->attempt, code);
    s->attempt.result.retries = s->retries;
    if (kind == FETCH_REFUSED && redirect(f, s)) return;
    if ((kind == FETCH_GAVE_UP || kind == FETCH_NO_SERVER) && s->retries < f->options.max_retries && !s->attempt.request.once) {
        s->due = seconds_now() + wait_before_retry(f, s);
        s->retries++;
        forget_redirects(s);
        move_to(s, s->home);
        s->state = SLOT_WAITING;
        return;
    }
    /* The last host that was asked: where another redirects to it, that one is not to blame. */
    fetch_hosts_count(s->host, kind == FETCH_GAVE_UP || kind == FETCH_NO_SERVER);
    s->attempt.result.kind = kind;
    s->attempt.result.why = kind == FETCH_OK ? NULL : s->attempt.why.data;
    s->state = SLOT_DONE;
    f->done++;
}

/* --- The loop -------------------------------------------------------------------------------------------------------- */

/* Frees the slot before done() is called, which may send. */
static void deliver(fetch_t *f, slot_t *s)
{
    fetch_attempt_t *a = &s->attempt;
    fetch_request_t request = a->request;
    fetch_result_t result = a->result;
    buf_t reply = a->reply, why = a->why, texts = a->texts;
    a->reply = a->why = a->texts = (buf_t){0};
    s->state = SLOT_FREE;
    if (s->placed) fetch_hosts_end(s->host);
    f->done--;
    f->unfinished--;
    send_due(f);
    request.done(request.ctx, &result);
    buf_free(&reply);
    buf_free(&why);
    buf_free(&texts);
}

/* Calls done() for what has ended so far; returns whether there was anything. */
static bool deliver_all(fetch_t *f)
{
    if (!f->done) return false;
    if (f->options.flush) f->options.flush(f->options.ctx);
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_DONE) deliver(f, &f->slots[i]);
    return true;
}

/* Finds the moment when something is to be sent, `latest` at the latest. */
static double next_due(fetch_t *f, double latest)
{
    if (free_slot(f)) latest = fmin(latest, fmax(fetch_hosts_due(f->hosts), connection_due(f)));
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_WAITING) latest = fmin(latest, slot_due(f, &f->slots[i]));
    return latest;
}

static void advance(fetch_t *f)
{
    int running, left;
    if (curl_multi_perform(f->multi, &running)) die(EX_OSERR, "libcurl cannot go on");
    for (CURLMsg *m; (m = curl_multi_info_read(f->multi, &left)); ) {
        if (m->msg != CURLMSG_DONE) continue;
        CURL *easy = m->easy_handle;
        CURLcode code = m->data.result; /* the message goes when its handle is removed */
        slot_t *s;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
        end_attempt(f, s, code);
    }
}

bool fetch_poll(fetch_t *f, double seconds)
{
    double end = seconds_now() + seconds;
    for (;;) {
        send_due(f);
        if (f->last) close_or_keep(f);
        advance(f);
        if (deliver_all(f)) return true;
        double wait = next_due(f, end) - seconds_now();
        if (!f->unfinished || seconds_now() >= end) return false;
        if (curl_multi_poll(f->multi, NULL, 0, (int)ceil(fmin(fmax(wait, 0), 1000) * 1000), NULL))
            die(EX_OSERR, "libcurl cannot wait");
    }
}

void fetch_close(fetch_t *f)
{
    if (!f) return;
    for (int i = 0; i < f->options.jobs; i++) {
        slot_t *s = &f->slots[i];
        if (s->state == SLOT_RUNNING) curl_multi_remove_handle(f->multi, s->attempt.easy);
        fetch_attempt_free(&s->attempt);
        free(s->url);
    }
    fetch_hosts_close(f->hosts);
    curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    free(f->slots);
    free(f);
}
