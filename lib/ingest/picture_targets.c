#include "ingest/picture_targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/strtab.h"
#include "net/fetch.h"

enum {
    WINDOW = 8192,       /* requests that fetch.c knows: enough to find free hosts among */
    HOST_FAILURES = 20   /* pictures in a row that a host does not deliver before its others are left for another run */
};

static const struct { const char *word, *tally; bool final; } failures[PICTURE_FAILURES] = {
    [PICTURE_FAILED_NOT_FOUND] = {"not_found", "failed_not_found", true},
    [PICTURE_FAILED_REFUSED] = {"refused", "failed_refused", true},
    [PICTURE_FAILED_TYPE] = {"wrong_type", "failed_wrong_type", true},
    [PICTURE_FAILED_CONTENT] = {"no_picture", "failed_no_picture", true},
    [PICTURE_FAILED_SMALL] = {"too_small", "failed_too_small", true},
    [PICTURE_FAILED_LARGE] = {"too_large", "failed_too_large", true},
    [PICTURE_FAILED_SERVER] = {"no_server", "failed_no_server", false},
    [PICTURE_FAILED_REPLY] = {"gave_up", "failed_gave_up", false},
};

struct picture_targets {
    const pictures_options_t *options;
    picture_store_t *store;
    strtab_t urls;
    picture_target_t *list;   /* [urls.count] */
    int64_t cap;
    strtab_t whys;            /* messages */
};

const char *picture_failure_tally(picture_failure_t f) { return failures[f].tally; }

picture_targets_t *picture_targets_open(const pictures_options_t *o)
{
    picture_targets_t *p = NEW(picture_targets_t);
    p->options = o;
    p->store = picture_store_open(o->folder);
    strtab_index(&p->urls);
    strtab_index(&p->whys);
    return p;
}

/* Finds the row of a string, which is added where it is not there. */
static int64_t intern(strtab_t *t, const char *s, size_t n) { return strtab_find_or_add(t, s, n, strtab_hash(s, n)); }

int32_t picture_targets_find(picture_targets_t *p, const char *url)
{
    int64_t before = p->urls.count, i = intern(&p->urls, url, strlen(url));
    if (i > INT32_MAX) die(EX_DATAERR, "more than %d pictures", INT32_MAX);
    if (p->urls.count > before) {
        GROW(p->list, i, p->cap);
        p->list[i] = (picture_target_t){0};
    }
    return (int32_t)i;
}

static void set_failure(picture_targets_t *p, picture_target_t *t, picture_failure_t failure, const char *why)
{
    t->known = true;
    t->failure = failure;
    t->why = (int32_t)intern(&p->whys, why, strlen(why));
}

static picture_failure_t find_failure(const char *word)
{
    picture_failure_t f = PICTURE_FAILED_NOT_FOUND;
    while (f < PICTURE_FAILURES && (!failures[f].final || strcmp(failures[f].word, word) != 0)) f++;
    return f < PICTURE_FAILURES ? f : PICTURE_FAILED_NOT;
}

/* Judges a length by the limits that are allowed now, whatever an earlier run's were. */
static picture_failure_t judge_length(const picture_targets_t *p, int64_t bytes)
{
    const pictures_options_t *o = p->options;
    return bytes < o->min_bytes ? PICTURE_FAILED_SMALL : bytes > o->max_bytes ? PICTURE_FAILED_LARGE : PICTURE_FAILED_NOT;
}

static void fail_length(picture_targets_t *p, picture_target_t *t, picture_failure_t failure)
{
    char why[80];
    int64_t limit = failure == PICTURE_FAILED_SMALL ? p->options->min_bytes : p->options->max_bytes;
    snprintf(why, sizeof why, "%s than %lld bytes", failure == PICTURE_FAILED_SMALL ? "smaller" : "larger", (long long)limit);
    set_failure(p, t, failure, why);
}

static void on_line(void *ctx, const picture_store_line_t *l)
{
    picture_targets_t *p = ctx;
    int64_t i = strtab_find(&p->urls, l->url, l->url_len);
    if (i < 0) return;
    picture_target_t *t = &p->list[i];
    *t = (picture_target_t){0};
    picture_failure_t length = judge_length(p, l->bytes);
    if (l->found) {
        if (!picture_store_has(p->store, &l->file, l->bytes)) return;
        t->file = l->file;
        t->known = true;
        if (length) fail_length(p, t, length);
        return;
    }
    picture_failure_t failure = p->options->retry_failed ? PICTURE_FAILED_NOT : find_failure(l->reason);
    bool by_length = failure == PICTURE_FAILED_SMALL || failure == PICTURE_FAILED_LARGE;
    if (by_length && length == failure) fail_length(p, t, failure);
    else if (failure && !by_length) set_failure(p, t, failure, l->why);
}

/* --- Requests -------------------------------------------------------------------------------------------------------- */

/* A request under way. */
typedef struct {
    picture_targets_t *p;
    int32_t target;
    char *url;
    buf_t body;
    picture_failure_t refused;    /* by on_head() or on_piece() */
    int64_t length;       /* of the reply, as far as it is known */
} ask_t;

static bool starts_with(const char *text, const char *start) { return !strncasecmp(text, start, strlen(start)); }

/* Tells whether a reply's type may be a picture's: servers that know nothing better say octet-stream, or nothing; then the bytes
 * decide. */
static bool may_be_picture(const char *type)
{
    return !*type || starts_with(type, "image/") || starts_with(type, "application/octet-stream") ||
           starts_with(type, "binary/octet-stream");
}

/* Names the reply's type in a message: nothing but what a type may hold. */
static const char *plain_type(const char *type)
{
    static char text[48];
    size_t n = strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+-._");
    snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : sizeof text - 1), type);
    return text;
}

static const char *refuse_length(ask_t *a, int64_t length)
{
    a->length = length;
    a->refused = judge_length(a->p, length);
    return "its length";
}

static const char *on_head(void *ctx, const fetch_head_t *h)
{
    static char why[80];
    ask_t *a = ctx;
    buf_clear(&a->body);
    a->refused = PICTURE_FAILED_NOT;
    if (h->status != 200) {
        a->refused = PICTURE_FAILED_REFUSED;
        snprintf(why, sizeof why, "HTTP %d", h->status);
        return why;
    }
    if (!may_be_picture(h->type)) {
        a->refused = PICTURE_FAILED_TYPE;
        snprintf(why, sizeof why, "%s, expected a picture", plain_type(h->type));
        return why;
    }
    if (h->length >= 0 && judge_length(a->p, h->length)) return refuse_length(a, h->length);
    return NULL;
}

static const char no_picture[] = "neither JPEG, PNG, GIF, WebP, BMP, AVIF nor TIFF";

static const char *on_piece(void *ctx, const char *bytes, size_t n)
{
    ask_t *a = ctx;
    bool decided = a->body.len >= PICTURE_HEAD;
    buf_add(&a->body, bytes, n);
    if (!decided && a->body.len >= PICTURE_HEAD && !picture_kind(a->body.data, a->body.len)) {
        a->refused = PICTURE_FAILED_CONTENT;
        return no_picture;
    }
    return (int64_t)a->body.len > a->p->options->max_bytes ? refuse_length(a, (int64_t)a->body.len) : NULL;
}

static picture_failure_t failure_of(const ask_t *a, const fetch_result_t *r)
{
    if (r->kind == FETCH_NO_SERVER) return PICTURE_FAILED_SERVER;
    if (r->kind != FETCH_REFUSED) return PICTURE_FAILED_REPLY;
    if (a->refused) return a->refused;
    return r->status == 404 || r->status == 410 ? PICTURE_FAILED_NOT_FOUND : PICTURE_FAILED_REFUSED;
}

static void fail(ask_t *a, picture_failure_t failure, const char *why)
{
    picture_targets_t *p = a->p;
    picture_target_t *t = &p->list[a->target];
    if (failure == PICTURE_FAILED_SMALL || failure == PICTURE_FAILED_LARGE) fail_length(p, t, failure);
    else set_failure(p, t, failure, why);
    if (!failures[failure].final) return;
    char *text = strtab_dup(&p->whys, t->why);
    picture_store_note(p->store, &(picture_store_line_t){.url = a->url, .url_len = strlen(a->url), .bytes = a->length,
                                                   .reason = failures[failure].word, .why = text});
    free(text);
}

static void take(ask_t *a)
{
    picture_targets_t *p = a->p;
    picture_target_t *t = &p->list[a->target];
    size_t n = a->body.len;
    picture_store_kind_t kind = n ? picture_kind(a->body.data, n) : PICTURE_UNKNOWN;
    picture_failure_t length = judge_length(p, (int64_t)n);
    a->length = (int64_t)n;
    if (length || !kind) {
        fail(a, length ? length : PICTURE_FAILED_CONTENT, no_picture);
        return;
    }
    t->known = true;
    t->shared = picture_store_put(p->store, a->body.data, n, kind, &t->file);
    picture_store_note(p->store, &(picture_store_line_t){.url = a->url, .url_len = strlen(a->url), .found = true, .file = t->file,
                                                   .bytes = (int64_t)n});
}

static void on_done(void *ctx, const fetch_result_t *r)
{
    ask_t *a = ctx;
    if (r->kind == FETCH_OK) take(a);
    else fail(a, failure_of(a, r), r->why);
    progress_add(1);
    free(a->url);
    buf_free(&a->body);
    free(a);
}

static void ask_for(picture_targets_t *p, fetch_t *f, int32_t target)
{
    ask_t *a = NEW(ask_t);
    *a = (ask_t){.p = p, .target = target, .url = strtab_dup(&p->urls, target)};
    p->list[target].asked = true;
    fetch_send(f, &(fetch_request_t){.url = a->url, .key = (uint64_t)target, .follow = true, .head = on_head, .sink = on_piece,
                                     .done = on_done, .ctx = a});
}

static fetch_t *open_fetch(const pictures_options_t *o)
{
    return fetch_open(&(fetch_options_t){.jobs = (int)o->jobs, .per_host = o->per_host, .host_interval = o->host_interval,
                                         .host_failures = HOST_FAILURES,
                                         .max_retries = o->net->max_retries, .first_wait = o->net->retry_wait,
                                         .connect_timeout = o->net->connect_timeout, .timeout = o->net->timeout});
}

static void ask_for_all(picture_targets_t *p)
{
    int64_t wanted = 0;
    for (int64_t i = 0; i < p->urls.count; i++) wanted += !p->list[i].known;
    fetch_t *f = open_fetch(p->options);
    progress_start("fetching", "pictures", wanted);
    for (int64_t i = 0; i < p->urls.count; i++) {
        if (p->list[i].known) continue;
        while (fetch_unfinished(f) >= WINDOW) fetch_poll(f, 1);
        ask_for(p, f, (int32_t)i);
    }
    while (fetch_busy(f)) fetch_poll(f, 1);
    progress_end();
    fetch_close(f);
}

void picture_targets_fetch(picture_targets_t *p)
{
    picture_store_read(p->store, on_line, p);
    ask_for_all(p);
}

int64_t picture_targets_count(const picture_targets_t *p) { return p->urls.count; }
const picture_target_t *picture_targets_get(const picture_targets_t *p, int32_t i) { return &p->list[i]; }
char *picture_targets_why(const picture_targets_t *p, int32_t i) { return strtab_dup(&p->whys, p->list[i].why); }

void picture_targets_close(picture_targets_t *p)
{
    picture_store_close(p->store);
    strtab_free(&p->urls);
    strtab_free(&p->whys);
    free(p->list);
    free(p);
}
