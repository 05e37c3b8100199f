/* How unevenly something is shared out. */
#ifndef SIDMILL_BASE_GINI_H
#define SIDMILL_BASE_GINI_H

#include <stdint.h>

/* Gini coefficient of n shares x >= 0, 0 where all are alike, towards 1 where few have all: with x in ascending order
 * sum_i (2 i - n - 1) x_i / (n sum_i x_i), i from 1 to n. NaN where there is nothing to share. */
double gini(const int64_t *x, int64_t n);

#endif
