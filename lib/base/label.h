/* Operands "LABEL=FILE". */
#ifndef SIDMILL_BASE_LABEL_H
#define SIDMILL_BASE_LABEL_H

#include <stddef.h>

/* The length of LABEL; 0 where the operand has none. A '/' before the '=' makes it part of the file's name. */
size_t label_length(const char *operand);

/* The file's name, within the operand. */
const char *label_file(const char *operand);

/* What to call the file: LABEL, else its name without `ending` (".json"); where that is `plain` ("metrics"), which says nothing, the
 * name of its folder, if it has one. Caller frees. */
char *label_name(const char *operand, const char *ending, const char *plain);

#endif
