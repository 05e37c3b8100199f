/* What a server counts, for Prometheus. */
#ifndef SIDMILL_SERVE_METER_H
#define SIDMILL_SERVE_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "serve/route.h"

typedef struct meter meter_t;

meter_t *meter_new(void);
void meter_free(meter_t *m);

/* From any thread: a request begins; ends with a status, 0 where its answer did not get through, so many seconds later. */
void meter_begin(meter_t *m);
void meter_end(meter_t *m, route_t route, int status, double seconds);

void meter_batch(meter_t *m, int64_t histories);   /* one call of the engine */
void meter_waiting(meter_t *m, int64_t histories); /* so many wait now */
void meter_reload(meter_t *m, bool good);

int64_t meter_in_flight(meter_t *m); /* requests that have begun and not ended */

/* Appends everything in Prometheus' text form. */
void meter_write(meter_t *m, buf_t *out);

#endif
