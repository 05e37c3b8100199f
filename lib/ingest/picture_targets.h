/* The URLs of pictures that are wanted, however many records name them: what an earlier run knows of them (ingest/picture_store.h),
 * the requests for the others, and what became of each. */
#ifndef SIDMILL_INGEST_PICTURE_TARGETS_H
#define SIDMILL_INGEST_PICTURE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/picture_store.h"
#include "ingest/pictures_options.h"

/* Why there is no picture. What is final is remembered and not asked for again. */
typedef enum {
    PICTURE_FAILED_NOT, PICTURE_FAILED_NOT_FOUND, PICTURE_FAILED_REFUSED, PICTURE_FAILED_TYPE, PICTURE_FAILED_CONTENT,
    PICTURE_FAILED_SMALL, PICTURE_FAILED_LARGE, PICTURE_FAILED_SERVER, PICTURE_FAILED_REPLY, PICTURE_FAILURES
} picture_failure_t;

typedef struct {
    picture_store_file_t file;   /* where `failure` is PICTURE_FAILED_NOT and `known` */
    picture_failure_t failure;
    bool known;            /* what became of it */
    bool asked;            /* in this run */
    bool shared;           /* its bytes were there before it was asked for */
    int32_t why;           /* row of `whys` */
} picture_target_t;

/* The name of a failure in tallies: "failed_not_found" and the like. */
const char *picture_failure_tally(picture_failure_t f);

typedef struct picture_targets picture_targets_t;

/* Opens the store in o->folder (`o` is borrowed); one that another process is filling is waited for. */
picture_targets_t *picture_targets_open(const pictures_options_t *o);

/* The number of a URL's target, from 0, which is added where it is new. */
int32_t picture_targets_find(picture_targets_t *p, const char *url);

int64_t picture_targets_count(const picture_targets_t *p);

/* Looks up what is known and downloads the rest, once. No failure ends the process. */
void picture_targets_fetch(picture_targets_t *p);

const picture_target_t *picture_targets_get(const picture_targets_t *p, int32_t i);

/* Why target `i` has no picture, for a message. Caller frees. */
char *picture_targets_why(const picture_targets_t *p, int32_t i);

void picture_targets_close(picture_targets_t *p);

#endif
