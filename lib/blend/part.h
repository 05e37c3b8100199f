/* The parts of a mixture: distributions over the next item, given a history. */
#ifndef SIDMILL_BLEND_PART_H
#define SIDMILL_BLEND_PART_H

#include <stdbool.h>

/* The generator; what follows the history's items in training histories; what lies near them by embedding; two steps of these,
 * one after the other; the history itself; what is popular. */
typedef enum {
    PART_GENERATOR, PART_COOCCUR, PART_NEIGHBOURS, PART_COOCCUR_NEIGHBOURS, PART_NEIGHBOURS_COOCCUR,
    PART_REPEAT, PART_POPULAR, PARTS
} part_t;

/* Whether all that a part gives to an item comes from events with that item. */
bool part_learns(part_t part);

/* By part_t: "generator", "cooccur", "neighbours", "cooccur-neighbours" ... */
extern const char *const part_names[PARTS];

#endif
