/* Orders that wait, and the one thread that answers them: as many at once as agree and as a batch holds. */
#ifndef SIDMILL_SERVE_QUEUE_H
#define SIDMILL_SERVE_QUEUE_H

#include "serve/meter.h"
#include "serve/order.h"

/* An order in the queue, which borrows it until `done` is called, by the answering thread. */
typedef struct job job_t;
struct job {
    order_t order;
    int32_t *items; /* [n, k] the answer */
    float *scores;
    unfolding_t unfolding; /* where it asks for that */
    void (*done)(job_t *j);
    job_t *next;
};

typedef struct {
    int64_t beam;  /* width, at least: that of a larger k is k */
    int64_t batch; /* histories at once; an order of more is answered alone */
    int64_t most;  /* histories that may wait */
} queue_options_t;

typedef struct queue queue_t;

/* Borrows the meter, which learns of batches and of what waits. */
queue_t *queue_new(const queue_options_t *o, meter_t *meter);
void queue_free(queue_t *q);

/* Adds a job from any thread; false if too many wait, or it is stopped. An empty queue takes an order of any size. */
bool queue_add(queue_t *q, job_t *j);

/* Answers what comes, until queue_stop() was called, from any thread, and nothing waits. */
void queue_run(queue_t *q);
void queue_stop(queue_t *q);

#endif
