/* The fixed tables behind the demo catalogue, private to synth*.c: product types, intents, styles. */
#ifndef SIDMILL_SYNTH_SYNTH_WORLD_H
#define SIDMILL_SYNTH_SYNTH_WORLD_H

#include <stdint.h>

#include "base/rng.h"
#include "synth/picture.h"
#include "synth/synth.h"

enum { TYPE_NOUNS = 3, TYPE_FEATURES = 5, TYPE_PARTS = 7, INTENT_PHRASES = 6, STYLE_WORDS = 6 };

typedef enum { SIZE_VOLUME, SIZE_LENGTH, SIZE_PIECES, SIZE_GARMENT, SIZE_KINDS } size_kind_t;

typedef struct {
    int department;
    const char *aisle;
    const char *nouns[TYPE_NOUNS];       /* the first also ends the category path */
    double price;                        /* usual price */
    size_kind_t size;
    const char *features[TYPE_FEATURES]; /* clauses that go after "It has" or "with" */
    part_t parts[TYPE_PARTS];            /* silhouette, painted in order; a part of zero width ends the list */
} synth_type_t;

/* `style` and `scene` together name exactly one intent; each alone is shared by several. */
typedef struct {
    const char *name;
    int style, scene;
    int leans[2];                        /* departments in which it is met more often */
    const char *phrases[INTENT_PHRASES]; /* ways of telling it; each reads on from "for" */
} synth_intent_t;

typedef struct {
    const char *name;
    const char *words[STYLE_WORDS]; /* adjectives */
    pattern_t pattern;
    rgb_t body[2], trim[2];         /* the colours lie on the line from [0] to [1] */
} synth_style_t;

extern const char *const synth_departments[SYNTH_DEPARTMENTS];
extern const char *const synth_scenes[SYNTH_SCENES];
extern const synth_type_t synth_types[SYNTH_TYPES];
extern const synth_intent_t synth_intents[SYNTH_INTENTS];
extern const synth_style_t synth_styles[SYNTH_STYLES];

/* Draws in sequence from one key. */
typedef struct { uint64_t key, next; } draw_t;

static inline draw_t draw_from(uint64_t seed, const char *purpose, int64_t index)
{
    return (draw_t){rng_key(rng_stream(seed, purpose), (uint64_t)index), 0};
}

static inline double draw_unit(draw_t *d) { return (double)(rng_u64(d->key, d->next++) >> 11) * 0x1p-53; }
static inline double draw_range(draw_t *d, double low, double high) { return low + (high - low) * draw_unit(d); }
static inline int draw_below(draw_t *d, int n) { return (int)rng_below(d->key, d->next++, (uint64_t)n); }
static inline int draw_chance(draw_t *d, double p) { return draw_unit(d) < p; }
static inline double draw_normal(draw_t *d) { return rng_normal(d->key, d->next++); }

/* Index into `n` running sums of weights, drawn in proportion to the weights. */
int64_t draw_weighted(draw_t *d, const double *sums, int64_t n);

#endif
