#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "matrix/kmeans.h"
#include "nn/gemm.h"

#include <stdlib.h>

#include "unit.h"

enum { D = 5 };

/* Rows around `centres` well separated points. */
static float *blobs(int64_t n, int centres)
{
    float *x = xfloats((size_t)(n * D));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < D; j++)
            x[i * D + j] = (float)(10 * rng_normal(1, (uint64_t)(i % centres * D + j)) + 0.1 * rng_normal(2, (uint64_t)(i * D + j)));
    return x;
}

static double error_of(int64_t n, const float *x, int codes, const float *centroids)
{
    int32_t *code = NEW_ARRAY(int32_t, n);
    float *distance = xfloats((size_t)n);
    double total = 0;
    kmeans_nearest(n, D, codes, x, centroids, NULL, code, 1, distance);
    for (int64_t i = 0; i < n; i++) total += distance[i];
    free(code);
    free(distance);
    return total / (double)n;
}

TEST(nearest_agrees_with_a_scan)
{
    enum { N = 700, K = 37 };
    float *x = blobs(N, 50), *c = blobs(K, K), offset[K], distance[N];
    int32_t code[2 * N];
    for (int k = 0; k < K; k++) offset[k] = (float)(20 * rng_normal(3, (uint64_t)k));
    kmeans_nearest(N, D, K, x, c, offset, code, 2, distance);
    for (int64_t i = 0; i < N; i++) {
        double best = INFINITY, chosen = 0, plain = 0;
        for (int k = 0; k < K; k++) {
            double d = 0;
            for (int j = 0; j < D; j++) d += pow((double)x[i * D + j] - (double)c[k * D + j], 2);
            if (d + (double)offset[k] < best) best = d + (double)offset[k];
            if (k == code[2 * i]) chosen = d + (double)offset[k], plain = d;
        }
        CHECK_NEAR(chosen, best, 1e-3);
        CHECK_NEAR(distance[i], plain, 1e-3 * (1 + plain));
    }
    free(x);
    free(c);
}

TEST(equal_centroids_give_the_lowest)
{
    const float c[3 * D] = {1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0}, x[D] = {2, 0, 0, 0, 0};
    int32_t code = -1;
    kmeans_nearest(1, D, 3, x, c, NULL, &code, 1, NULL);
    CHECK(code == 1);
}

TEST(finds_separate_blobs)
{
    enum { N = 2000, K = 12 };
    float *x = blobs(N, K), c[K * D], offset[K];
    kmeans_t o = {.codes = K, .iterations = 50, .shards = 16, .key = 7};
    kmeans_fit(&o, N, D, x, c, offset);
    CHECK_NEAR(error_of(N, x, K, c), 0.01 * D, 0.005); /* the blobs' own variance: every blob has its centroid */
    for (int k = 0; k < K; k++) CHECK(offset[k] == 0);
    free(x);
}

TEST(threads_do_not_matter)
{
    enum { N = 3000, K = 64 };
    float *x = blobs(N, 300), c[2][K * D], offset[2][K];
    kmeans_t o = {.codes = K, .iterations = 10, .balance = 0.5, .shards = 16, .key = 7};
    for (int t = 0; t < 2; t++) {
        parallel_threads(t + 1);
        kmeans_fit(&o, N, D, x, c[t], offset[t]);
    }
    CHECK(!memcmp(c[0], c[1], sizeof c[0]) && !memcmp(offset[0], offset[1], sizeof offset[0]));
    free(x);
}

TEST(every_centroid_serves_while_there_are_rows)
{
    enum { N = 400, K = 100 };
    float *x = blobs(N, 200), c[K * D], offset[K];
    int32_t code[N];
    int used[K] = {0}, count = 0;
    kmeans_t o = {.codes = K, .iterations = 30, .shards = 4, .key = 1};
    kmeans_fit(&o, N, D, x, c, offset);
    kmeans_nearest(N, D, K, x, c, offset, code, 1, NULL);
    for (int i = 0; i < N; i++) count += !used[code[i]]++;
    CHECK(count == K);
    free(x);
}

TEST(fewer_distinct_rows_than_centroids)
{
    enum { N = 6, K = 16 };
    float x[N * D] = {0}, c[K * D], offset[K];
    for (int i = 0; i < N; i++) x[i * D] = (float)(i / 2);
    kmeans_t o = {.codes = K, .iterations = 5, .balance = 0.3, .shards = 16, .key = 1};
    kmeans_fit(&o, N, D, x, c, offset);
    CHECK_NEAR(error_of(N, x, K, c), 0, 1e-9);
    for (int i = 0; i < K * D; i++) CHECK(isfinite(c[i]));
    memset(x, 0, sizeof x); /* and all of them zero */
    kmeans_fit(&o, N, D, x, c, offset);
    for (int i = 0; i < K * D; i++) CHECK(c[i] == 0);
}

TEST(balance_evens_out_the_load)
{
    enum { N = 4000, K = 16 };
    float *x = xfloats(N * D), c[K * D], offset[K];
    for (int64_t i = 0; i < N; i++) /* three quarters of the rows in a narrow heap */
        for (int64_t j = 0; j < D; j++) x[i * D + j] = (float)((i % 4 ? 0.2 : 2.0) * rng_normal(5, (uint64_t)(i * D + j)));
    double entropy[2];
    for (int balanced = 0; balanced < 2; balanced++) {
        kmeans_t o = {.codes = K, .iterations = 40, .balance = balanced * 0.5, .shards = 8, .key = 3};
        kmeans_fit(&o, N, D, x, c, offset);
        int32_t code[N];
        int count[K] = {0};
        kmeans_nearest(N, D, K, x, c, offset, code, 1, NULL);
        for (int i = 0; i < N; i++) count[code[i]]++;
        entropy[balanced] = 0;
        for (int k = 0; k < K; k++)
            if (count[k]) entropy[balanced] -= count[k] / (double)N * log(count[k] / (double)N);
    }
    CHECK(entropy[1] > entropy[0] + 0.02);
    free(x);
}

TEST(offsets_stay_within_their_bound)
{
    const int64_t count[] = {100000, 0, 4000, 0};
    float offset[4] = {0};
    for (int i = 0; i < 60; i++) kmeans_balance(4, count, 0.5, offset);
    CHECK_NEAR(offset[0], 0.5 * log(100001.0 / 26001) / 3, 1e-6);
    CHECK_NEAR(offset[1], -0.5, 1e-6);
}

TEST(shards_cover_the_rows)
{
    for (int64_t n = 0; n < 40; n++) {
        int64_t expected = 0, begin, end;
        for (int64_t s = 0; s < 16; s++) {
            shard_rows(n, s, 16, &begin, &end);
            CHECK(begin == expected && end >= begin && end - begin <= n / 16 + 1);
            expected = end;
        }
        CHECK(expected == n);
    }
}

int main(void)
{
    parallel_threads(2);
    gemm_init();
    static const unit_test_t tests[] = {UNIT(nearest_agrees_with_a_scan),
                                        UNIT(equal_centroids_give_the_lowest),
                                        UNIT(finds_separate_blobs),
                                        UNIT(threads_do_not_matter),
                                        UNIT(every_centroid_serves_while_there_are_rows),
                                        UNIT(fewer_distinct_rows_than_centroids),
                                        UNIT(balance_evens_out_the_load),
                                        UNIT(offsets_stay_within_their_bound),
                                        UNIT(shards_cover_the_rows)};
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
