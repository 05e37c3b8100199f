#include "server/endpoints.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Several clients cannot be waited for at once: they are served in turn, this long each. */
static const double turn_seconds = 0.002;

static bool same(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static bool same_lists(cli_list_t a, cli_list_t b)
{
    if (a.count != b.count) return false;
    for (int i = 0; i < a.count; i++)
        if (strcmp(a.items[i], b.items[i]) != 0) return false;
    return true;
}

endpoint_t *endpoints_get(endpoints_t *x, cli_list_t urls, const char *model)
{
    for (int i = 0; i < x->count; i++)
        if (same_lists(x->list[i]->urls, urls) && same(x->list[i]->model, model)) return x->list[i];
    model_client_options_t o = model_client_options;
    o.urls = urls;
    o.model = model;
    endpoint_t *e = NEW(endpoint_t);
    e->client = model_client_open(&o); /* checks both */
    e->urls = urls;
    e->model = xstrdup(model);
    GROW(x->list, x->count, x->cap);
    x->list[x->count++] = e;
    return e;
}

bool endpoints_have_room(const endpoints_t *x)
{
    for (int i = 0; i < x->count; i++)
        if (!model_client_has_room(x->list[i]->client)) return false;
    return true;
}

int64_t endpoints_window(const endpoints_t *x)
{
    enum { PER_REQUEST = 64, LEAST = 256 };
    if (!x->count) return 0;
    int64_t n = PER_REQUEST * model_client_options.jobs;
    return n > LEAST ? n : LEAST;
}

static model_client_t *only_busy(const endpoints_t *x)
{
    model_client_t *found = NULL;
    for (int i = 0; i < x->count; i++) {
        if (!model_client_busy(x->list[i]->client)) continue;
        if (found) return NULL;
        found = x->list[i]->client;
    }
    return found;
}

void endpoints_wait(endpoints_t *x)
{
    model_client_t *one = only_busy(x);
    if (one) {
        model_client_wait(one);
        return;
    }
    for (int i = 0; i < x->count; i++)
        if (model_client_busy(x->list[i]->client)) model_client_poll(x->list[i]->client, turn_seconds);
}

void endpoints_last(endpoints_t *x)
{
    for (int i = 0; i < x->count; i++) model_client_last(x->list[i]->client);
}

void endpoints_close(endpoints_t *x)
{
    for (int i = 0; i < x->count; i++) {
        model_client_close(x->list[i]->client);
        free(x->list[i]->model);
        free(x->list[i]);
    }
    free(x->list);
    *x = (endpoints_t){0};
}
