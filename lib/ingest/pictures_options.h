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

#define PICTURES_OPTIONS                                                                                                      \
    {0, "images", "DIR", CLI_STRING, &pictures_options.folder, "download the pictures that image_url names into DIR", false, 0, 0, NULL}, \
    {0, "jobs", "N", CLI_INT, &pictures_options.jobs, "pictures under way at once", false, 1, 512, NULL},                      \
    {0, "per-host", "N", CLI_INT, &pictures_options.per_host, "of these, from one host", false, 1, 512, NULL},                 \
    {0, "host-interval", "SECONDS", CLI_REAL, &pictures_options.host_interval, "least time between two requests to a host", false, 0, 3600, NULL}, \
    {0, "min-bytes", "N", CLI_INT, &pictures_options.min_bytes, "least size of a picture", false, 0, 1e9, NULL},               \
    {0, "max-bytes", "N", CLI_INT, &pictures_options.max_bytes, "most size of a picture", false, 1, 1e9, NULL},                \
    {0, "retry-failed", NULL, CLI_FLAG, &pictures_options.retry_failed, "ask again for pictures that were refused", false, 0, 0, NULL}

#endif
