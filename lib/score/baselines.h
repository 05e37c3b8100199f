/* What a trained model must beat: the rankers that are fitted on the training part of the histories only, by name. */
#ifndef SIDMILL_SCORE_BASELINES_H
#define SIDMILL_SCORE_BASELINES_H

#include "blend/cooccurrence.h"
#include "score/ranker.h"

/* The options of all baselines. */
typedef struct {
    cooccur_options_t cooccur;
} baseline_options_t;

/* A further baseline is a file that defines NAME_ranker() and a line here. */
#define BASELINES(X) \
    X(popular)       \
    X(cooccur)

/* NAME_ranker(x, o) fits a baseline to the training part of x, which may be freed afterwards. `o` is borrowed during the call
 * only; NULL will do for a baseline without options. */
#define BASELINE_DECLARED(name) ranker_t *name##_ranker(const interactions_t *x, const baseline_options_t *o);
#define BASELINE_COUNTED(name) +1
BASELINES(BASELINE_DECLARED)
enum { BASELINE_COUNT = 0 BASELINES(BASELINE_COUNTED) };

typedef struct {
    const char *name;
    ranker_t *(*fit)(const interactions_t *x, const baseline_options_t *o);
} baseline_t;

/* Reads names with commas between them into chosen [0 .. returned number), in their order. An unknown or repeated name ends
 * the process with EX_USAGE; NULL and "" name none. */
int baselines_read(const char *list, const baseline_t *chosen[BASELINE_COUNT]);

#endif
