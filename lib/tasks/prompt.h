/* What a task is asked with: its input, and what its space has around it in a wording (a marker and a separator, or a template's text);
 * the output stands behind that. */
#ifndef SIDMILL_TASKS_PROMPT_H
#define SIDMILL_TASKS_PROMPT_H

#include <stdint.h>

#include "gen/space.h"
#include "gen/task.h"
#include "tasks/item_texts.h"

/* Each writes to `symbols` and returns the number of rows; `symbols` may be NULL to ask for that alone. Texts are tokens of the
 * tokenizer, from 0. */

/* A text. */
int64_t prompt_text(const space_t *s, task_t task, int32_t wording, const int32_t *text, int64_t n, int32_t *symbols);

/* An item's SID. */
int64_t prompt_item(const space_t *s, task_t task, int32_t wording, int32_t item, int32_t *symbols);

/* The same of a SID's first codes, 1 to levels of them, in the first wording. */
int64_t prompt_codes(const space_t *s, task_t task, const int32_t *codes, int n, int32_t *symbols);

/* title next title ...: of the titles that are to be had the last, and those before it that with it take no more rows
 * than the longest history of SIDs */
int64_t prompt_titles(const space_t *s, const item_texts_t *texts, int32_t wording, const history_t *h, int32_t *symbols);

/* Which of them a task about an item, met after a history, takes, or space_prompt() where it reads the history's SIDs. */
int64_t prompt_of(const space_t *s, const item_texts_t *texts, task_t task, int32_t wording, const history_t *h, int32_t *symbols);

#endif
