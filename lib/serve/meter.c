#include "serve/meter.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

/* Statuses that are counted apart; the last stands for all others, and 0 for answers that did not get through. */
static const int statuses[] = {200, 400, 401, 404, 405, 413, 503, 0, -1};
enum { STATUSES = sizeof statuses / sizeof *statuses, BOUNDS_MOST = 16 };

typedef struct {
    int bounds;
    double bound[BOUNDS_MOST];
    int64_t count[BOUNDS_MOST + 1];
    double sum;
} histogram_t;

struct meter {
    pthread_mutex_t lock;
    int64_t requests[ROUTES][STATUSES], in_flight, waiting, reloads[2];
    histogram_t seconds, batches;
};

meter_t *meter_new(void)
{
    meter_t *m = NEW(meter_t);
    pthread_mutex_init(&m->lock, NULL);
    m->seconds = (histogram_t){12, {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10}, {0}, 0};
    m->batches = (histogram_t){10, {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}, {0}, 0};
    return m;
}

void meter_free(meter_t *m)
{
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static void observe(histogram_t *h, double value)
{
    int i = 0;
    while (i < h->bounds && value > h->bound[i]) i++;
    h->count[i]++;
    h->sum += value;
}

static int place_of(int status)
{
    int s = 0;
    while (s < STATUSES - 1 && statuses[s] != status) s++;
    return s;
}

void meter_begin(meter_t *m)
{
    pthread_mutex_lock(&m->lock);
    m->in_flight++;
    pthread_mutex_unlock(&m->lock);
}

void meter_end(meter_t *m, route_t route, int status, double seconds)
{
    pthread_mutex_lock(&m->lock);
    m->in_flight--;
    m->requests[route][place_of(status)]++;
    if (route == ROUTE_RECOMMEND && status == 200) observe(&m->seconds, seconds);
    pthread_mutex_unlock(&m->lock);
}

void meter_batch(meter_t *m, int64_t histories)
{
    pthread_mutex_lock(&m->lock);
    observe(&m->batches, (double)histories);
    pthread_mutex_unlock(&m->lock);
}

void meter_waiting(meter_t *m, int64_t histories)
{
    pthread_mutex_lock(&m->lock);
    m->waiting = histories;
    pthread_mutex_unlock(&m->lock);
}

void meter_reload(meter_t *m, bool good)
{
    pthread_mutex_lock(&m->lock);
    m->reloads[good]++;
    pthread_mutex_unlock(&m->lock);
}

int64_t meter_in_flight(meter_t *m)
{
    pthread_mutex_lock(&m->lock);
    const int64_t n = m->in_flight;
    pthread_mutex_unlock(&m->lock);
    return n;
}

static void head(buf_t *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP sidmill_%s %s\n# TYPE sidmill_%s %s\n", name, help, name, type);
}

static void write_number(buf_t *out, const char *name, int64_t value) { buf_printf(out, "sidmill_%s %lld\n", name, (long long)value); }

static void write_histogram(buf_t *out, const char *name, const histogram_t *h)
{
    int64_t sum = 0;
    for (int i = 0; i <= h->bounds; i++) {
        sum += h->count[i];
        if (i < h->bounds) buf_printf(out, "sidmill_%s_bucket{le=\"%g\"} %lld\n", name, h->bound[i], (long long)sum);
        else buf_printf(out, "sidmill_%s_bucket{le=\"+Inf\"} %lld\n", name, (long long)sum);
    }
    buf_printf(out, "sidmill_%s_sum %.9g\nsidmill_%s_count %lld\n", name, h->sum, name, (long long)sum);
}

static void write_requests(buf_t *out, const meter_t *m)
{
    for (int r = 0; r < ROUTES; r++)
        for (int s = 0; s < STATUSES; s++) {
            if (!m->requests[r][s]) continue;
            buf_printf(out, "sidmill_requests_total{route=\"%s\",status=\"", route_names[r]);
            if (statuses[s] > 0) buf_printf(out, "%d", statuses[s]);
            else buf_puts(out, statuses[s] ? "other" : "broken");
            buf_printf(out, "\"} %lld\n", (long long)m->requests[r][s]);
        }
}

void meter_write(meter_t *m, buf_t *out)
{
    pthread_mutex_lock(&m->lock);
    head(out, "requests_total", "counter", "Requests answered.");
    write_requests(out, m);
    head(out, "recommend_seconds", "histogram", "Time from a request's head to the end of its answer.");
    write_histogram(out, "recommend_seconds", &m->seconds);
    head(out, "batch_histories", "histogram", "Histories answered at once.");
    write_histogram(out, "batch_histories", &m->batches);
    head(out, "in_flight", "gauge", "Requests being answered.");
    write_number(out, "in_flight", m->in_flight);
    head(out, "waiting_histories", "gauge", "Histories that wait for their batch.");
    write_number(out, "waiting_histories", m->waiting);
    head(out, "reloads_total", "counter", "Times that files were read anew.");
    buf_printf(out, "sidmill_reloads_total{result=\"good\"} %lld\nsidmill_reloads_total{result=\"bad\"} %lld\n", (long long)m->reloads[1],
               (long long)m->reloads[0]);
    pthread_mutex_unlock(&m->lock);
}
