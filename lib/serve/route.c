#include "serve/route.h"

#include <string.h>

const char *const route_names[] = {"/", "/recommend", "/items", "/codes", "/search", "/health", "/metrics", "other"};

static const char *const paths[] = {"/", "/recommend", "/items/", "/codes/", "/search", "/health", "/metrics"};

route_t route_of(const char *path, const char **rest)
{
    for (route_t r = 0; r < ROUTE_OTHER; r++) {
        const size_t n = strlen(paths[r]);
        const bool open_ended = r == ROUTE_ITEM || r == ROUTE_CODES;
        *rest = path + n;
        if (open_ended ? !strncmp(path, paths[r], n) : !strcmp(path, paths[r])) return r;
    }
    *rest = path;
    return ROUTE_OTHER;
}

const char *route_methods(route_t route) { return route == ROUTE_RECOMMEND ? "POST" : "GET, HEAD"; }

bool route_takes(route_t route, const char *method)
{
    if (route == ROUTE_OTHER) return true;
    if (route == ROUTE_RECOMMEND) return !strcmp(method, "POST");
    return !strcmp(method, "GET") || !strcmp(method, "HEAD");
}
