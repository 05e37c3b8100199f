#include "net/fetch_attempt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    MAX_IGNORED = 1 << 16,    /* bytes of a page that says no */
    MAX_SHOWN = 200,          /* bytes of an address in a message */
    MAX_REDIRECT = 1 << 22    /* bytes of one that points elsewhere: libcurl says where when it has ended */
};

/* --- A reply comes in ------------------------------------------------------------------------------------------------ */

static int status_of(const fetch_attempt_t *a)
{
    long status = 0;
    curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static bool is_good(int status) { return status >= 200 && status <= 299; }

/* Copies a header's value (NULL: the URL that answered) to the end of the attempt's texts; returns its offset there. */
static size_t copy_text(fetch_attempt_t *a, const char *name)
{
    struct curl_header *h = NULL;
    const char *text = NULL;
    size_t at = a->texts.len;
    if (!name) curl_easy_getinfo(a->easy, CURLINFO_EFFECTIVE_URL, &text);
    else if (!curl_easy_header(a->easy, name, 0, CURLH_HEADER, -1, &h)) text = h->value;
    if (text) buf_puts(&a->texts, text);
    buf_add(&a->texts, "", 1);
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

static fetch_head_t read_head(fetch_attempt_t *a)
{
    curl_off_t length = -1;
    curl_easy_getinfo(a->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    fetch_head_t h = {.status = status_of(a), .length = length, .first = -1, .total = -1};
    buf_clear(&a->texts);
    size_t type = copy_text(a, "Content-Type"), etag = copy_text(a, "ETag"), modified = copy_text(a, "Last-Modified"),
           range = copy_text(a, "Content-Range"), url = copy_text(a, NULL);
    h.type = a->texts.data + type;
    h.etag = a->texts.data + etag;
    h.last_modified = a->texts.data + modified;
    h.url = a->texts.data + url;
    read_content_range(a->texts.data + range, &h);
    return h;
}

/* Takes what head() or sink() said; true if they have nothing against the reply. */
static bool accepts(fetch_attempt_t *a, const char *why)
{
    if (!why) return true;
    a->refused = true;
    buf_clear(&a->why);
    buf_puts(&a->why, why);
    return false;
}

/* Shows a 2xx reply's head to the request; false where it does not want the body. */
static bool begin_reply(fetch_attempt_t *a)
{
    if (a->began) return true;
    a->began = true;
    if (!a->request.head) return true;
    fetch_head_t h = read_head(a);
    return accepts(a, a->request.head(a->request.ctx, &h));
}

static size_t most_ignored(const fetch_attempt_t *a)
{
    int status = status_of(a);
    return a->request.follow && status >= 300 && status <= 399 ? MAX_REDIRECT : MAX_IGNORED;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    fetch_attempt_t *a = ctx;
    size_t n = size * count;
    bool good = is_good(status_of(a));
    if (good && !begin_reply(a)) return 0;
    if (a->request.sink && !good) {
        a->ignored += n;
        return a->ignored <= most_ignored(a) ? n : 0;
    }
    if (a->request.sink) return accepts(a, a->request.sink(a->request.ctx, bytes, n)) ? n : 0;
    if (n > a->options->max_reply - a->reply.len) {
        a->overlong = true;
        return 0;
    }
    buf_add(&a->reply, bytes, n);
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

static CURL *new_handle(fetch_attempt_t *a, void *owner)
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
    curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(e, CURLOPT_PRIVATE, owner);
    const char *certificates = getenv("SSL_CERT_FILE");
    if (certificates && *certificates) curl_easy_setopt(e, CURLOPT_CAINFO, certificates);
    return e;
}

/* --- An attempt begins ----------------------------------------------------------------------------------------------- */

static long milliseconds(double seconds) { return lrint(fmax(1, seconds * 1000)); }

static void set_url(fetch_attempt_t *a, const char *url)
{
    curl_easy_setopt(a->easy, CURLOPT_URL, url);
    curl_easy_setopt(a->easy, CURLOPT_PROXY, is_loopback(url) ? "" : NULL);
}

static void add_header(fetch_attempt_t *a, const char *line)
{
    a->headers = curl_slist_append(a->headers, line);
    if (!a->headers) die(EX_OSERR, "out of memory");
}

static void add_range(fetch_attempt_t *a)
{
    fetch_range_t range = a->request.range(a->request.ctx);
    add_header(a, "Accept-Encoding: identity"); /* a part of a file is one of its own bytes */
    if (range.from <= 0) return;
    char *line = xasprintf("Range: bytes=%lld-", (long long)range.from);
    add_header(a, line);
    free(line);
    if (!range.validator) return;
    line = xasprintf("If-Range: %s", range.validator);
    add_header(a, line);
    free(line);
}

void fetch_attempt_prepare(fetch_attempt_t *a)
{
    const fetch_request_t *r = &a->request;
    curl_slist_free_all(a->headers);
    a->headers = NULL;
    for (int i = 0; r->headers && r->headers[i]; i++) add_header(a, r->headers[i]);
    add_header(a, "Expect:"); /* no waiting for leave to send a long body */
    if (r->range) add_range(a);
    curl_easy_setopt(a->easy, CURLOPT_HTTPHEADER, a->headers);
}

void fetch_attempt_take(fetch_attempt_t *a, const fetch_options_t *o, const fetch_request_t *r, void *owner)
{
    if (!a->easy) a->easy = new_handle(a, owner);
    a->options = o;
    a->request = *r;
    curl_easy_setopt(a->easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(o->connect_timeout));
    curl_easy_setopt(a->easy, CURLOPT_TIMEOUT_MS, o->timeout > 0 ? milliseconds(o->timeout) : 0);
    curl_easy_setopt(a->easy, CURLOPT_LOW_SPEED_LIMIT, o->stall_timeout > 0 ? (long)FETCH_STALLED : 0);
    curl_easy_setopt(a->easy, CURLOPT_LOW_SPEED_TIME, lrint(ceil(o->stall_timeout)));
    curl_easy_setopt(a->easy, CURLOPT_BUFFERSIZE, r->sink ? 1L << 18 : (long)CURL_MAX_WRITE_SIZE);
    /* Where the length is announced. */
    curl_easy_setopt(a->easy, CURLOPT_MAXFILESIZE_LARGE, r->sink ? 0 : (curl_off_t)o->max_reply);
    curl_easy_setopt(a->easy, CURLOPT_ACCEPT_ENCODING, r->sink || r->range ? NULL : ""); /* "": all that libcurl knows */
    if (r->body) {
        curl_easy_setopt(a->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(a->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n);
        curl_easy_setopt(a->easy, CURLOPT_POSTFIELDS, (const char *)r->body);
    } else {
        curl_easy_setopt(a->easy, CURLOPT_HTTPGET, 1L);
    }
}

void fetch_attempt_aim(fetch_attempt_t *a, const char *url)
{
    buf_clear(&a->reply);
    a->overlong = a->began = a->refused = false;
    a->ignored = 0;
    set_url(a, url);
}

/* --- An attempt ends ------------------------------------------------------------------------------------------------- */

static bool never_gets_better(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT ||
           code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

static bool made_no_connection(const fetch_attempt_t *a, CURLcode code)
{
    double connected = 0;
    curl_easy_getinfo(a->easy, CURLINFO_PRETRANSFER_TIME, &connected);
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_SSL_CONNECT_ERROR || (code == CURLE_OPERATION_TIMEDOUT && connected <= 0);
}

static bool status_may_get_better(int status)
{
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501);
}

/* Says the status, and where a redirect points; not the query, which may hold what others should not see. */
static void explain_status(fetch_attempt_t *a, int status)
{
    char *to = NULL;
    curl_easy_getinfo(a->easy, CURLINFO_REDIRECT_URL, &to);
    buf_printf(&a->why, "HTTP %d", status);
    if (!to) return;
    size_t n = strcspn(to, "?#");
    if (n > MAX_SHOWN) n = MAX_SHOWN;
    buf_puts(&a->why, ", a redirect to ");
    for (size_t i = 0; i < n; i++) buf_printf(&a->why, "%c", to[i] > ' ' && to[i] <= '~' ? to[i] : '_');
    if (to[n]) buf_puts(&a->why, "...");
}

/* What a reply that was no good makes of its request. */
static fetch_kind_t refused_or_gave_up(const fetch_attempt_t *a, int status)
{
    const fetch_request_t *r = &a->request;
    return !r->may_pass || r->may_pass(r->ctx, status, a->reply.data, a->reply.len) ? FETCH_GAVE_UP : FETCH_REFUSED;
}

/* A connection that was not made in time, or a reply that did not come. */
static void explain_timeout(fetch_attempt_t *a)
{
    const fetch_options_t *o = a->options;
    double limit = o->timeout > 0 ? o->timeout : INFINITY;
    if (made_no_connection(a, CURLE_OPERATION_TIMEDOUT))
        buf_printf(&a->why, "no connection within %g s", fmin(o->connect_timeout, limit));
    else if (a->result.seconds < limit * 0.99)
        buf_printf(&a->why, "the reply stood still for %g s", o->stall_timeout);
    else
        buf_printf(&a->why, "no reply within %g s", o->timeout);
}

/* Says why the attempt failed, in words that hold no times or ports, so that the same cause gives the same text. */
static void explain_failure(fetch_attempt_t *a, CURLcode code)
{
    if (a->overlong || code == CURLE_FILESIZE_EXCEEDED)
        buf_printf(&a->why, "the reply is longer than %zu bytes", a->options->max_reply);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(a);
    else
        buf_puts(&a->why, curl_easy_strerror(code));
}

fetch_kind_t fetch_attempt_judge(fetch_attempt_t *a, CURLcode code)
{
    buf_add(&a->reply, "", 0); /* a NUL at the end, also of nothing */
    int status = status_of(a);
    if (a->ignored > most_ignored(a)) code = CURLE_OK;
    if (!code && is_good(status)) begin_reply(a); /* one without a body */
    a->result = (fetch_result_t){.head = read_head(a), .status = status, .body = a->reply.data, .n = a->reply.len};
    curl_easy_getinfo(a->easy, CURLINFO_TOTAL_TIME, &a->result.seconds);
    if (a->refused) return FETCH_REFUSED;
    buf_clear(&a->why);
    if (code) {
        explain_failure(a, code);
        return never_gets_better(code) ? FETCH_UNUSABLE : made_no_connection(a, code) ? FETCH_NO_SERVER : FETCH_GAVE_UP;
    }
    if (!is_good(status)) {
        explain_status(a, status);
        return status_may_get_better(status) ? refused_or_gave_up(a, status) : FETCH_REFUSED;
    }
    const char *why = a->request.check ? a->request.check(a->request.ctx, a->reply.data, a->reply.len) : NULL;
    if (!why) return FETCH_OK;
    buf_puts(&a->why, why);
    return refused_or_gave_up(a, status);
}

void fetch_attempt_free(fetch_attempt_t *a)
{
    if (a->easy) curl_easy_cleanup(a->easy);
    curl_slist_free_all(a->headers);
    buf_free(&a->reply);
    buf_free(&a->why);
    buf_free(&a->texts);
}
