/* Pictures of item records: downloads what `image_url` names into a picture store, and puts its path into the record as
 * `image`, or into `errors` why there is none. ingest(1), PICTURES, is the manual.
 *
 *     pictures_t *p = pictures_open(&pictures_options, folder);
 *     for (each record that stays) pictures_want(p, i, line, n);
 *     pictures_fetch(p);
 *     if (pictures_has(p, i)) ...
 *     pictures_edit(p, i, &line);  // before the record is written
 *     pictures_close(p); */
#ifndef SIDMILL_INGEST_PICTURES_H
#define SIDMILL_INGEST_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "formats/tally.h"
#include "ingest/pictures_options.h"

typedef struct pictures pictures_t;

/* `from`: the folder that the records' `image` counts from, as relpath_folder() gives it. Opens the store; one that another
 * process is filling is waited for. */
pictures_t *pictures_open(const pictures_options_t *o, const char *from);

/* Record `i` (0, 1, ..., in any order, gaps are fine): a line of sidmill-items(5). It gets a picture, unless the file that its
 * `image` names is there. */
void pictures_want(pictures_t *p, int64_t i, const char *line, size_t n);

/* Downloads what is wanted, once. No failure of a picture ends the process. */
void pictures_fetch(pictures_t *p);

/* True if the record has a picture whose file is there: its own or one that was fetched. */
bool pictures_has(const pictures_t *p, int64_t i);

/* Brings the record's `image` and `errors` up to date; of one that was not wanted, changes nothing. `line` is as items_splice()
 * takes it. */
void pictures_edit(const pictures_t *p, int64_t i, buf_t *line);

/* What became of the wanted records, each counted once: own_file, already_there, fetched, shared (with another URL or record, or a
 * picture of an earlier run), no_image_url, failed_... */
const tally_t *pictures_tally(const pictures_t *p);

void pictures_close(pictures_t *p);

#endif
