#include "base/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

static struct {
    pthread_mutex_t lock;
    bool active, drawn;
    const char *what, *unit;
    int64_t total, done, skipped;
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

/* Makes room for another line. */
static void clear(void)
{
    pthread_mutex_lock(&meter.lock);
    wipe();
    pthread_mutex_unlock(&meter.lock);
}

/* "12/100 items, 34/s" or "1.2/10.0 MB, 3.4/s". */
static void say_amounts(char *text, size_t n, double rate)
{
    bool bytes = !strncmp(meter.unit, "bytes", 5);
    double scale = bytes ? 1e-6 : 1;
    int digits = bytes ? 1 : 0;
    char of[32] = "";
    if (meter.total > 0) snprintf(of, sizeof of, "/%.*f", digits, scale * (double)meter.total);
    snprintf(text, n, "%.*f%s %s%s, %.*f/s", digits, scale * (double)meter.done, of, bytes ? "MB" : meter.unit,
             bytes ? meter.unit + 5 : "", digits, scale * rate);
}

static void draw(double now)
{
    double elapsed = now - meter.started, rate = elapsed > 0 ? (double)(meter.done - meter.skipped) / elapsed : 0;
    char left[32] = "";
    if (meter.total > 0 && rate > 0) {
        long long s = (long long)((double)(meter.total - meter.done) / rate);
        snprintf(left, sizeof left, ", %lld:%02lld left", s / 60, s % 60);
    }
    char amounts[128], line[512];
    say_amounts(amounts, sizeof amounts, rate);
    int n = snprintf(line, sizeof line, "\r\033[K%s: %s %s%s %s", err_program_name(), meter.what, amounts, left, meter.note);
    if (n > 0) (void)!write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
    meter.drawn = true;
    meter.redrawn = now;
}

void progress_start(const char *what, const char *unit, int64_t total)
{
    err_before_message(clear);
    pthread_mutex_lock(&meter.lock);
    meter.active = isatty(STDERR_FILENO) && !err_is_quiet();
    meter.what = what;
    meter.unit = unit;
    meter.total = total;
    meter.done = meter.skipped = 0;
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

void progress_skip(int64_t n)
{
    pthread_mutex_lock(&meter.lock);
    meter.done += n;
    meter.skipped += n;
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
