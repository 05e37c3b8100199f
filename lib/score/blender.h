/* A blend/1 file, with the generator that it mixes in or without one, as rankers: the mixture, and every part alone. */
#ifndef SIDMILL_SCORE_BLENDER_H
#define SIDMILL_SCORE_BLENDER_H

#include "base/buf.h"
#include "blend/blend.h"
#include "score/ranker.h"
#include "score/recommender.h"

enum { BLENDER_CANDIDATES = 100 }; /* of each part's best */

typedef struct blender blender_t;

/* Opens a file. `r`, which belongs to the blender from now on, is the generator, NULL for none. Where the file mixes in a
 * generator and there is none, or mixes in none and there is one, or was fitted to another model or to other items than its
 * SIDs', the process ends with EX_DATAERR. */
blender_t *blender_open(const char *path, recommender_t *r);

const blend_t *blender_blend(const blender_t *b);
const char *blender_digest(const blender_t *b);

/* The mixture as a ranker, named "blend": scores are log sum_s w_s p_s (blend/mixer.h). Its free() closes the blender. */
ranker_t *blender_ranker(blender_t *b);

/* Part `place` of the mixture alone, borrowed, with its name: by the logarithms of what it gives; the generator's are the
 * recommender's lists. What a part gives nothing to is in no list of its. */
ranker_t *blender_part(blender_t *b, int place);

/* Appends `"blend": {...}`: the protocol, and the weights by bins of histories. */
void blender_json(const blender_t *b, buf_t *out);

#endif
