/* The tasks that have a text, as sequences to train on: the input (tasks/prompt.h), and behind it the output, which alone is scored.
 * About items: one sequence an item. About histories: one a user, whose last training item is the one to tell; of TASK_NEXT one for
 * every item but a history's first. */
#ifndef SIDMILL_TASKS_TEXT_TASKS_H
#define SIDMILL_TASKS_TEXT_TASKS_H

#include "data/interactions.h"
#include "gen/hold_back.h"
#include "gen/sequences.h"
#include "tasks/item_texts.h"

/* What tasks are made from, borrowed. */
typedef struct {
    const space_t *space;
    const interactions_t *interactions;
    const item_texts_t *texts;
    hold_back_t hold;  /* last training items that no history tells */
} task_source_t;

/* The sequences of a task; none where no item has what it takes. `targets` counts outputs. */
sequence_task_t text_task(const task_source_t *from, task_t task);

#endif
