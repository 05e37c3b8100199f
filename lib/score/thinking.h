/* What a recommender's thoughts are near to. */
#ifndef SIDMILL_SCORE_THINKING_H
#define SIDMILL_SCORE_THINKING_H

#include "score/recommender.h"
#include "text/explain.h"
#include "text/explain_thoughts.h"

/* Follows the recommender from a history (borrowed) to the item that it puts first, and adds the clusters near to its thoughts to what
 * is asked of `x`, which is of the same SIDs. A model without thoughts, or with thoughts that were aligned with nothing, ends the
 * process with EX_DATAERR. */
explain_thoughts_t thinking_explain(recommender_t *r, const char *model_path, explain_t *x, const history_t *history);

#endif
