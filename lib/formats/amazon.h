/* The reviews and the metadata of Amazon products as J. McAuley's group published them in 2014, 2018 and 2023: what the
 * members are called, and how a line is taken apart. */
#ifndef SIDMILL_FORMATS_AMAZON_H
#define SIDMILL_FORMATS_AMAZON_H

#include "base/buf.h"
#include "data/json.h"
#include "formats/event_source.h"
#include "formats/record_source.h"

enum { AMAZON_MAX_LINE = 16 << 20 };

enum { REVIEW_USER, REVIEW_ITEM, REVIEW_RATING, REVIEW_TIME, REVIEW_FIELDS };

enum {
    META_ID, META_TITLE, META_DESCRIPTION, META_FEATURES, META_CATEGORIES, META_MAIN_CATEGORY, META_BRAND, META_PRICE,
    META_PICTURES,           /* up to three members, the best picture first */
    META_FIELDS = META_PICTURES + 3
};

typedef struct {
    bool python;                          /* lines may be Python literals */
    int64_t ticks;                        /* units of time in a second */
    const char *review[REVIEW_FIELDS];
    int columns[REVIEW_FIELDS];           /* the same in a ratings-only file: column numbers */
    const char *meta[META_FIELDS];        /* NULL: this edition has none */
} amazon_edition_t;

extern const amazon_edition_t amazon2014, amazon2018, amazon2023;

/* Finds the wanted members of the object that the line holds, as JSON or, where the edition has them, as a Python literal, which
 * goes to `json` first. A line that is neither is a malformed one, and the result false. */
bool amazon_pick(source_lines_t *s, const amazon_edition_t *a, const char *text, size_t n, buf_t *json,
                 json_want_t *want, int wanted);

/* The string's text, in place or by way of `buf`; false where it cannot be an id: empty, not UTF-8, with control
 * characters. */
bool amazon_id(const json_want_t *member, buf_t *buf, const char **id, size_t *n);

/* Reviews, one JSON object a line, or the ratings-only form: four columns with commas between. Interactions at a time before
 * Amazon's opening in 1995 or after 2099 ("absurd_times"), or rated outside 1 to 5 ("absurd_ratings"), are left out. */
event_source_t *event_source_amazon2014(const source_options_t *o);
event_source_t *event_source_amazon2018(const source_options_t *o);
event_source_t *event_source_amazon2023(const source_options_t *o);

/* Metadata, cleaned (formats/clean_text.h); ingest(1) has the rules. */
record_source_t *record_source_amazon2014(const source_options_t *o);
record_source_t *record_source_amazon2018(const source_options_t *o);
record_source_t *record_source_amazon2023(const source_options_t *o);

#endif
