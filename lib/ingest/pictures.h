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
#include "base/cli.h"
#include "formats/tally.h"
#include "net/download.h"

typedef struct {
    const char *folder;            /* NULL: no pictures */
    int64_t jobs, per_host;        /* requests under way at once, in all and to one host */
    double host_interval;          /* least seconds between two requests to one host */
    int64_t min_bytes, max_bytes;  /* of a picture */
    bool retry_failed;             /* ask again for what has failed for good */
    const download_options_t *net; /* retries and time limits; `timeout`: for a picture in all */
} pictures_options_t;

/* The options as the command line gave them, with their defaults. */
extern pictures_options_t pictures_options;

#define PICTURES_OPTIONS                                                                                                     \
    OPT_STRING(0, "images", "DIR", &pictures_options.folder, "download the pictures that image_url names into DIR"),         \
    OPT_INT(0, "jobs", "N", &pictures_options.jobs, 1, 512, "pictures under way at once"),                                   \
    OPT_INT(0, "per-host", "N", &pictures_options.per_host, 1, 512, "of these, from one host"),                              \
    OPT_REAL(0, "host-interval", "SECONDS", &pictures_options.host_interval, 0, 3600,                                        \
             "least time between two requests to a host"),                                                                   \
    OPT_INT(0, "min-bytes", "N", &pictures_options.min_bytes, 0, 1e9, "least size of a picture"),                            \
    OPT_INT(0, "max-bytes", "N", &pictures_options.max_bytes, 1, 1e9, "most size of a picture"),                             \
    OPT_FLAG(0, "retry-failed", &pictures_options.retry_failed, "ask again for pictures that were refused")

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
