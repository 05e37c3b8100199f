/* Items in three parts by training popularity. */
#ifndef SIDMILL_SCORE_STRATA_H
#define SIDMILL_SCORE_STRATA_H

#include <stdint.h>

/* Walking from the most popular item down, `head` is the items before the first third of all training events is reached,
 * `tail` those after the second third, items never seen in training included. Items of equal popularity stay together. */
enum { STRATUM_HEAD, STRATUM_MIDDLE, STRATUM_TAIL, STRATA };

typedef struct {
    uint8_t *of_item;                    /* [items] */
    int64_t items[STRATA];               /* items in each */
    int64_t least[STRATA], most[STRATA]; /* their training events; 0 and 0 where there are none */
} strata_t;

const char *stratum_name(int s); /* "head", "middle", "tail" */

/* Of `popularity` [items], the training events of each item. */
strata_t strata_make(const int64_t *popularity, int64_t items);
void strata_free(strata_t *s);

#endif
