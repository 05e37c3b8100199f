/* Tables whose rows lie over the ranks (params_split()), at work: before rows are read, those of other ranks are fetched into their
 * places, and go back before anyone changes them. It costs what is fetched; the room is that, or an eighth of what the rank holds. All
 * ranks fetch together; what each wants is its own. Not for several threads at once. */
#ifndef SIDMILL_TRAIN_LOAN_H
#define SIDMILL_TRAIN_LOAN_H

#include <stdint.h>

#include "nn/params.h"

/* What a rank wants of the others, and has of them: two bits a row. */
typedef struct loan loan_t;
loan_t *loan_new(const params_t *params); /* NULL where no table is split, or there is one rank: nothing is ever to be fetched */
void loan_free(loan_t *l);

/* Rows first .. first + count - 1 of a block are about to be read. Of a block that is not split nothing is done. */
void loan_want(loan_t *l, int block, int64_t first, int64_t count);

/* All ranks: the rows wanted are there, in params_values(). */
void loan_fetch(loan_t *l);

/* The rows of others are there no more. */
void loan_return(loan_t *l);

#endif
