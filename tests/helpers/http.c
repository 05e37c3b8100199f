/* An HTTP client for suites, where curl need not be, and for what no client should send.
 *
 *   http many PORT CONNECTIONS < bodies     posts each line to /recommend over so many connections; prints "STATUS BODY" in their order
 *   http fuzz PORT COUNT SEED BODY [BODY]   sends COUNT hostile requests from some threads, while another posts BODYs and compares each
 *                                           answer with its first; says how many came, and how long the slowest took
 *
 * Both send the environment's SIDMILL_TOKEN with what is right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/progress.h"
#include "base/rng.h"

enum { THREADS = 4, MOST_CONNECTIONS = 1024 };

static int port;

static int connect_to_server(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 30};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&a, sizeof a)) die_errno(EX_UNAVAILABLE, "port %d", port);
    return fd;
}

static bool send_all(int fd, const char *bytes, size_t n)
{
    for (ssize_t sent; n; bytes += sent, n -= (size_t)sent)
        if ((sent = send(fd, bytes, n, MSG_NOSIGNAL)) <= 0) return false;
    return true;
}

/* Reads one response with a Content-Length; returns its status, 0 for none, with its body in `body`. */
static int read_response(int fd, buf_t *body)
{
    buf_t all = {0};
    char piece[1 << 16];
    int status = 0;
    size_t head = 0, length = 0;
    buf_clear(body);
    while (!head || all.len < head + length) {
        const ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n <= 0) break;
        buf_add(&all, piece, (size_t)n);
        const char *end = head ? NULL : strstr(all.data, "\r\n\r\n"), *l = strstr(all.data, "Content-Length: ");
        if (!end) continue;
        head = (size_t)(end - all.data) + 4;
        length = l && l < end ? strtoull(l + 16, NULL, 10) : 0;
    }
    if (head && all.len >= head + length && sscanf(all.data, "HTTP/1.1 %d", &status) == 1) buf_add(body, all.data + head, length);
    buf_free(&all);
    return status;
}

static void post(buf_t *out, const char *body, size_t n)
{
    const char *token = getenv("SIDMILL_TOKEN");
    buf_printf(out, "POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n", n);
    if (token) buf_printf(out, "Authorization: Bearer %s\r\n", token);
    buf_puts(out, "\r\n");
    buf_add(out, body, n);
}

/* --- many ---------------------------------------------------------------------------------------------------------------- */

static struct {
    char **body;
    buf_t *answer;
    int64_t count, cap;
    atomic_llong next;
} many;

static void *ask_many(void *arg)
{
    (void)arg;
    const int fd = connect_to_server();
    buf_t request = {0}, body = {0};
    for (int64_t i; (i = atomic_fetch_add(&many.next, 1)) < many.count;) {
        buf_clear(&request);
        post(&request, many.body[i], strlen(many.body[i]));
        const int status = send_all(fd, request.data, request.len) ? read_response(fd, &body) : 0;
        buf_printf(&many.answer[i], "%d %s", status, body.len ? body.data : "\n");
    }
    buf_free(&request);
    buf_free(&body);
    close(fd);
    return NULL;
}

static int run_many(int connections)
{
    pthread_t thread[MOST_CONNECTIONS];
    lines_t l = in_lines(NULL);
    while (in_next(&l)) {
        GROW(many.body, many.count, many.cap);
        many.body[many.count++] = xstrndup(l.line, l.len);
    }
    in_close(&l);
    many.answer = NEW_ARRAY(buf_t, many.count + 1);
    for (int i = 0; i < connections; i++) pthread_create(&thread[i], NULL, ask_many, NULL);
    for (int i = 0; i < connections; i++) pthread_join(thread[i], NULL);
    for (int64_t i = 0; i < many.count; i++) {
        fputs(many.answer[i].data, stdout);
        buf_free(&many.answer[i]);
        free(many.body[i]);
    }
    free(many.answer);
    free(many.body);
    return 0;
}

/* --- fuzz ---------------------------------------------------------------------------------------------------------------- */

static struct {
    uint64_t seed;
    int64_t count;
    atomic_llong next, answered;
    atomic_bool over;
    char *const *body;
    int bodies;
    int64_t witnessed, wrong;
    double slowest;
} fuzz;

typedef struct {
    uint64_t key, step;
} dice_t;

static uint64_t below(dice_t *d, uint64_t n) { return rng_below(d->key, d->step++, n); }

static void add_noise(dice_t *d, buf_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char c = (char)below(d, 256);
        buf_add(out, &c, 1);
    }
}

static void add_repeated(buf_t *out, const char *what, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++) buf_puts(out, what);
}

static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "\"history\"", "\"histories\"", "\"k\"", "\"exclude\"", "\"exclude_seen\"", "\"filter\"", "\"unfold\"",
    "\"brand\"", "\"category\"", "\"i1\"", "\"i2\"", "\"p00001\"", "\"\"", "null", "true", "false", "0", "1", "-1", "10", "1e999", "1e-999", "0.5",
    "99999999999999999999", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud83d\\ude00\"", "\"\xff\"", "\"caf\xc3\xa9\"", " ", "\n", "NaN", "\"",
};

static uint64_t word_count(void) { return sizeof words / sizeof *words; }

/* A value of no more depth than that; often of the kind that is expected. */
static void add_value(dice_t *d, buf_t *out, int depth)
{
    const uint64_t kind = below(d, depth > 0 ? 4 : 2), n = below(d, 5);
    if (kind < 2) {
        buf_puts(out, words[6 + below(d, word_count() - 6)]);
        return;
    }
    buf_puts(out, kind == 2 ? "[" : "{");
    for (uint64_t i = 0; i < n; i++) {
        if (i) buf_puts(out, ",");
        if (kind == 3) buf_puts(out, words[6 + below(d, 10)]), buf_puts(out, ":");
        add_value(d, out, depth - 1);
    }
    buf_puts(out, kind == 2 ? "]" : "}");
}

/* An object of the members that are known, with values that fit or do not. */
static void add_order(dice_t *d, buf_t *out)
{
    buf_puts(out, "{");
    const uint64_t n = 1 + below(d, 5);
    for (uint64_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s:", i ? "," : "", i ? words[6 + below(d, 7)] : "\"history\"");
        if (i || below(d, 3)) add_value(d, out, 3);
        else buf_puts(out, "[\"i1\",\"i2\"]");
    }
    buf_puts(out, "}");
}

static void add_body(dice_t *d, buf_t *out)
{
    switch (below(d, 6)) {
    case 0: add_noise(d, out, below(d, 300)); break;
    case 1: add_repeated(out, below(d, 2) ? "[" : "{\"a\":", 1 + below(d, 40000)); break;
    case 2: buf_puts(out, "{\"history\":"), add_repeated(out, "[", 1 + below(d, 80)); break;
    case 3:
        for (uint64_t i = below(d, 60); i > 0; i--) buf_puts(out, words[below(d, word_count())]);
        break;
    case 4: /* a good one with a wrong byte */
        buf_puts(out, fuzz.body[0]);
        for (uint64_t i = 1 + below(d, 3); i > 0 && out->len; i--) out->data[below(d, out->len)] = (char)below(d, 256);
        break;
    default: add_order(d, out); break;
    }
}

/* A search for bytes, some of them letters and blanks, as they stand or not. */
static void add_search(dice_t *d, buf_t *out)
{
    buf_puts(out, "/search?q=");
    for (uint64_t i = below(d, below(d, 8) ? 40 : 20000), letters = below(d, 3); i > 0; i--) {
        if (letters && below(d, 8)) buf_printf(out, "%c", "teai1 +%&="[below(d, 10)]);
        else buf_printf(out, "%%%02x", (unsigned)below(d, 256));
    }
    if (!below(d, 4)) buf_printf(out, "&limit=%lld", (long long)below(d, 300) - 50);
}

static void add_head(dice_t *d, buf_t *out)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "G\x01T", ""};
    static const char *const paths[] = {"/", "/recommend", "/items/i1", "/items/%00", "/items/%ff%fe", "/codes/1,2", "/codes/,",
                                        "/codes/99999999999999999999", "/codes/", "/metrics", "/health", "/../../etc/passwd", "*",
                                        "http://x/", "/recommend?k=1&k", "", "/items/"};
    buf_printf(out, "%s ", methods[below(d, 10)]);
    if (below(d, 4)) buf_puts(out, paths[below(d, 17)]);
    else add_search(d, out);
    if (!below(d, 8)) add_repeated(out, "%41", below(d, 30000));
    buf_puts(out, below(d, 8) ? " HTTP/1.1\r\n" : below(d, 2) ? " HTTP/9.9\r\n" : "\n");
    if (below(d, 4)) buf_puts(out, "Host: x\r\n");
    if (!below(d, 8)) add_repeated(out, "X-Y: z\r\n", below(d, 5000));
    if (!below(d, 8)) buf_puts(out, "Transfer-Encoding: chunked\r\n");
    if (!below(d, 8)) buf_puts(out, "Content-Length: 18446744073709551616\r\n");
    if (!below(d, 8)) buf_puts(out, "Authorization: Bearer \r\nExpect: 100-continue\r\n");
    if (!below(d, 16)) add_noise(d, out, below(d, 100));
    buf_puts(out, "\r\n");
}

/* A hostile request; true if a response is to be waited for. */
static bool add_request(dice_t *d, buf_t *out)
{
    buf_t body = {0};
    bool waits = false;
    switch (below(d, 8)) {
    case 0: add_noise(d, out, 1 + below(d, 2000)); break;
    case 1: add_head(d, out); break;
    case 2: /* chunks that are none */
        buf_puts(out, "POST /recommend HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        buf_puts(out, below(d, 2) ? "ffffffffffffffffff\r\n" : "5\r\nabc\r\n-1\r\n");
        add_noise(d, out, below(d, 100));
        break;
    case 3: /* longer than is taken, or than what follows */
        buf_printf(out, "POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Length: %llu\r\n\r\n", 1ULL << below(d, 40));
        add_repeated(out, "[[[[[[[[", below(d, 4000));
        break;
    case 4: /* cut off */
        post(out, fuzz.body[0], strlen(fuzz.body[0]));
        out->len = 1 + below(d, out->len);
        break;
    default:
        add_body(d, &body);
        post(out, body.data ? body.data : "", body.len);
        waits = true;
        break;
    }
    buf_free(&body);
    return waits;
}

/* Ends a connection: at once, or half of it, waiting a little for what the server says. */
static void leave(dice_t *d, int fd)
{
    const struct linger at_once = {1, 0};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (!below(d, 4)) {
        shutdown(fd, SHUT_WR);
        poll(&p, 1, 20);
    }
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

static void send_slowly(dice_t *d, int fd, const buf_t *request)
{
    for (size_t i = 0; i < request->len && i < 20; i++) {
        if (!send_all(fd, request->data + i, 1)) return;
        usleep((useconds_t)below(d, 2000));
    }
}

static void *be_hostile(void *arg)
{
    (void)arg;
    buf_t request = {0}, body = {0};
    int fd = -1;
    for (int64_t i; (i = atomic_fetch_add(&fuzz.next, 1)) < fuzz.count;) {
        dice_t d = {rng_stream(fuzz.seed + (uint64_t)i, "fuzz"), 0};
        if (fd < 0) fd = connect_to_server();
        buf_clear(&request);
        const bool waits = add_request(&d, &request);
        bool open = true;
        if (!below(&d, 200)) send_slowly(&d, fd, &request), open = false;
        else open = send_all(fd, request.data, request.len) && waits;
        if (open) {
            const int status = read_response(fd, &body);
            atomic_fetch_add(&fuzz.answered, status > 0);
            open = status > 0 && below(&d, 8);
        }
        if (open) continue;
        leave(&d, fd);
        fd = -1;
    }
    if (fd >= 0) close(fd);
    buf_free(&request);
    buf_free(&body);
    return NULL;
}

/* Posts what is right, and compares. */
static void *be_served(void *arg)
{
    (void)arg;
    buf_t request = {0}, body = {0}, *first = NEW_ARRAY(buf_t, fuzz.bodies);
    for (int i = 0; !fuzz.over || fuzz.witnessed < fuzz.bodies; i = (i + 1) % fuzz.bodies) {
        const double start = seconds_now();
        const int fd = connect_to_server();
        buf_clear(&request);
        post(&request, fuzz.body[i], strlen(fuzz.body[i]));
        const int status = send_all(fd, request.data, request.len) ? read_response(fd, &body) : 0;
        leave(&(dice_t){1, 1}, fd);
        if (!first[i].len) buf_add(&first[i], body.data ? body.data : "", body.len);
        fuzz.wrong += status != 200 || !body.len || strcmp(body.data, first[i].data) != 0;
        fuzz.witnessed++;
        if (seconds_now() - start > fuzz.slowest) fuzz.slowest = seconds_now() - start;
        usleep(5000);
    }
    for (int i = 0; i < fuzz.bodies; i++) buf_free(&first[i]);
    free(first);
    buf_free(&request);
    buf_free(&body);
    return NULL;
}

static int run_fuzz(void)
{
    pthread_t thread[THREADS], served;
    const double start = seconds_now();
    pthread_create(&served, NULL, be_served, NULL);
    for (int i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, be_hostile, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    fuzz.over = true;
    pthread_join(served, NULL);
    printf("%lld hostile, %lld of them answered, %lld served, %lld wrongly, the slowest in %.0f ms; %.0f s\n", (long long)fuzz.count,
           (long long)fuzz.answered, (long long)fuzz.witnessed, (long long)fuzz.wrong, fuzz.slowest * 1e3, seconds_now() - start);
    return fuzz.wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    err_program("http");
    if (argc < 4) die(EX_USAGE, "see tests/helpers/http.c");
    port = atoi(argv[2]);
    if (!strcmp(argv[1], "many")) return run_many((int)min64(atoi(argv[3]), MOST_CONNECTIONS));
    if (argc < 6) die(EX_USAGE, "see tests/helpers/http.c");
    fuzz.count = atoll(argv[3]);
    fuzz.seed = strtoull(argv[4], NULL, 10);
    fuzz.body = argv + 5;
    fuzz.bodies = argc - 5;
    return run_fuzz();
}
