/* A model of its own out of one that stands on a base: what full fine-tuning begins with. */
#ifndef SIDMILL_LM_WHOLE_H
#define SIDMILL_LM_WHOLE_H

#include <stdbool.h>

#include "nn/model.h"

/* The same values, without low-rank pairs (`on` has none), all in memory as floats, and all of them train; of one table of tokens, the
 * model's own and behind them the base's, which is the output matrix as well where the base's is. `sparse`: it trains by the row. */
model_t *whole_model(const model_t *on, bool sparse);

#endif
