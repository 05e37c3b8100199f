/* The servers of tests/helpers, for unit tests; they run in the repository's root. */
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

static inline server_t start_helper(const char *script, const char *flags, const char *path)
{
    char *command = xasprintf("echo $$; exec /usr/bin/python3 tests/helpers/%s --idle 20 %s", script, flags);
    server_t s = {.pipe = popen(command, "r")};
    if (!s.pipe || fscanf(s.pipe, "%d %d", &s.pid, &s.port) != 2) die(EX_SOFTWARE, "the test server does not start");
    snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d%s", s.port, path);
    free(command);
    return s;
}

static inline server_t start_server(const char *flags) { return start_helper("model_server.py", flags, "/v1"); }

static inline void end_server(server_t s)
{
    kill(s.pid, SIGTERM);
    pclose(s.pipe);
}

#endif
