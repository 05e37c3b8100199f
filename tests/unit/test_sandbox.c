/* The worker processes: answers, and functions that crash, hang, eat memory, leave, or answer nonsense. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "unit.h"
#include "vision/sandbox.h"

/* The first byte says what to do. */
static const char *obey(const void *ctx, const unsigned char *request, size_t n, buf_t *reply)
{
    static int served;
    const int *factor = ctx;
    served++;
    switch (n ? request[0] : 0) {
    case 'd': /* double every byte that follows, `factor` times */
        for (size_t i = 1; i < n; i++)
            for (int k = 0; k < *factor; k++) buf_add(reply, request + i, 1);
        return NULL;
    case 'r': return "will not";
    case 'e': return "";
    case 'u': return "\xff\xfe";
    case 'n': return "two\nlines";
    case 'c': raise(SIGSEGV); return NULL;
    case 'a': abort();
    case 'h':
        for (volatile int spin = 1; spin;) continue;
        return NULL;
    case 'w':
        sleep(1000);
        return NULL;
    case 'x': _exit(7);
    case 'm':
        for (size_t i = 0;; i++) memset(xmalloc(1 << 20), 1, 1 << 20);
    case 'b': /* a reply without end */
        for (;;) buf_add(reply, request, n);
    case 'l':
        for (int i = 0; i < 3000; i++) buf_add(reply, request, 1);
        return NULL;
    case 'o': /* a file */
        buf_printf(reply, "%d", open("/etc/passwd", O_RDONLY));
        return NULL;
    case 's': buf_printf(reply, "%d", socket(AF_INET, SOCK_STREAM, 0)); return NULL;
    case 'f': buf_printf(reply, "%d", fcntl(5, F_GETFD)); return NULL;
    case 'p': /* half an answer, by hand: says 100 bytes, gives 3, leaves */
        for (int fd = 3; fd < 64; fd++) {
            uint64_t head[2] = {100, 0};
            if (write(fd, head, sizeof head) == (ssize_t)sizeof head && write(fd, "abc", 3) == 3) _exit(0);
        }
        _exit(1);
    case 'j': /* a head that means nothing */
        for (int fd = 3; fd < 64; fd++) {
            uint64_t head[2] = {3, 77};
            if (write(fd, head, sizeof head) == (ssize_t)sizeof head && write(fd, "abc", 3) == 3) break;
        }
        return NULL;
    case 'k': buf_printf(reply, "%d", served); return NULL;
    default: return NULL;
    }
}

static char last_reply[4096], last_error[512];
static size_t last_len;
static int answers;

static void keep(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    (void)ctx;
    answers++;
    last_len = n;
    snprintf(last_error, sizeof last_error, "%s", error ? error : "");
    snprintf(last_reply, sizeof last_reply, "%.*s", (int)n, reply ? (const char *)reply : "");
}

static const int twice = 2;
static sandbox_t *open_one(void)
{
    const sandbox_options_t o = {.workers = 1, .seconds = 20, .cpu_seconds = 1, .memory = 64 << 20, .max_reply = 2000};
    return sandbox_open(&o, obey, &twice);
}

static void ask(sandbox_t *s, const char *request)
{
    int before = answers;
    sandbox_send(s, request, strlen(request), keep, NULL);
    while (sandbox_busy(s)) sandbox_wait(s);
    CHECK(answers == before + 1);
}

static void check_sound(sandbox_t *s)
{
    ask(s, "dab");
    CHECK(!strcmp(last_reply, "aabb") && !*last_error);
}

TEST(answers_and_refusals)
{
    sandbox_t *s = open_one();
    ask(s, "dhello");
    CHECK(!strcmp(last_reply, "hheelllloo") && last_len == 10 && !*last_error);
    ask(s, "d");
    CHECK(last_len == 0 && !*last_error);
    ask(s, "");
    CHECK(last_len == 0 && !*last_error);
    ask(s, "r");
    CHECK(!strcmp(last_error, "will not"));
    ask(s, "n");
    CHECK(!strcmp(last_error, "two lines"));
    ask(s, "k");
    CHECK(!strcmp(last_reply, "6"));
    sandbox_close(s);
}

typedef struct { int number, *order, *count; } numbered_t;

static void keep_number(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    numbered_t *m = ctx;
    CHECK(!error && n == 2 * 100 && reply[0] == 'a' + m->number % 26);
    m->order[(*m->count)++] = m->number;
}

TEST(many_requests_each_answered_once)
{
    enum { N = 500 };
    sandbox_t *s = sandbox_open(&(sandbox_options_t){.workers = 3}, obey, &twice);
    numbered_t m[N];
    int order[N], count = 0, seen[N] = {0};
    for (int i = 0; i < N; i++) {
        char request[101];
        memset(request, 'a' + i % 26, sizeof request);
        request[0] = 'd';
        m[i] = (numbered_t){i, order, &count};
        if (i % 2) sandbox_poll(s, 0);
        sandbox_send(s, request, sizeof request, keep_number, &m[i]);
    }
    while (sandbox_busy(s)) sandbox_wait(s);
    CHECK(count == N);
    for (int i = 0; i < count; i++) seen[order[i]]++;
    for (int i = 0; i < N; i++) CHECK(seen[i] == 1);
    sandbox_wait(s); /* nothing under way: returns */
    sandbox_close(s);
}

static void keep_megabytes(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    size_t wrong = error ? 1 : 0;
    for (size_t i = 0; i < n; i++) wrong += reply[i] != (unsigned char)((i / 2 + 1) * 7);
    CHECK(!wrong && n == *(size_t *)ctx);
    answers++;
}

TEST(megabytes_pass_both_ways)
{
    size_t n = 5 << 20, expected = 2 * (n - 1);
    unsigned char *request = xmalloc(n);
    for (size_t i = 0; i < n; i++) request[i] = (unsigned char)(i * 7);
    request[0] = 'd';
    sandbox_t *s = sandbox_open(&(sandbox_options_t){.workers = 2, .memory = 256 << 20}, obey, &twice);
    int before = answers;
    for (int i = 0; i < 3; i++) sandbox_send(s, request, n, keep_megabytes, &expected);
    while (sandbox_busy(s)) sandbox_wait(s);
    CHECK(answers == before + 3);
    sandbox_close(s);
    free(request);
}

TEST(a_dead_worker_costs_one_request)
{
    static const struct { const char *request, *error; } cases[] = {
        {"c", "crashed (SIG"}, {"x", "ended with status 7"}, {"p", "instead of answering"}, {"e", "nonsense"},
        {"u", "nonsense"}, {"j", "nonsense"}, {"l", "too long"},
    };
    sandbox_t *s = open_one();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(s, cases[i].request);
#ifdef SIDMILL_SANITIZE
        if (cases[i].request[0] == 'c') continue; /* the sanitizer turns the signal into an exit */
#endif
        if (!strstr(last_error, cases[i].error)) printf("# %s: '%s'\n", cases[i].request, last_error);
        CHECK(strstr(last_error, cases[i].error));
        CHECK(last_len == 0);
        check_sound(s);
    }
    ask(s, "a");
    CHECK(*last_error);
    check_sound(s);
    sandbox_close(s);
}

TEST(time_is_limited)
{
    sandbox_t *s = open_one();
    double start = seconds_now();
    ask(s, "h");
    CHECK(strstr(last_error, "more than 1 s of processor time"));
    CHECK(seconds_now() - start < 15);
    check_sound(s);
    sandbox_close(s);
    s = sandbox_open(&(sandbox_options_t){.workers = 1, .seconds = 0.3}, obey, &twice);
    ask(s, "h");
    CHECK(strstr(last_error, "took more than 0.3 s"));
    check_sound(s);
    sandbox_close(s);
}

#ifndef SIDMILL_SANITIZE
TEST(memory_is_limited)
{
    sandbox_t *s = open_one();
    ask(s, "m");
    CHECK(strstr(last_error, "out of memory, with 64 MiB"));
    check_sound(s);
    ask(s, "b");
    CHECK(strstr(last_error, "out of memory"));
    check_sound(s);
    sandbox_close(s);
}
#endif

TEST(a_worker_has_no_files)
{
    int fd = dup2(STDIN_FILENO, 5);
    CHECK(fd == 5);
    sandbox_t *s = open_one();
#if defined HAVE_SECCOMP && !defined SIDMILL_SANITIZE
    ask(s, "o");
    CHECK(strstr(last_error, "forbidden system call"));
    ask(s, "s");
    CHECK(strstr(last_error, "forbidden system call"));
    ask(s, "w");
    CHECK(strstr(last_error, "forbidden system call"));
#else
    ask(s, "f");
    CHECK(!strcmp(last_reply, "-1"));
#endif
    check_sound(s);
    sandbox_close(s);
    close(fd);
}

TEST(no_process_is_left)
{
    sandbox_t *s = sandbox_open(&(sandbox_options_t){.workers = 2}, obey, &twice);
    sandbox_send(s, "h", 1, keep, NULL);
    int before = answers;
    sandbox_close(s);
    CHECK(answers == before);
    CHECK(waitpid(-1, NULL, WNOHANG) < 0);
}

int main(void)
{
    static const unit_test_t tests[] = {
        {"answers_and_refusals", answers_and_refusals},
        {"many_requests_each_answered_once", many_requests_each_answered_once},
        {"megabytes_pass_both_ways", megabytes_pass_both_ways},
        {"a_dead_worker_costs_one_request", a_dead_worker_costs_one_request},
        {"time_is_limited", time_is_limited},
#ifndef SIDMILL_SANITIZE
        {"memory_is_limited", memory_is_limited},
#endif
        {"a_worker_has_no_files", a_worker_has_no_files},
        {"no_process_is_left", no_process_is_left},
    };
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
