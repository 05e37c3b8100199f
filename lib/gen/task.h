/* The tasks that a generator may learn beside recommendation (TriAlignGR's TMT): each has an input and an output, of Semantic IDs or of
 * texts. One loss, no heads of their own. */
#ifndef SIDMILL_GEN_TASK_H
#define SIDMILL_GEN_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "data/vocab.h"

/* Counted from 0 here, from 1 by those who use them. `about` is an item's description and intents. */
typedef enum {
    TASK_NEXT,          /* SIDs of a history -> SID of the next item */
    TASK_TITLES_NEXT,   /* titles of a history -> SID of the next item */
    TASK_NEXT_TITLE,    /* SIDs of a history -> title of the next item */
    TASK_TITLE_SID,     /* title -> SID */
    TASK_SID_TITLE,     /* SID -> title */
    TASK_ABOUT_SID,     /* about -> SID */
    TASK_CAPTION_SID,   /* caption -> SID */
    TASK_CAPTION_TITLE, /* caption -> title */
    TASKS
} task_t;

enum { TITLE_MOST = 32 }; /* tokens of a title, read or written, at most */

/* Texts of an item. */
typedef enum { TEXT_TITLE, TEXT_ABOUT, TEXT_CAPTION, TEXTS, TEXT_NONE = -1 } text_t;

/* What a task reads of the item that it is about, TEXT_NONE: its SID or a history; whether it reads a history; and whether it writes a
 * title rather than a SID. */
typedef struct {
    const char *name;
    text_t reads;
    bool history, writes_title;
} task_form_t;

const task_form_t *task_form(task_t t);

/* The token that a task's sequences begin with: that of recommendation is the one that begins a history. */
int32_t task_marker(const vocab_t *v, task_t t);

#endif
