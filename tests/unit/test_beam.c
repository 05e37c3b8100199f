/* What a beam keeps of what it is offered. */
#include <stdlib.h>

#include "base/rng.h"
#include "gen/beam.h"
#include "unit.h"

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* The beam keeps the best, whatever the order of offers; among equal scores the lower node. */
TEST(beam_keeps_the_best)
{
    enum { WIDTH = 7, OFFERS = 100 };
    int32_t token[OFFERS] = {0}, children[OFFERS] = {0};
    const trie_t t = {.nodes = OFFERS, .token = token, .children = children};
    float scores[OFFERS], sorted[OFFERS];
    beam_t b = beam_new(WIDTH);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < OFFERS; i++) sorted[i] = scores[i] = -(float)rng_below((uint64_t)round, (uint64_t)i, 30); /* many equal */
        qsort(sorted, OFFERS, sizeof *sorted, descending);
        beam_start(&b, WIDTH, 0);
        beam_begin(&b);
        for (int i = 0; i < OFFERS; i++) beam_offer(&b, 0, scores[(i * 37) % OFFERS], (i * 37) % OFFERS);
        beam_select(&b, &t);
        CHECK(b.live_count == WIDTH && b.done_count == 0);
        int last = 0; /* kept with the worst score kept */
        for (int i = 0; i < WIDTH; i++) {
            CHECK(b.live[i].score >= sorted[WIDTH - 1] && b.live[i].score == scores[b.live[i].node]);
            last += b.live[i].score == sorted[WIDTH - 1];
        }
        for (int n = 0; n < OFFERS; n++) {
            if (scores[n] != sorted[WIDTH - 1] || --last < 0) continue;
            int found = 0;
            for (int i = 0; i < WIDTH; i++) found += b.live[i].node == n;
            CHECK(found == 1);
        }
    }
    beam_free(&b);
}

/* A finished item keeps its place while it is good enough, and loses it to better ones. */
TEST(finished_items_compete)
{
    int32_t token[8] = {0};
    const trie_t t = {.nodes = 8, .token = token};
    int32_t items[2];
    float scores[2];
    beam_t b = beam_new(2);
    beam_start(&b, 2, 0);
    beam_begin(&b);
    beam_offer(&b, 0, -1, 1);
    beam_offer(&b, 0, -2, 2);
    beam_select(&b, &t);
    for (int i = 0; i < b.live_count; i++)
        if (b.live[i].node == 2) beam_finish(&b, i, 9);
    CHECK(b.live_count == 1 && b.done_count == 1);
    beam_begin(&b);
    beam_offer(&b, 0, -3, 3); /* worse than the finished -2 */
    beam_offer(&b, 0, -1.5f, 4);
    beam_select(&b, &t);
    CHECK(b.live_count == 1 && b.live[0].node == 4 && b.done_count == 1);
    beam_begin(&b);
    beam_offer(&b, 0, -1.6f, 5);
    beam_offer(&b, 0, -1.7f, 6); /* both better than it */
    beam_select(&b, &t);
    CHECK(b.live_count == 2 && b.done_count == 0);
    beam_finish(&b, 0, 3);
    beam_finish(&b, 0, 2);
    beam_rank(&b, 2, items, scores);
    CHECK(scores[0] == -1.6f && scores[1] == -1.7f);
    beam_free(&b);
}

UNIT_MAIN(UNIT(beam_keeps_the_best), UNIT(finished_items_compete))
