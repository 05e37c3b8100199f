#include "gen/task.h"

static const task_form_t forms[TASKS] = {
    [TASK_NEXT] = {"history to next item", TEXT_NONE, true, false},
    [TASK_TITLES_NEXT] = {"titles to next item", TEXT_TITLE, true, false},
    [TASK_NEXT_TITLE] = {"history to next title", TEXT_NONE, true, true},
    [TASK_TITLE_SID] = {"title to item", TEXT_TITLE, false, false},
    [TASK_SID_TITLE] = {"item to title", TEXT_NONE, false, true},
    [TASK_ABOUT_SID] = {"description to item", TEXT_ABOUT, false, false},
    [TASK_CAPTION_SID] = {"caption to item", TEXT_CAPTION, false, false},
    [TASK_CAPTION_TITLE] = {"caption to title", TEXT_CAPTION, false, true},
};

const task_form_t *task_form(task_t t) { return &forms[t]; }

int32_t task_marker(const vocab_t *v, task_t t)
{
    return t == TASK_NEXT ? v->bos : v->first_marker + VOCAB_TASK + (int32_t)t - 1;
}
