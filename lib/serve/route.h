/* What a path and a method ask for. */
#ifndef SIDMILL_SERVE_ROUTE_H
#define SIDMILL_SERVE_ROUTE_H

#include <stdbool.h>

typedef enum { ROUTE_HOME, ROUTE_RECOMMEND, ROUTE_ITEM, ROUTE_CODES, ROUTE_SEARCH, ROUTE_HEALTH, ROUTE_METRICS, ROUTE_OTHER, ROUTES } route_t;

extern const char *const route_names[]; /* in that order */

/* The route of a path; *rest becomes what follows the route's own part. */
route_t route_of(const char *path, const char **rest);

/* The methods that a route takes, as the header Allow has them; and whether one is among them: what is no page is none by any. */
const char *route_methods(route_t route);
bool route_takes(route_t route, const char *method);

#endif
