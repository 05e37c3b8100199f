#include "base/fetch.h"

#include <curl/curl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"

enum { MAX_BACKOFF = 30 /* seconds: where doubling ends */ };

typedef enum { SLOT_FREE, SLOT_RUNNING, SLOT_WAITING, SLOT_DONE } slot_state_t;

/* One of the `jobs` places, with a handle that is used again and again. */
typedef struct slot {
    slot_state_t state;
    CURL *easy;
    struct curl_slist *headers;
    fetch_request_t request;
    int64_t retries;
    double due;          /* SLOT_WAITING: when to send again */
    buf_t reply, why;
    bool overlong;
    size_t max_reply;
    fetch_result_t result;
} slot_t;

typedef struct queued {
    fetch_request_t request;
    struct queued *next;
} queued_t;

struct fetch {
    fetch_options_t options;
    CURLM *multi;
    slot_t *slots;
    int unfinished;              /* slots in use, and requests in the queue */
    queued_t *queue, **queue_end; /* beyond the slots */
    int done;                    /* slots that are SLOT_DONE */
};

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    slot_t *s = ctx;
    size_t n = size * count;
    if (n > s->max_reply - s->reply.len) {
        s->overlong = true;
        return 0;
    }
    buf_add(&s->reply, bytes, n);
    return n;
}

static bool is_loopback(const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL;
    bool loopback = u && !curl_url_set(u, CURLUPART_URL, url, 0) && !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
                    (!strncmp(host, "127.", 4) || !strcmp(host, "localhost") || !strcmp(host, "[::1]"));
    curl_free(host);
    curl_url_cleanup(u);
    return loopback;
}

static CURL *new_handle(slot_t *s)
{
    CURL *e = curl_easy_init();
    if (!e) die(EX_OSERR, "libcurl does not start");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "sidmill");
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)s->max_reply); /* where the length is announced */
    curl_easy_setopt(e, CURLOPT_PRIVATE, s);
    const char *certificates = getenv("SSL_CERT_FILE");
    if (certificates && *certificates) curl_easy_setopt(e, CURLOPT_CAINFO, certificates);
    return e;
}

fetch_t *fetch_open(const fetch_options_t *options)
{
    signal(SIGPIPE, SIG_IGN); /* a connection that was cut is an error of its request */
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) die(EX_OSERR, "libcurl does not start");
    fetch_t *f = NEW(fetch_t);
    f->options = *options;
    f->multi = curl_multi_init();
    if (!f->multi) die(EX_OSERR, "libcurl does not start");
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)options->jobs);
    f->slots = NEW_ARRAY(slot_t, options->jobs);
    f->queue_end = &f->queue;
    for (int i = 0; i < options->jobs; i++) f->slots[i].max_reply = options->max_reply;
    return f;
}

/* --- An attempt begins ----------------------------------------------------------------------------------------------- */

static void set_request(fetch_t *f, slot_t *s)
{
    const fetch_request_t *r = &s->request;
    curl_slist_free_all(s->headers);
    s->headers = NULL;
    for (int i = 0; r->headers && r->headers[i]; i++) s->headers = curl_slist_append(s->headers, r->headers[i]);
    s->headers = curl_slist_append(s->headers, "Expect:"); /* no waiting for leave to send a long body */
    curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(s->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(s->easy, CURLOPT_PROXY, is_loopback(r->url) ? "" : NULL);
    curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, lrint(fmax(1, f->options.connect_timeout * 1000)));
    curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, lrint(fmax(1, f->options.timeout * 1000)));
    if (r->body) {
        curl_easy_setopt(s->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n);
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, (const char *)r->body);
    } else {
        curl_easy_setopt(s->easy, CURLOPT_HTTPGET, 1L);
    }
}

static void start_attempt(fetch_t *f, slot_t *s)
{
    buf_clear(&s->reply);
    s->overlong = false;
    s->state = SLOT_RUNNING;
    if (curl_multi_add_handle(f->multi, s->easy)) die(EX_OSERR, "libcurl refuses a request");
}

static void take_slot(fetch_t *f, slot_t *s, const fetch_request_t *request)
{
    if (!s->easy) s->easy = new_handle(s);
    s->request = *request;
    s->retries = 0;
    set_request(f, s);
    start_attempt(f, s);
}

static slot_t *free_slot(fetch_t *f)
{
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_FREE) return &f->slots[i];
    return NULL;
}

void fetch_send(fetch_t *f, const fetch_request_t *request)
{
    slot_t *s = f->queue ? NULL : free_slot(f);
    f->unfinished++;
    if (s) {
        take_slot(f, s, request);
        return;
    }
    queued_t *q = NEW(queued_t);
    q->request = *request;
    *f->queue_end = q;
    f->queue_end = &q->next;
}

static void send_queued(fetch_t *f)
{
    slot_t *s;
    while (f->queue && (s = free_slot(f))) {
        queued_t *q = f->queue;
        f->queue = q->next;
        if (!f->queue) f->queue_end = &f->queue;
        take_slot(f, s, &q->request);
        free(q);
    }
}

bool fetch_has_room(const fetch_t *f) { return f->unfinished < f->options.jobs; }
bool fetch_busy(const fetch_t *f) { return f->unfinished > 0; }

/* --- An attempt ends ------------------------------------------------------------------------------------------------- */

static bool never_gets_better(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

static bool made_no_connection(const slot_t *s, CURLcode code)
{
    double connected = 0;
    curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME, &connected);
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_SSL_CONNECT_ERROR || (code == CURLE_OPERATION_TIMEDOUT && connected <= 0);
}

static bool status_may_get_better(int status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

/* Says why the attempt failed, in words that hold no times or ports, so that the same cause gives the same text. */
static void explain_failure(const fetch_t *f, slot_t *s, CURLcode code)
{
    if (s->overlong || code == CURLE_FILESIZE_EXCEEDED)
        buf_printf(&s->why, "the reply is longer than %zu bytes", s->max_reply);
    else if (code == CURLE_OPERATION_TIMEDOUT && made_no_connection(s, code))
        buf_printf(&s->why, "no connection within %g s", fmin(f->options.connect_timeout, f->options.timeout));
    else if (code == CURLE_OPERATION_TIMEDOUT)
        buf_printf(&s->why, "no reply within %g s", f->options.timeout);
    else
        buf_puts(&s->why, curl_easy_strerror(code));
}

/* What the attempt came to; FETCH_GAVE_UP and FETCH_NO_SERVER where another may do better. */
static fetch_kind_t judge(const fetch_t *f, slot_t *s, CURLcode code)
{
    buf_clear(&s->why);
    buf_add(&s->reply, "", 0); /* a NUL at the end, also of nothing */
    long status = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    s->result = (fetch_result_t){.status = (int)status, .body = s->reply.data, .n = s->reply.len, .retries = s->retries};
    curl_easy_getinfo(s->easy, CURLINFO_TOTAL_TIME, &s->result.seconds);
    if (code) {
        explain_failure(f, s, code);
        return never_gets_better(code) ? FETCH_UNUSABLE : made_no_connection(s, code) ? FETCH_NO_SERVER : FETCH_GAVE_UP;
    }
    if (status < 200 || status > 299) {
        buf_printf(&s->why, "HTTP %ld", status);
        return status_may_get_better((int)status) ? FETCH_GAVE_UP : FETCH_REFUSED;
    }
    const char *why = s->request.check ? s->request.check(s->request.ctx, s->reply.data, s->reply.len) : NULL;
    if (!why) return FETCH_OK;
    buf_puts(&s->why, why);
    return FETCH_GAVE_UP;
}

/* Seconds until the next attempt. */
static double wait_before_retry(const fetch_t *f, const slot_t *s)
{
    double wait = fmin(MAX_BACKOFF, f->options.first_wait * exp2((double)(s->retries < 60 ? s->retries : 60)));
    float share = rng_uniform(rng_key(rng_stream(0, "fetch retries"), s->request.key), (uint64_t)s->retries);
    wait *= 0.5 + 0.5 * (double)share;
    curl_off_t asked = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &asked);
    return fmin(FETCH_MAX_WAIT, fmax(wait, (double)asked));
}

static void end_attempt(fetch_t *f, slot_t *s, CURLcode code)
{
    curl_multi_remove_handle(f->multi, s->easy);
    fetch_kind_t kind = judge(f, s, code);
    if ((kind == FETCH_GAVE_UP || kind == FETCH_NO_SERVER) && s->retries < f->options.max_retries) {
        s->due = seconds_now() + wait_before_retry(f, s);
        s->retries++;
        s->state = SLOT_WAITING;
        return;
    }
    s->result.kind = kind;
    s->result.why = kind == FETCH_OK ? NULL : s->why.data;
    s->state = SLOT_DONE;
    f->done++;
}

/* --- The loop -------------------------------------------------------------------------------------------------------- */

/* Frees the slot before done() is called, which may send. */
static void deliver(fetch_t *f, slot_t *s)
{
    fetch_request_t request = s->request;
    fetch_result_t result = s->result;
    buf_t reply = s->reply, why = s->why;
    s->reply = s->why = (buf_t){0};
    s->state = SLOT_FREE;
    f->done--;
    f->unfinished--;
    send_queued(f);
    request.done(request.ctx, &result);
    buf_free(&reply);
    buf_free(&why);
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

/* Sends again what has waited long enough. */
static void send_due(fetch_t *f)
{
    double now = seconds_now();
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_WAITING && f->slots[i].due <= now) start_attempt(f, &f->slots[i]);
}

/* The moment when something is to be sent again, `latest` at the latest. */
static double next_due(const fetch_t *f, double latest)
{
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_WAITING) latest = fmin(latest, f->slots[i].due);
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
        if (s->state == SLOT_RUNNING) curl_multi_remove_handle(f->multi, s->easy);
        if (s->easy) curl_easy_cleanup(s->easy);
        curl_slist_free_all(s->headers);
        buf_free(&s->reply);
        buf_free(&s->why);
    }
    while (f->queue) {
        queued_t *q = f->queue;
        f->queue = q->next;
        free(q);
    }
    curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    free(f->slots);
    free(f);
}
