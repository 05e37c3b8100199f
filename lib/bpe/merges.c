#include "bpe/merges.h"

#include <string.h>

#include "base/err.h"

enum { SHORT = 128, NO_RANK = INT32_MAX };

static merges_t with_slots(size_t slots)
{
    merges_t m = {.slot = xreallocarray(NULL, slots, sizeof(merge_t)), .mask = slots - 1};
    for (size_t i = 0; i < slots; i++) m.slot[i] = (merge_t){-1, -1, NO_RANK, -1};
    return m;
}

merges_t merges_new(void) { return with_slots(64); }

/* Finds the slot of a pair, or the empty one where it belongs. */
static inline merge_t *find(const merges_t *m, int32_t left, int32_t right)
{
    const uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & m->mask;
    while (m->slot[at].left >= 0 && (m->slot[at].left != left || m->slot[at].right != right)) at = (at + 1) & m->mask;
    return &m->slot[at];
}

void merges_add(merges_t *m, merge_t merge)
{
    if (m->count > m->mask / 3 * 2) {
        const merges_t old = *m;
        *m = with_slots(size_mul(old.mask + 1, 2));
        for (size_t i = 0; i <= old.mask; i++)
            if (old.slot[i].left >= 0) merges_add(m, old.slot[i]);
        free(old.slot);
    }
    merge_t *slot = find(m, merge.left, merge.right);
    m->count += slot->left < 0;
    *slot = merge;
}

void merges_free(merges_t *m)
{
    free(m->slot);
    *m = (merges_t){0};
}

/* Looks the lowest rank up among all pairs each time. */
static void apply_short(const merges_t *m, const int32_t *byte_id, const unsigned char *word, size_t n, ids_t *out)
{
    int32_t id[SHORT], rank[SHORT], merged[SHORT]; /* of the pair that begins there */
    for (size_t i = 0; i < n; i++) id[i] = byte_id[word[i]];
    for (size_t i = 0; i + 1 < n; i++) {
        const merge_t *pair = find(m, id[i], id[i + 1]);
        rank[i] = pair->rank;
        merged[i] = pair->id;
    }
    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++)
            if (rank[i] < rank[best]) best = i;
        if (rank[best] == NO_RANK) break;
        id[best] = merged[best];
        const size_t behind = --n - best - 1;
        memmove(id + best + 1, id + best + 2, behind * sizeof *id);
        memmove(rank + best, rank + best + 1, behind * sizeof *rank);
        memmove(merged + best, merged + best + 1, behind * sizeof *merged);
        for (size_t i = best ? best - 1 : 0; i <= best && i + 1 < n; i++) {
            const merge_t *pair = find(m, id[i], id[i + 1]);
            rank[i] = pair->rank;
            merged[i] = pair->id;
        }
    }
    ids_add(out, id, n);
}

/* Puts the pair that begins at `at` in line, if it is one. */
static void enqueue(const merges_t *m, merges_scratch_t *s, uint32_t at, size_t n)
{
    if (s->next[at] >= n) return;
    const merge_t *pair = find(m, s->id[at], s->id[s->next[at]]);
    if (pair->rank != NO_RANK) heap_push(&s->heap, (heap_entry_t){pair->rank, at});
}

static void start_long(const merges_t *m, merges_scratch_t *s, const int32_t *byte_id, const unsigned char *word, size_t n)
{
    if (n > s->cap) {
        s->cap = n;
        s->id = xreallocarray(s->id, n, sizeof *s->id);
        s->next = xreallocarray(s->next, n, sizeof *s->next);
        s->before = xreallocarray(s->before, n, sizeof *s->before);
    }
    for (uint32_t i = 0; i < n; i++) {
        s->id[i] = byte_id[word[i]];
        s->next[i] = i + 1;
        s->before[i] = i - 1;
    }
    for (uint32_t i = 0; i < n; i++) enqueue(m, s, i, n);
}

/* Keeps the pairs in a heap; one that no longer stands there as it was put in line is passed over. */
static void apply_long(const merges_t *m, merges_scratch_t *s, const int32_t *byte_id, const unsigned char *word, size_t n, ids_t *out)
{
    if (n > INT32_MAX) die(EX_DATAERR, "a word of %zu bytes, expected fewer than 2^31", n);
    start_long(m, s, byte_id, word, n);
    for (heap_entry_t e; heap_pop(&s->heap, &e);) {
        const uint32_t at = (uint32_t)e.second, next = s->next[at];
        if (s->id[at] < 0 || next >= n) continue;
        const merge_t *pair = find(m, s->id[at], s->id[next]);
        if (pair->rank != e.first) continue;
        s->id[at] = pair->id;
        s->id[next] = -1;
        s->next[at] = s->next[next];
        if (s->next[at] < n) s->before[s->next[at]] = at;
        if (at) enqueue(m, s, s->before[at], n);
        enqueue(m, s, at, n);
    }
    for (size_t i = 0; i < n; i = s->next[i]) ids_add(out, &s->id[i], 1);
}

void merges_apply(const merges_t *m, merges_scratch_t *s, const int32_t *byte_id, const char *word, size_t n, ids_t *out)
{
    if (n <= SHORT) apply_short(m, byte_id, (const unsigned char *)word, n, out);
    else apply_long(m, s, byte_id, (const unsigned char *)word, n, out);
}

void merges_scratch_free(merges_scratch_t *s)
{
    free(s->id);
    free(s->next);
    free(s->before);
    heap_free(&s->heap);
    *s = (merges_scratch_t){0};
}
