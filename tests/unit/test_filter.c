/* The filter's loop: order, bytes, errors, shards and the window, with an engine that answers out of order. */
#include <fcntl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/filter.h"
#include "data/filter_input.h"
#include "unit.h"

/* Jobs under way; each needs `steps` answers, and the last one started is answered first. */
typedef struct {
    filter_job_t *jobs[8];
    int count, most, room;
} engine_t;

static void finish(filter_job_t *job)
{
    const char *what = items_string(filter_item(job), "do");
    if (!what) filter_done(job);
    else if (!strcmp(what, "fail")) {
        filter_error(job, "cannot: \xff\"%s\"", filter_item(job)->id);
        filter_done(job);
    } else if (!strcmp(what, "keep")) {
        filter_set(job, "caption", "\"lost\"");
        filter_error(job, "lost");
        filter_keep(job);
        filter_done(job);
    } else {
        buf_t json = {0};
        buf_json_string(&json, what, strlen(what));
        filter_set(job, "caption", json.data);
        filter_done(job);
        buf_free(&json);
    }
}

static void start(void *ctx, filter_job_t *job)
{
    engine_t *e = ctx;
    CHECK(*filter_data(job) == NULL);
    if (!e->room) {
        finish(job);
        return;
    }
    CHECK(e->count < e->room);
    *filter_data(job) = xstrdup("two steps");
    e->jobs[e->count++] = job;
    e->most = e->count > e->most ? e->count : e->most;
}

static bool has_room(void *ctx)
{
    const engine_t *e = ctx;
    return !e->room || e->count < e->room;
}

/* The second answer of a job finishes it. */
static void wait_one(void *ctx)
{
    engine_t *e = ctx;
    filter_job_t *job = e->jobs[e->count - 1];
    char **data = (char **)filter_data(job);
    if (*data) {
        free(*data);
        *data = NULL;
        return;
    }
    e->count--;
    finish(job);
}

static char folder[] = "/tmp/sidmill-filter-XXXXXX";
static char in_path[64], out_path[64];

static void put(const char *text, size_t n)
{
    FILE *f = fopen(in_path, "wb");
    CHECK(f && fwrite(text, 1, n, f) == n);
    fclose(f);
}

static char *run(int room, int64_t window, const char *shard, filter_summary_t *summary)
{
    engine_t e = {.room = room};
    filter_t f = {.tool = "test", .doing = "testing", .window = window, .shard = shard,
                  .start = start, .has_room = has_room, .wait = wait_one, .ctx = &e};
    filter_summary_t s = filter_run(&f, in_path, out_path);
    if (summary) *summary = s;
    bytes_t b = in_bytes(out_path);
    char *text = xstrndup((const char *)b.data, b.len);
    in_free(&b);
    return text;
}

static const char records[] =
    "{\"id\":\"a\",\"do\":\"red\",\"n\":12345678901234567890,  \"x\" : [ 1.10 ]}\n"
    "\n"
    "{\"id\": \"b\", \"do\": \"fail\", \"errors\": [ {\"tool\":\"test\",\"message\":\"old\"}, "
    "{\"tool\": \"other\", \"n\":1.0e0}, 7 ]}\r\n"
    "{\"id\":\"c\"}\n"
    "{\"id\":\"d\",\"errors\":[{\"tool\":\"test\"}],\"do\":\"blue\"}\n"
    "{\"id\":\"e\",\"caption\":\"old\",\"do\":\"green\",\"errors\":null}\n"
    "{\"id\":\"f\",\"do\":\"keep\",\"caption\":\"mine\"}\n"
    "{\"id\":\"g\",\"do\":\"fail\"}\n"
    "{\"id\":\"c\",\"errors\":[{\"tool\":\"test\"},{\"tool\":\"else\"}]}";

static const char expected[] =
    "{\"id\":\"a\",\"do\":\"red\",\"n\":12345678901234567890,  \"x\" : [ 1.10 ],\"caption\":\"red\"}\n"
    "{\"id\": \"b\", \"do\": \"fail\", \"errors\": [{\"tool\": \"other\", \"n\":1.0e0},7,"
    "{\"tool\":\"test\",\"message\":\"cannot: ?\\\"b\\\"\"}]}\n"
    "{\"id\":\"c\"}\n"
    "{\"id\":\"d\",\"do\":\"blue\",\"caption\":\"blue\"}\n"
    "{\"id\":\"e\",\"caption\":\"green\",\"do\":\"green\",\"errors\":null}\n"
    "{\"id\":\"f\",\"do\":\"keep\",\"caption\":\"mine\"}\n"
    "{\"id\":\"g\",\"do\":\"fail\",\"errors\":[{\"tool\":\"test\",\"message\":\"cannot: ?\\\"g\\\"\"}]}\n"
    "{\"id\":\"c\",\"errors\":[{\"tool\":\"else\"}]}\n";

TEST(records_keep_order_and_bytes)
{
    static const struct { int room, window; } cases[] = {{0, 0}, {0, 1}, {1, 0}, {3, 5}, {8, 2}, {8, 100}};
    put(records, sizeof records - 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filter_summary_t s;
        char *text = run(cases[i].room, cases[i].window, NULL, &s);
        CHECK(!strcmp(text, expected));
        CHECK(s.items == 8 && s.annotated == 3 && s.errors == 2 && s.kept == 1);
        free(text);
    }
}

TEST(shards_join_to_the_whole)
{
    buf_t big = {0};
    for (int i = 0; i < 300; i++) {
        buf_printf(&big, "{\"id\":\"%d\",\"do\":\"", i);
        for (int k = 0; k < i * 37 % 200; k++) buf_puts(&big, "x");
        buf_puts(&big, i % 7 ? "\"}\n" : "\"}\n\n \n");
    }
    put(big.data, big.len);
    char *whole = run(4, 16, NULL, NULL);
    for (int n = 1; n <= 400; n = n * 3 + 1) {
        buf_t joined = {0};
        for (int k = 1; k <= n; k++) {
            char shard[32];
            snprintf(shard, sizeof shard, "%d/%d", k, n);
            char *part = run(4, 16, shard, NULL);
            buf_puts(&joined, part);
            free(part);
        }
        CHECK(!strcmp(joined.data, whole));
        buf_free(&joined);
    }
    free(whole);
    buf_free(&big);
}

TEST(no_items_give_no_items)
{
    put("", 0);
    char *text = run(2, 0, NULL, NULL);
    CHECK(!*text);
    free(text);
    text = run(2, 0, "2/3", NULL);
    CHECK(!*text);
    free(text);
}

TEST(many_items_one_window)
{
    buf_t big = {0};
    for (int i = 0; i < 5000; i++) buf_printf(&big, "{\"id\":\"%d\",\"do\":\"it\"}\n", i);
    put(big.data, big.len);
    filter_summary_t s;
    char *text = run(8, 9, NULL, &s);
    CHECK(s.items == 5000 && s.annotated == 5000);
    CHECK(strstr(text, "{\"id\":\"4999\",\"do\":\"it\",\"caption\":\"it\"}\n"));
    free(text);
    buf_free(&big);
}

static void bad_shard(void) { free(run(0, 0, "0/3", NULL)); }
static void bad_line(void) { free(run(0, 0, "2/2", NULL)); }

TEST(bad_input_ends_the_run)
{
    put("{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}\n{\"id\":}\n", 42);
    CHECK(unit_exit_code(bad_shard) == 64);
    CHECK(unit_exit_code(bad_line) == 65);
}

TEST(standard_input_can_be_read_twice)
{
    int pipe_ends[2], kept = dup(STDIN_FILENO);
    CHECK(!pipe(pipe_ends));
    CHECK(write(pipe_ends[1], "hello\n", 6) == 6);
    close(pipe_ends[1]);
    dup2(pipe_ends[0], STDIN_FILENO);
    char *path = filter_spool(NULL);
    for (int i = 0; i < 2; i++) {
        bytes_t b = in_bytes(path);
        CHECK(b.len == 6 && !memcmp(b.data, "hello\n", 6));
        in_free(&b);
    }
    free(path);
    dup2(kept, STDIN_FILENO);
    path = filter_spool(in_path);
    CHECK(!strcmp(path, in_path));
    free(path);
}

TEST(clean_up)
{
    unlink(in_path);
    unlink(out_path);
    CHECK(!rmdir(folder));
}

int main(void)
{
    static const unit_test_t tests[] = {
        UNIT(records_keep_order_and_bytes), UNIT(shards_join_to_the_whole), UNIT(no_items_give_no_items),
        UNIT(many_items_one_window), UNIT(bad_input_ends_the_run), UNIT(standard_input_can_be_read_twice), UNIT(clean_up),
    };
    if (!mkdtemp(folder)) return 1;
    snprintf(in_path, sizeof in_path, "%s/in.jsonl", folder);
    snprintf(out_path, sizeof out_path, "%s/out.jsonl", folder);
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
