/* The greater of two numbers, as a function: its arguments are worked out once. */
#ifndef SIDMILL_BASE_MINMAX_H
#define SIDMILL_BASE_MINMAX_H

#include <stdint.h>

/* Returns the greater of a and b. */
static inline int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
