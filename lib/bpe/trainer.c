#include "bpe/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "bpe/alphabet.h"
#include "bpe/heap.h"

/* A pair of tokens that stand beside each other. */
typedef struct {
    uint64_t key;      /* left << 32 | right */
    int64_t count;     /* in all texts */
    int64_t *words;    /* where it came up, in any order, now and then without being there any more */
    int64_t word_count, word_cap;
    bool raised;       /* by the merge at hand */
} pair_t;

typedef struct {
    const word_counts_t *words;
    int64_t least;
    int32_t *token;    /* of all words, one behind the other */
    int64_t *start;    /* [words] */
    int32_t *length;   /* [words] tokens */
    pair_t *pair;
    int64_t pairs, pair_cap;
    uint32_t *slot;    /* an open-addressing table of pairs, by number + 1 */
    uint64_t slots;
    int64_t *raised;   /* pairs */
    int64_t raised_count, raised_cap;
    heap_t heap;       /* of counts below 0, with the pair's key; counts may have fallen since */
} training_t;

static uint64_t key_of(int32_t left, int32_t right) { return (uint64_t)(uint32_t)left << 32 | (uint32_t)right; }

/* Finds the slot of a pair, or the empty one where it belongs. */
static uint32_t *probe(const training_t *t, uint64_t key)
{
    uint64_t at = (key * 0x9e3779b97f4a7c15u >> 32) & (t->slots - 1);
    while (t->slot[at] && t->pair[t->slot[at] - 1].key != key) at = (at + 1) & (t->slots - 1);
    return &t->slot[at];
}

static void grow_slots(training_t *t)
{
    enum { LEAST = 1 << 12 };
    free(t->slot);
    t->slots = t->slots ? 2 * t->slots : LEAST;
    t->slot = NEW_ARRAY(uint32_t, t->slots);
    for (int64_t p = 0; p < t->pairs; p++) *probe(t, t->pair[p].key) = (uint32_t)p + 1;
}

static pair_t *pair_at(training_t *t, int32_t left, int32_t right)
{
    if ((uint64_t)t->pairs >= t->slots / 2) grow_slots(t);
    const uint64_t key = key_of(left, right);
    uint32_t *slot = probe(t, key);
    if (!*slot) {
        if (t->pairs == UINT32_MAX - 1) die(EX_DATAERR, "more than %u different pairs of tokens", UINT32_MAX - 1);
        GROW(t->pair, t->pairs, t->pair_cap);
        t->pair[t->pairs++] = (pair_t){.key = key};
        *slot = (uint32_t)t->pairs;
    }
    return &t->pair[*slot - 1];
}

/* Counts a pair of a word once more. */
static void raise_pair(training_t *t, int32_t left, int32_t right, int64_t word)
{
    pair_t *p = pair_at(t, left, right);
    p->count += t->words->count[word];
    if (!p->word_count || p->words[p->word_count - 1] != word) {
        GROW(p->words, p->word_count, p->word_cap);
        p->words[p->word_count++] = word;
    }
    if (p->raised) return;
    p->raised = true;
    GROW(t->raised, t->raised_count, t->raised_cap);
    t->raised[t->raised_count++] = p - t->pair;
}

static void lower_pair(training_t *t, int32_t left, int32_t right, int64_t word)
{
    pair_at(t, left, right)->count -= t->words->count[word];
}

/* Puts the pairs that were raised in line, but for those that do not come often enough yet. */
static void enqueue_raised(training_t *t)
{
    for (int64_t i = 0; i < t->raised_count; i++) {
        pair_t *p = &t->pair[t->raised[i]];
        p->raised = false;
        if (p->count >= t->least) heap_push(&t->heap, (heap_entry_t){-p->count, p->key});
    }
    t->raised_count = 0;
}

static void start(training_t *t)
{
    const strtab_t *words = &t->words->word;
    int64_t at = 0;
    t->token = NEW_ARRAY(int32_t, words->count ? words->offsets[words->count] : 1);
    t->start = NEW_ARRAY(int64_t, words->count);
    t->length = NEW_ARRAY(int32_t, words->count);
    for (int64_t w = 0; w < words->count; w++) {
        size_t n;
        const char *word = strtab_get(words, w, &n);
        if (n > INT32_MAX) die(EX_DATAERR, "a word of %zu bytes, expected fewer than 2^31", n);
        t->start[w] = at;
        t->length[w] = (int32_t)n;
        for (size_t i = 0; i < n; i++) t->token[at++] = alphabet_rank((unsigned char)word[i]);
        for (size_t i = 1; i < n; i++) raise_pair(t, t->token[at - (int64_t)i - 1], t->token[at - (int64_t)i], w);
    }
    enqueue_raised(t);
}

/* Merges a pair in a word, from left to right. */
static void merge_word(training_t *t, int64_t word, int32_t left, int32_t right, int32_t merged)
{
    int32_t *token = t->token + t->start[word], to = 0;
    const int32_t n = t->length[word];
    for (int32_t from = 0; from < n; to++) {
        if (from + 1 == n || token[from] != left || token[from + 1] != right) {
            token[to] = token[from++];
            continue;
        }
        from += 2;
        if (to) {
            lower_pair(t, token[to - 1], left, word);
            raise_pair(t, token[to - 1], merged, word);
        }
        if (from < n) {
            lower_pair(t, right, token[from], word);
            raise_pair(t, merged, token[from], word);
        }
        token[to] = merged;
    }
    t->length[word] = to;
}

/* Takes the commonest pair out of the line; NULL where none comes often enough. */
static const pair_t *next_pair(training_t *t)
{
    for (heap_entry_t e; heap_pop(&t->heap, &e);) {
        const pair_t *p = pair_at(t, (int32_t)(e.second >> 32), (int32_t)e.second);
        if (p->count == -e.first) return p;
        if (p->count >= t->least) heap_push(&t->heap, (heap_entry_t){-p->count, e.second});
    }
    return NULL;
}

/* The token that two become, which may be there by another pair. */
static int32_t join(trained_t *to, int32_t left, int32_t right, buf_t *bytes)
{
    buf_clear(bytes);
    for (int i = 0; i < 2; i++) {
        size_t n;
        const char *piece = strtab_get(&to->piece, i ? right : left, &n);
        buf_add(bytes, piece, n);
    }
    return (int32_t)strtab_find_or_add(&to->piece, bytes->data, bytes->len, strtab_hash(bytes->data, bytes->len));
}

static void merge_pair(training_t *t, trained_t *to, int32_t left, int32_t right, buf_t *bytes)
{
    const int32_t merged = join(to, left, right, bytes);
    GROW(to->merge, to->merges, to->cap);
    to->merge[to->merges++] = (trained_merge_t){left, right};
    pair_t *p = pair_at(t, left, right);
    const pair_t old = *p;
    *p = (pair_t){.key = old.key};
    for (int64_t i = 0; i < old.word_count; i++) merge_word(t, old.words[i], left, right, merged);
    free(old.words);
    enqueue_raised(t);
}

static void add_bytes(trained_t *t)
{
    char in_order[256];
    for (int b = 0; b < 256; b++) in_order[alphabet_rank((unsigned char)b)] = (char)b;
    for (int i = 0; i < 256; i++) strtab_add(&t->piece, &in_order[i], 1);
    strtab_index(&t->piece);
}

trained_t bpe_train(const word_counts_t *words, int32_t size, int64_t least)
{
    training_t t = {.words = words, .least = least};
    trained_t to = {0};
    buf_t bytes = {0};
    add_bytes(&to);
    start(&t);
    progress_start("merging", "tokens", size - to.piece.count);
    for (const pair_t *best; to.piece.count < size && (best = next_pair(&t)); progress_add(1))
        merge_pair(&t, &to, (int32_t)(best->key >> 32), (int32_t)best->key, &bytes);
    progress_end();
    for (int64_t p = 0; p < t.pairs; p++) free(t.pair[p].words);
    free(t.pair);
    free(t.slot);
    free(t.raised);
    free(t.token);
    free(t.start);
    free(t.length);
    heap_free(&t.heap);
    buf_free(&bytes);
    return to;
}

void trained_free(trained_t *t)
{
    strtab_free(&t->piece);
    free(t->merge);
    *t = (trained_t){0};
}
