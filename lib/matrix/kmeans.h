/* k-means: seeding by k-means++ (Arthur & Vassilvitskii 2007), Lloyd's iterations, and the search for the nearest centroid,
 * with an optional offset per centroid that evens out their load. */
#ifndef SIDMILL_MATRIX_KMEANS_H
#define SIDMILL_MATRIX_KMEANS_H

#include <stdint.h>

typedef struct {
    int codes;       /* K */
    int iterations;  /* of Lloyd's; fewer when nothing moves any more */
    double balance;  /* bound of the load offsets, in units of the mean squared distance; 0: plain k-means */
    int shards;      /* pieces that the rows are cut into: part of the result */
    uint64_t key;    /* random numbers */
} kmeans_t;

/* For each of n rows of x [n, d]: code[i * stride] is the k of smallest |x_i - c_k|^2 + offset_k, the lowest among equals.
 * `offset` [codes] may be NULL; distance [n] may be NULL, else receives |x_i - c_k|^2. Runs on the calling thread. */
void kmeans_nearest(int64_t n, int64_t d, int codes, const float *x, const float *centroids, const float *offset, int32_t *code,
                    int stride, float *distance);

/* Fits centroids [codes, d] to x [n, d], n >= 1, and the load offsets [codes] (zeros without balance). A centroid that no row
 * chooses moves to a row far from its own, while there is one. Of fewer distinct rows than centroids, the others are copies.
 * Runs in parallel over the shards. */
void kmeans_fit(const kmeans_t *o, int64_t n, int64_t d, const float *x, float *centroids, float *offset);

/* One step of load balancing (the idea: S2GR, arXiv 2601.18664): each offset goes a quarter of the way to
 * bound * log(load) / 3, where load is the centroid's count over the mean count; offsets stay within +-bound. count [codes]:
 * rows that chose each. */
void kmeans_balance(int codes, const int64_t *count, double bound, float *offset);

/* Rows [*begin, *end) of shard `shard` of `shards` over n rows. */
static inline void shard_rows(int64_t n, int64_t shard, int64_t shards, int64_t *begin, int64_t *end)
{
    *begin = n / shards * shard + (shard < n % shards ? shard : n % shards);
    *end = *begin + n / shards + (shard < n % shards);
}

#endif
