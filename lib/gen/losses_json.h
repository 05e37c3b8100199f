/* What was learnt in an epoch, as JSON for the training log. */
#ifndef SIDMILL_GEN_LOSSES_JSON_H
#define SIDMILL_GEN_LOSSES_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "gen/lesson.h"
#include "gen/objective.h"

/* Appends a mean; null of nothing. */
void mean_json(double sum, int64_t count, buf_t *out);

/* Appends the mean losses of a lesson about so many levels, null for what is not taught. */
void lesson_json(const lesson_loss_t *x, int levels, bool aligned, bool guided, buf_t *out);

/* Appends the tasks that tokens were scored for, by their numbers from 1: tokens, mean loss, accuracy. */
void tasks_json(const loss_t *x, buf_t *out);

#endif
