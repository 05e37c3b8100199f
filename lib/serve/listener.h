/* The socket that a server listens on. */
#ifndef SIDMILL_SERVE_LISTENER_H
#define SIDMILL_SERVE_LISTENER_H

#include <stdbool.h>

typedef struct {
    int socket;
    bool loopback;  /* only this machine can reach it */
    char *address;  /* "127.0.0.1:8080", with the port that it has; owned */
} listener_t;

/* Listens on ADDRESS:PORT, [ADDRESS]:PORT of IPv6, or :PORT, which is every address; port 0 is any free one. What is no address ends the
 * process with EX_USAGE, one that cannot be had with EX_UNAVAILABLE. */
listener_t listener_open(const char *where);

#endif
