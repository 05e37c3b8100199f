/* What a filter (data/filter.h) reads: a file of items, or the part of it that a shard has. */
#ifndef SIDMILL_DATA_FILTER_INPUT_H
#define SIDMILL_DATA_FILTER_INPUT_H

#include "data/items.h"

/* A reader of the lines that belong to shard "K/N" (NULL: all lines) of `path` (NULL or "-": standard input, copied to a
 * temporary file first where it is a pipe and N > 1). The file is cut into N runs of bytes of nearly equal length, at the
 * ends of lines. Line numbers in messages are the whole file's. A malformed shard ends the process with EX_USAGE. Ids are
 * not compared. */
items_t filter_input_open(const char *path, const char *shard);

/* For tools that read their input twice (a fit, then the filter): a path that can be read again. Standard input that is a
 * pipe is copied to a temporary file without a name, and /dev/fd/N is returned for it; a file's own path comes back as it
 * is. Caller frees. */
char *filter_spool(const char *path);

#endif
