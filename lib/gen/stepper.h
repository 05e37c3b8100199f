/* Histories encoded once, and rows that go on from them: what beam search and the policy's rollout share. Begin with histories;
 * row i is then the end of history i. Push rows, each the input vector that follows some row of the last step; advance; read
 * their states; push on. The rows of all histories are advanced as one matrix product: in a flat body through the transformer, in a
 * timeline through the code head alone. Where a flat body thinks, a row's state is that of the thought behind it. */
#ifndef SIDMILL_GEN_STEPPER_H
#define SIDMILL_GEN_STEPPER_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/space.h"
#include "nn/transformer.h"

typedef struct stepper stepper_t;

/* Room for what one batch needs: rows of histories in all, of one, histories, and rows of a step. */
typedef struct {
    int64_t rows, longest, histories, step_rows;
} stepper_room_t;

/* The most that any batch of `batch` histories of these n takes, with up to `width` rows a history in a step. */
stepper_room_t stepper_measure(const space_t *space, int64_t n, const history_t *histories, int64_t batch, int64_t width);

/* One worker's, for as many steps behind a history as a SID has levels; or of a literal space, for so many. Borrows; the network's weights
 * may change between batches (after network_sync()). */
stepper_t *stepper_new(const network_t *net, const space_t *space);
stepper_t *stepper_of_text(const network_t *net, const space_t *space, int steps);
void stepper_free(stepper_t *s);

/* Makes room; what there is only ever grows. */
void stepper_reserve(stepper_t *s, stepper_room_t room);

/* Encodes the last max_items of n histories, whatever was there before. */
void stepper_begin(stepper_t *s, int64_t n, const history_t *histories);

/* Pushes a row that follows row `parent` of the last step, at first of the histories; x [hidden_size] is copied. Returns
 * its number. */
int32_t stepper_push(stepper_t *s, int32_t parent, const float *x);

/* Pushes a token's embedding. */
int32_t stepper_push_token(stepper_t *s, int32_t parent, int32_t token);

/* Computes the rows pushed since the last step; false if there are none. */
bool stepper_advance(stepper_t *s);

/* The state of a row that predicts what follows it [hidden_size], of the histories or of any step. */
const float *stepper_state(const stepper_t *s, int32_t row);

/* Of a model that thinks: t [hidden_size] = the thought behind such a row, of the level of the code that is to follow. */
void stepper_thought(const stepper_t *s, int32_t row, float *t);

#endif
