#include <stdlib.h>

#include "base/mem.h"
#include "data/sample.h"
#include "unit.h"

enum { USERS = 200 };

/* User u has u % 5 events: two of every five users have three or more. */
static interactions_t histories(void)
{
    interactions_t x = {.users = USERS, .items = 10};
    x.user_offsets = NEW_ARRAY(int64_t, USERS + 1);
    for (int64_t u = 0; u < USERS; u++) x.user_offsets[u + 1] = x.user_offsets[u] + u % 5;
    x.events = x.user_offsets[USERS];
    x.item_index = NEW_ARRAY(int32_t, x.events);
    return x;
}

static void drop(interactions_t *x)
{
    free(x->user_offsets);
    free(x->item_index);
}

TEST(all_users_with_a_history)
{
    interactions_t x = histories();
    int64_t want[] = {0, 80, 1000};
    for (int i = 0; i < 3; i++) {
        int64_t count, *users = sample_users(&x, SPLIT_TEST, want[i], 7, &count);
        CHECK(count == 80);
        for (int64_t k = 0; k < count; k++) CHECK(users[k] == k / 2 * 5 + 3 + k % 2);
        free(users);
    }
    drop(&x);
}

TEST(a_sample_is_sorted_nested_and_keyed)
{
    interactions_t x = histories();
    int64_t small, large, other, valid;
    int64_t *a = sample_users(&x, SPLIT_TEST, 10, 7, &small);
    int64_t *b = sample_users(&x, SPLIT_TEST, 30, 7, &large);
    int64_t *c = sample_users(&x, SPLIT_TEST, 10, 8, &other);
    int64_t *d = sample_users(&x, SPLIT_VALID, 10, 7, &valid);
    CHECK(small == 10 && large == 30 && other == 10 && valid == 10);
    CHECK(memcmp(a, c, sizeof(int64_t) * 10) != 0);
    CHECK(memcmp(a, d, sizeof(int64_t) * 10) == 0);
    for (int64_t i = 0, j = 0; i < small; i++) {
        CHECK(a[i] % 5 >= 3);
        CHECK(i == 0 || a[i] > a[i - 1]);
        while (j < large && b[j] != a[i]) j++;
        CHECK(j < large);
    }
    free(a);
    free(b);
    free(c);
    free(d);
    drop(&x);
}

TEST(no_user_is_long_enough)
{
    interactions_t x = histories();
    for (int64_t u = 0; u < USERS; u++) x.user_offsets[u + 1] = x.user_offsets[u] + 2;
    int64_t count, *users = sample_users(&x, SPLIT_VALID, 5, 7, &count);
    CHECK(count == 0);
    free(users);
    drop(&x);
}

UNIT_MAIN(UNIT(all_users_with_a_history), UNIT(a_sample_is_sorted_nested_and_keyed), UNIT(no_user_is_long_enough))
