/* The fixed tables behind the demo catalogue, private to synth*.c: product types, intents, styles. */
#ifndef SIDMILL_SYNTH_SYNTH_WORLD_H
#define SIDMILL_SYNTH_SYNTH_WORLD_H

#include "synth/picture.h"
#include "synth/synth_counts.h"

enum { TYPE_NOUNS = 3, TYPE_FEATURES = 5, TYPE_PARTS = 7, INTENT_PHRASES = 6, STYLE_WORDS = 6 };

typedef enum { SIZE_VOLUME, SIZE_LENGTH, SIZE_PIECES, SIZE_GARMENT, SIZE_KINDS } synth_size_t;

typedef struct {
    int department;
    const char *aisle;
    const char *nouns[TYPE_NOUNS];       /* the first also ends the category path */
    double price;                        /* usual price */
    synth_size_t size;
    const char *features[TYPE_FEATURES]; /* clauses that go after "It has" or "with" */
    picture_part_t parts[TYPE_PARTS];    /* silhouette, painted in order; a part of zero width ends the list */
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
    picture_pattern_t pattern;
    picture_rgb_t body[2], trim[2]; /* the colours lie on the line from [0] to [1] */
} synth_style_t;

extern const char *const synth_departments[SYNTH_DEPARTMENTS];
extern const char *const synth_scenes[SYNTH_SCENES];
extern const synth_type_t synth_types[SYNTH_TYPES];
extern const synth_intent_t synth_intents[SYNTH_INTENTS];
extern const synth_style_t synth_styles[SYNTH_STYLES];

#endif
