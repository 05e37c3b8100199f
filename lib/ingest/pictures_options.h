/* How pictures are downloaded, as the command line says it. */
#ifndef SIDMILL_INGEST_PICTURES_OPTIONS_H
#define SIDMILL_INGEST_PICTURES_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cli.h"
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

#endif
