#include "data/sample.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t *sample_users(const interactions_t *x, split_t split, int64_t n, uint64_t seed, int64_t *count)
{
    int64_t *users = NEW_ARRAY(int64_t, x->users + 1);
    int64_t have = 0;
    history_t h;
    for (int64_t u = 0; u < x->users; u++)
        if (interactions_history(x, u, split, &h)) users[have++] = u;
    if (n > 0 && n < have) {
        rng_shuffle(rng_stream(seed, "sample-users"), users, have);
        qsort(users, (size_t)n, sizeof *users, ascending);
        have = n;
    }
    *count = have;
    return users;
}
