#include "serve/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

struct queue {
    queue_options_t o;
    meter_t *meter;
    pthread_mutex_t lock;
    pthread_cond_t come;
    job_t *first, **last;
    int64_t waiting; /* histories */
    bool stopped;
};

queue_t *queue_new(const queue_options_t *o, meter_t *meter)
{
    queue_t *q = NEW(queue_t);
    *q = (queue_t){.o = *o, .meter = meter};
    q->last = &q->first;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->come, NULL);
    return q;
}

void queue_free(queue_t *q)
{
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->come);
    free(q);
}

static void append(queue_t *q, job_t *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
    q->waiting += j->order.n;
    meter_waiting(q->meter, q->waiting);
}

bool queue_add(queue_t *q, job_t *j)
{
    pthread_mutex_lock(&q->lock);
    const bool room = !q->stopped && (!q->first || q->waiting + j->order.n <= q->o.most);
    if (room) append(q, j);
    pthread_cond_signal(&q->come);
    pthread_mutex_unlock(&q->lock);
    return room;
}

/* What one call of the engine can answer. */
static bool agree(const order_t *a, const order_t *b)
{
    return a->edition == b->edition && a->k == b->k && a->exclude_seen == b->exclude_seen;
}

/* Takes the first job and those that agree with it, as many as a batch holds, in their order; *n becomes their histories. */
static job_t *take(queue_t *q, int64_t *n)
{
    job_t *batch = NULL, **end = &batch, **at = &q->first;
    *n = 0;
    while (*at) {
        job_t *j = *at;
        if (batch && (*n + j->order.n > q->o.batch || !agree(&batch->order, &j->order))) {
            at = &j->next;
            continue;
        }
        *at = j->next;
        j->next = NULL;
        *end = j;
        end = &j->next;
        *n += j->order.n;
    }
    q->last = at;
    q->waiting -= *n;
    meter_waiting(q->meter, q->waiting);
    return batch;
}

/* Answers a batch of n histories. */
static void answer(const queue_t *q, job_t *batch, int64_t n)
{
    const order_t *o = &batch->order;
    history_t *histories = NEW_ARRAY(history_t, n);
    const item_set_t **within = NEW_ARRAY(const item_set_t *, n);
    unfolding_t **unfoldings = NEW_ARRAY(unfolding_t *, n);
    int32_t *items = NEW_ARRAY(int32_t, n * o->k), *list = items;
    float *scores = NEW_ARRAY(float, n * o->k), *score = scores;
    int64_t at = 0;
    for (job_t *j = batch; j; j = j->next)
        for (int64_t i = 0; i < j->order.n; i++, at++) {
            histories[at] = j->order.histories[i];
            within[at] = j->order.within;
            unfoldings[at] = j->order.unfold ? &j->unfolding : NULL;
        }
    const engine_query_t query = {n, histories, within, max64(q->o.beam, o->k), o->k, o->exclude_seen, unfoldings};
    engine_ask(edition_engine(o->edition), &query, items, scores);
    for (job_t *j = batch; j; j = j->next) {
        const int64_t places = j->order.n * j->order.k;
        memcpy(j->items, list, (size_t)places * sizeof *list);
        memcpy(j->scores, score, (size_t)places * sizeof *score);
        list += places;
        score += places;
    }
    free(histories);
    free(within);
    free(unfoldings);
    free(items);
    free(scores);
}

void queue_run(queue_t *q)
{
    for (;;) {
        int64_t n;
        pthread_mutex_lock(&q->lock);
        while (!q->first && !q->stopped) pthread_cond_wait(&q->come, &q->lock);
        job_t *batch = take(q, &n);
        pthread_mutex_unlock(&q->lock);
        if (!batch) return;
        if (n) answer(q, batch, n);
        meter_batch(q->meter, n);
        for (job_t *next; batch; batch = next) {
            next = batch->next;
            batch->done(batch);
        }
    }
}

void queue_stop(queue_t *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_signal(&q->come);
    pthread_mutex_unlock(&q->lock);
}
