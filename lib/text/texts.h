/* Texts from files of several forms, some at a time, for tools that work on any text. */
#ifndef SIDMILL_TEXT_TEXTS_H
#define SIDMILL_TEXT_TEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* For options: "items" are items.jsonl, an item's fields with a line break between; "lines" a text a line; "json" a JSON object
 * with a string "text" a line; "whole" a text a file. */
extern const char *const texts_forms[];

typedef struct texts texts_t;

/* Texts of some files, one behind the other; none: standard input. `fields` as fields_parse() takes it, without weights, for
 * "items". Borrows all. Files may be packed. */
texts_t *texts_open(const char *form, const char *fields, char *const *paths, int count);
void texts_close(texts_t *t);

/* Begins as {0}. */
typedef struct {
    buf_t bytes;           /* the texts, one behind the other */
    buf_t ids;             /* what is to stand before each one's answer: `"id": "...", ` or nothing */
    size_t *end, *id_end;  /* [count] */
    int64_t count, cap;
    int64_t *chunk;        /* [chunks + 1] the first text of each, and `count`: consecutive texts, enough to be worth a thread's while */
    int64_t chunks, chunk_cap;
} texts_batch_t;

/* Reads texts until there are `most` bytes, or a little more, in the place of those that the batch held; false where none is left. What is
 * malformed, or no UTF-8, ends the process with EX_DATAERR. */
bool texts_read(texts_t *t, texts_batch_t *b, size_t most);

/* A text of the batch, *n bytes; and what is to stand before its answer. */
const char *texts_get(const texts_batch_t *b, int64_t i, size_t *n);
const char *texts_id(const texts_batch_t *b, int64_t i, size_t *n);
void texts_batch_free(texts_batch_t *b);

#endif
