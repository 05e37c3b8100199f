/* The greater and the lesser of two numbers, as functions: their arguments are worked out once. */
#ifndef SIDMILL_BASE_MINMAX_H
#define SIDMILL_BASE_MINMAX_H

#include <stdint.h>

/* Returns the greater of a and b. */
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Returns the lesser of a and b. */
static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
