/* AdamW (Loshchilov & Hutter 2019), gradient reduction over shards in a fixed order, and learning-rate schedules. */
#ifndef SIDMILL_NN_OPTIM_H
#define SIDMILL_NN_OPTIM_H

#include <stdint.h>

typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
} adamw_t;

/* One step over n parameters: w, first moment m, second moment v; `step` counts from 1; the gradient is multiplied by
 * `scale` first (clipping). */
void adamw_step(const adamw_t *o, int64_t step, double scale, int64_t n, float *w, const float *grad, float *m, float *v);

/* parts[0][0..n) becomes the sum of parts[0] ... parts[count - 1], added pairwise in a tree fixed by shard number, in
 * parallel over slices of n. The other parts are destroyed. */
void reduce_tree(float *const *parts, int count, int64_t n);

/* Sum of squares of n floats, accumulated in double over fixed blocks, in parallel. */
double sum_squares(const float *x, int64_t n);

/* Linear warm-up over `warmup` steps, then a cosine from 1 to `floor` at `total`. `step` counts from 0. */
double cosine_schedule(int64_t step, int64_t warmup, int64_t total, double floor);

/* A cosine from `peak` at done = 0 to 0 at done = 1, times a linear warm-up over the first `warmup` updates. */
double warm_cosine(double peak, int64_t updates, int64_t warmup, double done);

#endif
