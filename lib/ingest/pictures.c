#include "ingest/pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/item_errors.h"
#include "data/items.h"
#include "data/json.h"
#include "data/relpath.h"
#include "data/strtab.h"
#include "ingest/picture_store.h"
#include "net/fetch.h"

enum {
    WINDOW = 8192,       /* requests that fetch.c knows: enough to find free hosts among */
    HOST_FAILURES = 20   /* pictures in a row that a host does not deliver before its others are left for another run */
};

pictures_options_t pictures_options = {.jobs = 32, .per_host = 8, .min_bytes = 100, .max_bytes = 20 << 20, .net = &download_options};

/* Why there is no picture. What is final is remembered and not asked for again. */
typedef enum {
    FAILED_NOT, FAILED_NOT_FOUND, FAILED_REFUSED, FAILED_TYPE, FAILED_CONTENT, FAILED_SMALL, FAILED_LARGE,
    FAILED_SERVER, FAILED_REPLY, FAILURES
} failure_t;

static const struct { const char *word, *tally; bool final; } failures[FAILURES] = {
    [FAILED_NOT_FOUND] = {"not_found", "failed_not_found", true},
    [FAILED_REFUSED] = {"refused", "failed_refused", true},
    [FAILED_TYPE] = {"wrong_type", "failed_wrong_type", true},
    [FAILED_CONTENT] = {"no_picture", "failed_no_picture", true},
    [FAILED_SMALL] = {"too_small", "failed_too_small", true},
    [FAILED_LARGE] = {"too_large", "failed_too_large", true},
    [FAILED_SERVER] = {"no_server", "failed_no_server", false},
    [FAILED_REPLY] = {"gave_up", "failed_gave_up", false},
};

/* A URL, however many records name it. */
typedef struct {
    picture_file_t file;   /* where `failure` is FAILED_NOT and `known` */
    failure_t failure;
    bool known;            /* what became of it */
    bool asked;            /* in this run */
    bool shared;           /* its bytes were there before it was asked for */
    bool counted;          /* by a record's tally */
    int32_t why;           /* row of `whys` */
} target_t;

/* What a record has, besides targets (0 and up). */
enum { NOT_WANTED = -1, OWN_FILE = -2, NO_URL = -3, BAD_URL = -4 };

struct pictures {
    pictures_options_t options;
    char *from, *way;      /* the records' folder, and the way from there to the store's */
    picture_store_t *store;
    int32_t *state;        /* [count] of records: a target, or one of the above */
    int64_t count, cap;
    strtab_t urls;         /* of targets */
    target_t *targets;
    int64_t target_cap;
    strtab_t whys;         /* messages */
    tally_t tally;
};

/* --- Records come in ------------------------------------------------------------------------------------------------- */

pictures_t *pictures_open(const pictures_options_t *o, const char *from)
{
    pictures_t *p = NEW(pictures_t);
    p->options = *o;
    if (o->min_bytes > o->max_bytes) die(EX_USAGE, "--min-bytes is more than --max-bytes");
    p->store = picture_store_open(o->folder);
    char *folder = realpath(o->folder, NULL);
    if (!folder) die_errno(EX_CANTCREAT, "%s", o->folder);
    p->from = xstrdup(from);
    p->way = relpath_way(from, folder);
    if (!utf8_valid(p->way, strlen(p->way))) die(EX_USAGE, "%s: is not UTF-8, which records are", o->folder);
    strtab_index(&p->urls);
    strtab_index(&p->whys);
    free(folder);
    return p;
}

/* A row of the table, of a string that is added where it is not there. */
static int64_t intern(strtab_t *t, const char *s, size_t n) { return strtab_find_or_add(t, s, n, strtab_hash(s, n)); }

/* A string value of the record, NULL where there is none. Caller frees. */
static char *string_value(const char *line, size_t n, const char *key)
{
    char *found = NULL;
    for (json_member_t m = {0}; !found && json_next_member(line, n, &m);) {
        if (*m.value != '"' || !json_member_is(&m, key)) continue;
        cJSON *json = cJSON_ParseWithLength(m.value, (size_t)(m.value_end - m.value));
        if (cJSON_IsString(json) && *json->valuestring) found = xstrdup(json->valuestring);
        cJSON_Delete(json);
    }
    return found;
}

/* The URL as it is sent: without blanks around it, other bytes that URLs cannot hold as %XX; NULL for what is no http(s) URL.
 * Caller frees. */
static char *clean_url(const char *text)
{
    const char *blanks = " \t\r\n";
    text += strspn(text, blanks);
    size_t n = strlen(text);
    while (n && strchr(blanks, text[n - 1])) n--;
    if (!is_url(text)) return NULL;
    buf_t url = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c >= 127) buf_printf(&url, "%%%02X", c);
        else buf_add(&url, &text[i], 1);
    }
    return url.data;
}

static int32_t find_target(pictures_t *p, const char *url)
{
    int64_t before = p->urls.count, i = intern(&p->urls, url, strlen(url));
    if (i > INT32_MAX) die(EX_DATAERR, "more than %d pictures", INT32_MAX);
    if (p->urls.count > before) {
        GROW(p->targets, i, p->target_cap);
        p->targets[i] = (target_t){0};
    }
    return (int32_t)i;
}

static bool has_own_file(const pictures_t *p, const char *line, size_t n)
{
    char *image = string_value(line, n, "image");
    if (!image) return false;
    char *path = *image == '/' ? xstrdup(image) : xasprintf("%s/%s", p->from, image);
    struct stat st;
    bool has = !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, R_OK);
    free(path);
    free(image);
    return has;
}

static int32_t state_of(pictures_t *p, const char *line, size_t n)
{
    if (has_own_file(p, line, n)) return OWN_FILE;
    char *text = string_value(line, n, "image_url");
    if (!text) return NO_URL;
    char *url = clean_url(text);
    int32_t state = url ? find_target(p, url) : BAD_URL;
    free(text);
    free(url);
    return state;
}

void pictures_want(pictures_t *p, int64_t i, const char *line, size_t n)
{
    while (p->count <= i) {
        GROW(p->state, p->count, p->cap);
        p->state[p->count++] = NOT_WANTED;
    }
    p->state[i] = state_of(p, line, n);
}

/* --- What is known from earlier runs --------------------------------------------------------------------------------- */

static void set_failure(pictures_t *p, target_t *t, failure_t failure, const char *why)
{
    t->known = true;
    t->failure = failure;
    t->why = (int32_t)intern(&p->whys, why, strlen(why));
}

static failure_t find_failure(const char *word)
{
    failure_t f = FAILED_NOT_FOUND;
    while (f < FAILURES && (!failures[f].final || strcmp(failures[f].word, word) != 0)) f++;
    return f < FAILURES ? f : FAILED_NOT;
}

/* The lengths that are allowed now decide, not those of an earlier run. */
static failure_t judge_length(const pictures_t *p, int64_t bytes)
{
    return bytes < p->options.min_bytes ? FAILED_SMALL : bytes > p->options.max_bytes ? FAILED_LARGE : FAILED_NOT;
}

static void fail_length(pictures_t *p, target_t *t, failure_t failure)
{
    char why[80];
    int64_t limit = failure == FAILED_SMALL ? p->options.min_bytes : p->options.max_bytes;
    snprintf(why, sizeof why, "%s than %lld bytes", failure == FAILED_SMALL ? "smaller" : "larger", (long long)limit);
    set_failure(p, t, failure, why);
}

static void on_line(void *ctx, const picture_line_t *l)
{
    pictures_t *p = ctx;
    int64_t i = strtab_find(&p->urls, l->url, l->url_len);
    if (i < 0) return;
    target_t *t = &p->targets[i];
    *t = (target_t){0};
    failure_t length = judge_length(p, l->bytes);
    if (l->found) {
        if (!picture_store_has(p->store, &l->file, l->bytes)) return;
        t->file = l->file;
        t->known = true;
        if (length) fail_length(p, t, length);
        return;
    }
    failure_t failure = p->options.retry_failed ? FAILED_NOT : find_failure(l->reason);
    bool by_length = failure == FAILED_SMALL || failure == FAILED_LARGE;
    if (by_length && length == failure) fail_length(p, t, failure);
    else if (failure && !by_length) set_failure(p, t, failure, l->why);
}

/* --- Requests -------------------------------------------------------------------------------------------------------- */

/* A request under way. */
typedef struct {
    pictures_t *p;
    int32_t target;
    char *url;
    buf_t body;
    failure_t refused;    /* by on_head() or on_piece() */
    int64_t length;       /* of the reply, as far as it is known */
} ask_t;

static bool starts_with(const char *text, const char *start) { return !strncasecmp(text, start, strlen(start)); }

/* Servers that know nothing better say octet-stream, or nothing; the bytes decide. */
static bool may_be_picture(const char *type)
{
    return !*type || starts_with(type, "image/") || starts_with(type, "application/octet-stream") ||
           starts_with(type, "binary/octet-stream");
}

/* How the reply's type is named in a message: nothing but what a type may hold. */
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
    a->refused = FAILED_NOT;
    if (h->status != 200) {
        a->refused = FAILED_REFUSED;
        snprintf(why, sizeof why, "HTTP %d", h->status);
        return why;
    }
    if (!may_be_picture(h->type)) {
        a->refused = FAILED_TYPE;
        snprintf(why, sizeof why, "%s, expected a picture", plain_type(h->type));
        return why;
    }
    if (h->length >= 0 && judge_length(a->p, h->length)) return refuse_length(a, h->length);
    return NULL;
}

static const char no_picture[] = "neither JPEG, PNG, GIF, WebP nor BMP";

static const char *on_piece(void *ctx, const char *bytes, size_t n)
{
    ask_t *a = ctx;
    bool decided = a->body.len >= PICTURE_HEAD;
    buf_add(&a->body, bytes, n);
    if (!decided && a->body.len >= PICTURE_HEAD && !picture_kind(a->body.data, a->body.len)) {
        a->refused = FAILED_CONTENT;
        return no_picture;
    }
    return (int64_t)a->body.len > a->p->options.max_bytes ? refuse_length(a, (int64_t)a->body.len) : NULL;
}

static failure_t failure_of(const ask_t *a, const fetch_result_t *r)
{
    if (r->kind == FETCH_NO_SERVER) return FAILED_SERVER;
    if (r->kind != FETCH_REFUSED) return FAILED_REPLY;
    if (a->refused) return a->refused;
    return r->status == 404 || r->status == 410 ? FAILED_NOT_FOUND : FAILED_REFUSED;
}

static void fail(ask_t *a, failure_t failure, const char *why)
{
    pictures_t *p = a->p;
    target_t *t = &p->targets[a->target];
    if (failure == FAILED_SMALL || failure == FAILED_LARGE) fail_length(p, t, failure);
    else set_failure(p, t, failure, why);
    if (!failures[failure].final) return;
    char *text = strtab_dup(&p->whys, t->why);
    picture_store_note(p->store, &(picture_line_t){.url = a->url, .url_len = strlen(a->url), .bytes = a->length,
                                                   .reason = failures[failure].word, .why = text});
    free(text);
}

static void take(ask_t *a)
{
    pictures_t *p = a->p;
    target_t *t = &p->targets[a->target];
    size_t n = a->body.len;
    picture_kind_t kind = n ? picture_kind(a->body.data, n) : PICTURE_UNKNOWN;
    failure_t length = judge_length(p, (int64_t)n);
    a->length = (int64_t)n;
    if (length || !kind) {
        fail(a, length ? length : FAILED_CONTENT, no_picture);
        return;
    }
    t->known = true;
    t->shared = picture_store_put(p->store, a->body.data, n, kind, &t->file);
    picture_store_note(p->store, &(picture_line_t){.url = a->url, .url_len = strlen(a->url), .found = true, .file = t->file,
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

static void ask_for(pictures_t *p, fetch_t *f, int32_t target)
{
    ask_t *a = NEW(ask_t);
    *a = (ask_t){.p = p, .target = target, .url = strtab_dup(&p->urls, target)};
    p->targets[target].asked = true;
    fetch_send(f, &(fetch_request_t){.url = a->url, .key = (uint64_t)target, .follow = true, .head = on_head, .sink = on_piece,
                                     .done = on_done, .ctx = a});
}

static fetch_t *open_fetch(const pictures_options_t *o)
{
    return fetch_open(&(fetch_options_t){.jobs = (int)o->jobs, .per_host = o->per_host, .host_interval = o->host_interval, .host_failures = HOST_FAILURES,
                                         .max_retries = o->net->max_retries, .first_wait = o->net->retry_wait,
                                         .connect_timeout = o->net->connect_timeout, .timeout = o->net->timeout});
}

static void ask_for_all(pictures_t *p)
{
    int64_t wanted = 0;
    for (int64_t i = 0; i < p->urls.count; i++) wanted += !p->targets[i].known;
    fetch_t *f = open_fetch(&p->options);
    progress_start("fetching", "pictures", wanted);
    for (int64_t i = 0; i < p->urls.count; i++) {
        if (p->targets[i].known) continue;
        while (fetch_unfinished(f) >= WINDOW) fetch_poll(f, 1);
        ask_for(p, f, (int32_t)i);
    }
    while (fetch_busy(f)) fetch_poll(f, 1);
    progress_end();
    fetch_close(f);
}

/* --- What became of it ----------------------------------------------------------------------------------------------- */

enum { OUTCOME_OWN, OUTCOME_THERE, OUTCOME_FETCHED, OUTCOME_SHARED, OUTCOME_NO_URL, OUTCOME_BAD_URL, OUTCOME_FAILED };
static const char *const outcomes[] = {"own_file", "already_there", "fetched", "shared", "no_image_url", "failed_bad_url"};

static int outcome(const pictures_t *p, int32_t state)
{
    if (state < 0) return state == OWN_FILE ? OUTCOME_OWN : state == NO_URL ? OUTCOME_NO_URL : OUTCOME_BAD_URL;
    const target_t *t = &p->targets[state];
    if (t->failure) return OUTCOME_FAILED + (int)t->failure;
    if (!t->asked) return OUTCOME_THERE;
    return t->shared || t->counted ? OUTCOME_SHARED : OUTCOME_FETCHED;
}

/* In the same order, whatever came first. */
static void count_records(pictures_t *p)
{
    int64_t counts[OUTCOME_FAILED + FAILURES] = {0}, remembered = 0;
    for (int64_t i = 0; i < p->count; i++) {
        if (p->state[i] == NOT_WANTED) continue;
        counts[outcome(p, p->state[i])]++;
        if (p->state[i] < 0) continue;
        target_t *t = &p->targets[p->state[i]];
        remembered += t->failure && !t->asked && !t->counted;
        t->counted = true;
    }
    for (int i = 0; i < OUTCOME_FAILED + FAILURES; i++)
        if (counts[i]) tally_add(&p->tally, i < OUTCOME_FAILED ? outcomes[i] : failures[i - OUTCOME_FAILED].tally, counts[i]);
    if (remembered)
        note("%lld pictures could not be had in an earlier run and were not asked for again; --retry-failed does that",
             (long long)remembered);
}

void pictures_fetch(pictures_t *p)
{
    picture_store_read(p->store, on_line, p);
    ask_for_all(p);
    count_records(p);
}

const tally_t *pictures_tally(const pictures_t *p) { return &p->tally; }

bool pictures_has(const pictures_t *p, int64_t i)
{
    int32_t state = i < p->count ? p->state[i] : NOT_WANTED;
    return state == OWN_FILE || (state >= 0 && !p->targets[state].failure);
}

static void put_image(const pictures_t *p, const target_t *t, buf_t *line)
{
    char name[PICTURE_NAME];
    picture_name(&t->file, name);
    char *path = *p->way ? xasprintf("%s/%s", p->way, name) : xstrdup(name);
    buf_t json = {0};
    buf_json_string(&json, path, strlen(path));
    items_splice(line, "image", json.data);
    buf_free(&json);
    free(path);
}

void pictures_edit(const pictures_t *p, int64_t i, buf_t *line)
{
    int32_t state = i < p->count ? p->state[i] : NOT_WANTED;
    if (state == NOT_WANTED) return;
    const target_t *t = state >= 0 ? &p->targets[state] : NULL;
    buf_t entries = {0};
    if (t && !t->failure) {
        put_image(p, t, line);
    } else if (t || state == BAD_URL) {
        char *why = t ? strtab_dup(&p->whys, t->why) : xstrdup("not an http or https URL");
        char *message = xasprintf("image_url: %s", why);
        item_errors_add(&entries, "ingest", message);
        free(message);
        free(why);
    }
    item_errors_put(line, "ingest", &entries);
    buf_free(&entries);
}

void pictures_close(pictures_t *p)
{
    if (!p) return;
    picture_store_close(p->store);
    strtab_free(&p->urls);
    strtab_free(&p->whys);
    free(p->targets);
    free(p->state);
    free(p->from);
    free(p->way);
    free(p);
}
