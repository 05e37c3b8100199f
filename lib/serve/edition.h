/* What is served at one time: an engine and what is known of its items. Files that have changed are read as another edition, which
 * takes the first one's place while requests that began with that still hold it. */
#ifndef SIDMILL_SERVE_EDITION_H
#define SIDMILL_SERVE_EDITION_H

#include "select/conditions.h"
#include "select/item_records.h"
#include "select/word_index.h"
#include "serve/code_topics.h"
#include "serve/engine.h"

typedef struct {
    engine_files_t engine;
    const char *items; /* NULL: none */
} edition_files_t;

typedef struct edition edition_t;

/* Reads the files, as engine_open() does; the caller holds it. */
edition_t *edition_open(const edition_files_t *f);

/* Holds it once more; and lets go: the last to do so frees it. */
edition_t *edition_hold(edition_t *e);
void edition_release(edition_t *e);

engine_t *edition_engine(const edition_t *e);
const item_records_t *edition_records(const edition_t *e); /* NULL without a file of items */
const word_index_t *edition_words(const edition_t *e);     /* of ids, and of titles where there are any */

const code_topics_t *edition_topics(const edition_t *e);   /* of a model's codes; NULL without it, or without a file of items */

/* The items that meet conditions. What was asked before is at hand; *own tells that the caller is to free it, else the edition does. Of
 * one thread at a time. */
const item_set_t *edition_meet(edition_t *e, const conditions_t *c, bool *own);

/* The edition of the moment: made with one, which it takes over. */
typedef struct current current_t;
current_t *current_new(edition_t *e);
void current_free(current_t *c);
edition_t *current_hold(current_t *c);
void current_replace(current_t *c, edition_t *e);

#endif
