#include "net/download.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/folder.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "net/fetch.h"

enum { MAX_NAME = 80, MAX_RESTARTS = 3 };

download_options_t download_options = {.max_retries = 5, .retry_wait = 1, .connect_timeout = 20, .timeout = 60};

/* A download's folder holds the complete file under its own name; the first `have` bytes of one as "part", beside an older complete
 * file where --refresh asked for another; "about.json", which says what file the part is, or else the complete one; and "lock". */
typedef struct {
    const char *url;
    char *shown;            /* the URL for messages */
    const download_options_t *options;
    char *folder, *name, *path, *part_path, *about_path;
    int lock, fd;
    int64_t have;           /* bytes of the part */
    int64_t total;          /* of the file; -1: the server did not say */
    char *validator;        /* a strong ETag or a Last-Modified; NULL: the server gave none */
    char *sha256;           /* that the complete file is known to have; NULL: none */
    bool resumed;           /* the part comes from more than one reply */
    bool about_part;        /* about.json speaks of the part, not of a complete file */
    bool start_over;        /* the server's file, or its range, is another than the part's */
    fetch_kind_t kind;      /* the last request's end */
    int status;
    buf_t why;
} download_t;

bool is_url(const char *path) { return path && (!strncasecmp(path, "http://", 7) || !strncasecmp(path, "https://", 8)); }

/* --- The folder ------------------------------------------------------------------------------------------------------ */

/* The URL without user and password. Caller frees. */
static char *without_password(const char *url)
{
    const char *host = strstr(url, "://") + 3, *at = host + strcspn(host, "/?#");
    while (at > host && at[-1] != '@') at--;
    return xasprintf("%.*s%s", (int)(host - url), url, at);
}

/* The last part of the URL's path, as a harmless file name: what people and messages call the file. Caller frees. */
static char *file_name(const char *url)
{
    const char *start = strstr(url, "://") + 3, *end = start + strcspn(start, "?#"), *slash = end;
    while (slash > start && slash[-1] != '/') slash--;
    size_t n = slash > start ? (size_t)(end - slash) : 0;
    if (n > MAX_NAME) slash += n - MAX_NAME, n = MAX_NAME;
    char *name = n ? xstrndup(slash, n) : xstrdup("file");
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c)) *c = '_';
    if (*name != '.' && strcmp(name, "part") != 0 && strcmp(name, "about.json") != 0 && strcmp(name, "lock") != 0) return name;
    char *other = xasprintf("_%s", name);
    free(name);
    return other;
}

static void lock_folder(download_t *d)
{
    char *path = xasprintf("%s/lock", d->folder);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (d->lock < 0) die_errno(EX_CANTCREAT, "%s", path);
    int failed = flock(d->lock, LOCK_EX | LOCK_NB);
    if (failed && errno == EWOULDBLOCK) {
        note("waiting for another process that downloads %s", d->shown);
        while ((failed = flock(d->lock, LOCK_EX)) && errno == EINTR) continue;
    }
    if (failed) die_errno(EX_IOERR, "%s: cannot lock", path);
    free(path);
}

static char *dup_string(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(value) ? xstrdup(value->valuestring) : NULL;
}

/* A missing or damaged about.json says nothing: then the file is fetched from its start. */
static void read_about(download_t *d)
{
    d->total = -1;
    if (access(d->about_path, F_OK)) return;
    bytes_t bytes = in_bytes(d->about_path);
    cJSON *about = cJSON_ParseWithLength((const char *)bytes.data, bytes.len);
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(about, "size");
    if (cJSON_IsNumber(size) && size->valuedouble >= 0 && size->valuedouble < 9e15) d->total = (int64_t)size->valuedouble;
    d->validator = dup_string(about, "validator");
    d->sha256 = dup_string(about, "sha256");
    cJSON_Delete(about);
    in_free(&bytes);
}

static void write_about(const download_t *d)
{
    buf_t json = {0};
    buf_puts(&json, "{\"url\":");
    buf_json_string(&json, d->shown, strlen(d->shown));
    if (d->total >= 0) buf_printf(&json, ",\"size\":%lld", (long long)d->total);
    const char *texts[] = {"validator", d->validator, "sha256", d->sha256};
    for (int i = 0; i < 4; i += 2) {
        if (!texts[i + 1] || !utf8_valid(texts[i + 1], strlen(texts[i + 1]))) continue;
        buf_printf(&json, ",\"%s\":", texts[i]);
        buf_json_string(&json, texts[i + 1], strlen(texts[i + 1]));
    }
    buf_puts(&json, "}\n");
    out_whole(d->about_path, json.data, json.len);
    buf_free(&json);
}

static download_t open_download(const char *url, const download_options_t *o)
{
    download_t d = {.url = url, .options = o, .fd = -1};
    char *cache = o->cache ? xstrdup(o->cache) : folder_cache("name a folder with --cache");
    char *hash = digest_hex(XXH3_128bits(url, strlen(url)));
    d.name = file_name(url);
    d.shown = without_password(url);
    d.folder = xasprintf("%s/downloads/%s", cache, hash);
    d.path = xasprintf("%s/%s", d.folder, d.name);
    d.part_path = xasprintf("%s/part", d.folder);
    d.about_path = xasprintf("%s/about.json", d.folder);
    folder_make(d.folder, 0777);
    lock_folder(&d);
    read_about(&d);
    free(cache);
    free(hash);
    return d;
}

static void close_download(download_t *d)
{
    if (d->fd >= 0) close(d->fd);
    close(d->lock);
    free(d->shown);
    free(d->folder);
    free(d->name);
    free(d->path);
    free(d->part_path);
    free(d->about_path);
    free(d->validator);
    free(d->sha256);
    buf_free(&d->why);
}

/* --- The part -------------------------------------------------------------------------------------------------------- */

/* Opens what an earlier run has left. Without a validator nobody could say whether the rest of a file would fit it. */
static void open_part(download_t *d)
{
    d->fd = open(d->part_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct stat st;
    if (d->fd < 0 || fstat(d->fd, &st)) die_errno(EX_CANTCREAT, "%s", d->part_path);
    d->have = st.st_size;
    d->resumed = d->about_part = d->have > 0;
}

static void drop_part(download_t *d)
{
    if (ftruncate(d->fd, 0)) die_errno(EX_IOERR, "%s", d->part_path);
    d->have = 0;
    d->resumed = false;
}

/* A reply that brings the whole file: whatever was there before goes. The part is empty before about.json says of another
 * file, so that a kill between the two harms nothing. */
static void begin_whole(download_t *d, const fetch_head_t *h)
{
    drop_part(d);
    bool strong = *h->etag == '"'; /* W/"..." is weak, and what has no quotes is no ETag */
    free(d->validator);
    free(d->sha256);
    d->sha256 = NULL;
    d->validator = strong ? xstrdup(h->etag) : *h->last_modified ? xstrdup(h->last_modified) : NULL;
    d->total = h->length;
    d->about_part = true;
    write_about(d);
}

/* Whether a part of a file goes on where ours ends, and is of the same file: not every server looks at If-Range. */
static bool continues(const download_t *d, const fetch_head_t *h)
{
    const char *now = *d->validator == '"' ? h->etag : h->last_modified;
    return h->first == d->have && (d->total < 0 || h->total < 0 || h->total == d->total) && (!*now || !strcmp(now, d->validator));
}

static const char *on_head(void *ctx, const fetch_head_t *h)
{
    download_t *d = ctx;
    if (h->status == 206 && d->have > 0) {
        if (!continues(d, h)) {
            d->start_over = true;
            return "the file has changed on the server";
        }
        d->resumed = true;
        if (d->total < 0) d->total = h->total;
        return NULL;
    }
    if (h->status != 200) return "expected a file";
    begin_whole(d, h);
    progress_start(d->name, "bytes", d->total > 0 ? d->total : 0);
    return NULL;
}

static const char *on_bytes(void *ctx, const char *bytes, size_t n)
{
    download_t *d = ctx;
    for (size_t at = 0; at < n;) {
        ssize_t wrote = write(d->fd, bytes + at, n - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) die_errno(EX_IOERR, "%s", d->part_path);
        at += (size_t)wrote;
    }
    d->have += (int64_t)n;
    progress_add((int64_t)n);
    return NULL;
}

static fetch_range_t on_range(void *ctx)
{
    download_t *d = ctx;
    if (d->have > 0 && !d->validator) drop_part(d);
    return (fetch_range_t){d->have, d->validator};
}

static void on_done(void *ctx, const fetch_result_t *r)
{
    download_t *d = ctx;
    d->kind = r->kind;
    d->status = r->status;
    buf_clear(&d->why);
    if (r->why) buf_puts(&d->why, r->why);
}

static void ask(download_t *d, fetch_t *f)
{
    d->start_over = false;
    fetch_send(f, &(fetch_request_t){.url = d->url, .follow = true, .range = on_range, .head = on_head, .sink = on_bytes,
                                     .done = on_done, .ctx = d});
    while (fetch_busy(f)) fetch_poll(f, 1);
}

/* Removes a part, and what about.json says of it. */
static void forget_part(const download_t *d)
{
    unlink(d->part_path);
    if (d->about_part) unlink(d->about_path);
}

_Noreturn static void give_up(const download_t *d)
{
    progress_end();
    bool kept = d->have > 0 && d->validator;
    if (!kept) forget_part(d);
    if (d->kind == FETCH_REFUSED) die(EX_NOINPUT, "%s: %s", d->shown, d->why.data);
    if (kept)
        die(EX_UNAVAILABLE, "%s: %s; the first %lld bytes are kept, and the next run goes on from there", d->shown, d->why.data,
            (long long)d->have);
    if (d->have > 0)
        die(EX_UNAVAILABLE, "%s: %s; the server gives neither a strong ETag nor a Last-Modified, so that the next run starts over",
            d->shown, d->why.data);
    die(EX_UNAVAILABLE, "%s: %s", d->shown, d->why.data);
}

/* Whether the request has left a complete part. */
static bool is_complete(download_t *d)
{
    if (d->kind != FETCH_OK) return false;
    if (d->total < 0 || d->have == d->total) return true;
    buf_clear(&d->why);
    buf_printf(&d->why, "%lld bytes came, expected %lld", (long long)d->have, (long long)d->total);
    d->kind = FETCH_GAVE_UP;
    return false;
}

/* Asks until the part is complete: on, while every request brings more than there ever was; and a few times from the start,
 * where the rest that is offered does not fit. */
static void fetch_part(download_t *d, fetch_t *f)
{
    int restarts = 0;
    int64_t most = d->have;
    progress_start(d->name, "bytes", d->total > 0 ? d->total : 0);
    progress_skip(d->have);
    while (d->total < 0 || d->have != d->total || !d->validator) {
        ask(d, f);
        if (is_complete(d)) break;
        bool misfit = d->start_over || (d->status == 416 && d->have > 0);
        if (misfit && restarts++ < MAX_RESTARTS) {
            drop_part(d);
            most = 0;
        } else if (d->kind == FETCH_GAVE_UP && d->have > most) {
            most = d->have;
        } else {
            give_up(d);
        }
    }
    progress_end();
}

/* --- The whole ------------------------------------------------------------------------------------------------------- */

static bool has_checksum(const char *path, const char *name, const char *expected, char found[SHA256_HEX + 1])
{
    progress_start(name, "bytes verified", 0);
    sha256_file(path, found);
    progress_end();
    return !strcasecmp(found, expected);
}

/* Whether a download of the file, or of another in its place, was begun and has not ended. */
static bool is_unfinished(const download_t *d)
{
    struct stat st;
    return !stat(d->part_path, &st) && st.st_size > 0;
}

/* True if the complete file is there, and is the one that is wanted. */
static bool is_there(download_t *d, const char *sha256)
{
    struct stat st;
    if (is_unfinished(d) || stat(d->path, &st)) return false;
    if (d->options->refresh || !S_ISREG(st.st_mode) || (d->total >= 0 && st.st_size != d->total)) return false;
    if (!sha256 || (d->sha256 && !strcasecmp(d->sha256, sha256))) return true;
    char found[SHA256_HEX + 1];
    if (!has_checksum(d->path, d->name, sha256, found)) {
        note("%s: is not the file with that checksum; downloaded again", d->path);
        return false;
    }
    d->sha256 = xstrdup(found);
    write_about(d);
    return true;
}

/* Gives the part its name. Who has opened an older file of that name keeps that one. */
static void finish(download_t *d)
{
    if (fsync(d->fd)) die_errno(EX_IOERR, "%s", d->part_path);
    d->total = d->have;
    write_about(d);
    if (rename(d->part_path, d->path)) die_errno(EX_IOERR, "%s", d->path);
}

static void fetch_whole(download_t *d, const char *sha256)
{
    const download_options_t *o = d->options;
    fetch_t *f = fetch_open(&(fetch_options_t){.jobs = 1, .max_retries = o->max_retries, .first_wait = o->retry_wait,
                                               .connect_timeout = o->connect_timeout, .stall_timeout = o->timeout});
    char found[SHA256_HEX + 1];
    open_part(d);
    for (bool again = false;; again = true) {
        fetch_part(d, f);
        if (!sha256) break;
        if (has_checksum(d->part_path, d->name, sha256, found)) {
            free(d->sha256);
            d->sha256 = xstrdup(found);
            break;
        }
        if (again || !d->resumed) {
            forget_part(d);
            die(EX_DATAERR, "%s: has the SHA-256 %s, expected %s", d->shown, found, sha256);
        }
        drop_part(d);
        note("%s: the pieces do not fit; downloaded again", d->shown);
    }
    fetch_close(f);
    finish(d);
}

char *download(const char *url, const char *sha256, const download_options_t *o)
{
    if (sha256 && !sha256_valid(sha256)) die(EX_USAGE, "'%s' is no SHA-256, expected %d hex digits", sha256, SHA256_HEX);
    download_t d = open_download(url, o);
    if (!is_there(&d, sha256)) fetch_whole(&d, sha256);
    char *path = xstrdup(d.path);
    close_download(&d);
    return path;
}
