#include "sid/sid_assign.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"

/* Computes |r - C_l[k]|^2 + offset_l[k] for every code of a level; the offsets only where asked. */
static void code_distances(const quantiser_t *q, int level, const float *r, bool offsets, float *distance)
{
    const float *c = quantiser_codebook(q, level);
    for (int k = 0; k < q->codes; k++, c += q->latent) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < q->latent; j++) sum += (r[j] - c[j]) * (r[j] - c[j]);
        distance[k] = sum + (offsets ? q->offset[level * q->codes + k] : 0);
    }
}

typedef struct {
    sids_t *s;
    const quantiser_t *q;
    const float *last;
    double bound;
    const int64_t *order;  /* items by codes */
    const int64_t *groups; /* where each group of equal earlier codes begins in `order`; one more at the end */
    int64_t group_count;
    int64_t *moved;        /* per chunk of groups */
} spread_t;

typedef struct {
    int64_t item;
    float distance;
} queued_t;

static int by_distance(const void *a, const void *b)
{
    const queued_t *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static int32_t *last_code(const sids_t *s, int64_t item) { return s->code + (item + 1) * s->levels - 1; }

/* Finds the nearest code without items; -1 where there is none within the bound. */
static int nearest_free(const spread_t *p, const int64_t *uses, const float *distance, int32_t own, double norm)
{
    int best = -1;
    for (int k = 0; k < p->q->codes; k++)
        if (!uses[k] && (best < 0 || distance[k] < distance[best])) best = k;
    if (best < 0 || (p->bound >= 0 && (double)distance[best] - (double)distance[own] > p->bound * norm)) return -1;
    return best;
}

/* Spreads one group; returns the number of items moved. */
static int64_t spread_group(const spread_t *p, int64_t begin, int64_t end, int64_t *uses, float *distance)
{
    const quantiser_t *q = p->q;
    int64_t moved = 0, shared = 0;
    memset(uses, 0, (size_t)q->codes * sizeof *uses);
    for (int64_t i = begin; i < end; i++) shared += uses[*last_code(p->s, p->order[i])]++ > 0;
    if (!shared) return 0;

    queued_t *queue = NEW_ARRAY(queued_t, end - begin);
    for (int64_t i = begin; i < end; i++) {
        int64_t item = p->order[i];
        code_distances(q, q->levels - 1, p->last + item * q->latent, false, distance);
        queue[i - begin] = (queued_t){item, distance[*last_code(p->s, item)]};
    }
    qsort(queue, (size_t)(end - begin), sizeof *queue, by_distance);
    bool *held = xcalloc((size_t)q->codes, sizeof *held);
    for (int64_t i = 0; i < end - begin; i++) {
        int32_t *code = last_code(p->s, queue[i].item);
        if (!held[*code]) { /* the nearest of its bucket */
            held[*code] = true;
            continue;
        }
        const float *r = p->last + queue[i].item * q->latent;
        double norm = 0;
        for (int64_t j = 0; j < q->latent; j++) norm += (double)r[j] * (double)r[j];
        code_distances(q, q->levels - 1, r, false, distance);
        int k = nearest_free(p, uses, distance, *code, norm);
        if (k < 0) continue;
        uses[*code]--;
        uses[k]++;
        held[k] = true;
        *code = k;
        moved++;
    }
    free(held);
    free(queue);
    return moved;
}

enum { CHUNK = 64 /* groups that one step of the parallel loop takes */ };

static void spread_chunk(void *ctx, int64_t chunk, int worker)
{
    (void)worker;
    const spread_t *p = ctx;
    int64_t *uses = NEW_ARRAY(int64_t, p->q->codes);
    float *distance = xfloats((size_t)p->q->codes);
    for (int64_t g = chunk * CHUNK; g < (chunk + 1) * CHUNK && g < p->group_count; g++)
        p->moved[chunk] += spread_group(p, p->groups[g], p->groups[g + 1], uses, distance);
    free(distance);
    free(uses);
}

int64_t sids_spread(sids_t *s, const quantiser_t *q, const float *last, double bound)
{
    int64_t *order = sids_order(s), *groups = NEW_ARRAY(int64_t, s->items + 1), count = 0, moved = 0;
    for (int64_t i = 0; i < s->items; i++) {
        bool same = i && !memcmp(s->code + order[i - 1] * s->levels, s->code + order[i] * s->levels,
                                 (size_t)(s->levels - 1) * sizeof *s->code);
        if (!same) groups[count++] = i;
    }
    groups[count] = s->items;
    int64_t chunks = (count + CHUNK - 1) / CHUNK;
    spread_t p = {s, q, last, bound, order, groups, count, NEW_ARRAY(int64_t, chunks)};
    parallel_for(chunks, spread_chunk, &p);
    for (int64_t c = 0; c < chunks; c++) moved += p.moved[c];
    free(p.moved);
    free(groups);
    free(order);
    return moved;
}

/* Buckets of equal codes, in an open-addressing hash table. */
typedef struct {
    int64_t item;  /* whose codes are the key; -1: an empty slot */
    int32_t next;  /* the suffix after the bucket's largest */
    bool bare;     /* holds an item without suffix */
} bucket_t;

typedef struct {
    const sids_t *s;
    bucket_t *slots;
    uint64_t mask;
} buckets_t;

static buckets_t buckets_new(const sids_t *s, int64_t room)
{
    uint64_t size = 16;
    while (size < 2 * (uint64_t)room) size *= 2;
    buckets_t b = {s, NEW_ARRAY(bucket_t, size), size - 1};
    for (uint64_t i = 0; i < size; i++) b.slots[i].item = -1;
    return b;
}

/* Finds the slot of these codes, empty where there is no such bucket. */
static bucket_t *bucket_of(const buckets_t *b, const int32_t *codes)
{
    size_t bytes = (size_t)b->s->levels * sizeof *codes;
    uint64_t i = XXH3_64bits(codes, bytes) & b->mask;
    while (b->slots[i].item >= 0 && memcmp(b->s->code + b->slots[i].item * b->s->levels, codes, bytes)) i = (i + 1) & b->mask;
    return &b->slots[i];
}

static void bucket_enter(const buckets_t *b, int64_t item)
{
    bucket_t *k = bucket_of(b, b->s->code + item * b->s->levels);
    if (k->item < 0) k->item = item;
    int32_t suffix = b->s->suffix[item];
    if (suffix < 0) k->bare = true;
    else if (suffix >= k->next) k->next = suffix + 1;
}

typedef struct {
    const sids_t *s;
    const quantiser_t *q;
    suffix_t how;
    buckets_t buckets;
} placing_t;

static bool has_room(const placing_t *p, const int32_t *codes)
{
    const bucket_t *k = bucket_of(&p->buckets, codes);
    if (k->item < 0) return p->how == SUFFIX_COLLIDE || p->s->max_suffix > 0;
    return !k->bare && k->next < p->s->max_suffix;
}

/* Searches the codes of `level` and below, depth first and nearest first, until a free SID is found; codes holds it. */
static bool place(const placing_t *p, int level, const float *residual, int32_t *codes)
{
    const quantiser_t *q = p->q;
    float *distance = xfloats((size_t)q->codes), *rest = xfloats((size_t)q->latent);
    code_distances(q, level, residual, true, distance);
    queued_t *queue = NEW_ARRAY(queued_t, q->codes);
    for (int k = 0; k < q->codes; k++) queue[k] = (queued_t){k, distance[k]};
    qsort(queue, (size_t)q->codes, sizeof *queue, by_distance);
    bool found = false;
    for (int i = 0; i < q->codes && !found; i++) {
        codes[level] = (int32_t)queue[i].item;
        if (level + 1 == q->levels) {
            found = has_room(p, codes);
            continue;
        }
        const float *c = quantiser_codebook(q, level) + queue[i].item * q->latent;
        for (int64_t j = 0; j < q->latent; j++) rest[j] = residual[j] - c[j];
        found = place(p, level + 1, rest, codes);
    }
    free(queue);
    free(rest);
    free(distance);
    return found;
}

sid_assign_t sids_add(sids_t *s, const quantiser_t *q, suffix_t how, int64_t n, const float *latents, const strtab_t *ids)
{
    int64_t before = s->items, total = before + n;
    if (total > INT32_MAX) die(EX_DATAERR, "%lld items, expected fewer than 2^31", (long long)total);
    s->code = xreallocarray(s->code, size_mul((size_t)total, (size_t)s->levels), sizeof *s->code);
    s->suffix = xreallocarray(s->suffix, (size_t)total, sizeof *s->suffix);
    strtab_t all = {0};
    for (int64_t i = 0; i < total; i++) {
        size_t length;
        const char *id = i < before ? strtab_get(&s->item_ids, i, &length) : strtab_get(ids, i - before, &length);
        strtab_add(&all, id, length);
    }
    strtab_free(&s->item_ids);
    s->item_ids = all;

    placing_t p = {s, q, how, buckets_new(s, total)};
    for (int64_t i = 0; i < before; i++) bucket_enter(&p.buckets, i);
    int32_t *nearest = NEW_ARRAY(int32_t, n * s->levels);
    quantiser_codes(q, n, latents, nearest, NULL);
    sid_assign_t report = {.added = n};
    for (int64_t i = 0; i < n; i++) {
        int32_t *codes = s->code + (before + i) * s->levels, *wish = nearest + i * s->levels;
        memcpy(codes, wish, (size_t)s->levels * sizeof *codes);
        if (!has_room(&p, codes) && !place(&p, 0, latents + i * q->latent, codes))
            die(EX_DATAERR, "no free SID is left for a new item after %lld items of %d codes on %d levels; fit new SIDs",
                (long long)(before + i), s->codes, s->levels);
        report.moved += memcmp(codes, wish, (size_t)s->levels * sizeof *codes) != 0;
        report.strayed += memcmp(codes, wish, (size_t)(s->levels - 1) * sizeof *codes) != 0;
        const bucket_t *k = bucket_of(&p.buckets, codes);
        s->suffix[before + i] = how == SUFFIX_ALWAYS || k->item >= 0 ? k->next : -1;
        s->items = before + i + 1;
        bucket_enter(&p.buckets, before + i);
    }
    free(nearest);
    free(p.buckets.slots);
    return report;
}
