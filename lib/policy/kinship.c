#include "policy/kinship.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

/* The users whose training histories hold an item, ascending: user[first[i] .. first[i + 1]). */
struct kinship {
    int64_t *first;
    int64_t *user;
};

kinship_t *kinship_new(const interactions_t *x)
{
    kinship_t *k = NEW(kinship_t);
    int64_t *count = NEW_ARRAY(int64_t, x->items + 1), *last = NEW_ARRAY(int64_t, x->items + 1), n = 0;
    history_t h;
    k->first = NEW_ARRAY(int64_t, x->items + 1);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < x->items; i++) last[i] = -1;
        for (int64_t u = 0; u < x->users; u++) {
            if (!interactions_training(x, u, &h)) continue;
            for (int64_t e = 0; e < h.count; e++) {
                const int32_t item = h.items[e];
                if (last[item] == u) continue; /* a history counts once, however often it has an item */
                last[item] = u;
                if (pass) k->user[k->first[item] + count[item]] = u;
                count[item]++;
                n++;
            }
        }
        if (pass) break;
        k->user = NEW_ARRAY(int64_t, n + 1);
        for (int64_t i = 0; i < x->items; i++) {
            k->first[i + 1] = k->first[i] + count[i];
            count[i] = 0;
        }
    }
    free(count);
    free(last);
    return k;
}

void kinship_free(kinship_t *k)
{
    if (!k) return;
    free(k->first);
    free(k->user);
    free(k);
}

double kinship_of(const kinship_t *k, int32_t a, int32_t b)
{
    const int64_t a_end = k->first[a + 1], b_end = k->first[b + 1];
    int64_t i = k->first[a], j = k->first[b], both = 0;
    const double all = (double)(a_end - i) * (double)(b_end - j);
    while (i < a_end && j < b_end) {
        both += k->user[i] == k->user[j];
        if (k->user[i] < k->user[j]) i++;
        else if (k->user[i] > k->user[j]) j++;
        else { i++; j++; }
    }
    return all > 0 ? (double)both / sqrt(all) : 0;
}
