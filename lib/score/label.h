/* Operands "LABEL=FILE". */
#ifndef SIDMILL_SCORE_LABEL_H
#define SIDMILL_SCORE_LABEL_H

#include <stddef.h>

/* The length of LABEL; 0 where the operand has none. A '/' before the '=' makes it part of the file's name. */
size_t label_length(const char *operand);

#endif
