#include "serve/watch.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"

enum { LOOKS_A_TIMEOUT = 8 };

struct watched {
    watch_t *watch;
    int socket;
    double since;
    watched_t *next, **at; /* at: what points here */
};

struct watch {
    pthread_mutex_t lock;
    pthread_cond_t end;
    pthread_t thread;
    bool stop;
    double seconds;
    watched_t *first;
};

static struct timespec moment(double seconds_from_now)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += (time_t)seconds_from_now;
    t.tv_nsec += (long)((seconds_from_now - (double)(time_t)seconds_from_now) * 1e9);
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

static void *look(void *arg)
{
    watch_t *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        const double now = seconds_now();
        for (const watched_t *c = w->first; c; c = c->next)
            if (now - c->since > w->seconds) shutdown(c->socket, SHUT_RDWR);
        const struct timespec until = moment(w->seconds / LOOKS_A_TIMEOUT);
        pthread_cond_timedwait(&w->end, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

watch_t *watch_new(double seconds)
{
    watch_t *w = NEW(watch_t);
    w->seconds = seconds;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->end, NULL);
    if (pthread_create(&w->thread, NULL, look, w)) die(EX_OSERR, "cannot start a thread");
    return w;
}

void watch_free(watch_t *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->end);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->end);
    free(w);
}

watched_t *watch_add(watch_t *w, int socket)
{
    watched_t *c = NEW(watched_t);
    *c = (watched_t){w, socket, seconds_now(), NULL, &w->first};
    pthread_mutex_lock(&w->lock);
    c->next = w->first;
    if (c->next) c->next->at = &c->next;
    w->first = c;
    pthread_mutex_unlock(&w->lock);
    return c;
}

void watch_again(watched_t *c)
{
    pthread_mutex_lock(&c->watch->lock);
    c->since = seconds_now();
    pthread_mutex_unlock(&c->watch->lock);
}

void watch_remove(watched_t *c)
{
    watch_t *w = c->watch;
    pthread_mutex_lock(&w->lock);
    *c->at = c->next;
    if (c->next) c->next->at = c->at;
    pthread_mutex_unlock(&w->lock);
    free(c);
}
