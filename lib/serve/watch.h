/* Connections and since when each has been at its request: one that takes too long is cut, however slowly it still sends or reads. */
#ifndef SIDMILL_SERVE_WATCH_H
#define SIDMILL_SERVE_WATCH_H

typedef struct watch watch_t;
typedef struct watched watched_t;

watch_t *watch_new(double seconds);
void watch_free(watch_t *w); /* when no connection is left */

/* A connection by its socket, whose time begins; begins anew; and it is over, before the socket is closed. */
watched_t *watch_add(watch_t *w, int socket);
void watch_again(watched_t *c);
void watch_remove(watched_t *c);

#endif
