#include "data/protocol.h"

#include <string.h>

#include "data/met.h"

#define FEW_REPEATS 1e-3

const char *const protocol_names[] = {"all", "unseen", NULL}, *const protocol_words[] = {"all items", "met items left out", NULL};
const char *const protocol_choices[] = {"auto", "all", "unseen", NULL};

double protocol_repeats(const interactions_t *x)
{
    met_t met = met_new(x->items);
    int64_t events = 0, repeats = 0;
    history_t h;
    for (int64_t u = 0; u < x->users; u++) {
        if (!interactions_training(x, u, &h)) continue;
        events += h.count;
        repeats += h.count - met_take(&met, &h);
    }
    met_free(&met);
    return events ? (double)repeats / (double)events : 0;
}

protocol_t protocol_parse(const char *name, const interactions_t *x)
{
    if (!strcmp(name, "auto")) return protocol_repeats(x) <= FEW_REPEATS ? PROTOCOL_UNSEEN : PROTOCOL_ALL;
    return strcmp(name, protocol_names[PROTOCOL_UNSEEN]) ? PROTOCOL_ALL : PROTOCOL_UNSEEN;
}
