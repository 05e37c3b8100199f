/* The intents of an item: descriptors of what it is good for, as the records' key `intents` holds them. */
#ifndef SIDMILL_INTENT_INTENTS_H
#define SIDMILL_INTENT_INTENTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct {
    char *text;        /* not empty */
    double confidence; /* in [0, 1]; NaN: none was given */
    int label;         /* 0 or 1; -1: not judged */
    char *source;      /* which rule, or which model; NULL: not told */
    char *rest;        /* further members as JSON text, each after a comma; NULL: none */
} intent_t;

/* Strongest first. Zero-initialise; owns everything in it. */
typedef struct {
    intent_t *list;
    int count, cap;
} intents_t;

/* Appends an intent without label; returns it for more. `source` may be NULL. */
intent_t *intents_add(intents_t *x, const char *text, double confidence, const char *source);

/* Appends what the array of a record holds (NULL or null: nothing), empty texts left out. Returns NULL, or what is wrong: a
 * confidence that is no number in [0, 1], a label that is neither 0 nor 1, a source that is no string. items_next() has
 * checked the texts. */
const char *intents_read(const cJSON *array, intents_t *out);

/* Appends the array as JSON on one line, for items_splice(). */
void intents_json(const intents_t *x, buf_t *out);

bool intents_judged(const intents_t *x); /* any of them has a label */
void intents_free(intents_t *x);

#endif
