/* A server from its start to its end: files, signals, threads. */
#ifndef SIDMILL_SERVE_SERVER_H
#define SIDMILL_SERVE_SERVER_H

#include "serve/edition.h"
#include "serve/http.h"

typedef struct {
    edition_files_t files;
    http_options_t http;
    queue_options_t queue;
    const char *listen;        /* serve/listener.h */
    char *const *check_command; /* NULL-terminated: what reads the files and fails where they are wrong */
} server_options_t;

/* Serves until SIGTERM or SIGINT, then answers what has begun, and returns. On SIGHUP the files are read anew: first by the check
 * command, so that what is wrong with them ends that process and not this one. */
void server_run(const server_options_t *o);

#endif
