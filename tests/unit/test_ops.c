/* Each operation of the transformer by itself: its forward against a plain reference in double, its backward against central
 * differences of that reference. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/st.h"
#include "nn/attention.h"
#include "nn/attention_rows.h"
#include "nn/ops.h"
#include "nn/rope.h"
#include "unit.h"

enum { MAX = 4096 };

/* A scalar function of x[0 .. n): sum_i c[i] y_i(x), with the operation's own data in ctx. */
typedef double (*function_t)(const void *ctx, const double *x);

static float *randoms(int64_t n, const char *name, double scale)
{
    float *x = xfloats((size_t)n);
    uint64_t key = rng_stream(11, name);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(scale * rng_normal(key, (uint64_t)i));
    return x;
}

static void check_difference(function_t f, const void *ctx, int64_t n, const float *at, const float *gradient, double tolerance)
{
    double x[MAX];
    const double step = 1e-5;
    for (int64_t i = 0; i < n; i++) x[i] = at[i];
    for (int64_t i = 0; i < n; i++) {
        double kept = x[i], up, down;
        x[i] = kept + step;
        up = f(ctx, x);
        x[i] = kept - step;
        down = f(ctx, x);
        x[i] = kept;
        CHECK_NEAR(gradient[i], (up - down) / (2 * step), tolerance);
    }
}

/* RMSNorm: x is [rows, d] followed by the gain [d]. */
enum { NORM_ROWS = 3, NORM_D = 20 };
static const double norm_eps = 1e-3; /* large enough to be seen */

static void norm_reference(const double *x, double *y)
{
    const double *gain = x + NORM_ROWS * NORM_D;
    for (int r = 0; r < NORM_ROWS; r++) {
        double mean = 0;
        for (int i = 0; i < NORM_D; i++) mean += x[r * NORM_D + i] * x[r * NORM_D + i] / NORM_D;
        for (int i = 0; i < NORM_D; i++) y[r * NORM_D + i] = x[r * NORM_D + i] / sqrt(mean + norm_eps) * gain[i];
    }
}

static double norm_sum(const void *c, const double *x)
{
    double y[NORM_ROWS * NORM_D], sum = 0;
    norm_reference(x, y);
    for (int i = 0; i < NORM_ROWS * NORM_D; i++) sum += ((const float *)c)[i] * y[i];
    return sum;
}

TEST(rmsnorm)
{
    enum { N = NORM_ROWS * NORM_D };
    const backend_t *b = backend_open("f32");
    float *x = randoms(N + NORM_D, "x", 0.5), *dy = randoms(N, "dy", 1), inv_rms[NORM_ROWS], packed[N], y[N], grad[N + NORM_D];
    double wide[N + NORM_D], expected[N];
    for (int i = 0; i < N + NORM_D; i++) wide[i] = x[i];
    norm_reference(wide, expected);
    rmsnorm_forward(b, NORM_ROWS, NORM_D, (float)norm_eps, x, x + N, inv_rms, packed, y);
    for (int i = 0; i < N; i++) {
        CHECK_NEAR(y[i], expected[i], 1e-5);
        CHECK(packed[i] == y[i]);
    }
    for (int i = 0; i < N + NORM_D; i++) grad[i] = 1; /* the backward adds */
    rmsnorm_backward(NORM_ROWS, NORM_D, x, x + N, inv_rms, dy, grad, grad + N);
    for (int i = 0; i < N + NORM_D; i++) grad[i] -= 1;
    check_difference(norm_sum, dy, N + NORM_D, x, grad, 1e-4);
    free(x);
    free(dy);
}

/* SwiGLU over rows of [gate | up]; a row longer than the block that the code works in. */
enum { GLU_ROWS = 2, GLU_F = 600 };

static double glu_sum(const void *c, const double *x)
{
    double sum = 0;
    for (int r = 0; r < GLU_ROWS; r++)
        for (int i = 0; i < GLU_F; i++) {
            double gate = x[r * 2 * GLU_F + i], up = x[r * 2 * GLU_F + GLU_F + i];
            sum += ((const float *)c)[r * GLU_F + i] * gate / (1 + exp(-gate)) * up;
        }
    return sum;
}

TEST(swiglu)
{
    enum { N = GLU_ROWS * GLU_F };
    const backend_t *b = backend_open("f32");
    float *x = randoms(2 * N, "gate up", 2), *dy = randoms(N, "dy", 1), *act = xfloats(N), *grad = xfloats(2 * N);
    x[0] = 60; /* where the sigmoid is 1, and 0 */
    x[1] = -60;
    swiglu_forward(b, GLU_ROWS, GLU_F, x, act);
    for (int r = 0; r < GLU_ROWS; r++)
        for (int i = 0; i < GLU_F; i++) {
            double gate = x[r * 2 * GLU_F + i];
            CHECK_NEAR(act[r * GLU_F + i], gate / (1 + exp(-gate)) * x[r * 2 * GLU_F + GLU_F + i], 2e-5);
        }
    swiglu_backward(b, GLU_ROWS, GLU_F, x, dy, grad);
    check_difference(glu_sum, dy, 2 * N, x, grad, 2e-4);
    free(x);
    free(dy);
    free(act);
    free(grad);
}

TEST(rope_rotates_pairs_by_position)
{
    enum { DIM = 12, HEADS = 2, N = DIM * HEADS };
    rope_t r = rope_make(50, DIM, 10000, (rope_scaling_t){0});
    float *x = randoms(N, "x", 1), y[N];
    memcpy(y, x, sizeof y);
    rope_row(&r, 37, HEADS, false, y);
    for (int h = 0; h < HEADS; h++)
        for (int i = 0; i < DIM / 2; i++) {
            double angle = 37 * pow(10000, -2.0 * i / DIM), a = x[h * DIM + i], b = x[h * DIM + DIM / 2 + i];
            CHECK_NEAR(y[h * DIM + i], a * cos(angle) - b * sin(angle), 1e-6);
            CHECK_NEAR(y[h * DIM + DIM / 2 + i], a * sin(angle) + b * cos(angle), 1e-6);
        }
    rope_row(&r, 37, HEADS, true, y); /* a rotation's transpose, so its backward, is its inverse */
    for (int i = 0; i < N; i++) CHECK_NEAR(y[i], x[i], 1e-6);
    rope_row(&r, 0, HEADS, false, y);
    for (int i = 0; i < N; i++) CHECK_NEAR(y[i], x[i], 1e-6);
    rope_free(&r);
    free(x);
}

/* A query and a key see only how far apart they stand. */
TEST(rope_is_relative)
{
    enum { DIM = 8 };
    rope_t r = rope_make(100, DIM, 10000, (rope_scaling_t){0});
    float *q = randoms(DIM, "q", 1), *k = randoms(DIM, "k", 1);
    double found[2];
    for (int i = 0; i < 2; i++) {
        float a[DIM], b[DIM];
        memcpy(a, q, sizeof a);
        memcpy(b, k, sizeof b);
        rope_row(&r, 9 + 60 * i, 1, false, a);
        rope_row(&r, 4 + 60 * i, 1, false, b);
        found[i] = 0;
        for (int d = 0; d < DIM; d++) found[i] += a[d] * b[d];
    }
    CHECK_NEAR(found[0], found[1], 1e-5);
    rope_free(&r);
    free(q);
    free(k);
}

/* Attention with 4 query heads on 2 key-value heads; 19 rows, more than one vector's lanes. */
enum { ROWS = 19, HEADS = 4, KV = 2, DIM = 6, WIDTH = (HEADS + 2 * KV) * DIM, OUT = HEADS * DIM };
static const attention_shape_t shape = {HEADS, KV, DIM};

/* What dropout multiplies the probability of key j for a query of a head with; found by asking the forward itself. */
typedef struct {
    const float *c;
    double factor[HEADS][ROWS][ROWS];
} attention_context_t;

static void attention_reference(const attention_context_t *a, const double *qkv, double *out, double *log_sum)
{
    for (int h = 0; h < HEADS; h++)
        for (int i = 0; i < ROWS; i++) {
            const int kv = h * KV / HEADS;
            const double *q = qkv + i * WIDTH + h * DIM;
            double p[ROWS], sum = 0;
            for (int j = 0; j <= i; j++) {
                const double *k = qkv + j * WIDTH + (HEADS + kv) * DIM;
                double s = 0;
                for (int d = 0; d < DIM; d++) s += q[d] * k[d];
                p[j] = exp(s / sqrt(DIM));
                sum += p[j];
            }
            if (log_sum) log_sum[i * HEADS + h] = log(sum);
            for (int d = 0; d < DIM; d++) {
                double y = 0;
                for (int j = 0; j <= i; j++) y += p[j] / sum * a->factor[h][i][j] * qkv[j * WIDTH + (HEADS + KV + kv) * DIM + d];
                out[i * OUT + h * DIM + d] = y;
            }
        }
}

static double attention_sum(const void *ctx, const double *qkv)
{
    const attention_context_t *a = ctx;
    double out[ROWS * OUT], sum = 0;
    attention_reference(a, qkv, out, NULL);
    for (int i = 0; i < ROWS * OUT; i++) sum += a->c[i] * out[i];
    return sum;
}

/* With queries of zero every probability is 1 / (i + 1); with the value of key j alone one, out is that times the factor. */
static void find_factors(attention_context_t *a, dropout_t drop, float *scratch)
{
    float qkv[ROWS * WIDTH], out[ROWS * OUT], log_sum[ROWS * HEADS];
    for (int j = 0; j < ROWS; j++) {
        memset(qkv, 0, sizeof qkv);
        for (int d = 0; d < KV * DIM; d++) qkv[j * WIDTH + (HEADS + KV) * DIM + d] = 1;
        attention_forward(shape, ROWS, qkv, drop, out, log_sum, scratch);
        for (int h = 0; h < HEADS; h++)
            for (int i = 0; i < ROWS; i++) a->factor[h][i][j] = (double)out[i * OUT + h * DIM] * (i + 1);
    }
}

static void check_attention(double dropout)
{
    attention_context_t *a = NEW(attention_context_t);
    float *qkv = randoms(ROWS * WIDTH, "qkv", 1.2), *dout = randoms(ROWS * OUT, "dout", 1);
    float *scratch = xfloats((size_t)attention_scratch(shape, ROWS)), out[ROWS * OUT], log_sum[ROWS * HEADS], dqkv[ROWS * WIDTH];
    double wide[ROWS * WIDTH], expected[ROWS * OUT], expected_log_sum[ROWS * HEADS];
    const dropout_t drop = dropout_site(dropout, 3, 4);
    a->c = dout;
    find_factors(a, drop, scratch);
    int kept = 0, pairs = HEADS * ROWS * (ROWS + 1) / 2;
    for (int h = 0; h < HEADS; h++)
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j <= i; j++) {
                double f = a->factor[h][i][j];
                CHECK(fabs(f) < 1e-6 || fabs(f - 1 / (1 - dropout)) < 1e-5);
                kept += f > 0.5;
            }
    CHECK_NEAR((double)kept / pairs, 1 - dropout, dropout > 0 ? 0.06 : 0);

    for (int i = 0; i < ROWS * WIDTH; i++) wide[i] = qkv[i];
    attention_reference(a, wide, expected, expected_log_sum);
    attention_forward(shape, ROWS, qkv, drop, out, log_sum, scratch);
    for (int i = 0; i < ROWS * OUT; i++) CHECK_NEAR(out[i], expected[i], 1e-5);
    for (int i = 0; i < ROWS * HEADS; i++) CHECK_NEAR(log_sum[i], expected_log_sum[i], 1e-5);
    attention_backward(shape, ROWS, qkv, log_sum, dout, drop, dqkv, scratch);
    check_difference(attention_sum, a, ROWS * WIDTH, qkv, dqkv, 1e-4);
    free(a);
    free(qkv);
    free(dout);
    free(scratch);
}

TEST(attention_plain) { check_attention(0); }
TEST(attention_with_dropout) { check_attention(0.4); }

/* Several queries together give what each by itself gives, bit for bit, and that is what loops in double give. */
static void check_rows(int count, int64_t n, int64_t dim)
{
    enum { MOST = 40, STRIDE = 80 };
    float *x = randoms(TOGETHER * STRIDE, "x", 1), *w = randoms(TOGETHER * 48, "w", 1), *rows = randoms(MOST * STRIDE, "rows", 1);
    float *columns = xfloats(STRIDE * 48), *dots[2], *sums[2], *spread[2];
    const int64_t width = padded(n);
    rows_transpose(n, dim, STRIDE, rows, width, columns);
    for (int t = 0; t < 2; t++) { /* one by one, then together */
        dots[t] = xfloats(TOGETHER * 48);
        sums[t] = randoms(TOGETHER * STRIDE, "sums", 1);
        spread[t] = randoms(MOST * STRIDE, "spread", 1);
        for (int i = 0; i < count; i += t ? count : 1) {
            rows_dots(t ? count : 1, width, width, dim, 0.5f, x + i * STRIDE, STRIDE, columns, dots[t] + i * width);
            rows_sum(t ? count : 1, n, dim, STRIDE, w + i * width, width, rows, sums[t] + i * STRIDE, STRIDE);
            rows_spread(t ? count : 1, n, dim, STRIDE, w + i * width, width, x + i * STRIDE, STRIDE, spread[t]);
        }
    }
    CHECK(!memcmp(dots[0], dots[1], TOGETHER * 48 * sizeof(float)) && !memcmp(sums[0], sums[1], TOGETHER * STRIDE * sizeof(float)) &&
          !memcmp(spread[0], spread[1], MOST * STRIDE * sizeof(float)));
    float *start = randoms(TOGETHER * STRIDE, "sums", 1);
    for (int i = 0; i < count; i++)
        for (int64_t d = 0; d < dim; d++) {
            double sum = (double)start[i * STRIDE + d];
            for (int64_t j = 0; j < n; j++) sum += (double)w[i * width + j] * (double)rows[j * STRIDE + d];
            CHECK_NEAR(sums[1][i * STRIDE + d], sum, 1e-4);
        }
    float *all[] = {x, w, rows, columns, dots[0], dots[1], sums[0], sums[1], spread[0], spread[1], start};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

TEST(rows_together_are_rows_one_by_one)
{
    const int64_t dims[] = {5, 16, 32, 70};
    for (int count = 1; count <= TOGETHER; count++)
        for (int64_t n = 1; n <= 37; n += 9)
            for (int i = 0; i < 4; i++) check_rows(count, n, dims[i]);
}

/* The last row against a cache is the last row of the whole. */
TEST(attention_extends)
{
    float *qkv = randoms(ROWS * WIDTH, "qkv", 1.2), *scratch = xfloats((size_t)attention_scratch(shape, ROWS));
    float out[ROWS * OUT], log_sum[ROWS * HEADS], last[OUT], scores[ROWS];
    attention_forward(shape, ROWS, qkv, dropout_site(0, 0, 0), out, log_sum, scratch);
    for (int extra = 0; extra < 4; extra++) {
        const float *rows[3];
        for (int i = 0; i < extra; i++) rows[i] = qkv + (ROWS - 1 - extra + i) * WIDTH;
        attention_extend(shape, qkv + (ROWS - 1) * WIDTH, ROWS - 1 - extra, qkv, extra, rows, last, NULL, scores);
        for (int i = 0; i < OUT; i++) CHECK_NEAR(last[i], out[(ROWS - 1) * OUT + i], 1e-5);
    }
    free(qkv);
    free(scratch);
}

/* Against a cache in 16 bits: what the same numbers in floats give, for any number of rows at a time. */
TEST(attention_extends_cached)
{
    enum { PREFIX = 11, NEW = 6, MOST = 3 };
    float *qkv = randoms((PREFIX + NEW) * WIDTH, "qkv", 1.2), *above = randoms(NEW * MOST * WIDTH, "above", 1.2), *fresh = qkv + PREFIX * WIDTH;
    float *scratch = xfloats((size_t)attention_cached_scratch(shape, PREFIX)), out[NEW * OUT], one[OUT], expected[OUT], scores[PREFIX + MOST + 1];
    uint16_t cache[PREFIX * 2 * KV * DIM];
    const float *rows[NEW * MOST];
    for (int r = 0; r < PREFIX; r++) {
        float *kv = qkv + r * WIDTH + HEADS * DIM;
        st_bf16_of(2 * KV * DIM, kv, cache + r * 2 * KV * DIM);
        st_floats_of_bf16(2 * KV * DIM, cache + r * 2 * KV * DIM, kv);
    }
    for (int extra = 0; extra <= MOST; extra++) {
        for (int i = 0; i < NEW * extra; i++) rows[i] = above + i * WIDTH;
        attention_extend_cached(shape, NEW, fresh, PREFIX, cache, extra, rows, out, scratch);
        for (int r = 0; r < NEW; r++) {
            attention_extend(shape, fresh + r * WIDTH, PREFIX, qkv, extra, rows + r * extra, expected, NULL, scores);
            attention_extend_cached(shape, 1, fresh + r * WIDTH, PREFIX, cache, extra, rows + r * extra, one, scratch);
            for (int i = 0; i < OUT; i++) CHECK_NEAR(out[r * OUT + i], expected[i], 1e-5);
            CHECK(!memcmp(one, out + r * OUT, sizeof one));
        }
    }
    free(qkv);
    free(above);
    free(scratch);
}

TEST(dropout_keeps_its_share_and_the_mean)
{
    enum { N = 100000 };
    const backend_t *b = backend_open("f32");
    float *x = xfloats(N), *y = xfloats(N), *zero = xfloats(N);
    const dropout_t drop = dropout_site(0.3, 1, 2), other = dropout_site(0.3, 1, 3), none = dropout_site(0, 1, 2);
    int kept = 0, differ = 0;
    for (int i = 0; i < N; i++) x[i] = 1;
    dropout_scale(N, drop, x);
    for (int i = 0; i < N; i++) {
        CHECK(x[i] == 0 || fabsf(x[i] - 1 / 0.7f) < 1e-6f);
        CHECK(dropout_factor(none, (uint32_t)i) == 1);
        kept += x[i] > 0;
        differ += (dropout_factor(other, (uint32_t)i) > 0) != (x[i] > 0);
    }
    CHECK_NEAR(kept / (double)N, 0.7, 0.01);
    CHECK_NEAR(differ / (double)N, 2 * 0.3 * 0.7, 0.01); /* another site draws another mask */

    /* the forward and both backwards apply one mask */
    float *ones = xfloats(N);
    for (int i = 0; i < N; i++) ones[i] = 1;
    residual_dropout_forward(N, zero, ones, drop, y);
    CHECK(!memcmp(x, y, N * sizeof *x));
    dropout_backward_pack(b, N / 100, 100, ones, drop, y);
    CHECK(!memcmp(x, y, N * sizeof *x));
    free(x);
    free(y);
    free(zero);
    free(ones);
}

TEST(exponential)
{
    double worst = 0;
    for (int i = -8700; i <= 8700; i++) {
        float x = (float)i / 100;
        double error = fabs(fast_exp(x) / exp(x) - 1);
        if (error > worst) worst = error;
    }
    CHECK_NEAR(worst, 0, 2.5e-7);
    CHECK(fast_exp(-1000) < 1e-37f && fast_exp(-1000) >= 0);
    CHECK_NEAR(fast_sigmoid(0), 0.5, 1e-7);
    CHECK_NEAR(fast_sigmoid(-200), 0, 1e-30);
}

TEST(error_function)
{
    for (double x = -6; x < 6; x += 0.0037) CHECK_NEAR(fast_erf((float)x), erf((double)(float)x), 5e-7);
}

/* LayerNorm, biases, residuals and activations against their definitions. */
TEST(encoder_rows)
{
    enum { TOKENS = 3, N = 70 };
    const backend_t *b = backend_open("f32");
    float *x = randoms(TOKENS * N, "x", 2), *y = randoms(TOKENS * N, "y", 1), *gain = randoms(N, "gain", 1), *bias = randoms(N, "bias", 1);
    float out[TOKENS * N], packed[TOKENS * N], quick[TOKENS * N], gelu[TOKENS * N], sum[TOKENS * N], shifted[TOKENS * N];
    layernorm_forward(b, TOKENS, N, 1e-2f, x, gain, bias, packed, out);
    bias_activation_forward(b, ACT_QUICK_GELU, TOKENS, N, bias, x, quick);
    bias_activation_forward(b, ACT_GELU, TOKENS, N, bias, x, gelu);
    memcpy(sum, x, sizeof sum);
    memcpy(shifted, x, sizeof shifted);
    bias_forward(TOKENS, N, bias, y, sum);
    bias_forward(TOKENS, N, bias, NULL, shifted);
    CHECK(!memcmp(out, packed, sizeof out));
    for (int r = 0; r < TOKENS; r++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < N; i++) mean += x[r * N + i] / (double)N;
        for (int i = 0; i < N; i++) variance += (x[r * N + i] - mean) * (x[r * N + i] - mean) / N;
        for (int i = 0; i < N; i++) {
            const int at = r * N + i;
            const double v = (double)x[at] + bias[i];
            CHECK_NEAR(out[at], (x[at] - mean) / sqrt(variance + 1e-2) * gain[i] + bias[i], 3e-6);
            CHECK_NEAR(quick[at], v / (1 + exp(-1.702 * v)), 3e-6);
            CHECK_NEAR(gelu[at], 0.5 * v * (1 + erf(v / sqrt(2))), 3e-6);
            CHECK_NEAR(sum[at], (double)x[at] + y[at] + bias[i], 1e-6);
            CHECK_NEAR(shifted[at], v, 1e-6);
        }
    }
    free(x);
    free(y);
    free(gain);
    free(bias);
}

/* Without a mask: more queries than one block, two heads to a key head, and only the first queries. */
static void check_full(int64_t queries)
{
    const attention_shape_t s = {.heads = 4, .kv_heads = 2, .head_dim = 6};
    const int64_t rows = 150, stride = qkv_width(s), width = s.heads * s.head_dim;
    float *qkv = randoms(rows * stride, "qkv", 1), *out = xfloats((size_t)(queries * width));
    float *scratch = xfloats((size_t)attention_full_scratch(rows));
    attention_full_forward(s, queries, rows, qkv, out, scratch);
    double p[150];
    for (int64_t i = 0; i < queries; i += 13)
        for (int h = 0; h < s.heads; h++) {
            const float *q = qkv + i * stride + h * s.head_dim, *k = qkv + (s.heads + h / 2) * s.head_dim, *v = k + 2 * s.head_dim;
            double total = 0;
            for (int64_t j = 0; j < rows; j++) {
                double dot = 0;
                for (int64_t d = 0; d < s.head_dim; d++) dot += (double)q[d] * k[j * stride + d];
                total += p[j] = exp(dot / sqrt((double)s.head_dim));
            }
            for (int64_t d = 0; d < s.head_dim; d++) {
                double sum = 0;
                for (int64_t j = 0; j < rows; j++) sum += p[j] / total * v[j * stride + d];
                CHECK_NEAR(out[i * width + h * s.head_dim + d], sum, 3e-6);
            }
        }
    free(qkv);
    free(out);
    free(scratch);
}

TEST(attention_without_a_mask)
{
    check_full(150);
    check_full(1);
}

UNIT_MAIN(UNIT(rmsnorm), UNIT(swiglu), UNIT(rope_rotates_pairs_by_position), UNIT(rope_is_relative), UNIT(attention_plain),
          UNIT(attention_with_dropout), UNIT(rows_together_are_rows_one_by_one), UNIT(attention_extends), UNIT(attention_extends_cached), UNIT(dropout_keeps_its_share_and_the_mean), UNIT(exponential),
          UNIT(error_function), UNIT(encoder_rows), UNIT(attention_without_a_mask))
