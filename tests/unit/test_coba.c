/* The graph of items, propagation over it, repulsion of code vectors and the loss over pairs against what their definitions say. */
#include <stdlib.h>

#include "base/gini.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/gemm.h"
#include "sid/contrast.h"
#include "sid/graph.h"
#include "sid/propagation.h"
#include "sid/repulsion.h"
#include "unit.h"

enum { ITEMS = 40, USERS = 60, WIDTH = 37 /* more than a slab, and not a whole number of them */, STEPS = 3 };

/* Histories of 1 to 9 events, an item now and then twice in a row; the last items of the catalogue are in none. */
static interactions_t random_histories(void)
{
    interactions_t x = {.users = USERS, .items = ITEMS, .user_offsets = NEW_ARRAY(int64_t, USERS + 1), .item_index = NEW_ARRAY(int32_t, USERS * 9)};
    for (int64_t u = 0; u < USERS; u++) {
        const int64_t count = 1 + (int64_t)rng_below(1, (uint64_t)u, 9);
        for (int64_t i = 0; i < count; i++) {
            const bool again = i && rng_below(2, (uint64_t)x.events, 7) == 0;
            x.item_index[x.events] = again ? x.item_index[x.events - 1] : (int32_t)rng_below(3, (uint64_t)x.events, ITEMS - 4);
            x.events++;
        }
        x.user_offsets[u + 1] = x.events;
    }
    return x;
}

typedef double square_t[ITEMS][ITEMS];

/* A^ straight from its definition, dense. */
static void plain_graph(const interactions_t *x, const graph_options_t *o, square_t a)
{
    square_t pairs = {{0}};
    double degree[ITEMS] = {0};
    memset(a, 0, sizeof(square_t));
    for (int64_t u = 0; u < x->users; u++) {
        history_t h;
        if (!interactions_training(x, u, &h)) continue;
        for (int64_t i = 0; i < h.count; i++)
            for (int64_t j = 0; j < h.count; j++) {
                if (h.items[i] == h.items[j] || llabs(i - j) > o->window) continue;
                a[h.items[i]][h.items[j]] += pow((double)llabs(i - j), -o->fade);
                pairs[h.items[i]][h.items[j]]++;
            }
    }
    for (int i = 0; i < ITEMS; i++) {
        for (int j = 0; j < ITEMS; j++) {
            if (pairs[i][j] < (double)o->least) a[i][j] = 0;
            degree[i] += a[i][j];
        }
        if (degree[i] <= 0) a[i][i] = degree[i] = 1;
    }
    for (int i = 0; i < ITEMS; i++)
        for (int j = 0; j < ITEMS; j++) a[i][j] /= sqrt(degree[i] * degree[j]);
}

static const graph_options_t settings[] = {{1, 0, 1}, {3, 1, 1}, {INT64_MAX, 0.5, 1}, {4, 1, 2}, {2, 0, 1000}};
enum { SETTINGS = sizeof settings / sizeof *settings };

TEST(graphs_are_what_they_are_defined_to_be)
{
    interactions_t x = random_histories();
    for (int s = 0; s < SETTINGS; s++) {
        square_t a;
        plain_graph(&x, &settings[s], a);
        csr_t g = graph_new(&x, &settings[s]);
        int64_t edges = 0, elements = 0;
        for (int i = 0; i < ITEMS; i++)
            for (int j = 0; j < ITEMS; j++) {
                edges += i < j && a[i][j] > 0;
                elements += a[i][j] > 0;
                CHECK(graph_joins(&g, i, j) == (i != j && a[i][j] > 0));
            }
        CHECK(graph_edges(&g) == edges && g.offsets[ITEMS] == elements);
        for (int i = 0; i < ITEMS; i++)
            for (int64_t e = g.offsets[i]; e < g.offsets[i + 1]; e++) {
                CHECK_NEAR((double)g.value[e], a[i][g.index[e]], 1e-6);
                CHECK(e == g.offsets[i] || g.index[e - 1] < g.index[e]);
            }
        csr_free(&g);
    }
    interactions_free(&x);
}

static float *random_rows(uint64_t key, int64_t n)
{
    float *x = xfloats((size_t)n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)rng_normal(key, (uint64_t)i);
    return x;
}

/* H_align of one column, in double. */
static void plain_propagation(square_t a, const propagation_t *o, const double *x, double *align)
{
    double h[ITEMS], next[ITEMS], all = 0;
    for (int64_t k = 0; k <= o->steps; k++) all += o->restart * pow(1 - o->restart, (double)k);
    memcpy(h, x, sizeof h);
    memset(align, 0, sizeof h);
    for (int64_t k = 0; k <= o->steps; k++) {
        for (int i = 0; k && i < ITEMS; i++) {
            next[i] = o->restart * x[i];
            for (int j = 0; j < ITEMS; j++) next[i] += (1 - o->restart) * a[i][j] * h[j];
        }
        if (k) memcpy(h, next, sizeof h);
        for (int i = 0; i < ITEMS; i++) align[i] += o->restart * pow(1 - o->restart, (double)k) / all * h[i];
    }
}

TEST(vectors_propagate_and_threads_do_not_matter)
{
    interactions_t x = random_histories();
    static const propagation_t ways[] = {{0, 0.5}, {1, 0.2}, {STEPS, 0.1}, {2, 1}};
    for (int s = 0; s < SETTINGS; s++)
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            square_t a;
            plain_graph(&x, &settings[s], a);
            float *start = random_rows(4, ITEMS * WIDTH), *rows[2];
            for (int t = 0; t < 2; t++) {
                parallel_threads(t + 1);
                csr_t g = graph_new(&x, &settings[s]);
                rows[t] = random_rows(4, ITEMS * WIDTH);
                propagate(&ways[w], &g, WIDTH, rows[t]);
                csr_free(&g);
            }
            CHECK(!memcmp(rows[0], rows[1], ITEMS * WIDTH * sizeof(float)));
            CHECK_NEAR((double)rows[0][(ITEMS - 1) * WIDTH], (double)start[(ITEMS - 1) * WIDTH], 1e-6); /* without neighbours */
            for (int j = 0; j < WIDTH; j++) {
                double column[ITEMS], align[ITEMS];
                for (int i = 0; i < ITEMS; i++) column[i] = (double)start[i * WIDTH + j];
                plain_propagation(a, &ways[w], column, align);
                for (int i = 0; i < ITEMS; i++) CHECK_NEAR((double)rows[0][i * WIDTH + j], align[i], 1e-5);
            }
            free(start);
            free(rows[0]);
            free(rows[1]);
        }
    interactions_free(&x);
}

/* An item without an image stays without, and has nothing to give; what no history holds keeps its own. */
TEST(images_propagate_among_those_that_have_one)
{
    enum { N = 4 };
    const int32_t index[] = {1, 0, 2, 1, 3};
    const int64_t offsets[] = {0, 1, 3, 4, 5};
    const float value[] = {0.5f, 0.5f, 0.5f, 0.5f, 1};
    const csr_t g = {.rows = N, .cols = N, .offsets = (int64_t *)offsets, .index = (int32_t *)index, .value = (float *)value};
    float x[N * 2] = {1, 8, 2, 0, 3, 16, 4, 32};
    uint8_t has_image[N] = {1, 0, 1, 1};
    features_t e = {.items = N, .text = 1, .image = 1, .x = x, .has_image = has_image};
    propagate_features(&(propagation_t){.steps = 1, .restart = 0.5}, &g, &e);
    /* b = 2/3, 1/3; H_1 = (A^ X + X) / 2 */
    const double text[] = {2. / 3 + (1 + 1) / 6., 2 * 2. / 3 + (2 + 2) / 6., 3 * 2. / 3 + (1 + 3) / 6., 4};
    const double image[] = {8 * 2. / 3 + 8 / 6., 0, 16 * 2. / 3 + 16 / 6., 32};
    for (int i = 0; i < N; i++) {
        CHECK_NEAR((double)x[2 * i], text[i], 1e-5);
        CHECK_NEAR((double)x[2 * i + 1], image[i], 1e-5);
    }
}

enum { LEVELS = 2, CODES = 20, LATENT = 3 };

/* The thresholds hold still, as they do for the gradient. */
static double plain_repulsion(const double *book, const double *threshold)
{
    double sum = 0;
    for (int l = 0; l < LEVELS; l++)
        for (int j = 0; j < CODES; j++)
            for (int k = 0; k < j; k++) {
                double d = 0;
                for (int i = 0; i < LATENT; i++) d += pow(book[(l * CODES + j) * LATENT + i] - book[(l * CODES + k) * LATENT + i], 2);
                if (d < threshold[l]) sum += pow(1 - d / threshold[l], 2) / CODES;
            }
    return sum;
}

static void plain_thresholds(const double *book, double margin, double *threshold)
{
    for (int l = 0; l < LEVELS; l++) {
        threshold[l] = 0;
        for (int j = 0; j < CODES; j++)
            for (int k = 0; k < j; k++)
                for (int i = 0; i < LATENT; i++)
                    threshold[l] += margin * margin * pow(book[(l * CODES + j) * LATENT + i] - book[(l * CODES + k) * LATENT + i], 2) * 2 / (CODES * (CODES - 1));
    }
}

static quantiser_t *random_quantiser(int codes)
{
    quantiser_shape_t shape = {.text = LATENT, .depth = -1, .levels = LEVELS, .codes = codes};
    quantiser_t *q = quantiser_new(&shape);
    for (int64_t i = 0; i < q->params.size; i++) q->params.weights[i] = (float)rng_normal(5, (uint64_t)i);
    memcpy(quantiser_codebook(q, 0), quantiser_codebook(q, 0) + LATENT, LATENT * sizeof(float)); /* two alike push nobody */
    return q;
}

TEST(gradients_of_the_repulsion)
{
    enum { N = LEVELS * CODES * LATENT };
    quantiser_t *q = random_quantiser(CODES);
    for (int m = 0; m < 2; m++) {
        const double margin = m ? 0.9 : 0.4, weight = 0.7;
        float dbook[N] = {0}, again[N] = {0};
        double book[N], threshold[LEVELS];
        for (int i = 0; i < N; i++) book[i] = (double)quantiser_codebook(q, 0)[i];
        plain_thresholds(book, margin, threshold);
        parallel_threads(1);
        const double sum = repulsion_gradients(q, margin, weight, dbook);
        parallel_threads(2);
        CHECK(fabs(repulsion_gradients(q, margin, weight, again) - sum) <= 0 && !memcmp(dbook, again, sizeof dbook));
        CHECK_NEAR(sum, plain_repulsion(book, threshold), 1e-5);
        CHECK(sum > 0.05);
        for (int i = 0; i < N; i++) {
            const double at = book[i], step = 1e-5;
            book[i] = at + step;
            const double up = plain_repulsion(book, threshold);
            book[i] = at - step;
            const double down = plain_repulsion(book, threshold);
            book[i] = at;
            CHECK_NEAR((double)dbook[i], weight * (up - down) / (2 * step), 1e-4);
        }
    }
    quantiser_free(q);
}

TEST(one_code_has_none_to_push)
{
    quantiser_t *q = random_quantiser(2);
    float dbook[LEVELS * 2 * LATENT] = {0};
    quantiser_codebook(q, 0)[LATENT] = quantiser_codebook(q, 0)[0];
    q->codes = 1;
    CHECK(fabs(repulsion_gradients(q, 0.5, 1, dbook)) <= 0);
    for (int i = 0; i < LEVELS * 2 * LATENT; i++) CHECK(fabsf(dbook[i]) <= 0);
    q->codes = 2;
    quantiser_free(q);
}

/* Items 2 i and 2 i + 1 are joined, and 0 with 2. */
static const int32_t pair_index[] = {1, 2, 0, 0, 3, 2, 5, 4};
static const int64_t pair_offsets[] = {0, 2, 3, 5, 6, 7, 8};
static const float pair_value[] = {1, 1, 1, 1, 1, 1, 1, 1};
static const csr_t pairs = {.rows = 6, .cols = 6, .offsets = (int64_t *)pair_offsets, .index = (int32_t *)pair_index,
                            .value = (float *)pair_value};

static double plain_contrast(const contrast_t *c, int n, const int64_t *item, const double *z)
{
    double loss = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            double dot = 0, a = 0, b = 0;
            for (int k = 0; k < LATENT; k++) {
                dot += z[i * LATENT + k] * z[j * LATENT + k];
                a += pow(z[i * LATENT + k], 2);
                b += pow(z[j * LATENT + k], 2);
            }
            const double y = graph_joins(c->graph, item[i], item[j]) ? 1 : -1;
            loss += log1p(exp(-y * (exp(c->tau) * (a * b > 0 ? dot / sqrt(a * b) : 0) - c->bias)));
        }
    return loss;
}

TEST(gradients_of_the_pairs)
{
    enum { N = 5, OF_ZERO = 3 };
    const int64_t item[N] = {5, 0, 2, 1, 4};
    static const contrast_t ways[] = {{1, 2.3, 8, &pairs}, {1, 0, 0.5, &pairs}, {1, 1.5, -2, &pairs}};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        float *z = random_rows(6, N * LATENT), dz[N * LATENT] = {0};
        double params[N * LATENT];
        for (int j = 0; j < LATENT; j++) z[OF_ZERO * LATENT + j] = 0;
        for (int i = 0; i < N * LATENT; i++) params[i] = (double)z[i];
        CHECK_NEAR(contrast_gradients(&ways[w], N, item, LATENT, z, 0.3f, dz), plain_contrast(&ways[w], N, item, params), 1e-3);
        for (int i = 0; i < N * LATENT; i++) {
            const double at = params[i], step = 1e-6;
            params[i] = at + step;
            const double up = plain_contrast(&ways[w], N, item, params);
            params[i] = at - step;
            const double down = plain_contrast(&ways[w], N, item, params);
            params[i] = at;
            const double slope = i / LATENT == OF_ZERO ? 0 : 0.3 * (up - down) / (2 * step);
            CHECK_NEAR((double)dz[i], slope, 1e-3 * (1 + fabs(slope)));
        }
        free(z);
    }
}

TEST(partners_stand_side_by_side)
{
    bool met[6][6] = {{false}};
    for (uint64_t key = 0; key < 200; key++) {
        int64_t order[6] = {0, 1, 2, 3, 4, 5}, seen[6] = {0};
        rng_shuffle(key, order, 6);
        contrast_pair_up(&pairs, key, order, 6);
        for (int i = 0; i < 6; i++) seen[order[i]]++;
        for (int i = 0; i < 6; i++) CHECK(seen[i] == 1);
        for (int i = 0; i < 5; i++) met[order[i]][order[i + 1]] = true;
        for (int i = 0; i < 6; i++) /* 4 and 5 have only each other */
            if (order[i] >= 4) CHECK((i && order[i - 1] == 9 - order[i]) || (i < 5 && order[i + 1] == 9 - order[i]));
    }
    CHECK((met[0][1] || met[1][0]) && (met[0][2] || met[2][0]) && (met[2][3] || met[3][2]));
}

TEST(gini_by_hand)
{
    const int64_t even[] = {3, 3, 3}, one[] = {0, 8, 0, 0}, some[] = {4, 0, 2}, none[] = {0, 0};
    CHECK_NEAR(gini(even, 3), 0, 1e-12);
    CHECK_NEAR(gini(one, 4), 0.75, 1e-12);
    CHECK_NEAR(gini(some, 3), (2. * 0 + 4 * 2) / 18, 1e-12);
    CHECK(isnan(gini(none, 2)) && isnan(gini(none, 0)));
}

int main(void)
{
    parallel_threads(2);
    gemm_init();
    static const unit_test_t tests[] = {UNIT(graphs_are_what_they_are_defined_to_be),
                                        UNIT(vectors_propagate_and_threads_do_not_matter),
                                        UNIT(images_propagate_among_those_that_have_one),
                                        UNIT(gradients_of_the_repulsion),
                                        UNIT(one_code_has_none_to_push),
                                        UNIT(gradients_of_the_pairs),
                                        UNIT(partners_stand_side_by_side),
                                        UNIT(gini_by_hand)};
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
