/* What can be generated: the vocabulary, the catalogue's SIDs and their trie, and over what each step's softmax runs. One value,
 * passed around by whoever reads histories or writes SIDs. */
#ifndef SIDMILL_GEN_SPACE_H
#define SIDMILL_GEN_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/interactions.h"
#include "data/sids.h"
#include "data/trie.h"
#include "data/vocab.h"
#include "gen/task.h"

/* SOFTMAX_TRIE normalises over the children of the prefix in the trie, which is what constrained decoding sees; SOFTMAX_LEVEL
 * over all codes of the level. */
typedef enum { SOFTMAX_TRIE, SOFTMAX_LEVEL } softmax_t;

extern const char *const softmax_names[]; /* in that order, for CLI_CHOICE */

/* The softmax of that name; false if there is none. */
bool softmax_parse(const char *name, softmax_t *softmax);

/* How a history is read: BODY_FLAT as its items' tokens, a row each; BODY_TIMELINE as one row an item, whose tokens' embeddings are
 * added up. */
typedef enum { BODY_FLAT, BODY_TIMELINE } body_t;

extern const char *const body_names[]; /* in that order, for CLI_CHOICE */
bool body_parse(const char *name, body_t *body);

/* What stands around the input of a task: symbols[0 .. before), and behind it `after` more. A task may be asked in several wordings, of
 * which the first is the one that is asked once it is learnt. */
typedef struct {
    int32_t *symbols;
    int64_t before, after;
} surround_t;

typedef struct {
    surround_t *wording;
    int32_t count;
} surrounds_t;

typedef struct {
    const sids_t *sids; /* borrowed */
    vocab_t vocab;
    trie_t trie;
    softmax_t softmax;
    body_t body;
    bool thinks;        /* before each code; space_make() says false */
    int32_t *sid;       /* [items, levels + 1] the tokens of all SIDs; what is beyond an item's length is not looked at */
    int64_t max_items;  /* of a history that is read: its last */
    int64_t text_most;  /* tokens of a text that is read; 0: none are */
    const uint8_t *tokenizer; /* [tokenizer_bytes] the tokenizer.json of its texts, borrowed; NULL likewise */
    int64_t tokenizer_bytes;
    surrounds_t around[TASKS]; /* of a history to be gone on with BOS before it; of other tasks, once there are texts, a marker and a
                         * separator; space_surround() says otherwise */
    bool literal;       /* histories are what is read, symbol by symbol, not items; space_make() says false */
    int32_t widest;     /* tokens of the largest set that may follow anywhere; who scores wider ranges raises it, before anything
                         * is made that takes room by it */
} space_t;

space_t space_make(const sids_t *sids, softmax_t softmax, body_t body, int64_t max_items);
void space_free(space_t *s);

/* Adds a tokenizer's `text` tokens (vocab_add_text()), for texts of up to `most`. Flat bodies alone read texts; none that thinks does. */
void space_add_text(space_t *s, int64_t text, int64_t most, const uint8_t *tokenizer, int64_t tokenizer_bytes);

/* Puts tokens around a task's input, n of them, the first `before` before it: in place of all that may be there, or as one more
 * wording. */
void space_surround(space_t *s, task_t task, const int32_t *tokens, int64_t n, int64_t before);
void space_surround_also(space_t *s, task_t task, const int32_t *tokens, int64_t n, int64_t before);

/* The wording of a task's sequence of this number, drawn from those that there are. */
int32_t space_wording(const space_t *s, task_t task, int64_t number);

/* Each writes behind `at` rows in `symbols`, which may be NULL, and returns how many there are then: what stands before a task's
 * input in a wording, and behind it. */
int64_t space_begin(const space_t *s, task_t task, int32_t wording, int64_t at, int32_t *symbols);
int64_t space_end(const space_t *s, task_t task, int32_t wording, int64_t at, int32_t *symbols);

/* Tells whether states that predict are those of prefixes (gen/depth.h), not of rows that a history is read as. */
static inline bool space_by_prefixes(const space_t *s) { return s->body == BODY_TIMELINE || s->thinks; }

/* Rows of the longest history, or task with its output, and positions that it and what is generated after it may take. */
int64_t space_longest(const space_t *s);
int64_t space_positions(const space_t *s);

/* The name of a set of tokens that may follow; of ALLOWED_ITEMS the tokens are the items themselves, by number. */
typedef enum { ALLOWED_CHILDREN, ALLOWED_LEVEL, ALLOWED_RANGE, ALLOWED_ITEMS } allowed_kind_t;

typedef struct {
    allowed_kind_t kind;
    int32_t level;        /* of children and levels: the suffix is level `levels`. -1 of ranges and items */
    int64_t node;         /* children: of this node in the trie */
    int32_t first, count; /* ranges: first, first + 1 ... */
} allowed_set_t;

static inline allowed_set_t allowed_children(int level, int64_t node)
{
    return (allowed_set_t){ALLOWED_CHILDREN, level, node, 0, 0};
}

static inline allowed_set_t allowed_items(void) { return (allowed_set_t){ALLOWED_ITEMS, -1, 0, 0, 0}; }
static inline allowed_set_t allowed_level(int level) { return (allowed_set_t){ALLOWED_LEVEL, level, 0, 0, 0}; }
static inline allowed_set_t allowed_range(int32_t first, int32_t count)
{
    return (allowed_set_t){ALLOWED_RANGE, -1, 0, first, count};
}

/* What may come next in a text: its end, or any token. */
allowed_set_t space_text(const space_t *s);

/* What the softmax runs over after the prefix that ends in `node` at `level`. */
allowed_set_t space_next(const space_t *s, int level, int64_t node);

/* Such a set: tokens[0 .. n) ascending, or first, first + 1 ... where `tokens` is NULL. All lie in the span, the level's tokens
 * or the range itself. */
typedef struct {
    int32_t n, first;
    const int32_t *tokens;
    int32_t span_first, span;
} allowed_t;

allowed_t space_allowed(const space_t *s, allowed_set_t set);

/* The i-th token of a set; and a token's place in it, -1 if it may not follow. */
static inline int32_t allowed_token(const allowed_t *a, int32_t i) { return a->tokens ? a->tokens[i] : a->first + i; }
int32_t allowed_index(const allowed_t *a, int32_t token);

/* Where nothing is left to choose below `node`, the leaf that must follow; else the node itself. */
int64_t space_certain(const space_t *s, int64_t node);

/* A task about a history, of a flat body: its last max_items items' SIDs with what stands around them in a wording. Returns the number of rows;
 * `symbols` may be NULL to ask for that alone. */
int64_t space_prompt(const space_t *s, task_t task, int32_t wording, const history_t *h, int32_t *symbols);

/* A history as it is read to tell what is next: that prompt of TASK_NEXT or, in a timeline, TIMELINE_BOS and the items themselves; of
 * a literal space, what it holds (gen/reading.h turns either into rows). The same of `symbols`. */
enum { TIMELINE_BOS = -1 };
int64_t space_history(const space_t *s, const history_t *h, int32_t *symbols);

/* Tells whether the rows of `longer` begin with those of `shorter`, and their states with its: of a timeline, where both are read from
 * the same place on. */
bool space_continues(const space_t *s, const history_t *shorter, const history_t *longer);

/* Tokens of an item's SID: levels, or levels + 1. */
static inline int space_sid_length(const space_t *s, int64_t item) { return s->sids->levels + (s->sids->suffix[item] >= 0); }
static inline const int32_t *space_sid(const space_t *s, int64_t item) { return s->sid + item * (s->sids->levels + 1); }

#endif
