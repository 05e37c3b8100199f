#include "blend/listing.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/ranks.h"
#include "data/met.h"

enum { AT_ONCE = 1 << 14 }; /* histories */

/* Ends a list that -1 ends, or its room. */
static int64_t length_of(const int32_t *items, int64_t k)
{
    int64_t n = 0;
    while (n < k && items[n] >= 0) n++;
    return n;
}

void listing_each(const blend_t *b, mixer_t *m, const mixing_t *how, int64_t n, const history_t *histories, int beam, int64_t k,
                  listing_fn fn, void *ctx)
{
    const bool out = b->sources.protocol == PROTOCOL_UNSEEN;
    met_t met = met_new(b->sources.items);
    for (int64_t first = 0, count, places = k; first < n; first += count) {
        count = out ? met_chunk(&met, min64(n - first, AT_ONCE), histories + first, k, k, &places) : min64(n - first, AT_ONCE);
        int32_t *items = NEW_ARRAY(int32_t, count * places);
        float *scores = NEW_ARRAY(float, count * places);
        const ranks_block_t ours = ranks_rows(count, MIXER_BATCH);
        mixer_topk(m, how, ours.end - ours.first, histories + first + ours.first, (int)max64(beam, k), out ? (int)k : 0, places,
                   items + ours.first * places, scores + ours.first * places);
        ranks_share_rows(items, count, MIXER_BATCH, (size_t)places * sizeof *items);
        for (int64_t i = 0; i < count; i++) {
            int32_t *list = items + i * places;
            if (out) met_take(&met, &histories[first + i]);
            const int64_t left = out ? met_leave_out(&met, places, list, NULL) : length_of(list, places);
            fn(ctx, first + i, list, min64(left, k));
        }
        free(items);
        free(scores);
    }
    met_free(&met);
}
