/* tests/helpers/model_server.py, for unit tests; they run in the repository's root. */
#ifndef SIDMILL_UNIT_SERVER_H
#define SIDMILL_UNIT_SERVER_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

typedef struct {
    FILE *pipe;
    int pid, port;
    char url[64];
} server_t;

static inline server_t start_server(const char *flags)
{
    char *command = xasprintf("echo $$; exec /usr/bin/python3 tests/helpers/model_server.py --idle 20 %s", flags);
    server_t s = {.pipe = popen(command, "r")};
    if (!s.pipe || fscanf(s.pipe, "%d %d", &s.pid, &s.port) != 2) die(EX_SOFTWARE, "the test server does not start");
    snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d/v1", s.port);
    free(command);
    return s;
}

static inline void end_server(server_t s)
{
    kill(s.pid, SIGTERM);
    pclose(s.pipe);
}

#endif
