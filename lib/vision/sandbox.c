#include "vision/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "vision/sandbox_worker.h"

enum { MAX_REFUSAL = 500 }; /* bytes */

typedef struct {
    pid_t pid;      /* 0: not running */
    int fd;         /* our end of the channel; does not block */
    bool busy;
    buf_t request;  /* header and bytes */
    size_t sent;
    sandbox_header_t head;
    size_t head_got;
    buf_t reply;
    double deadline;
    sandbox_done done;
    void *ctx;
} worker_t;

struct sandbox {
    sandbox_options_t options;
    sandbox_fn fn;
    const void *ctx;
    worker_t *workers;
};

static void start(const sandbox_t *s, worker_t *w)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) die_errno(EX_OSERR, "cannot open a channel to a worker");
    pid_t parent = getpid();
    w->pid = fork();
    if (w->pid < 0) die_errno(EX_OSERR, "cannot start a worker");
    if (w->pid == 0) sandbox_work(ends[1], parent, s->options.memory, s->fn, s->ctx);
    close(ends[1]);
    w->fd = ends[0];
    if (fcntl(w->fd, F_SETFL, O_NONBLOCK)) die_errno(EX_OSERR, "cannot set up the channel to a worker");
}

/* Ends the worker's process, if it has not ended by itself; returns its wait status. */
static int stop(worker_t *w)
{
    int status = 0;
    close(w->fd);
    kill(w->pid, SIGKILL);
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
    w->pid = 0;
    return status;
}

sandbox_t *sandbox_open(const sandbox_options_t *options, sandbox_fn fn, const void *ctx)
{
    sandbox_t *s = NEW(sandbox_t);
    *s = (sandbox_t){.options = *options, .fn = fn, .ctx = ctx};
    sandbox_options_t *o = &s->options;
    if (o->workers <= 0) o->workers = parallel_workers();
    if (o->seconds <= 0) o->seconds = 60;
    if (o->cpu_seconds <= 0) o->cpu_seconds = 20;
    if (!o->memory) o->memory = (size_t)1 << 30;
    if (!o->max_reply) o->max_reply = (size_t)64 << 20;
    s->workers = NEW_ARRAY(worker_t, o->workers);
    for (int i = 0; i < o->workers; i++) start(s, &s->workers[i]);
    return s;
}

static worker_t *free_worker(const sandbox_t *s)
{
    for (int i = 0; i < s->options.workers; i++)
        if (!s->workers[i].busy) return &s->workers[i];
    return NULL;
}

bool sandbox_has_room(const sandbox_t *s) { return free_worker(s) != NULL; }

bool sandbox_busy(const sandbox_t *s)
{
    for (int i = 0; i < s->options.workers; i++)
        if (s->workers[i].busy) return true;
    return false;
}

/* Lets the worker compute for cpu_seconds more than it has. */
static void renew_cpu(const sandbox_t *s, const worker_t *w)
{
    clockid_t clock;
    struct timespec used;
    struct rlimit limit;
    if (clock_getcpuclockid(w->pid, &clock) || clock_gettime(clock, &used)) return;
    if (prlimit(w->pid, RLIMIT_CPU, NULL, &limit)) return;
    rlim_t most = (rlim_t)ceil((double)used.tv_sec + 1e-9 * (double)used.tv_nsec + s->options.cpu_seconds);
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    (void)!prlimit(w->pid, RLIMIT_CPU, &limit, NULL);
}

/* Tells a worker that can be used from one that says something unasked, or has ended. */
static bool is_sound(const worker_t *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    return w->pid && poll(&p, 1, 0) == 0;
}

/* Sends what the channel takes now; false if it is broken. */
static bool push(worker_t *w)
{
    while (w->sent < w->request.len) {
        ssize_t n = send(w->fd, w->request.data + w->sent, w->request.len - w->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        w->sent += (size_t)n;
    }
    return true;
}

void sandbox_send(sandbox_t *s, const void *request, size_t n, sandbox_done done, void *ctx)
{
    worker_t *w;
    while (!(w = free_worker(s))) sandbox_wait(s);
    if (w->pid && !is_sound(w)) stop(w);
    if (!w->pid) start(s, w);
    w->busy = true;
    w->done = done;
    w->ctx = ctx;
    w->sent = w->head_got = 0;
    w->deadline = seconds_now() + s->options.seconds;
    buf_clear(&w->request);
    buf_add(&w->request, &(sandbox_header_t){.length = n}, sizeof(sandbox_header_t));
    buf_add(&w->request, request, n);
    renew_cpu(s, w);
    (void)push(w); /* a broken channel is found when the answer is read */
}

/* Ends a request, with its answer or the error. Frees the worker first, since `done` may send. */
static void finish(worker_t *w, const char *error)
{
    buf_t reply = w->reply;
    w->reply = (buf_t){0};
    w->busy = false;
    if (w->request.cap > 1 << 20) buf_free(&w->request);
    w->done(w->ctx, error ? NULL : (const unsigned char *)(reply.data ? reply.data : ""), error ? 0 : reply.len, error);
    buf_free(&reply);
}

static void fail(worker_t *w, const char *why)
{
    stop(w);
    finish(w, why);
}

/* Says how the worker ended: it closed the channel, or was killed. */
static void fail_dead(const sandbox_t *s, worker_t *w)
{
    char why[128];
    int status;
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
    close(w->fd);
    w->pid = 0;
    int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (sig == SIGXCPU) snprintf(why, sizeof why, "took more than %g s of processor time", ceil(s->options.cpu_seconds));
    else if (sig == SIGSYS) snprintf(why, sizeof why, "a worker tried a forbidden system call");
    else if (sig) snprintf(why, sizeof why, "a worker crashed (SIG%s)", sigabbrev_np(sig) ? sigabbrev_np(sig) : "?");
    else if (WEXITSTATUS(status) == EX_OSERR)
        snprintf(why, sizeof why, "out of memory, with %zu MiB to use", s->options.memory >> 20);
    else snprintf(why, sizeof why, "a worker ended with status %d instead of answering", WEXITSTATUS(status));
    finish(w, why);
}

static void finish_refused(worker_t *w)
{
    char why[MAX_REFUSAL + 1] = "";
    size_t n = w->reply.len;
    if (n == 0 || n > MAX_REFUSAL || !utf8_valid(w->reply.data, n)) {
        fail(w, "a worker answered nonsense");
        return;
    }
    for (size_t i = 0; i < n; i++) why[i] = (unsigned char)w->reply.data[i] < ' ' ? ' ' : w->reply.data[i];
    finish(w, why);
}

static void finish_answered(worker_t *w)
{
    if (w->head.status == SANDBOX_OK) finish(w, NULL);
    else finish_refused(w);
}

/* Reads what is there; true once the request has ended. */
static bool pull(const sandbox_t *s, worker_t *w)
{
    for (;;) {
        char bytes[1 << 16];
        bool in_head = w->head_got < sizeof w->head;
        size_t want = in_head ? sizeof w->head - w->head_got : w->head.length - w->reply.len;
        ssize_t n = read(w->fd, bytes, want < sizeof bytes ? want : sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return false;
        if (n <= 0) {
            fail_dead(s, w);
            return true;
        }
        if (in_head) {
            memcpy((char *)&w->head + w->head_got, bytes, (size_t)n);
            w->head_got += (size_t)n;
            if (w->head_got < sizeof w->head) continue;
            if (w->sent < w->request.len || w->head.status > SANDBOX_REFUSED || w->head.length > s->options.max_reply) {
                fail(w, w->head.length > s->options.max_reply ? "the answer is too long" : "a worker answered nonsense");
                return true;
            }
        } else {
            buf_add(&w->reply, bytes, (size_t)n);
        }
        if (w->reply.len == w->head.length) {
            finish_answered(w);
            return true;
        }
    }
}

/* Looks at every busy worker once; returns how many requests ended. */
static int attend(sandbox_t *s, const struct pollfd *polled)
{
    int ended = 0;
    for (int i = 0; i < s->options.workers; i++) {
        worker_t *w = &s->workers[i];
        if (!w->busy || polled[i].fd < 0) continue;
        if (polled[i].revents & POLLOUT) (void)push(w);
        if (polled[i].revents & (POLLIN | POLLHUP | POLLERR) && pull(s, w)) {
            ended++;
        } else if (seconds_now() > w->deadline) {
            char why[64];
            snprintf(why, sizeof why, "took more than %g s", s->options.seconds);
            fail(w, why);
            ended++;
        }
    }
    return ended;
}

static int poll_once(sandbox_t *s, double seconds)
{
    struct pollfd polled[s->options.workers];
    double now = seconds_now(), until = now + seconds;
    for (int i = 0; i < s->options.workers; i++) {
        const worker_t *w = &s->workers[i];
        bool sending = w->busy && w->sent < w->request.len;
        polled[i] = (struct pollfd){.fd = w->busy ? w->fd : -1, .events = (short)(POLLIN | (sending ? POLLOUT : 0))};
        if (w->busy && w->deadline < until) until = w->deadline;
    }
    int milliseconds = until > now ? (int)ceil((until - now) * 1000) : 0;
    if (poll(polled, (nfds_t)s->options.workers, milliseconds) < 0 && errno != EINTR) die_errno(EX_OSERR, "poll");
    return attend(s, polled);
}

void sandbox_wait(sandbox_t *s)
{
    while (sandbox_busy(s) && !poll_once(s, 3600)) continue;
}

void sandbox_poll(sandbox_t *s, double seconds)
{
    if (sandbox_busy(s)) poll_once(s, seconds);
}

void sandbox_close(sandbox_t *s)
{
    for (int i = 0; i < s->options.workers; i++) {
        worker_t *w = &s->workers[i];
        if (w->pid) stop(w);
        buf_free(&w->request);
        buf_free(&w->reply);
    }
    free(s->workers);
    free(s);
}
