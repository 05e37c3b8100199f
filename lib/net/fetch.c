#include "net/fetch.h"

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
#include "net/fetch_hosts.h"

enum {
    MAX_BACKOFF = 30,         /* seconds: where doubling ends */
    MAX_IGNORED = 1 << 16,    /* bytes of a page that says no */
    MAX_REDIRECT = 1 << 22    /* bytes of one that points elsewhere: libcurl says where when it has ended */
};

typedef enum { SLOT_FREE, SLOT_RUNNING, SLOT_WAITING, SLOT_DONE } slot_state_t;

/* One of the `jobs` places, with a handle that is used again and again. */
typedef struct slot {
    slot_state_t state;
    CURL *easy;
    struct curl_slist *headers;
    fetch_request_t request;
    fetch_host_t *home, *host;  /* the URL's; that of `url`, or else the same */
    bool placed;                /* it is under way at `host`, or keeps its place there for the next attempt */
    int64_t retries;
    double due;          /* SLOT_WAITING: when to send again */
    char *url;           /* where the attempt has been, or will be, redirected to; NULL: nowhere */
    int redirects;
    buf_t reply, why;
    bool overlong;
    size_t ignored;      /* bytes of a body that nobody wants */
    bool began;          /* head() has seen the reply */
    bool refused;        /* by head() or sink(); `why` says why */
    size_t max_reply;
    fetch_result_t result;
    buf_t texts;         /* of result.head */
} slot_t;

struct fetch {
    fetch_options_t options;
    CURLM *multi;
    slot_t *slots;
    fetch_hosts_t *hosts;        /* requests beyond the slots */
    int unfinished;              /* slots in use, and requests that wait */
    int done;                    /* slots that are SLOT_DONE */
};

/* --- A reply comes in ------------------------------------------------------------------------------------------------ */

static int status_of(const slot_t *s)
{
    long status = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static bool is_good(int status) { return status >= 200 && status <= 299; }

/* Copies a header's value (a URL, where `name` is NULL) to the end of the slot's texts; its offset there. */
static size_t copy_text(slot_t *s, const char *name)
{
    struct curl_header *h = NULL;
    const char *text = NULL;
    size_t at = s->texts.len;
    if (!name) curl_easy_getinfo(s->easy, CURLINFO_EFFECTIVE_URL, &text);
    else if (!curl_easy_header(s->easy, name, 0, CURLH_HEADER, -1, &h)) text = h->value;
    if (text) buf_puts(&s->texts, text);
    buf_add(&s->texts, "", 1);
    return at;
}

/* "bytes 100-199/1000", "bytes 100-199/" "*" where the whole's length is unknown, or "bytes *" "/1000" (of a 416); what else a
 * server may write says nothing. */
static void read_content_range(const char *text, fetch_head_t *h)
{
    long long first, last, total;
    char star[2];
    if (sscanf(text, "bytes %lld-%lld/%lld", &first, &last, &total) == 3 && first >= 0 && last >= first && total > last) {
        h->first = first;
        h->total = total;
    } else if (sscanf(text, "bytes %lld-%lld/%1[*]", &first, &last, star) == 3 && first >= 0 && last >= first) {
        h->first = first;
    } else if (sscanf(text, "bytes */%lld", &total) == 1 && total >= 0) {
        h->total = total;
    }
}

static fetch_head_t read_head(slot_t *s)
{
    curl_off_t length = -1;
    curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    fetch_head_t h = {.status = status_of(s), .length = length, .first = -1, .total = -1};
    buf_clear(&s->texts);
    size_t type = copy_text(s, "Content-Type"), etag = copy_text(s, "ETag"), modified = copy_text(s, "Last-Modified"),
           range = copy_text(s, "Content-Range"), url = copy_text(s, NULL);
    h.type = s->texts.data + type;
    h.etag = s->texts.data + etag;
    h.last_modified = s->texts.data + modified;
    h.url = s->texts.data + url;
    read_content_range(s->texts.data + range, &h);
    return h;
}

/* Takes what head() or sink() said; true if they have nothing against the reply. */
static bool accepts(slot_t *s, const char *why)
{
    if (!why) return true;
    s->refused = true;
    buf_clear(&s->why);
    buf_puts(&s->why, why);
    return false;
}

/* Shows a 2xx reply's head to the request; false where it does not want the body. */
static bool begin_reply(slot_t *s)
{
    if (s->began) return true;
    s->began = true;
    if (!s->request.head) return true;
    fetch_head_t h = read_head(s);
    return accepts(s, s->request.head(s->request.ctx, &h));
}

static size_t most_ignored(const slot_t *s)
{
    int status = status_of(s);
    return s->request.follow && status >= 300 && status <= 399 ? MAX_REDIRECT : MAX_IGNORED;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    slot_t *s = ctx;
    size_t n = size * count;
    bool good = is_good(status_of(s));
    if (good && !begin_reply(s)) return 0;
    if (s->request.sink && !good) {
        s->ignored += n;
        return s->ignored <= most_ignored(s) ? n : 0;
    }
    if (s->request.sink) return accepts(s, s->request.sink(s->request.ctx, bytes, n)) ? n : 0;
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
    f->hosts = fetch_hosts_open(options);
    f->slots = NEW_ARRAY(slot_t, options->jobs);
    for (int i = 0; i < options->jobs; i++) f->slots[i].max_reply = options->max_reply;
    return f;
}

/* --- An attempt begins ----------------------------------------------------------------------------------------------- */

static long milliseconds(double seconds) { return lrint(fmax(1, seconds * 1000)); }

static void set_url(slot_t *s, const char *url)
{
    curl_easy_setopt(s->easy, CURLOPT_URL, url);
    curl_easy_setopt(s->easy, CURLOPT_PROXY, is_loopback(url) ? "" : NULL);
}

static void add_header(slot_t *s, const char *line)
{
    s->headers = curl_slist_append(s->headers, line);
    if (!s->headers) die(EX_OSERR, "out of memory");
}

static void add_range(slot_t *s)
{
    fetch_range_t range = s->request.range(s->request.ctx);
    add_header(s, "Accept-Encoding: identity"); /* a part of a file is one of its own bytes */
    if (range.from <= 0) return;
    char *line = xasprintf("Range: bytes=%lld-", (long long)range.from);
    add_header(s, line);
    free(line);
    if (!range.validator) return;
    line = xasprintf("If-Range: %s", range.validator);
    add_header(s, line);
    free(line);
}

static void set_headers(slot_t *s)
{
    const fetch_request_t *r = &s->request;
    curl_slist_free_all(s->headers);
    s->headers = NULL;
    for (int i = 0; r->headers && r->headers[i]; i++) add_header(s, r->headers[i]);
    add_header(s, "Expect:"); /* no waiting for leave to send a long body */
    if (r->range) add_range(s);
    curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
}

static void set_request(fetch_t *f, slot_t *s)
{
    const fetch_request_t *r = &s->request;
    const fetch_options_t *o = &f->options;
    curl_easy_setopt(s->easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(o->connect_timeout));
    curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, o->timeout > 0 ? milliseconds(o->timeout) : 0);
    curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_LIMIT, o->stall_timeout > 0 ? (long)FETCH_STALLED : 0);
    curl_easy_setopt(s->easy, CURLOPT_LOW_SPEED_TIME, lrint(ceil(o->stall_timeout)));
    curl_easy_setopt(s->easy, CURLOPT_BUFFERSIZE, r->sink ? 1L << 18 : (long)CURL_MAX_WRITE_SIZE);
    /* Where the length is announced. */
    curl_easy_setopt(s->easy, CURLOPT_MAXFILESIZE_LARGE, r->sink ? 0 : (curl_off_t)s->max_reply);
    if (r->body) {
        curl_easy_setopt(s->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n);
        curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, (const char *)r->body);
    } else {
        curl_easy_setopt(s->easy, CURLOPT_HTTPGET, 1L);
    }
}

/* Sends the request to its URL, or to where it has been redirected. */
static void send_on(fetch_t *f, slot_t *s)
{
    buf_clear(&s->reply);
    s->overlong = s->began = s->refused = false;
    s->ignored = 0;
    s->state = SLOT_RUNNING;
    set_url(s, s->url ? s->url : s->request.url);
    if (curl_multi_add_handle(f->multi, s->easy)) die(EX_OSERR, "libcurl refuses a request");
}

static void start_attempt(fetch_t *f, slot_t *s)
{
    set_headers(s);
    send_on(f, s);
}

/* Ends a request whose host is not asked any more. */
static void fail_unsent(fetch_t *f, slot_t *s)
{
    buf_clear(&s->why);
    buf_printf(&s->why, "not asked for after %lld failures of its host", (long long)f->options.host_failures);
    buf_add(&s->reply, "", 0);
    s->result = (fetch_result_t){.kind = FETCH_NO_SERVER, .head = {.length = -1, .first = -1, .total = -1, .type = "", .etag = "",
                                 .last_modified = "", .url = s->request.url}, .body = s->reply.data, .why = s->why.data,
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
    if (!s->easy) s->easy = new_handle(s);
    s->request = *request;
    s->home = s->host = host;
    s->placed = true;
    s->retries = 0;
    forget_redirects(s);
    if (fetch_hosts_lost(f->hosts, host)) {
        fail_unsent(f, s);
        return;
    }
    set_request(f, s);
    start_attempt(f, s);
}

static slot_t *free_slot(fetch_t *f)
{
    for (int i = 0; i < f->options.jobs; i++)
        if (f->slots[i].state == SLOT_FREE) return &f->slots[i];
    return NULL;
}

/* Starts what may be started. */
static void send_queued(fetch_t *f)
{
    double now = seconds_now();
    fetch_request_t request;
    fetch_host_t *host;
    for (slot_t *s; (s = free_slot(f)) && (host = fetch_hosts_take(f->hosts, now, &request));)
        take_slot(f, s, &request, host);
}

/* One that was redirected to a host that is not asked any more. */
static bool is_lost(const fetch_t *f, const slot_t *s) { return s->url && fetch_hosts_lost(f->hosts, s->host); }

/* The moment when one that waits may go on: it has waited long enough, for itself and for its host. */
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

bool fetch_has_room(const fetch_t *f) { return f->unfinished < f->options.jobs; }
bool fetch_busy(const fetch_t *f) { return f->unfinished > 0; }
int64_t fetch_unfinished(const fetch_t *f) { return f->unfinished; }

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

/* A connection that was not made in time, or a reply that did not come. */
static void explain_timeout(const fetch_t *f, slot_t *s)
{
    const fetch_options_t *o = &f->options;
    double limit = o->timeout > 0 ? o->timeout : INFINITY;
    if (made_no_connection(s, CURLE_OPERATION_TIMEDOUT))
        buf_printf(&s->why, "no connection within %g s", fmin(o->connect_timeout, limit));
    else if (s->result.seconds < limit * 0.99)
        buf_printf(&s->why, "the reply stood still for %g s", o->stall_timeout);
    else
        buf_printf(&s->why, "no reply within %g s", o->timeout);
}

/* Says why the attempt failed, in words that hold no times or ports, so that the same cause gives the same text. */
static void explain_failure(const fetch_t *f, slot_t *s, CURLcode code)
{
    if (s->overlong || code == CURLE_FILESIZE_EXCEEDED)
        buf_printf(&s->why, "the reply is longer than %zu bytes", s->max_reply);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(f, s);
    else
        buf_puts(&s->why, curl_easy_strerror(code));
}

/* What the attempt came to; FETCH_GAVE_UP and FETCH_NO_SERVER where another may do better. */
static fetch_kind_t judge(const fetch_t *f, slot_t *s, CURLcode code)
{
    buf_add(&s->reply, "", 0); /* a NUL at the end, also of nothing */
    int status = status_of(s);
    if (s->ignored > most_ignored(s)) code = CURLE_OK;
    if (!code && is_good(status)) begin_reply(s); /* one without a body */
    s->result = (fetch_result_t){.head = read_head(s), .status = status, .body = s->reply.data, .n = s->reply.len,
                                 .retries = s->retries};
    curl_easy_getinfo(s->easy, CURLINFO_TOTAL_TIME, &s->result.seconds);
    if (s->refused) return FETCH_REFUSED;
    buf_clear(&s->why);
    if (code) {
        explain_failure(f, s, code);
        return never_gets_better(code) ? FETCH_UNUSABLE : made_no_connection(s, code) ? FETCH_NO_SERVER : FETCH_GAVE_UP;
    }
    if (!is_good(status)) {
        buf_printf(&s->why, "HTTP %d", status);
        return status_may_get_better(status) ? FETCH_GAVE_UP : FETCH_REFUSED;
    }
    const char *why = s->request.check ? s->request.check(s->request.ctx, s->reply.data, s->reply.len) : NULL;
    if (!why) return FETCH_OK;
    buf_puts(&s->why, why);
    return FETCH_GAVE_UP;
}

/* Seconds until the next attempt. */
static double wait_before_retry(fetch_t *f, slot_t *s)
{
    double wait = fmin(MAX_BACKOFF, f->options.first_wait * exp2((double)(s->retries < 60 ? s->retries : 60)));
    float share = rng_uniform(rng_key(rng_stream(0, "fetch retries"), s->request.key), (uint64_t)s->retries);
    wait *= 0.5 + 0.5 * (double)share;
    curl_off_t asked = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &asked);
    asked = asked < FETCH_MAX_WAIT ? asked : FETCH_MAX_WAIT;
    if (asked > 0 && f->options.per_host > 0) fetch_hosts_pause(s->host, seconds_now() + (double)asked);
    return fmax(wait, (double)asked);
}

static bool has_scheme(const char *url, const char *scheme) { return !strncasecmp(url, scheme, strlen(scheme)); }

/* Another host is the one to ask, and to wait for. */
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
    const char *from = s->url ? s->url : s->request.url;
    char *to = NULL;
    curl_easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, &to);
    if (!s->request.follow || !to) return false;
    buf_clear(&s->why);
    if (s->redirects == FETCH_MAX_REDIRECTS) {
        buf_printf(&s->why, "more than %d redirects", FETCH_MAX_REDIRECTS);
        return false;
    }
    if (!has_scheme(to, "https://") && (!has_scheme(to, "http://") || has_scheme(from, "https://"))) {
        buf_printf(&s->why, "redirected from %.*s to %.*s", (int)strcspn(from, ":"), from, (int)strcspn(to, ":"), to);
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
    curl_multi_remove_handle(f->multi, s->easy);
    fetch_kind_t kind = judge(f, s, code);
    if (kind == FETCH_REFUSED && redirect(f, s)) return;
    if ((kind == FETCH_GAVE_UP || kind == FETCH_NO_SERVER) && s->retries < f->options.max_retries) {
        s->due = seconds_now() + wait_before_retry(f, s);
        s->retries++;
        forget_redirects(s);
        move_to(s, s->home);
        s->state = SLOT_WAITING;
        return;
    }
    /* The last host that was asked: where another redirects to it, that one is not to blame. */
    fetch_hosts_count(s->host, kind == FETCH_GAVE_UP || kind == FETCH_NO_SERVER);
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
    buf_t reply = s->reply, why = s->why, texts = s->texts;
    s->reply = s->why = s->texts = (buf_t){0};
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

/* The moment when something is to be sent, `latest` at the latest. */
static double next_due(fetch_t *f, double latest)
{
    if (free_slot(f)) latest = fmin(latest, fetch_hosts_due(f->hosts));
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
        free(s->url);
        buf_free(&s->reply);
        buf_free(&s->why);
        buf_free(&s->texts);
    }
    fetch_hosts_close(f->hosts);
    curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    free(f->slots);
    free(f);
}
