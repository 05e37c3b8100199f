/* Memory that costs nothing where it is not touched: for arrays whose addresses a process wants whole and of which it holds a part. */
#ifndef SIDMILL_BASE_PAGES_H
#define SIDMILL_BASE_PAGES_H

#include <stddef.h>

/* Zeroed, aligned to a page; freed with pages_free() alone. A failure ends the process with EX_OSERR. */
void *pages_new(size_t bytes);
void pages_free(void *p, size_t bytes);

/* Of p [bytes] a process holds [begin, end); what is around comes and goes by small pieces, and is to be given room likewise. */
void pages_hold(void *p, size_t bytes, size_t begin, size_t end);

/* The most memory that so many bytes on end, at least one, can take. */
size_t pages_room(size_t bytes);

/* Gives back the whole pages around what it holds: they are zero again, and take no memory. */
void pages_drop(void *p, size_t bytes, size_t begin, size_t end);

#endif
