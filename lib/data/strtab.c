#include "data/strtab.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/in.h"
#include "base/mem.h"

static void insert(strtab_t *t, int64_t row);

/* Slots are at most half full, so that a probe always ends at an empty one, soon. */
static void make_slots(strtab_t *t, int64_t strings)
{
    t->slot_count = 64;
    while (t->slot_count / 2 < strings) t->slot_count *= 2;
    t->slots = xreallocarray(t->slots, (size_t)t->slot_count, sizeof *t->slots);
    memset(t->slots, 0xff, (size_t)t->slot_count * sizeof *t->slots);
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

void strtab_add(strtab_t *t, const char *s, size_t n)
{
    append(t, s, n);
    if (!t->slots) return;
    if (t->count > t->slot_count / 2) strtab_index(t);
    else if (strtab_find(t, s, n) < 0) insert(t, t->count - 1);
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

/* The slot that holds the string, or the empty one where it belongs. */
static int64_t probe(const strtab_t *t, const char *s, size_t n)
{
    int64_t mask = t->slot_count - 1, slot = (int64_t)(XXH3_64bits(s, n) & (uint64_t)mask);
    for (; t->slots[slot] >= 0; slot = (slot + 1) & mask) {
        size_t len;
        const char *there = strtab_get(t, t->slots[slot], &len);
        if (len == n && !memcmp(there, s, n)) break;
    }
    return slot;
}

static void insert(strtab_t *t, int64_t row)
{
    size_t n;
    const char *s = strtab_get(t, row, &n);
    t->slots[probe(t, s, n)] = row;
}

int64_t strtab_index(strtab_t *t)
{
    int64_t repeated = -1;
    make_slots(t, t->count);
    for (int64_t i = 0; i < t->count; i++) {
        size_t n;
        const char *s = strtab_get(t, i, &n);
        int64_t slot = probe(t, s, n);
        if (t->slots[slot] < 0) t->slots[slot] = i;
        else if (repeated < 0) repeated = i;
    }
    return repeated;
}

int64_t strtab_find(const strtab_t *t, const char *s, size_t n) { return t->slots[probe(t, s, n)]; }

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
