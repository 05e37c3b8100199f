/* Files from the web, kept in a folder: a download that was cut, or whose process was killed, goes on where it stopped, and
 * what is complete is not asked for again. ingest(1), DOWNLOADS, is the manual. */
#ifndef SIDMILL_NET_DOWNLOAD_H
#define SIDMILL_NET_DOWNLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cli.h"

typedef struct {
    const char *cache;       /* folder; NULL: folder_cache() */
    bool refresh;            /* ask for what is complete as well */
    int64_t max_retries;     /* attempts in a row that bring nothing new, after the first */
    double retry_wait, connect_timeout, timeout;  /* seconds; `timeout`: that a transfer may stand still */
} download_options_t;

/* The options as the command line gave them, with their defaults. */
extern download_options_t download_options;

#define DOWNLOAD_OPTIONS                                                                                                     \
    OPT_STRING(0, "cache", "DIR", &download_options.cache, "where downloads are kept [~/.cache/sidmill]"),                   \
    OPT_FLAG(0, "refresh", &download_options.refresh, "download again what is in the cache"),                                \
    OPT_INT(0, "max-retries", "N", &download_options.max_retries, 0, 100, "ask again up to N times"),                        \
    OPT_REAL(0, "retry-wait", "SECONDS", &download_options.retry_wait, 0.001, 30, "the first wait before that; it doubles"), \
    OPT_REAL(0, "connect-timeout", "SEC", &download_options.connect_timeout, 0.001, 3600, "for a connection"),               \
    OPT_REAL(0, "timeout", "SECONDS", &download_options.timeout, 1, 86400, "that a download may stand still, a picture take")

/* True for "http://..." and "https://...". */
bool is_url(const char *path);

/* The path of the file behind `url`, downloaded if need be. `sha256` (64 hex digits) NULL: not checked. Ends the process: EX_NOINPUT
 * for what the server refuses, EX_UNAVAILABLE for no server and for one that does not deliver, EX_DATAERR for a wrong checksum.
 * Processes that want the same URL wait for one another. Caller frees. */
char *download(const char *url, const char *sha256, const download_options_t *o);

#endif
