/* Asks a generator its tasks: prompts come in one by one, answers for all of them at once. */
#ifndef SIDMILL_TASKS_ASKER_H
#define SIDMILL_TASKS_ASKER_H

#include <stdint.h>

#include "base/buf.h"
#include "bpe/tokenizer.h"
#include "gen/space.h"
#include "nn/transformer.h"
#include "select/item_set.h"
#include "tasks/item_texts.h"

typedef struct asker asker_t;

/* Borrows both. A model without texts ends the process with EX_DATAERR; `name` is what messages call it. */
asker_t *asker_new(const network_t *net, const space_t *space, const char *name);
void asker_free(asker_t *a);

const tokenizer_t *asker_tokenizer(const asker_t *a);

/* Appends the text of tokens, n of them; a blank stands for every byte that is no UTF-8, of a character that they do not complete, and
 * for NUL. */
void asker_decode(const asker_t *a, const int32_t *tokens, int64_t n, buf_t *out);

/* Each adds a prompt (tasks/prompt.h), in its task's first wording, behind those that wait; those of texts return false, adding none, where there is nothing to ask
 * with. A text is UTF-8; of one that is longer than the model reads, the beginning counts. */
bool asker_add_text(asker_t *a, task_t task, const char *text, size_t n);
bool asker_add_titles(asker_t *a, const char *const *titles, int64_t n); /* of TASK_TITLES_NEXT, the oldest first */
void asker_add(asker_t *a, const item_texts_t *texts, task_t task, const history_t *h); /* prompt_of(); `texts` may be NULL where none is read */

void asker_add_codes(asker_t *a, task_t task, const int32_t *codes, int n); /* prompt_codes() */

int64_t asker_waiting(const asker_t *a);

/* Answers all that wait, which then wait no more: tasks that tell items by the k best of a beam, items [waiting, k] (-1 where none is
 * left) and their log-probabilities; of a set over the space's trie alone, NULL for any. */
void asker_items(asker_t *a, const item_set_t *within, int beam, int k, int32_t *items, float *scores);

/* And tasks that tell titles: the text of each (asker_decode()), NUL-terminated, of `waiting`, and its log-probability. They live in
 * `a` until the next call. */
typedef struct {
    const char *text;
    size_t length;
    double log_p;
} told_t;

const told_t *asker_titles(asker_t *a, int beam);

#endif
