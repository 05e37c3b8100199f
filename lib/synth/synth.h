/* The demo catalogue: items that serve latent usage intents, told by the text, shown by the picture or implied by both
 * together, and users who choose by intents that drift. synth(1) describes every distribution; the constants that it names
 * stand at the top of the .c file that uses them. Everything is a function of the configuration alone, item by item and
 * user by user, so that any thread may make any part. */
#ifndef SIDMILL_SYNTH_SYNTH_H
#define SIDMILL_SYNTH_SYNTH_H

#include <stdint.h>

#include "base/buf.h"
#include "synth/picture.h"
#include "synth/synth_counts.h"
#include "synth/synth_draw.h"

enum { SYNTH_MIN_LENGTH = 5, SYNTH_MAX_LENGTH = 60 }; /* of a history */

typedef enum { SYNTH_TOLD, SYNTH_SHOWN, SYNTH_IMPLIED } synth_mode_t;

typedef struct {
    int64_t items, users;
    uint64_t seed;
    int intents;         /* how many of the SYNTH_INTENTS are in use */
    double drift;        /* probability, before an event, that one of the user's active intents is replaced */
    double mean_length;  /* mean events a user, >= SYNTH_MIN_LENGTH */
} synth_config_t;

typedef struct {
    int type, brand;
    int intent_count;            /* 1 or 2 */
    int intents[2];
    synth_mode_t modes[2];       /* how each is expressed; at most one needs the picture */
    int text_style;              /* style named by the text: an implied half, a stray word, or -1 */
    int scene;                   /* scene behind the product, or -1: studio */
    int palette;                 /* style whose colours and pattern the product wears, or -1: neutral */
    double price;
    double price_level;          /* log price against the type's usual price, standardised */
    double popularity;           /* weight, greatest for rank 0 */
} synth_item_t;

typedef struct {
    synth_config_t config;
    synth_item_t *items;
    draw_table_t popular;                /* of items by their popularity */
    int64_t *serving[SYNTH_INTENTS];     /* items that serve an intent, ascending ... */
    draw_table_t served[SYNTH_INTENTS];  /* ... and the same of those */
} synth_t;

typedef struct {
    int64_t item, timestamp; /* seconds */
    int rating;              /* 1 to 5 */
} synth_event_t;

/* Draws the items' latent state. `items` >= 10, 6 <= `intents` <= SYNTH_INTENTS. Free with synth_free(). */
synth_t *synth_new(const synth_config_t *config);
void synth_free(synth_t *s);

/* Appends item i as one line of items.jsonl, newline included. `image`: its path, NULL for none. */
void synth_item_json(const synth_t *s, int64_t i, const char *image, buf_t *out);

/* Appends item i's latent state as one JSON line. */
void synth_truth_json(const synth_t *s, int64_t i, buf_t *out);

/* Draws the picture of item i over all of `p`. */
void synth_picture(const synth_t *s, int64_t i, picture_t *p);

/* Writes user u's history, timestamps ascending, into `events` [SYNTH_MAX_LENGTH]; returns its length. No item twice. */
int synth_history(const synth_t *s, int64_t u, synth_event_t *events);

/* Identifiers: "p00001" for item 0, "u00001" for user 0. */
void synth_item_id(int64_t i, char id[24]);
void synth_user_id(int64_t u, char id[24]);

#endif
