#include "server/model_client.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "server.h"
#include "server/answers.h"
#include "server/chat_reply.h"
#include "server/model_json.h"
#include "unit.h"

static char folder[] = "/tmp/sidmill-client-XXXXXX";

/* --- A server ----------------------------------------------------------------------------------------------------------- */

/* A server whose requests are logged. */
static server_t start_logged(const char *flags)
{
    char *all = xasprintf("--log %s/log %s", folder, flags);
    server_t s = start_server(all);
    free(all);
    return s;
}

/* Lines of the server's log that hold `word`. */
static int served(const char *word)
{
    char *path = xasprintf("%s/log", folder);
    int count = 0;
    lines_t l = in_lines(path);
    while (in_next(&l)) count += strstr(l.line, word) != NULL;
    in_close(&l);
    free(path);
    return count;
}

static void clear_log(void)
{
    char *path = xasprintf("%s/log", folder);
    fclose(fopen(path, "w"));
    free(path);
}

/* --- A client ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    int done, good, bad;
    char text[256], error[256];
} tally_t;

static void tally(void *ctx, const char *reply, size_t n, const char *error)
{
    tally_t *t = ctx;
    t->done++;
    if (error) {
        t->bad++;
        snprintf(t->error, sizeof t->error, "%s", error);
        return;
    }
    t->good++;
    chat_reply_t r;
    chat_reply_read(reply, n, (chat_limit_t){0}, &r);
    snprintf(t->text, sizeof t->text, "%s", r.text ? r.text : "");
    free(r.text);
}

static model_client_options_t quick(const server_t *s, const char *cache)
{
    model_client_options_t o = model_client_options;
    static const char *urls[1];
    urls[0] = s->url;
    o.urls = (cli_list_t){.items = urls, .count = 1};
    o.model = "m";
    o.jobs = 8;
    o.retry_wait = 0.001;
    o.timeout = 0.5;
    o.cache = cache;
    return o;
}

static void ask(model_client_t *c, const char *text, model_accept_fn accept, tally_t *t)
{
    buf_t body = {0};
    chat_body(&body, &(model_chat_t){.model = "m", .user = text, .max_tokens = 9});
    while (!model_client_has_room(c)) model_client_wait(c);
    model_client_send(c, MODEL_CHAT, &body, accept, tally, t);
    CHECK(!body.data);
}

static tally_t ask_many(const model_client_options_t *o, int from, int to, model_accept_fn accept, model_client_stats_t *stats)
{
    tally_t t = {0};
    model_client_t *c = model_client_open(o);
    for (int i = from; i < to; i++) {
        char text[32];
        snprintf(text, sizeof text, "item %d", i);
        ask(c, text, accept, &t);
    }
    while (model_client_busy(c)) model_client_wait(c);
    *stats = model_client_stats(c);
    model_client_close(c);
    return t;
}

static char *cache_path(const char *name) { return xasprintf("%s/%s", folder, name); }

TEST(answers_come_and_are_kept)
{
    clear_log();
    server_t s = start_logged("");
    char *cache = cache_path("kept.db");
    model_client_options_t o = quick(&s, cache);
    model_client_stats_t stats;
    tally_t t = ask_many(&o, 0, 50, NULL, &stats);
    CHECK(t.done == 50 && t.good == 50 && !strncmp(t.text, "A ", 2));
    CHECK(stats.requests == 50 && stats.cached == 0 && stats.sent == 50 && stats.retries == 0);
    CHECK(stats.prompt_tokens == 1000 && stats.completion_tokens == 250);
    t = ask_many(&o, 0, 60, NULL, &stats);
    CHECK(t.good == 60 && stats.cached == 50 && stats.sent == 10);
    CHECK(served("\"ok\"") == 60);
    o.model = "n"; /* another model's answers are others */
    ask_many(&o, 0, 5, NULL, &stats);
    CHECK(stats.sent == 5);
    o.cache = "none";
    ask_many(&o, 0, 5, NULL, &stats);
    CHECK(stats.sent == 5);
    end_server(s);
    free(cache);
}

TEST(equal_requests_are_sent_once)
{
    clear_log();
    server_t s = start_logged("--delay 0.05");
    model_client_options_t o = quick(&s, "none");
    tally_t t = {0};
    model_client_t *c = model_client_open(&o);
    for (int i = 0; i < 8; i++) ask(c, i % 2 ? "odd" : "even", NULL, &t);
    CHECK(!model_client_has_room(c));
    while (model_client_busy(c)) model_client_wait(c);
    CHECK(t.good == 8 && served("\"ok\"") == 2);
    CHECK(model_client_stats(c).cached == 0 && model_client_stats(c).joined == 6);
    model_client_close(c);
    end_server(s);
}

TEST(failures_are_tried_again)
{
    server_t s = start_logged("--faults 0.5 --faults-until 5");
    model_client_options_t o = quick(&s, "none");
    model_client_stats_t stats;
    tally_t t = ask_many(&o, 0, 200, NULL, &stats);
    CHECK(t.good == 200);
    CHECK(stats.retries > 100 && stats.sent == 200 + stats.retries && stats.failed == 0);
    end_server(s);
}

/* Each kind of fault alone: every item ends with an error, which says what is wrong, after as many tries as were asked for. */
TEST(each_fault_has_its_message)
{
    static const struct { const char *kind, *says; } faults[] = {
        {"429", "HTTP 429: slow down (2 tries)"}, {"500", "HTTP 500: it broke (2 tries)"}, {"hang", "no reply within 0.5 s (2 tries)"},
        {"cut", "Transferred a partial file (2 tries)"}, {"notjson", "the reply is not JSON (2 tries)"},
        {"html", "the reply is not a JSON object (2 tries)"}, {"junk", "the reply is not a JSON object (2 tries)"},
        {"empty", "the reply is empty (2 tries)"}, {"duplicate", "the reply has no single choices[0].message (2 tries)"},
        {"nan", "the reply is not JSON (2 tries)"}, {"shape", "the reply has no single choices[0].message (2 tries)"},
        {"huge-reply", "the reply is longer than 4194304 bytes (2 tries)"}, {"400", "HTTP 400: this one I do not like at all"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char flags[64];
        snprintf(flags, sizeof flags, "--faults 1 --kinds %s", faults[i].kind);
        server_t s = start_logged(flags);
        model_client_options_t o = quick(&s, "none");
        o.max_retries = 1;
        model_client_stats_t stats;
        tally_t t = ask_many(&o, 0, 3, NULL, &stats);
        CHECK(t.bad == 3 && t.done == 3 && stats.failed == 3);
        CHECK(!strcmp(t.error, faults[i].says));
        if (strcmp(t.error, faults[i].says)) printf("# %s: %s\n", faults[i].kind, t.error);
        end_server(s);
    }
}

TEST(retry_after_is_honoured)
{
    server_t s = start_logged("--faults 1 --kinds 429 --faults-until 1 --retry-after 1");
    model_client_options_t o = quick(&s, "none");
    model_client_stats_t stats;
    tally_t t = ask_many(&o, 0, 3, NULL, &stats);
    CHECK(t.good == 3 && stats.seconds >= 1 && stats.seconds < 3);
    end_server(s);
}

static const char *not_even(void *ctx, const char *reply, size_t n)
{
    (void)ctx;
    chat_reply_t r;
    chat_reply_read(reply, n, (chat_limit_t){0}, &r);
    bool odd = r.text && strlen(r.text) % 2;
    free(r.text);
    return odd ? NULL : "of even length";
}

/* Replies that are refused are asked for again, and replayed from the cache like the others. */
TEST(refused_replies_are_kept_too)
{
    clear_log();
    server_t s = start_logged("");
    char *cache = cache_path("refused.db");
    model_client_options_t o = quick(&s, cache);
    o.max_retries = 2;
    model_client_stats_t first, second;
    tally_t t = ask_many(&o, 0, 40, not_even, &first), u = ask_many(&o, 0, 40, not_even, &second);
    CHECK(t.good + t.bad == 40 && t.good > 0 && t.bad > 0);
    CHECK(first.refused == 2 * t.bad && first.sent == t.good + 2 * t.bad && first.failed == t.bad); /* the second says the same */
    CHECK(!strcmp(t.error, "of even length (2 replies)"));
    CHECK(u.good == t.good && u.bad == t.bad && second.sent == 0 && second.cached == 40);
    CHECK(served("\"ok\"") == (int)first.sent);
    end_server(s);
    free(cache);
}

static server_t shared;

static void ask_three(void)
{
    model_client_options_t o = quick(&shared, "none");
    model_client_stats_t stats;
    o.max_retries = 0;
    o.give_up = 3;
    tally_t t = ask_many(&o, 0, 3, NULL, &stats);
    _exit(t.bad == 3 ? 42 : 43);
}

TEST(hopeless_runs_end)
{
    static const struct { const char *flags; int code; } cases[] = {
        {"--status 401", EX_NOPERM}, {"--status 403", EX_NOPERM}, {"--status 404", EX_UNAVAILABLE}, {"--status 302", EX_UNAVAILABLE},
        {"--status 402", EX_UNAVAILABLE}, {"--status 503", EX_UNAVAILABLE}, {"--status 400", EX_UNAVAILABLE},
        {"--faults 1 --kinds 400 --faults-until 0", 43},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char flags[64];
        snprintf(flags, sizeof flags, "%s", cases[i].flags);
        shared = start_logged(flags);
        CHECK(unit_exit_code(ask_three) == cases[i].code);
        end_server(shared);
    }
    snprintf(shared.url, sizeof shared.url, "http://127.0.0.1:1/v1"); /* nobody there */
    CHECK(unit_exit_code(ask_three) == EX_UNAVAILABLE);
}

/* --- The cache ---------------------------------------------------------------------------------------------------------- */

static answers_key_t key_of(int i) { return (answers_key_t){{(unsigned char)i, (unsigned char)(i >> 8)}}; }

TEST(committed_answers_survive_a_kill)
{
    char *path = cache_path("killed.db");
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        answers_t *a = answers_open(path);
        for (int i = 0; i < 1000; i++) {
            answers_put(a, key_of(i), "reply", 5);
            if (i == 899) answers_commit(a);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status));
    answers_t *a = answers_open(path);
    buf_t out = {0};
    int found = 0;
    for (int i = 0; i < 1000; i++) found += answers_get(a, key_of(i), &out) && out.len == 5;
    CHECK(found == 900);
    answers_put(a, key_of(5), "other", 5); /* what is there stays */
    CHECK(answers_get(a, key_of(5), &out) && !strcmp(out.data, "reply"));
    answers_put(a, key_of(2000), "", 0);
    CHECK(answers_get(a, key_of(2000), &out) && out.len == 0);
    answers_close(a);
    buf_free(&out);
    free(path);
}

TEST(processes_share_a_cache)
{
    char *path = cache_path("shared.db");
    fflush(stdout);
    for (int p = 0; p < 3; p++) {
        if (fork()) continue;
        answers_t *a = answers_open(path);
        for (int i = 0; i < 300; i++) {
            answers_put(a, key_of(3 * i + p), "reply", 5);
            if (i % 10 == 9) answers_commit(a);
        }
        answers_close(a);
        _exit(0);
    }
    for (int p = 0, status; p < 3; p++) {
        wait(&status);
        CHECK(status == 0);
    }
    answers_t *a = answers_open(path);
    buf_t out = {0};
    int found = 0;
    for (int i = 0; i < 900; i++) found += answers_get(a, key_of(i), &out);
    CHECK(found == 900);
    answers_close(a);
    buf_free(&out);
    free(path);
}

static char *victim;
static void open_victim(void)
{
    answers_t *a = answers_open(victim);
    buf_t out = {0};
    for (int i = 0; i < 200; i++) answers_get(a, key_of(i), &out);
    answers_close(a);
}

TEST(other_and_damaged_files_are_refused)
{
    victim = cache_path("text.db");
    FILE *f = fopen(victim, "w");
    for (int i = 0; i < 1000; i++) fputs("this is no database\n", f);
    fclose(f);
    CHECK(unit_exit_code(open_victim) == EX_DATAERR);
    free(victim);

    victim = cache_path("damaged.db");
    answers_t *a = answers_open(victim);
    for (int i = 0; i < 200; i++) answers_put(a, key_of(i), "a reply that is damaged later", 29);
    answers_close(a);
    CHECK(unit_exit_code(open_victim) == 0);
    f = fopen(victim, "r+");
    struct stat st;
    fstat(fileno(f), &st);
    char *all = xmalloc((size_t)st.st_size);
    CHECK(fread(all, 1, (size_t)st.st_size, f) == (size_t)st.st_size);
    char *at = memmem(all, (size_t)st.st_size, "a reply", 7);
    CHECK(at != NULL);
    fseek(f, at - all, SEEK_SET);
    fputc('A', f);
    fclose(f);
    CHECK(unit_exit_code(open_victim) == EX_DATAERR);
    free(all);
    free(victim);

    victim = cache_path("missing/folder.db");
    CHECK(unit_exit_code(open_victim) == EX_CANTCREAT);
    free(victim);
}

/* --- JSON --------------------------------------------------------------------------------------------------------------- */

TEST(chat_bodies)
{
    buf_t b = {0};
    chat_body(&b, &(model_chat_t){.model = "m\"", .system = "s", .user = "u\n", .max_tokens = 5, .temperature = 0.5,
                                  .response_format = "{\"type\":\"json_object\"}"});
    CHECK(!strcmp(b.data, "{\"model\":\"m\\\"\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"u\\n\"}],"
                          "\"max_tokens\":5,\"temperature\":0.5,\"response_format\":{\"type\":\"json_object\"}}"));
    buf_clear(&b);
    chat_body(&b, &(model_chat_t){.model = "m", .user = "u", .image = "abcd", .image_size = 4, .image_type = "image/png"});
    CHECK(!strcmp(b.data, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
                          "\"data:image/png;base64,YWJjZA==\"}},{\"type\":\"text\",\"text\":\"u\"}]}],\"temperature\":0}"));
    buf_free(&b);
}

int main(void)
{
    static const unit_test_t tests[] = {
        UNIT(answers_come_and_are_kept), UNIT(equal_requests_are_sent_once), UNIT(failures_are_tried_again),
        UNIT(each_fault_has_its_message), UNIT(retry_after_is_honoured), UNIT(refused_replies_are_kept_too), UNIT(hopeless_runs_end),
        UNIT(committed_answers_survive_a_kill), UNIT(processes_share_a_cache), UNIT(other_and_damaged_files_are_refused),
        UNIT(chat_bodies),
    };
    if (!mkdtemp(folder)) return 1;
    err_quiet(true);
    int code = unit_run(tests, (int)(sizeof tests / sizeof *tests));
    char *command = xasprintf("rm -rf %s", folder);
    if (system(command)) code = 1;
    free(command);
    return code;
}
