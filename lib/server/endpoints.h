/* The model servers of a run: one client for each pair of URL and model, and one loop that waits for all of them. */
#ifndef SIDMILL_SERVER_ENDPOINTS_H
#define SIDMILL_SERVER_ENDPOINTS_H

#include <stdbool.h>

#include "server/model_client.h"

typedef struct {
    cli_list_t urls; /* borrowed, as is what they point to */
    char *model;
    model_client_t *client;
} endpoint_t;

/* Zero-initialise. */
typedef struct {
    endpoint_t **list;
    int count, cap;
} endpoints_t;

/* The endpoint of these servers and `model`, which is made where it is new, with the other options as the command line gave them
 * (model_client_options). Valid until endpoints_close(). */
endpoint_t *endpoints_get(endpoints_t *x, cli_list_t urls, const char *model);

/* True if every client has room for another request. */
bool endpoints_have_room(const endpoints_t *x);

/* How many items a filter should have under way at most (filter_t.window): many times the requests in flight, so that one
 * whose request is sent again and again, with waits of seconds, does not hold up those behind it. 0: no endpoints. */
int64_t endpoints_window(const endpoints_t *x);

/* Moves the requests under way forward, for a while: returns once one is done, or earlier. */
void endpoints_wait(endpoints_t *x);

/* model_client_last() for all. */
void endpoints_last(endpoints_t *x);

/* Closes all clients, which note their counts and end the process where too few items got an answer (model_client_close()). */
void endpoints_close(endpoints_t *x);

#endif
