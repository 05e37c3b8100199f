/* A table of strings: ids of items or users. Stored in tensor files as U8, every string ended by a newline. */
#ifndef SIDMILL_DATA_STRTAB_H
#define SIDMILL_DATA_STRTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t count;
    char *bytes;      /* the strings, each ended by a newline */
    int64_t *offsets; /* [count + 1] into bytes */
    int64_t bytes_cap, count_cap;
    uint64_t *slots;  /* open-addressing hash index, built by strtab_index(); NULL before */
    int64_t slot_count;
} strtab_t;

/* Appends a string of n bytes as the last row, also to the index where there is one. A zeroed table is an empty one. */
void strtab_add(strtab_t *t, const char *s, size_t n);

/* String `i`, not NUL-terminated; *n is its length. For printf: "%.*s". */
const char *strtab_get(const strtab_t *t, int64_t i, size_t *n);

/* As a NUL-terminated copy. Caller frees. */
char *strtab_dup(const strtab_t *t, int64_t i);

/* Builds the look-up index. Returns -1, or the row of the first string that repeats an earlier one. */
int64_t strtab_index(strtab_t *t);

/* Row of the string, or -1. Needs strtab_index(). */
int64_t strtab_find(const strtab_t *t, const char *s, size_t n);

/* The same where the string's hash is known; and with the string added where it is not there. */
uint64_t strtab_hash(const char *s, size_t n);
int64_t strtab_find_hashed(const strtab_t *t, const char *s, size_t n, uint64_t hash);
int64_t strtab_find_or_add(strtab_t *t, const char *s, size_t n, uint64_t hash);

/* For many look-ups in a large table, whose parts are each fetched from memory while others are worked on: first
 * strtab_near() for all hashes, then strtab_guess(), then strtab_near_row() for what that gave, then the look-ups.
 * strtab_guess(): the row where the string probably is, or -1. */
void strtab_near(const strtab_t *t, uint64_t hash);
int64_t strtab_guess(const strtab_t *t, uint64_t hash);
void strtab_near_row(const strtab_t *t, int64_t row);

/* Gives the index's memory back: strings can be added, and read by row. */
void strtab_unindex(strtab_t *t);

/* Drops every string but those with keep[i] set, in place, and the index. */
void strtab_keep(strtab_t *t, const bool *keep);

/* True if both hold the same strings in the same order. */
bool strtab_equal(const strtab_t *a, const strtab_t *b);

/* Parses `n` bytes of newline-ended strings; false if the last lacks its newline, a string is empty or holds a tab, or the
 * text is not UTF-8. */
bool strtab_parse(strtab_t *t, const char *bytes, size_t n);

void strtab_free(strtab_t *t);

#endif
