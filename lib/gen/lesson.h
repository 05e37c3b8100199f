/* The losses that teach thoughts (gen/tutor.h), of the prefixes that a training pass has gone through. Per target, and level l:
 *
 *     align  L_l = InfoNCE of q_l among the level's centroids, its own being that of the target's code
 *     guide  L_g = InfoNCE of v among the mean code embeddings of the pass's targets, its own being its target's
 *     follow L_f = 1 - cos(t_1, v), v a constant
 *
 * (S2GR, arXiv 2601.18664: L_align, L_InfoNCE, L_reg.) Ours: the batch is a pass's targets, of which other events of the same item
 * are left out; embeddings and centroids are constants here, so that codes stand where the generator's loss wants them; what the
 * guide learns goes back into h. */
#ifndef SIDMILL_GEN_LESSON_H
#define SIDMILL_GEN_LESSON_H

#include <stdint.h>

#include "gen/pass.h"
#include "gen/tutor.h"

/* Sums of losses, unweighted, and how many. */
typedef struct {
    double align[SID_MAX_LEVELS], guide, follow;
    int64_t aligned[SID_MAX_LEVELS], guided;
} lesson_loss_t;

void lesson_loss_add(lesson_loss_t *to, const lesson_loss_t *more);

/* One worker's space, for up to `most` prefixes of a level. */
typedef struct lesson lesson_t;
lesson_t *lesson_new(const tutor_t *tutor, const network_t *net, const space_t *space, int64_t most);
void lesson_free(lesson_t *s);

/* Between a pass's forward and backward: adds to *loss, and the gradient of weight * (sum of the losses, each by its weight) to
 * the pass's thoughts and hidden states, and to `grads` of the tutor. The prefixes are the pass's; their tokens are whole SIDs of
 * the space. */
void lesson_backward(lesson_t *s, pass_t *pass, const depth_prefixes_t *p, double weight, grads_t *grads, lesson_loss_t *loss);

#endif
