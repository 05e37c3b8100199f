#include "gen/beam.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

beam_t beam_new(int capacity)
{
    beam_t b = {.width = capacity};
    b.live = NEW_ARRAY(beam_hypothesis_t, capacity);
    b.next = NEW_ARRAY(beam_hypothesis_t, capacity);
    b.heap = NEW_ARRAY(beam_candidate_t, capacity);
    b.done = NEW_ARRAY(beam_candidate_t, capacity);
    return b;
}

void beam_free(beam_t *b)
{
    free(b->live);
    free(b->next);
    free(b->heap);
    free(b->done);
    *b = (beam_t){0};
}

void beam_start(beam_t *b, int width, int32_t row)
{
    b->width = width;
    b->live[0] = (beam_hypothesis_t){.row = row};
    b->live_count = 1;
    b->done_count = 0;
}

/* Orders candidates by score, then item, then node and token, so that the choice never depends on the order of offers. */
static bool worse(const beam_candidate_t *x, const beam_candidate_t *y)
{
    if (x->score != y->score) return x->score < y->score;
    if (x->item != y->item) return x->item > y->item;
    if (x->node != y->node) return x->node > y->node;
    if (x->parent != y->parent) return x->parent > y->parent;
    return x->token > y->token;
}

static void sift_down(beam_candidate_t *heap, int n, int i)
{
    for (;;) {
        int worst = i, left = 2 * i + 1;
        for (int c = left; c < n && c <= left + 1; c++)
            if (worse(&heap[c], &heap[worst])) worst = c;
        if (worst == i) return;
        beam_candidate_t t = heap[i];
        heap[i] = heap[worst];
        heap[worst] = t;
        i = worst;
    }
}

static void sift_up(beam_candidate_t *heap, int i)
{
    while (i > 0 && worse(&heap[i], &heap[(i - 1) / 2])) {
        beam_candidate_t t = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = t;
        i = (i - 1) / 2;
    }
}

static void offer(beam_t *b, beam_candidate_t c)
{
    if (b->heap_count < b->width) {
        b->heap[b->heap_count] = c;
        sift_up(b->heap, b->heap_count++);
    } else if (worse(&b->heap[0], &c)) {
        b->heap[0] = c;
        sift_down(b->heap, b->width, 0);
    }
}

void beam_begin(beam_t *b)
{
    b->heap_count = 0;
    for (int i = 0; i < b->done_count; i++) offer(b, b->done[i]);
}

void beam_offer(beam_t *b, int parent, float score, int64_t node)
{
    offer(b, (beam_candidate_t){score, parent, -1, -1, node});
}

void beam_offer_token(beam_t *b, int parent, float score, int64_t node, int32_t token)
{
    offer(b, (beam_candidate_t){score, parent, token, -1, node});
}

void beam_select(beam_t *b, const trie_t *t)
{
    int live = 0;
    b->done_count = 0;
    for (int i = 0; i < b->heap_count; i++) {
        const beam_candidate_t *c = &b->heap[i];
        if (c->parent < 0) {
            b->done[b->done_count++] = *c;
            continue;
        }
        b->next[live] = b->live[c->parent];
        b->next[live].score = c->score;
        b->next[live].node = c->node;
        b->next[live].token = c->token >= 0 ? c->token : t->token[c->node];
        live++;
    }
    beam_hypothesis_t *swap = b->live;
    b->live = b->next;
    b->next = swap;
    b->live_count = live;
}

void beam_finish(beam_t *b, int i, int32_t item)
{
    b->done[b->done_count++] = (beam_candidate_t){b->live[i].score, -1, -1, item, b->live[i].node};
    b->live[i] = b->live[--b->live_count];
}

static int by_rank(const void *pa, const void *pb)
{
    const beam_candidate_t *a = pa, *b = pb;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    return (a->item > b->item) - (a->item < b->item);
}

void beam_rank(beam_t *b, int k, int32_t *items, float *scores)
{
    qsort(b->done, (size_t)b->done_count, sizeof *b->done, by_rank);
    for (int i = 0; i < k; i++) {
        items[i] = i < b->done_count ? b->done[i].item : -1;
        scores[i] = i < b->done_count ? b->done[i].score : -INFINITY;
    }
}

double beam_invalid(const beam_t *b)
{
    int invalid = 0;
    for (int i = 0; i < b->done_count; i++) invalid += b->done[i].item < 0;
    return b->done_count ? (double)invalid / b->done_count : 0;
}
