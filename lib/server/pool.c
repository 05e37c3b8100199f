#include "server/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"

static const double first_rest = 5, longest_rest = 300; /* seconds */

pool_t pool_open(const cli_list_t *urls, const char *headers, const char *const *paths)
{
    if (!urls->count) die(EX_USAGE, "--url: expected the server's base, such as http://127.0.0.1:8080/v1");
    pool_t p = {NEW_ARRAY(server_t, urls->count), urls->count};
    for (int i = 0; i < p.count; i++) {
        server_t *s = &p.servers[i];
        s->address = address_read(urls->items[i], headers);
        s->rest = first_rest;
        for (int path = 0; path < POOL_PATHS; path++) {
            s->url[path] = address_of(&s->address, paths[path]);
            s->shown[path] = address_shown(&s->address, paths[path]);
        }
        for (int j = 0; j < i; j++)
            if (!strcmp(s->url[0], p.servers[j].url[0])) die(EX_USAGE, "--url %s: is there twice", s->address.base);
    }
    return p;
}

void pool_free(pool_t *p)
{
    for (int i = 0; i < p->count; i++) {
        for (int path = 0; path < POOL_PATHS; path++) {
            free(p->servers[i].url[path]);
            free(p->servers[i].shown[path]);
        }
        address_free(&p->servers[i].address);
    }
    free(p->servers);
    *p = (pool_t){0};
}

server_t *pool_take(pool_t *p, const server_t *but)
{
    const double now = seconds_now();
    server_t *best = p->servers + (p->servers == but && p->count > 1);
    for (server_t *s = best + 1; s < p->servers + p->count; s++) {
        if (s == but) continue;
        const double wait = fmax(s->awake - now, 0), least = fmax(best->awake - now, 0);
        if (wait < least || (wait == least && s->under_way < best->under_way)) best = s;
    }
    best->under_way++;
    return best;
}

void pool_done(const pool_t *p, server_t *s, bool answered)
{
    const double now = seconds_now();
    s->under_way--;
    if (answered) s->rest = first_rest;
    if (answered || now < s->awake) return;
    if (p->count > 1) note("%s does not answer, and is left alone for %g seconds", s->address.base, s->rest);
    s->awake = now + s->rest;
    s->rest = fmin(2 * s->rest, longest_rest);
}

void pool_hide(const pool_t *p, char *text, size_t n)
{
    for (int i = 0; i < p->count; i++) secrets_hide(&p->servers[i].address.secrets, text, n);
}
