#include "serve/server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "serve/listener.h"

typedef struct {
    const server_options_t *o;
    current_t *current;
    queue_t *queue;
    meter_t *meter;
    http_t *http;
} server_t;

/* Signals travel through a pipe: libraries' threads, which were there before main(), leave none blocked. */
static int signal_pipe[2];

static void on_signal(int signal)
{
    const int saved = errno;
    const unsigned char byte = (unsigned char)signal;
    if (write(signal_pipe[1], &byte, 1) < 0) { /* full: more than enough wait */ }
    errno = saved;
}

static void catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK)) die_errno(EX_OSERR, "pipe");
    fcntl(signal_pipe[0], F_SETFL, 0);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int next_signal(void)
{
    unsigned char byte = 0;
    while (read(signal_pipe[0], &byte, 1) < 0 && errno == EINTR) continue;
    return byte;
}

/* Has another process read the files; tells whether they are right. It says itself what is wrong. */
static bool files_are_right(char *const *command)
{
    pid_t pid;
    int status = 1;
    const int failed = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, command, environ);
    if (failed) warn("cannot start the process that looks at new files");
    return !failed && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static void read_anew(server_t *s)
{
    const bool right = files_are_right(s->o->check_command);
    meter_reload(s->meter, right);
    if (!right) return;
    current_replace(s->current, edition_open(&s->o->files));
    note("files read anew");
}

/* Waits for signals, in a thread of its own. */
static void *obey(void *arg)
{
    server_t *s = arg;
    while (next_signal() == SIGHUP) read_anew(s);
    http_drain(s->http);
    queue_stop(s->queue);
    return NULL;
}

void server_run(const server_options_t *o)
{
    catch_signals();
    const listener_t l = listener_open(o->listen);
    if (!l.loopback && !o->http.token)
        die(EX_USAGE, "--listen %s: others than this machine could ask; expected --token-file or SIDMILL_TOKEN", o->listen);
    server_t s = {.o = o, .current = current_new(edition_open(&o->files)), .meter = meter_new()};
    s.queue = queue_new(&o->queue, s.meter);
    s.http = http_start(&o->http, l.socket, s.current, s.queue, s.meter);
    pthread_t signals;
    if (pthread_create(&signals, NULL, obey, &s)) die(EX_OSERR, "cannot start a thread");
    note("listening on http://%s", l.address);
    queue_run(s.queue);
    pthread_join(signals, NULL);
    http_stop(s.http);
    current_free(s.current);
    queue_free(s.queue);
    meter_free(s.meter);
    free(l.address);
}
