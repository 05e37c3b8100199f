#include "base/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

static struct {
    pthread_mutex_t lock;
    bool active, drawn;
    const char *what, *unit;
    int64_t total, done;
    double started, redrawn;
    char note[160];
} meter = {.lock = PTHREAD_MUTEX_INITIALIZER};

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void wipe(void)
{
    if (!meter.drawn) return;
    (void)!write(STDERR_FILENO, "\r\033[K", 4);
    meter.drawn = false;
}

static void draw(double now)
{
    double elapsed = now - meter.started, rate = elapsed > 0 ? (double)meter.done / elapsed : 0;
    char left[32] = "";
    if (meter.total > 0 && rate > 0) {
        long long s = (long long)((double)(meter.total - meter.done) / rate);
        snprintf(left, sizeof left, ", %lld:%02lld left", s / 60, s % 60);
    }
    char of[32] = "";
    if (meter.total > 0) snprintf(of, sizeof of, "/%lld", (long long)meter.total);
    char line[512];
    int n = snprintf(line, sizeof line, "\r\033[K%s: %s %lld%s %s, %.0f/s%s %s", err_program_name(), meter.what, (long long)meter.done, of,
                     meter.unit, rate, left, meter.note);
    if (n > 0) (void)!write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    meter.drawn = true;
    meter.redrawn = now;
}

void progress_start(const char *what, const char *unit, int64_t total)
{
    pthread_mutex_lock(&meter.lock);
    meter.active = isatty(STDERR_FILENO) && !err_is_quiet();
    meter.what = what;
    meter.unit = unit;
    meter.total = total;
    meter.done = 0;
    meter.note[0] = '\0';
    meter.started = meter.redrawn = seconds_now();
    pthread_mutex_unlock(&meter.lock);
}

void progress_add(int64_t n)
{
    if (!meter.active) return;
    pthread_mutex_lock(&meter.lock);
    meter.done += n;
    double now = seconds_now();
    if (now - meter.redrawn > 0.1) draw(now);
    pthread_mutex_unlock(&meter.lock);
}

void progress_note(const char *fmt, ...)
{
    if (!meter.active) return;
    pthread_mutex_lock(&meter.lock);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(meter.note, sizeof meter.note, fmt, ap);
    va_end(ap);
    pthread_mutex_unlock(&meter.lock);
}

void progress_end(void)
{
    pthread_mutex_lock(&meter.lock);
    wipe();
    meter.active = false;
    pthread_mutex_unlock(&meter.lock);
}

void progress_clear(void)
{
    pthread_mutex_lock(&meter.lock);
    wipe();
    pthread_mutex_unlock(&meter.lock);
}
