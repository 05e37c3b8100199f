/* What groups of items are about: the categories, brands, labels, intents and words that are commoner in a group than in the
 * whole catalogue. */
#ifndef SIDMILL_TEXT_TOPICS_H
#define SIDMILL_TEXT_TOPICS_H

#include <stdint.h>

#include "base/buf.h"
#include "data/items.h"

/* Where terms come from. Of title and caption the words, folded (text/tokens.h); of the others whole values. */
typedef enum {
    TOPIC_CATEGORIES, TOPIC_BRAND, TOPIC_LABELS, TOPIC_INTENTS, TOPIC_TITLE, TOPIC_CAPTION, TOPIC_FIELDS
} topics_field_t;
extern const char *const topic_field_names[TOPIC_FIELDS]; /* the records' keys */

typedef struct topics topics_t;

topics_t *topics_new(int64_t groups);
void topics_free(topics_t *t);

/* Counts the current record's terms, each once, in the catalogue and in the `n` groups. */
void topics_add(topics_t *t, const items_t *record, const int64_t *groups, int n);

typedef struct {
    const char *text;
    int64_t count;         /* items of the group with the term */
    double share, overall; /* of the group's items, and of all */
} topics_term_t;

/* A group's up to `max` most telling terms of a field: those of two or more of its items and commoner there than in all, by
 * share * log(share / overall), their part in the divergence of the group from the catalogue. Returns their number; the texts
 * belong to t. */
int topics_top(const topics_t *t, int64_t group, topics_field_t field, int max, topics_term_t *terms);

enum { TOPIC_TERMS_MOST = 16 };

/* Appends them as JSON: {"categories":[{"text":...,"items":...,"overall":...},...],...}, fields without any left out; max <=
 * TOPIC_TERMS_MOST. */
void topics_write(const topics_t *t, int64_t group, int max, buf_t *out);

#endif
