/* The k-core of users and items. */
#ifndef SIDMILL_INGEST_KCORE_H
#define SIDMILL_INGEST_KCORE_H

#include <stdbool.h>
#include <stdint.h>

/* Finds the largest sets of users and items in which everyone has at least `k` events with a member of the other set: what
 * removing users and items with fewer than k events, until none is left to remove, ends with. User u's events are
 * item[offsets[u] .. offsets[u + 1]), each in [0, items); a repeated pair counts each time. Sets keep_user [users] and
 * keep_item [items]; an event stays if both its ends do. At most INT32_MAX users. Time and
 * memory are linear in users + items + events. */
void kcore(int64_t k, int64_t users, int64_t items, const int64_t *offsets, const int32_t *item,
           bool *keep_user, bool *keep_item);

#endif
