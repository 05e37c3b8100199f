#include "tasks/text_tasks.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tasks/prompt.h"

typedef struct {
    task_source_t from;
    task_t task;
    history_t *asked; /* [count] what each sequence is about: the target, and of tasks about histories what precedes it */
    int64_t count, cap;
} text_task_t;

/* Tells whether an item has what a task takes and gives. */
static bool has_all(const text_task_t *t, int64_t item)
{
    const task_form_t *f = task_form(t->task);
    if (f->writes_title && !item_texts_has(t->from.texts, TEXT_TITLE, item)) return false;
    return f->history || f->reads == TEXT_NONE || item_texts_has(t->from.texts, f->reads, item);
}

/* Tells whether any of a history's items has a title. */
static bool has_titles(const text_task_t *t, const history_t *h)
{
    for (int64_t i = 0; i < h->count; i++)
        if (item_texts_has(t->from.texts, TEXT_TITLE, h->items[i])) return true;
    return false;
}

static void ask(text_task_t *t, history_t about)
{
    GROW(t->asked, t->count, t->cap);
    t->asked[t->count++] = about;
}

static void ask_about_histories(text_task_t *t)
{
    const interactions_t *x = t->from.interactions;
    for (int64_t u = 0; u < x->users; u++) {
        history_t h;
        if (!interactions_training(x, u, &h)) continue;
        h.count -= holds_back(t->from.hold, u, h.count) + 1;
        if (h.count < 1) continue;
        h.target = h.items[h.count];
        if (has_all(t, h.target) && (t->task != TASK_TITLES_NEXT || has_titles(t, &h))) ask(t, h);
    }
}

/* Asks of every item of a history but its first, after those before it. */
static void ask_about_targets(text_task_t *t)
{
    const interactions_t *x = t->from.interactions;
    for (int64_t u = 0; u < x->users; u++) {
        history_t h;
        if (!interactions_training(x, u, &h)) continue;
        const int64_t count = h.count - holds_back(t->from.hold, u, h.count);
        for (int64_t i = 1; i < count; i++) ask(t, (history_t){h.items, i, h.items[i]});
    }
}

static void ask_about_items(text_task_t *t)
{
    for (int64_t i = 0; i < t->from.texts->items; i++)
        if (has_all(t, i)) ask(t, (history_t){.target = (int32_t)i});
}

static int64_t output_length(const text_task_t *t, int32_t item)
{
    int64_t n;
    if (!task_form(t->task)->writes_title) return space_sid_length(t->from.space, item);
    item_texts_get(t->from.texts, TEXT_TITLE, item, &n);
    return n + 1;
}

/* Writes the input of sequence i, or counts its rows, as prompt_of(). */
static int64_t input_of(const text_task_t *t, int64_t i, int32_t *symbols)
{
    return prompt_of(t->from.space, t->from.texts, t->task, space_wording(t->from.space, t->task, i), &t->asked[i], symbols);
}

/* Counts the input's rows, and the output's but the last, which is not read. */
static int64_t task_rows(const void *ctx, int64_t i)
{
    const text_task_t *t = ctx;
    return input_of(t, i, NULL) + output_length(t, t->asked[i].target) - 1;
}

static void score(const text_task_t *t, sequence_pack_t *pack, int32_t token, allowed_set_t set)
{
    pack->positions[pack->scored++] = (scored_position_t){(int32_t)(pack->rows - 1), token, set, (int32_t)t->task};
}

static void write_title(const text_task_t *t, int32_t item, sequence_pack_t *pack)
{
    const vocab_t *v = &t->from.space->vocab;
    int64_t n;
    const int32_t *title = item_texts_get(t->from.texts, TEXT_TITLE, item, &n);
    for (int64_t i = 0; i < n; i++) {
        score(t, pack, v->first_text + title[i], space_text(t->from.space));
        pack->symbols[pack->rows++] = v->first_text + title[i];
    }
    score(t, pack, v->end, space_text(t->from.space));
}

static void write_sid(const text_task_t *t, int32_t item, sequence_pack_t *pack)
{
    const space_t *s = t->from.space;
    const int32_t *sid = space_sid(s, item);
    const int n = space_sid_length(s, item);
    int64_t node = 0;
    for (int l = 0; l < n; l++) {
        score(t, pack, sid[l], space_next(s, l, node));
        node = trie_child(&s->trie, node, sid[l]);
        if (l + 1 < n) pack->symbols[pack->rows++] = sid[l];
    }
}

static void task_expand(const void *ctx, int64_t i, sequence_pack_t *pack)
{
    const text_task_t *t = ctx;
    pack->rows += input_of(t, i, pack->symbols + pack->rows);
    if (task_form(t->task)->writes_title) write_title(t, t->asked[i].target, pack);
    else write_sid(t, t->asked[i].target, pack);
}

static void task_free(void *ctx)
{
    text_task_t *t = ctx;
    free(t->asked);
    free(t);
}

sequence_task_t text_task(const task_source_t *from, task_t task)
{
    text_task_t *t = NEW(text_task_t);
    *t = (text_task_t){.from = *from, .task = task};
    if (task == TASK_NEXT) ask_about_targets(t);
    else if (task_form(task)->history) ask_about_histories(t);
    else ask_about_items(t);
    return (sequence_task_t){task_form(task)->name, t, t->count, space_longest(from->space), t->count, task_rows, task_expand,
                             task_free};
}
