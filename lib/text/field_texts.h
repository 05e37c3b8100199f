/* What every item's fields say, kept in memory, for those who read it more than once. */
#ifndef SIDMILL_TEXT_FIELD_TEXTS_H
#define SIDMILL_TEXT_FIELD_TEXTS_H

#include "text/fields.h"

/* Begins as {0}. */
typedef struct {
    int64_t items, cap;
    int fields;  /* of an item */
    buf_t text;  /* one behind the other, by item and field */
    size_t *end; /* [items, fields] */
} field_texts_t;

/* Keeps the texts of the current record's fields; all of them have the same list. */
void field_texts_add(field_texts_t *t, const fields_t *f, const items_t *items);

/* A field's text, *length bytes of it: 0 where the item lacks the field. */
const char *field_texts_get(const field_texts_t *t, int64_t item, int field, size_t *length);

/* The item's fields whose weight [fields] is above 0, in `parts` [fields], those that it has; returns their number. */
int field_texts_parts(const field_texts_t *t, int64_t item, const double *weight, text_part_t *parts);

void field_texts_free(field_texts_t *t);

#endif
