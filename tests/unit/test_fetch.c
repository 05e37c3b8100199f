#include "net/fetch.h"

#include "base/progress.h"
#include "server.h"
#include "unit.h"

typedef struct {
    int done, flushed;
    fetch_kind_t kind;
    int status;
    int64_t retries, all_retries;
    char body[64], why[128];
} seen_t;

static void on_done(void *ctx, const fetch_result_t *r)
{
    seen_t *s = ctx;
    s->done++;
    s->kind = r->kind;
    s->status = r->status;
    s->retries = r->retries;
    s->all_retries += r->retries;
    snprintf(s->body, sizeof s->body, "%s", r->body);
    snprintf(s->why, sizeof s->why, "%s", r->why ? r->why : "");
}

static void on_flush(void *ctx) { ((seen_t *)ctx)->flushed++; }

static fetch_options_t options(seen_t *seen)
{
    return (fetch_options_t){.jobs = 2, .max_retries = 1, .first_wait = 0.001, .connect_timeout = 2, .timeout = 5,
                             .max_reply = 1 << 20, .flush = on_flush, .ctx = seen};
}

static seen_t fetch_all(const fetch_request_t *request, int count, const fetch_options_t *changed)
{
    seen_t seen = {0};
    fetch_options_t o = changed ? *changed : options(&seen);
    o.ctx = &seen;
    fetch_t *f = fetch_open(&o);
    for (int i = 0; i < count; i++) {
        fetch_request_t r = *request;
        r.done = on_done;
        r.ctx = &seen;
        r.key = (uint64_t)i;
        CHECK(fetch_has_room(f) == (i < o.jobs));
        fetch_send(f, &r);
    }
    while (fetch_busy(f)) fetch_poll(f, 1);
    CHECK(!fetch_poll(f, 0));
    fetch_close(f);
    return seen;
}

static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";

TEST(more_requests_than_places)
{
    server_t s = start_server("");
    char url[96];
    snprintf(url, sizeof url, "%s/chat/completions", s.url);
    seen_t seen = fetch_all(&(fetch_request_t){.url = url, .body = body, .n = strlen(body)}, 25, NULL);
    CHECK(seen.done == 25 && seen.kind == FETCH_OK && seen.status == 200 && seen.retries == 0);
    CHECK(seen.flushed > 0 && seen.flushed <= 25);
    CHECK(!strncmp(seen.body, "{\"object\"", 9));
    end_server(s);
}

TEST(get_and_a_status_that_stays)
{
    server_t s = start_server("");
    char url[96];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/nothing", s.port);
    seen_t seen = fetch_all(&(fetch_request_t){.url = url}, 1, NULL);
    CHECK(seen.done == 1 && seen.kind == FETCH_REFUSED && seen.status == 404 && seen.retries == 0);
    CHECK(!strcmp(seen.why, "HTTP 404"));
    end_server(s);
}

static const char *never(void *ctx, char *reply, size_t n)
{
    (void)ctx;
    return n && *reply == '{' ? "not what I want" : "nothing";
}

TEST(a_check_that_never_passes)
{
    server_t s = start_server("");
    char url[96];
    snprintf(url, sizeof url, "%s/chat/completions", s.url);
    seen_t seen = fetch_all(&(fetch_request_t){.url = url, .body = body, .n = strlen(body), .check = never}, 3, NULL);
    CHECK(seen.done == 3 && seen.kind == FETCH_GAVE_UP && seen.retries == 1 && !strcmp(seen.why, "not what I want"));
    end_server(s);
}

TEST(nobody_there_and_no_address)
{
    seen_t seen = fetch_all(&(fetch_request_t){.url = "http://127.0.0.1:1/"}, 1, NULL);
    CHECK(seen.kind == FETCH_NO_SERVER && seen.retries == 1);
    seen = fetch_all(&(fetch_request_t){.url = "http://"}, 1, NULL);
    CHECK(seen.kind == FETCH_UNUSABLE && seen.retries == 0);
    seen = fetch_all(&(fetch_request_t){.url = "file:///etc/passwd"}, 1, NULL);
    CHECK(seen.kind == FETCH_UNUSABLE && !*seen.body);
}

/* A server that takes the request and says nothing costs the time-out, once for each attempt. */
TEST(a_silent_server)
{
    server_t s = start_server("--stall-after 0");
    char url[96];
    snprintf(url, sizeof url, "%s/chat/completions", s.url);
    seen_t unused = {0};
    fetch_options_t o = options(&unused);
    o.timeout = 0.2;
    double start = seconds_now();
    seen_t seen = fetch_all(&(fetch_request_t){.url = url, .body = body, .n = strlen(body)}, 2, &o);
    CHECK(seen.done == 2 && seen.kind == FETCH_GAVE_UP && !strcmp(seen.why, "no reply within 0.2 s"));
    CHECK(seconds_now() - start >= 0.4);
    end_server(s);
}

/* Closing with requests in flight, waiting, and queued calls nobody. */
TEST(closed_in_the_middle)
{
    server_t s = start_server("--delay 1");
    char url[96];
    snprintf(url, sizeof url, "%s/chat/completions", s.url);
    seen_t seen = {0};
    fetch_options_t o = options(&seen);
    fetch_t *f = fetch_open(&o);
    for (int i = 0; i < 5; i++)
        fetch_send(f, &(fetch_request_t){.url = url, .body = body, .n = strlen(body), .done = on_done, .ctx = &seen});
    CHECK(!fetch_poll(f, 0.05));
    fetch_close(f);
    CHECK(seen.done == 0);
    end_server(s);
}

/* --- Files: tests/helpers/file_server.py ----------------------------------------------------------------------------- */

/* What a request's callbacks have seen, and what they are to say. */
typedef struct {
    seen_t end;
    fetch_head_t head;
    char type[32], etag[32], modified[48], url[128];
    int heads, ranges;
    size_t n;
    int64_t from;
    const char *validator, *refuse_head, *refuse_bytes;
} file_seen_t;

static void copy_head(file_seen_t *s, const fetch_head_t *h)
{
    s->head = *h;
    snprintf(s->type, sizeof s->type, "%s", h->type);
    snprintf(s->etag, sizeof s->etag, "%s", h->etag);
    snprintf(s->modified, sizeof s->modified, "%s", h->last_modified);
    snprintf(s->url, sizeof s->url, "%s", h->url);
}

static const char *on_head(void *ctx, const fetch_head_t *h)
{
    file_seen_t *s = ctx;
    s->heads++;
    copy_head(s, h);
    return s->refuse_head;
}

static const char *on_bytes(void *ctx, const char *bytes, size_t n)
{
    file_seen_t *s = ctx;
    (void)bytes;
    s->n += n;
    return s->refuse_bytes;
}

static fetch_range_t on_range(void *ctx)
{
    file_seen_t *s = ctx;
    s->ranges++;
    return (fetch_range_t){s->from, s->validator};
}

static void on_file(void *ctx, const fetch_result_t *r)
{
    file_seen_t *s = ctx;
    on_done(&s->end, r);
    copy_head(s, &r->head);
}

/* `file` is 1000 bytes long. */
static server_t serve_file(char *folder, const char *flags)
{
    strcpy(folder, "/tmp/sidmill-test.XXXXXX");
    if (!mkdtemp(folder)) die(EX_SOFTWARE, "no folder for the test");
    char *name = xasprintf("%s/file.txt", folder), *all = xasprintf("%s %s", flags, folder);
    FILE *file = fopen(name, "w");
    for (int i = 0; i < 1000; i++) fputc('a' + i % 26, file);
    fclose(file);
    server_t s = start_helper("file_server.py", all, "");
    free(name);
    free(all);
    return s;
}

static void end_files(server_t s, const char *folder)
{
    end_server(s);
    char *name = xasprintf("%s/file.txt", folder);
    unlink(name);
    rmdir(folder);
    free(name);
}

static void fetch_file(server_t s, const char *path, file_seen_t *seen, bool sink, const fetch_options_t *changed)
{
    seen_t unused = {0};
    fetch_options_t o = changed ? *changed : options(&unused);
    o.flush = NULL;
    fetch_t *f = fetch_open(&o);
    char url[128];
    snprintf(url, sizeof url, "%s%s", s.url, path);
    fetch_send(f, &(fetch_request_t){.url = url, .follow = true, .range = seen->from ? on_range : NULL, .head = on_head,
                                     .sink = sink ? on_bytes : NULL, .done = on_file, .ctx = seen});
    while (fetch_busy(f)) fetch_poll(f, 1);
    fetch_close(f);
}

TEST(heads_and_sinks)
{
    char folder[32];
    server_t s = serve_file(folder, "--fault /file.txt=cut:100@3*1");
    file_seen_t seen = {0};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_OK && seen.n == 1000 && !*seen.end.body && seen.heads == 1);
    CHECK(seen.head.length == 1000 && seen.head.first == -1 && seen.head.total == -1);
    CHECK(!strcmp(seen.type, "text/plain") && strlen(seen.etag) == 18 && strstr(seen.modified, "GMT"));
    CHECK(strstr(seen.url, "/file.txt"));
    seen = (file_seen_t){0};
    fetch_file(s, "/file.txt", &seen, false, NULL);
    CHECK(seen.end.kind == FETCH_OK && seen.heads == 1 && !strncmp(seen.end.body, "abcdefghijklmnopqrstuvwxyzab", 28));
    /* An attempt that is cut and the one after it. */
    seen = (file_seen_t){0};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_OK && seen.end.retries == 1 && seen.n == 1100 && seen.heads == 2);
    seen = (file_seen_t){0};
    fetch_file(s, "/none", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && seen.end.status == 404 && seen.heads == 0 && seen.n == 0 && !strcmp(seen.type, "text/html"));
    end_files(s, folder);
}

TEST(refused_by_the_caller)
{
    char folder[32];
    server_t s = serve_file(folder, "");
    file_seen_t seen = {.refuse_head = "not my type"};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && seen.end.retries == 0 && seen.n == 0 && !strcmp(seen.end.why, "not my type"));
    seen = (file_seen_t){.refuse_bytes = "not my bytes"};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && seen.end.retries == 0 && seen.n > 0 && !strcmp(seen.end.why, "not my bytes"));
    end_files(s, folder);
}

TEST(ranges)
{
    char folder[32];
    server_t s = serve_file(folder, "");
    file_seen_t seen = {.from = 900};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.status == 206 && seen.n == 100 && seen.head.first == 900 && seen.head.total == 1000 && seen.head.length == 100);
    char etag[32];
    snprintf(etag, sizeof etag, "%s", seen.etag);
    seen = (file_seen_t){.from = 900, .validator = etag};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.status == 206 && seen.n == 100);
    seen = (file_seen_t){.from = 900, .validator = "\"another\""};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.status == 200 && seen.n == 1000 && seen.head.first == -1);
    seen = (file_seen_t){.from = 1000};
    fetch_file(s, "/file.txt", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && seen.end.status == 416 && seen.head.total == 1000 && seen.n == 0);
    end_files(s, folder);
}

TEST(redirects)
{
    char folder[32];
    server_t s = serve_file(folder, "--fault /r5=redirect:/r4 --fault /r4=redirect:r3,301 --fault /r3=redirect:/r2,307 --fault /r2=redirect:/r1,308 "
                                    "--fault /r1=redirect:/file.txt,303 --fault /r6=redirect:/r5 --fault /out=redirect:ftp://127.0.0.1/ "
                                    "--fault /long=redirect:/file.txt --fault /long=page:200000 --fault /endless=redirect:/file.txt "
                                    "--fault /endless=page:40000000");
    file_seen_t seen = {0};
    fetch_file(s, "/r5", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_OK && seen.n == 1000 && seen.heads == 1 && strstr(seen.url, "/file.txt"));
    seen = (file_seen_t){0};
    fetch_file(s, "/r6", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && seen.end.status == 303 && !strcmp(seen.end.why, "more than 5 redirects"));
    seen = (file_seen_t){0};
    fetch_file(s, "/out", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && !strcmp(seen.end.why, "redirected from http to ftp"));
    /* The page that comes with one is passed over, up to a length. */
    seen = (file_seen_t){0};
    fetch_file(s, "/long", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_OK && seen.n == 1000 && seen.heads == 1);
    seen = (file_seen_t){0};
    fetch_file(s, "/endless", &seen, true, NULL);
    CHECK(seen.end.kind == FETCH_REFUSED && seen.end.status == 302 && seen.n == 0);
    /* Unless the request says so, nothing is followed. */
    char url[128];
    snprintf(url, sizeof url, "%s/r1", s.url);
    seen_t plain = fetch_all(&(fetch_request_t){.url = url}, 1, NULL);
    CHECK(plain.kind == FETCH_REFUSED && plain.status == 303 && !strncmp(plain.why, "HTTP 303, a redirect to http://127.0.0.1:", 41));
    end_files(s, folder);
}

TEST(a_reply_that_stands_still)
{
    char folder[32];
    server_t s = serve_file(folder, "--fault /file.txt=hang:10");
    seen_t unused = {0};
    fetch_options_t o = options(&unused);
    o.timeout = 0;
    o.stall_timeout = 1;
    o.max_retries = 0;
    file_seen_t seen = {0};
    fetch_file(s, "/file.txt", &seen, true, &o);
    CHECK(seen.end.kind == FETCH_GAVE_UP && seen.n == 10 && !strcmp(seen.end.why, "the reply stood still for 1 s"));
    end_files(s, folder);
}

/* Two to one host and one to another at once, though there are places for all; the interval holds for each host. */
TEST(hosts_in_turn)
{
    char folder[32];
    server_t s = serve_file(folder, "--fault /file.txt=delay:0.1");
    seen_t seen = {0};
    fetch_options_t o = options(&seen);
    o.jobs = 8;
    o.per_host = 2;
    char urls[2][128];
    snprintf(urls[0], sizeof urls[0], "%s/file.txt", s.url);
    snprintf(urls[1], sizeof urls[1], "http://localhost:%d/file.txt", s.port);
    fetch_t *f = fetch_open(&o);
    double start = seconds_now();
    for (int i = 0; i < 8; i++) fetch_send(f, &(fetch_request_t){.url = urls[i >= 6], .done = on_done, .ctx = &seen});
    CHECK(fetch_unfinished(f) == 8);
    while (fetch_busy(f)) fetch_poll(f, 1);
    CHECK(seen.done == 8 && seconds_now() - start >= 0.3);
    fetch_close(f);
    o.host_interval = 0.1;
    f = fetch_open(&o);
    start = seconds_now();
    for (int i = 0; i < 4; i++) fetch_send(f, &(fetch_request_t){.url = urls[0], .done = on_done, .ctx = &seen});
    while (fetch_busy(f)) fetch_poll(f, 1);
    CHECK(seen.done == 12 && seconds_now() - start >= 0.39);
    fetch_close(f);
    end_files(s, folder);
}

/* What is sent again, or redirected, is a request as well. */
TEST(the_interval_holds_for_all)
{
    char folder[32], url[128];
    server_t s = serve_file(folder, "--fault /file.txt=status:500*3 --fault /r2=redirect:/r1 --fault /r1=redirect:/file.txt");
    seen_t unused = {0};
    fetch_options_t o = options(&unused);
    o.host_interval = 0.1;
    o.max_retries = 3;
    snprintf(url, sizeof url, "%s/file.txt", s.url);
    double start = seconds_now();
    seen_t seen = fetch_all(&(fetch_request_t){.url = url}, 1, &o);
    CHECK(seen.kind == FETCH_OK && seen.retries == 3 && seconds_now() - start >= 0.29);
    snprintf(url, sizeof url, "%s/r2", s.url);
    start = seconds_now();
    seen = fetch_all(&(fetch_request_t){.url = url, .follow = true}, 1, &o);
    CHECK(seen.kind == FETCH_OK && seconds_now() - start >= 0.19);
    end_files(s, folder);
}

/* Requests that are redirected to one host wait for a place there, and the wait costs no attempt. Two fail there, and
 * go back to where they came from. */
TEST(redirected_requests_wait_for_their_host)
{
    char folder[32], url[128];
    server_t s = serve_file(folder, "--fault /file.txt=delay:0.2 --fault /file.txt=status:500*1 --fault /file.txt=status:500@4*1 "
                                    "--fault /r=redirect:http://localhost:{port}/file.txt");
    seen_t unused = {0};
    fetch_options_t o = options(&unused);
    o.jobs = 8;
    o.per_host = 1;
    o.max_retries = 2;
    o.timeout = 1;
    snprintf(url, sizeof url, "%s/r", s.url);
    fetch_t *f = fetch_open(&o);
    seen_t seen = {0};
    double start = seconds_now();
    for (int i = 0; i < 6; i++) fetch_send(f, &(fetch_request_t){.url = url, .follow = true, .done = on_done, .ctx = &seen});
    while (fetch_busy(f)) fetch_poll(f, 1);
    CHECK(seen.done == 6 && seen.kind == FETCH_OK && seen.all_retries == 2 && seconds_now() - start >= 1.59);
    fetch_close(f);
    end_files(s, folder);
}

/* A host that redirects to one that is gone is not taken for gone; the other is. */
TEST(whose_failure_it_is)
{
    char folder[32], url[128];
    server_t s = serve_file(folder, "--fault /gone=redirect:http://127.0.0.1:1/");
    seen_t unused = {0};
    fetch_options_t o = options(&unused);
    o.jobs = 1;
    o.max_retries = 0;
    o.host_failures = 2;
    snprintf(url, sizeof url, "%s/gone", s.url);
    fetch_t *f = fetch_open(&o);
    seen_t seen = {0}, good = {0};
    for (int i = 0; i < 3; i++) fetch_send(f, &(fetch_request_t){.url = url, .follow = true, .done = on_done, .ctx = &seen});
    char file[128];
    snprintf(file, sizeof file, "%s/file.txt", s.url);
    fetch_send(f, &(fetch_request_t){.url = file, .done = on_done, .ctx = &good});
    while (fetch_busy(f)) fetch_poll(f, 1);
    CHECK(seen.done == 3 && seen.kind == FETCH_NO_SERVER && !strcmp(seen.why, "not asked for after 2 failures of its host"));
    CHECK(good.done == 1 && good.kind == FETCH_OK);
    fetch_close(f);
    end_files(s, folder);
}

UNIT_MAIN(UNIT(more_requests_than_places), UNIT(get_and_a_status_that_stays), UNIT(a_check_that_never_passes),
          UNIT(nobody_there_and_no_address), UNIT(a_silent_server), UNIT(closed_in_the_middle), UNIT(heads_and_sinks),
          UNIT(refused_by_the_caller), UNIT(ranges), UNIT(redirects), UNIT(a_reply_that_stands_still), UNIT(hosts_in_turn),
          UNIT(the_interval_holds_for_all), UNIT(redirected_requests_wait_for_their_host), UNIT(whose_failure_it_is))
