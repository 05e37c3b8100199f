/* Which of an item's fields count as its text, as --fields says. */
#ifndef SIDMILL_TEXT_FIELDS_H
#define SIDMILL_TEXT_FIELDS_H

#include "base/buf.h"
#include "data/items.h"
#include "text/text_engine.h"

enum { MAX_FIELDS = 16 };

typedef struct {
    char *name[MAX_FIELDS];
    double weight[MAX_FIELDS];
    int count;
    buf_t text;                    /* the current item's */
    text_part_t parts[MAX_FIELDS];
} fields_t;

/* "title,description:0.5": names of fields, each with a weight if it is not 1. What is unknown, comes twice or is no weight
 * ends the process with EX_USAGE. */
fields_t fields_parse(const char *spec);

/* The current record's fields, in the list's order, those that it has; returns their number. `parts` is valid until the next
 * call. */
int fields_parts(fields_t *f, const items_t *items, const text_part_t **parts);

/* The list as fields_parse() reads it, without the fields whose weight is 0. Caller frees. */
char *fields_spec(const fields_t *f);

void fields_free(fields_t *f);

#endif
