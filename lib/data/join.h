/* Putting tensor files together: shards row after row, or different tensors of the same items side by side. Data is borrowed
 * from the files, which must stay open until the writer is committed. */
#ifndef SIDMILL_DATA_JOIN_H
#define SIDMILL_DATA_JOIN_H

#include "data/st.h"

/* Concatenates tensors of the same names along the first dimension; of files with a known schema, those that hold one row an
 * item, user or event, and the others must be the same in all (sidmill-tensors(5)). Ids must stay unique. Names, types, shapes
 * or schemas that differ end the process with EX_DATAERR. */
void join_rows(st_writer_t *w, st_file_t *const *files, int n);

/* The union of the files' tensors. Every file must hold the same `item_ids`; another name that comes twice must come with the
 * same bytes. Otherwise the process ends with EX_DATAERR. */
void join_merge(st_writer_t *w, st_file_t *const *files, int n);

/* Metadata that all files agree on, but for tool, version and digests of inputs. */
void join_meta(st_writer_t *w, st_file_t *const *files, int n);

#endif
