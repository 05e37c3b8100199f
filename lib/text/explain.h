/* What Semantic IDs mean, read off the items that share them: for an item the groups of those that share its first codes, for a
 * prefix of codes its items and the codes that follow; and what each group has in common (text/topics.h).
 *
 *     explain_t x = explain_open("sids.st", 10);
 *     explain_ask(&x, "B00XYZ");
 *     explain_ask(&x, "12,7");
 *     explain_read(&x, "items.jsonl");
 *     for (int i = 0; i < x.query_count; i++) explain_text(&x, &x.queries[i], &out);  // or explain_json()
 *     explain_free(&x); */
#ifndef SIDMILL_TEXT_EXPLAIN_H
#define SIDMILL_TEXT_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "data/sids.h"
#include "text/topics.h"

enum { EXPLAIN_TERMS = 4 /* of a field, in a summary */ };

/* Items whose SIDs begin with the same codes: a range of the sorted order. */
typedef struct {
    const int32_t *codes;
    int depth;
    int64_t begin, end;
    int64_t topic; /* its group among the topics */
} explain_prefix_t;

/* An operand. */
typedef struct {
    const char *text;
    int64_t item;             /* -1: a prefix */
    explain_prefix_t prefix;  /* of an item all its codes */
    explain_prefix_t *codes;  /* of a prefix: what follows it, the commonest first, up to `count` */
    int64_t code_count, distinct;
    char *said;               /* the title that a model gives it, NULL: none was asked */
    double said_log_p;
} explain_query_t;

/* Items that share no prefix but something else. */
typedef struct {
    int64_t count, topic;
    bool *has;        /* [items] */
    int64_t *shown;   /* [shown_count] up to `count` of them, evenly spaced in the order of their SIDs */
    int64_t shown_count;
} explain_set_t;

/* Everything that is asked for. */
typedef struct {
    sids_t sids;
    const char *sids_path;
    int64_t count;                /* items, or codes, shown of a group */
    int64_t *order;               /* the items by SID */
    struct explain_asked *asked;  /* by depth and codes */
    int64_t asked_count;
    explain_query_t *queries;
    int query_count, query_cap;
    explain_set_t *sets;
    int set_count, set_cap;
    char **records;               /* [items] of the items to be shown: "" until read */
    topics_t *topics;
} explain_t;

/* Reads a sids/1 file; the path is borrowed. */
explain_t explain_open(const char *sids_path, int64_t count);
void explain_free(explain_t *x);

/* Adds an operand (borrowed): an item's id, or a prefix such as "12,7" ("": the whole catalogue). What is neither ends the process
 * with EX_USAGE, a prefix that no item has with EX_DATAERR. */
void explain_ask(explain_t *x, const char *text);

/* Adds a set of items, has [items], which is taken over; returns its number. */
int explain_ask_set(explain_t *x, bool *has);

/* Adds an item that is to be shown. */
void explain_ask_record(explain_t *x, int64_t item);

/* Reads the records (NULL: standard input), once, after all operands: terms of all, the text of those to be shown. */
void explain_read(explain_t *x, const char *items_path);

/* An item's codes, [levels]. */
const int32_t *explain_codes(const explain_t *x, int64_t item);

/* The number, among the topics, of the group of items that share a prefix. */
int64_t explain_topic(explain_t *x, const int32_t *codes, int depth);

/* The items that share exactly `depth` codes with an item: up to `count` of them in `shown`, evenly spaced. Returns how many; *all:
 * how many there are. `group` (may be NULL): all that share so many or more, itself included; its topic is not set. */
int64_t explain_group(const explain_t *x, const explain_query_t *q, int depth, explain_prefix_t *group, int64_t *shown,
                      int64_t *all);

/* Likewise the items of a query's prefix; none where it is the whole catalogue. */
int64_t explain_members(const explain_t *x, const explain_query_t *q, int64_t *shown, int64_t *all);

/* Appends "12,7". */
void explain_add_codes(buf_t *out, const int32_t *codes, int depth);

/* The record as a reader holds it, for the functions on records; json NULL where there is none. Free with cJSON_Delete(). */
items_t explain_record(const explain_t *x, int64_t item);

#endif
