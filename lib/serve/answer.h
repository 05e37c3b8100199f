/* The answer to one history as JSON: of serve, and of recommend --unfold. */
#ifndef SIDMILL_SERVE_ANSWER_H
#define SIDMILL_SERVE_ANSWER_H

#include "base/buf.h"
#include "select/item_records.h"
#include "serve/engine.h"

typedef struct {
    const engine_t *engine;
    const item_records_t *records; /* for titles; NULL: none */
    int64_t k;
    const int32_t *items;          /* [k] as engine_ask() gives them */
    const float *scores;           /* [k] */
    int64_t unknown;               /* ids of the history that the catalogue lacks */
    const item_set_t *within;      /* what the list was held to; NULL: anything */
    const unfolding_t *unfolding;  /* how it came about; NULL: not asked for */
} answer_t;

/* Appends an object as serve(1) describes it. */
void answer_write(const answer_t *a, buf_t *out);

#endif
