#include "data/strtab.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"

/* A slot holds 32 bits of the string's hash above the string's row + 1; 0: it is empty. The hash bits choose the slot, settle
 * most comparisons without a look at the string, and let the index grow without one. */
static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 32); }
static uint32_t slot_tag(uint64_t slot) { return (uint32_t)(slot >> 32); }
static int64_t slot_row(uint64_t slot) { return (int64_t)(uint32_t)slot - 1; }
static uint64_t make_slot(uint32_t tag, int64_t row) { return (uint64_t)tag << 32 | (uint64_t)(row + 1); }

/* At most 3/4 of the slots are taken, so that a probe always ends at an empty one, soon. */
static bool is_full(const strtab_t *t) { return t->count > t->slot_count / 4 * 3; }

/* Row + 1 must fit a slot. */
static void check_count(int64_t count)
{
    if (count >= UINT32_MAX) die(EX_DATAERR, "more than %u strings in one table", UINT32_MAX - 1);
}

static void make_slots(strtab_t *t)
{
    check_count(t->count);
    t->slot_count = 64;
    while (is_full(t)) t->slot_count *= 2;
    t->slots = NEW_ARRAY(uint64_t, t->slot_count);
}

static void append(strtab_t *t, const char *s, size_t n)
{
    int64_t len = t->count ? t->offsets[t->count] : 0;
    size_t need = size_add(size_add((size_t)len, n), 1);
    if (need > (size_t)t->bytes_cap) {
        size_t cap = size_mul(need, 2);
        t->bytes = xreallocarray(t->bytes, cap, 1);
        t->bytes_cap = (int64_t)cap;
    }
    if (n) memcpy(t->bytes + len, s, n);
    t->bytes[need - 1] = '\n';
    GROW(t->offsets, t->count + 1, t->count_cap);
    t->offsets[0] = 0;
    t->offsets[++t->count] = (int64_t)need;
}

const char *strtab_get(const strtab_t *t, int64_t i, size_t *n)
{
    *n = (size_t)(t->offsets[i + 1] - t->offsets[i] - 1);
    return t->bytes + t->offsets[i];
}

char *strtab_dup(const strtab_t *t, int64_t i)
{
    size_t n;
    const char *s = strtab_get(t, i, &n);
    return xstrndup(s, n);
}

/* Finds the slot that holds the string, or the empty one where it belongs. */
static int64_t probe(const strtab_t *t, const char *s, size_t n, uint32_t tag)
{
    int64_t mask = t->slot_count - 1, slot = tag & mask;
    for (; t->slots[slot]; slot = (slot + 1) & mask) {
        if (slot_tag(t->slots[slot]) != tag) continue;
        size_t len;
        const char *there = strtab_get(t, slot_row(t->slots[slot]), &len);
        if (len == n && !memcmp(there, s, n)) break;
    }
    return slot;
}

/* Moves the rows to more slots, without a look at the strings, which are known to differ. */
static void grow_index(strtab_t *t)
{
    uint64_t *old = t->slots;
    int64_t old_count = t->slot_count;
    make_slots(t);
    int64_t mask = t->slot_count - 1;
    for (int64_t i = 0; i < old_count; i++) {
        if (!old[i]) continue;
        int64_t slot = slot_tag(old[i]) & mask;
        while (t->slots[slot]) slot = (slot + 1) & mask;
        t->slots[slot] = old[i];
    }
    free(old);
}

static void add_indexed(strtab_t *t, const char *s, size_t n, uint32_t tag)
{
    check_count(t->count + 1);
    append(t, s, n);
    if (is_full(t)) grow_index(t);
    int64_t slot = probe(t, s, n, tag);
    if (!t->slots[slot]) t->slots[slot] = make_slot(tag, t->count - 1);
}

void strtab_add(strtab_t *t, const char *s, size_t n)
{
    if (t->slots) add_indexed(t, s, n, tag_of(strtab_hash(s, n)));
    else append(t, s, n);
}

int64_t strtab_index(strtab_t *t)
{
    int64_t repeated = -1;
    strtab_unindex(t);
    make_slots(t);
    for (int64_t i = 0; i < t->count; i++) {
        size_t n;
        const char *s = strtab_get(t, i, &n);
        uint32_t tag = tag_of(strtab_hash(s, n));
        int64_t slot = probe(t, s, n, tag);
        if (!t->slots[slot]) t->slots[slot] = make_slot(tag, i);
        else if (repeated < 0) repeated = i;
    }
    return repeated;
}

void strtab_unindex(strtab_t *t)
{
    free(t->slots);
    t->slots = NULL;
    t->slot_count = 0;
}

uint64_t strtab_hash(const char *s, size_t n) { return XXH3_64bits(s, n); }

int64_t strtab_find_hashed(const strtab_t *t, const char *s, size_t n, uint64_t hash)
{
    return slot_row(t->slots[probe(t, s, n, tag_of(hash))]);
}

int64_t strtab_find(const strtab_t *t, const char *s, size_t n) { return strtab_find_hashed(t, s, n, strtab_hash(s, n)); }

int64_t strtab_find_or_add(strtab_t *t, const char *s, size_t n, uint64_t hash)
{
    if (!t->slots) strtab_index(t);
    int64_t row = strtab_find_hashed(t, s, n, hash);
    if (row >= 0) return row;
    add_indexed(t, s, n, tag_of(hash));
    return t->count - 1;
}

void strtab_near(const strtab_t *t, uint64_t hash)
{
    if (t->slots) __builtin_prefetch(&t->slots[tag_of(hash) & (t->slot_count - 1)]);
}

int64_t strtab_guess(const strtab_t *t, uint64_t hash)
{
    if (!t->slots) return -1;
    int64_t mask = t->slot_count - 1, slot = tag_of(hash) & mask;
    while (t->slots[slot] && slot_tag(t->slots[slot]) != tag_of(hash)) slot = (slot + 1) & mask;
    int64_t row = slot_row(t->slots[slot]);
    if (row >= 0) __builtin_prefetch(&t->offsets[row]);
    return row;
}

void strtab_near_row(const strtab_t *t, int64_t row)
{
    if (row >= 0) __builtin_prefetch(t->bytes + t->offsets[row]);
}

void strtab_keep(strtab_t *t, const bool *keep)
{
    int64_t kept = 0, start = 0, len = 0;
    strtab_unindex(t);
    for (int64_t i = 0; i < t->count; i++) {
        int64_t end = t->offsets[i + 1];
        if (keep[i]) {
            memmove(t->bytes + len, t->bytes + start, (size_t)(end - start));
            len += end - start;
            t->offsets[++kept] = len;
        }
        start = end;
    }
    t->count = kept;
}

bool strtab_equal(const strtab_t *a, const strtab_t *b)
{
    if (a->count != b->count) return false;
    if (!a->count) return true;
    size_t offsets = (size_t)(a->count + 1) * sizeof *a->offsets;
    return !memcmp(a->offsets, b->offsets, offsets) && !memcmp(a->bytes, b->bytes, (size_t)a->offsets[a->count]);
}

bool strtab_parse(strtab_t *t, const char *bytes, size_t n)
{
    *t = (strtab_t){0};
    if (!n) return true;
    bool good = bytes[n - 1] == '\n' && !memchr(bytes, '\t', n) && utf8_valid(bytes, n);
    for (size_t at = 0; good && at < n;) {
        size_t len = (size_t)((const char *)memchr(bytes + at, '\n', n - at) - (bytes + at));
        good = len > 0;
        append(t, bytes + at, len);
        at += len + 1;
    }
    if (!good) strtab_free(t);
    return good;
}

void strtab_free(strtab_t *t)
{
    free(t->bytes);
    free(t->offsets);
    free(t->slots);
    *t = (strtab_t){0};
}
