/* How well a generator does the tasks that it has learnt (TriAlignGR's): for tasks that tell items, how often the right one is first
 * and among the first ten; for tasks that tell titles, how often it is the right one, how many of its words are, and whether it is any
 * item's. Items held out of training these tasks are told apart. */
#ifndef SIDMILL_SCORE_TASK_TRIAL_H
#define SIDMILL_SCORE_TASK_TRIAL_H

#include <stdint.h>

#include "base/buf.h"
#include "data/interactions.h"
#include "score/recommender.h"
#include "tasks/curriculum.h"

typedef struct {
    const char *tasks;  /* a list of sidgen-train's, or "all" that the model has learnt */
    const char *model_path, *items_path;
    int beam, title_beam;
    int64_t most;       /* items, or cases, that a task is asked about, evenly spaced; 0: all */
    int64_t cases;      /* of tasks about histories */
    const history_t *histories; /* [cases] */
} task_trial_options_t;

/* Runs the trial and appends its result as members of a JSON object; says on stderr what it found. Tasks that the model has not learnt
 * end the process with EX_DATAERR, and a narrower beam than ten with EX_USAGE; TASK_NEXT is passed over. Returns the digest of the items'
 * file, which the caller frees. */
char *task_trial(const recommender_t *r, const task_trial_options_t *o, buf_t *out);

#endif
