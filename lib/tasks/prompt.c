#include "tasks/prompt.h"

/* Writes one symbol behind n others, if there is where to. */
static int64_t put(int32_t *symbols, int64_t n, int32_t symbol)
{
    if (symbols) symbols[n] = symbol;
    return n + 1;
}

static int64_t put_text(const space_t *s, const int32_t *text, int64_t n, int64_t at, int32_t *symbols)
{
    for (int64_t i = 0; i < n; i++) at = put(symbols, at, s->vocab.first_text + text[i]);
    return at;
}

int64_t prompt_text(const space_t *s, task_t task, int32_t wording, const int32_t *text, int64_t n, int32_t *symbols)
{
    int64_t at = space_begin(s, task, wording, 0, symbols);
    at = put_text(s, text, n, at, symbols);
    return space_end(s, task, wording, at, symbols);
}

int64_t prompt_item(const space_t *s, task_t task, int32_t wording, int32_t item, int32_t *symbols)
{
    return space_prompt(s, task, wording, &(history_t){&item, 1, -1}, symbols);
}

int64_t prompt_codes(const space_t *s, task_t task, const int32_t *codes, int n, int32_t *symbols)
{
    int64_t at = space_begin(s, task, 0, 0, symbols);
    for (int l = 0; l < n; l++) at = put(symbols, at, s->vocab.first_code + l * s->vocab.codes + codes[l]);
    return space_end(s, task, 0, at, symbols);
}

/* Finds the first of a history's items whose titles, with those behind it, fit; the last title always does. */
static int64_t first_title(const space_t *s, const item_texts_t *texts, const history_t *h)
{
    const int64_t room = s->max_items * (s->vocab.levels + 1);
    int64_t first = h->count, rows = 0, n;
    for (; first > 0; first--, rows += n ? n + 1 : 0) {
        item_texts_get(texts, TEXT_TITLE, h->items[first - 1], &n);
        if (rows && n && rows + n + 1 > room) break;
    }
    return first;
}

int64_t prompt_titles(const space_t *s, const item_texts_t *texts, int32_t wording, const history_t *h, int32_t *symbols)
{
    const int64_t before = space_begin(s, TASK_TITLES_NEXT, wording, 0, symbols), first = first_title(s, texts, h);
    int64_t at = before, n;
    for (int64_t i = first; i < h->count; i++) {
        const int32_t *title = item_texts_get(texts, TEXT_TITLE, h->items[i], &n);
        if (n && at > before) at = put(symbols, at, s->vocab.first_marker + VOCAB_NEXT);
        at = put_text(s, title, n, at, symbols);
    }
    return space_end(s, TASK_TITLES_NEXT, wording, at, symbols);
}

int64_t prompt_of(const space_t *s, const item_texts_t *texts, task_t task, int32_t wording, const history_t *h, int32_t *symbols)
{
    const task_form_t *f = task_form(task);
    if (task == TASK_TITLES_NEXT) return prompt_titles(s, texts, wording, h, symbols);
    if (f->history) return space_prompt(s, task, wording, h, symbols);
    if (f->reads == TEXT_NONE) return prompt_item(s, task, wording, h->target, symbols);
    int64_t n;
    const int32_t *text = item_texts_get(texts, f->reads, h->target, &n);
    return prompt_text(s, task, wording, text, n, symbols);
}
