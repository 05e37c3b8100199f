#include "base/fetch.h"

#include "base/progress.h"
#include "server.h"
#include "unit.h"

typedef struct {
    int done, flushed;
    fetch_kind_t kind;
    int status;
    int64_t retries;
    char body[64], why[128];
} seen_t;

static void on_done(void *ctx, const fetch_result_t *r)
{
    seen_t *s = ctx;
    s->done++;
    s->kind = r->kind;
    s->status = r->status;
    s->retries = r->retries;
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

UNIT_MAIN(UNIT(more_requests_than_places), UNIT(get_and_a_status_that_stays), UNIT(a_check_that_never_passes),
          UNIT(nobody_there_and_no_address), UNIT(a_silent_server), UNIT(closed_in_the_middle))
