/* The timeline's part of gen/stepper.h: histories are encoded once, and each step is a block of the code head (gen/depth.h) over
 * rows that go on from those of the step before. */
#ifndef SIDMILL_GEN_CLIMB_H
#define SIDMILL_GEN_CLIMB_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/space.h"
#include "nn/transformer.h"

typedef struct climb climb_t;

/* One worker's, for up to `histories` of them and steps of up to `rows` rows. */
climb_t *climb_new(const network_t *net, const space_t *space, int64_t histories, int64_t rows);
void climb_free(climb_t *c);

/* Rows 0 .. n - 1 are the ends of n histories, whose last rows in `states` [.., hidden_size] are last[i]. */
void climb_begin(climb_t *c, int64_t n, const int64_t *last, const float *states);

/* As stepper_push(), stepper_advance(), stepper_state() and stepper_thought(). */
int32_t climb_push(climb_t *c, int32_t parent, const float *x);
bool climb_advance(climb_t *c);
const float *climb_state(const climb_t *c, int32_t row);
const float *climb_thought(const climb_t *c, int32_t row);

#endif
