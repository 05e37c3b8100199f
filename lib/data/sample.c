#include "data/sample.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/rng.h"

int64_t *sample_users(const interactions_t *x, split_t split, int64_t n, uint64_t seed, int64_t *count)
{
    int64_t *users = NEW_ARRAY(int64_t, x->users + 1);
    int64_t have = 0;
    for (int64_t u = 0; u < x->users; u++)
        if (interactions_cases(x, u, split, NULL)) users[have++] = u;
    if (n > 0 && n < have) {
        rng_sample(rng_stream(seed, "sample-users"), users, have, n);
        have = n;
    }
    *count = have;
    return users;
}

case_t *sample_cases(const interactions_t *x, split_t split, int64_t n, uint64_t seed, int64_t *count)
{
    int64_t users, *user = sample_users(x, split, n, seed, &users), longest = 0;
    *count = 0;
    for (int64_t i = 0; i < users; i++) {
        const int64_t cases = interactions_cases(x, user[i], split, NULL);
        *count += cases;
        longest = max64(longest, cases);
    }
    case_t *all = NEW_ARRAY(case_t, *count + 1), *next = all;
    int64_t *at = NEW_ARRAY(int64_t, longest + 1);
    for (int64_t i = 0; i < users; i++) {
        const int64_t cases = interactions_cases(x, user[i], split, at);
        for (int64_t k = 0; k < cases; k++) *next++ = (case_t){user[i], at[k]};
    }
    free(at);
    free(user);
    return all;
}
