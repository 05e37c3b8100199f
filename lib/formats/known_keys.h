/* The keys of JSON objects that follow each other, remembered as they are written: most objects have the same, in the same order. */
#ifndef SIDMILL_FORMATS_KNOWN_KEYS_H
#define SIDMILL_FORMATS_KNOWN_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/json.h"

enum { KNOWN_KEYS = 256 };

typedef struct {
    char *text;        /* with its quotes and escapes */
    size_t n;
    int role, rank;    /* the caller's */
    int64_t met;       /* the caller's: the last object that had it */
} known_key_t;

/* Starts with zeroes. */
typedef struct {
    known_key_t keys[KNOWN_KEYS], spare;
    int count, next;
} known_keys_t;

/* The key of a member. *fresh: it was not met before, or too many others were, and its role is to be set. */
known_key_t *known_keys_find(known_keys_t *k, const json_member_t *m, bool *fresh);

void known_keys_free(known_keys_t *k);

#endif
