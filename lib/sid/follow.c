#include "sid/follow.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

enum { PAIRS = 4096, PER_USER = 8, OTHERS = 512 };

/* Counts, and where `place` is not NULL lists, the places of a training history that another item follows. */
static int64_t followed(const interactions_t *x, int64_t user, int64_t *place)
{
    history_t h;
    int64_t count = 0;
    if (!interactions_training(x, user, &h)) return 0;
    for (int64_t i = 0; i + 1 < h.count; i++) {
        if (h.items[i] == h.items[i + 1]) continue;
        if (place) place[count] = i;
        count++;
    }
    return count;
}

/* The users that have a pair, in random order. */
static int64_t *shuffled_users(const interactions_t *x, uint64_t key, int64_t *count)
{
    int64_t *users = NEW_ARRAY(int64_t, x->users);
    *count = 0;
    for (int64_t u = 0; u < x->users; u++)
        if (followed(x, u, NULL)) users[(*count)++] = u;
    rng_shuffle(key, users, *count);
    return users;
}

/* Appends some of a user's pairs, drawn without replacement, as rows of the catalogue. */
static void add_user(follow_t *f, const interactions_t *x, int64_t user, int64_t most, uint64_t key)
{
    const int32_t *items = x->item_index + x->user_offsets[user];
    int64_t count = followed(x, user, NULL), *place = NEW_ARRAY(int64_t, count), pairs = f->user_offsets[f->users];
    followed(x, user, place);
    rng_shuffle(rng_key(key, (uint64_t)user), place, count);
    for (int64_t i = 0; i < count && i < most; i++, pairs++) {
        f->from[pairs] = items[place[i]];
        f->to[pairs] = items[place[i] + 1];
    }
    free(place);
    f->user_offsets[++f->users] = pairs;
}

static void add_others(follow_t *f, const interactions_t *x, uint64_t key)
{
    int32_t *events = NEW_ARRAY(int32_t, x->events);
    uint64_t count = 0;
    history_t h;
    for (int64_t u = 0; u < x->users; u++)
        if (interactions_training(x, u, &h))
            for (int64_t i = 0; i < h.count; i++) events[count++] = h.items[i];
    f->others = OTHERS;
    f->other = NEW_ARRAY(int32_t, f->others);
    for (int64_t i = 0; i < f->others; i++) f->other[i] = events[rng_below(key, (uint64_t)i, count)];
    free(events);
}

static void renumber(int32_t *items, int64_t n, const int32_t *number)
{
    for (int64_t i = 0; i < n; i++) items[i] = number[items[i]];
}

/* Leaves the items out that are in no pair and not among the others. */
static void number_items(follow_t *f, int64_t catalogue)
{
    const int64_t pairs = f->user_offsets[f->users];
    int32_t *number = NEW_ARRAY(int32_t, catalogue);
    for (int64_t i = 0; i < pairs; i++) number[f->from[i]] = number[f->to[i]] = 1;
    for (int64_t i = 0; i < f->others; i++) number[f->other[i]] = 1;
    f->item = NEW_ARRAY(int64_t, catalogue);
    for (int64_t i = 0; i < catalogue; i++) {
        if (!number[i]) continue;
        number[i] = (int32_t)f->items;
        f->item[f->items++] = i;
    }
    renumber(f->from, pairs, number);
    renumber(f->to, pairs, number);
    renumber(f->other, f->others, number);
    free(number);
}

follow_t follow_sample(const interactions_t *x, const char *name, uint64_t seed)
{
    const uint64_t key = rng_stream(seed, "follow");
    int64_t count, *users = shuffled_users(x, rng_key(key, 0), &count);
    if (count < 4)
        die_at(name, 0, "%lld users in whose training history one item follows another, expected 4 or more to weigh evidence by",
               (long long)count);
    int64_t most = 2 * PAIRS / count;
    most = most < 1 ? 1 : most > PER_USER ? PER_USER : most;
    if (count > 2 * PAIRS) count = 2 * PAIRS;
    follow_t f = {.fitting = count / 2, .user_offsets = NEW_ARRAY(int64_t, count + 1)};
    f.from = NEW_ARRAY(int32_t, count * most);
    f.to = NEW_ARRAY(int32_t, count * most);
    for (int64_t i = 0; i < count; i++) add_user(&f, x, users[i], most, rng_key(key, 1));
    add_others(&f, x, rng_key(key, 2));
    number_items(&f, x->items);
    free(users);
    return f;
}

void follow_free(follow_t *f)
{
    free(f->item);
    free(f->user_offsets);
    free(f->from);
    free(f->to);
    free(f->other);
    *f = (follow_t){0};
}
