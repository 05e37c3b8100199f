/* Tokens that are found in texts before anything else is done to these: of those that begin first, the longest. */
#ifndef SIDMILL_BPE_ADDED_H
#define SIDMILL_BPE_ADDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as {0}. */
typedef struct {
    struct added_token {
        char *text;
        size_t length;
        int32_t id;
    } *token;
    int count, cap;
    bool first[256];   /* bytes that one of them begins with */
} added_t;

/* Adds a token, not empty. */
void added_add(added_t *a, const char *text, size_t n, int32_t id);

/* Sorts them; to be called after the last added_add(). Returns one that is there twice, or NULL. */
const char *added_sort(added_t *a);

/* The next of them from *at on: *at is moved to it; NULL where there is none. */
const struct added_token *added_find(const added_t *a, const char *text, size_t n, size_t *at);
void added_free(added_t *a);

#endif
