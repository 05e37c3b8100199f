/* The evidence that is known of one item: what captions, intents and judges are made from. */
#ifndef SIDMILL_TEXT_ITEM_TEXT_H
#define SIDMILL_TEXT_ITEM_TEXT_H

#include "data/items.h"

/* In the order in which they weigh as evidence. */
typedef enum { FIELD_TITLE, FIELD_CATEGORIES, FIELD_DESCRIPTION, FIELD_CAPTION, FIELD_LABELS, FIELDS } field_id_t;

/* Texts are owned; NULL where the item has none. Categories and image labels are joined by ", ". */
typedef struct {
    char *id;
    char *text[FIELDS];
} evidence_t;

const char *field_name(field_id_t f); /* the record's key */

evidence_t evidence_of(const items_t *current);
bool evidence_is_empty(const evidence_t *e);
void evidence_free(evidence_t *e);

#endif
