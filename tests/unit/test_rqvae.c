#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/gemm.h"
#include "sid/graph.h"
#include "sid/rqvae.h"
#include "train/checkpoint.h"

#include <signal.h>
#include <stdlib.h>

#include "unit.h"

#define STATE "/tmp/sidmill-rqvae-state"
#define LOG "/tmp/sidmill-rqvae-log.jsonl"

/* What the tests join: items 1 and 4, 2 and 3, 3 and 6; the others are alone. */
static const int64_t edge_offsets[] = {0, 1, 2, 3, 5, 6, 7, 8};
static const int32_t edge_index[] = {0, 4, 3, 2, 6, 1, 5, 3};
static const float edge_value[] = {1, 1, 1, 1, 1, 1, 1, 1};
static const csr_t edges = {.rows = 7, .cols = 7, .offsets = (int64_t *)edge_offsets, .index = (int32_t *)edge_index,
                            .value = (float *)edge_value};
static const int64_t numbers[] = {6, 0, 1, 4, 3, 2, 5};

enum { N = 7, TEXT = 6, IMAGE = 4, INTENT = 5, FUSED = 7, LATENT = 4, LEVELS = 3, CODES = 5 };

typedef enum { TEXT_ONLY, WITH_IMAGE, WITH_INTENT, WITH_BOTH, VARIANTS } variant_t;

static quantiser_t *random_quantiser(variant_t v)
{
    quantiser_shape_t s = {.text = TEXT, .image = v & WITH_IMAGE ? IMAGE : 0, .fused = FUSED, .intent = v & WITH_INTENT ? INTENT : 0,
                           .latent = LATENT, .depth = 2, .hidden = {9, 8}, .levels = LEVELS, .codes = CODES};
    quantiser_t *q = quantiser_new(&s);
    for (int64_t i = 0; i < q->params.size; i++) q->params.weights[i] = (float)(0.5 * rng_normal(11, (uint64_t)i));
    for (int64_t i = 0; i < LEVELS * CODES; i++) q->offset[i] = (float)(0.1 * rng_normal(12, (uint64_t)i));
    return q;
}

/* Items, the second without image, the third without intents. */
typedef struct {
    float x[N * (TEXT + IMAGE)], intents[N * INTENT];
    uint8_t has_image[N], has_intent[N];
} items_t;

static quantiser_rows_t random_items(const quantiser_t *q, items_t *items)
{
    for (int64_t i = 0; i < N * q->width; i++) items->x[i] = (float)rng_normal(13, (uint64_t)i);
    for (int64_t i = 0; i < N * INTENT; i++) items->intents[i] = (float)rng_normal(15, (uint64_t)i);
    for (int64_t i = 0; i < N; i++) {
        items->has_image[i] = i != 1;
        items->has_intent[i] = i != 2;
        for (int64_t j = 0; i == 1 && j < q->image; j++) items->x[i * q->width + q->text + j] = 0;
    }
    return (quantiser_rows_t){items->x, q->image ? items->has_image : NULL, q->intent ? items->intents : NULL,
                              q->intent ? items->has_intent : NULL, numbers};
}

/* Where a block lies among the parameters. */
static int64_t place(const quantiser_t *q, int block) { return q->params.blocks[block].offset; }

/* A network in double, straight from its definition. */
static void plain_network(const quantiser_t *q, const mlp_t *m, const double *params, const double *in, double *out)
{
    double a[16], b[16];
    memcpy(a, in, (size_t)m->width[0] * sizeof *a);
    for (int l = 0; l < m->layers; l++) {
        const double *weight = params + place(q, m->layer[l].weight), *bias = params + place(q, m->layer[l].bias);
        for (int64_t o = 0; o < m->width[l + 1]; o++) {
            b[o] = bias[o];
            for (int64_t i = 0; i < m->width[l]; i++) b[o] += weight[o * m->width[l] + i] * a[i];
            if (l + 1 < m->layers && b[o] < 0) b[o] = 0;
        }
        memcpy(a, b, sizeof a);
    }
    memcpy(out, a, (size_t)m->width[m->layers] * sizeof *out);
}

/* What the loss's sg[] holds constant, taken at the parameters where gradients are wanted. */
typedef struct {
    int32_t code[N][LEVELS];
    double jump[N][LATENT];              /* zq - z */
    double before[N][LEVELS][LATENT];    /* sum of the codes of earlier levels */
    double chosen[N][LEVELS][LATENT];    /* C_l[c_l] */
    double residual[N][LEVELS][LATENT];  /* r_l */
} constants_t;

/* Row i's latent, in double: fusion and encoder. */
static void plain_latent(const quantiser_t *q, const double *params, const quantiser_rows_t *rows, int i, double *z)
{
    const float *x = rows->x + i * q->width;
    double both[2 * TEXT], fused[16] = {0};
    for (int j = 0; j < TEXT; j++) {
        both[j] = (double)x[j];
        both[TEXT + j] = 0;
        for (int k = 0; k < q->image; k++) both[TEXT + j] += params[place(q, q->fusion.visual.weight) + j * q->image + k] * (double)x[TEXT + k];
    }
    for (int j = 0; q->image && j < FUSED; j++)
        for (int k = 0; k < 2 * TEXT; k++) fused[j] += params[place(q, q->fusion.fuse.weight) + j * 2 * TEXT + k] * both[k];
    plain_network(q, &q->encoder, params, q->image ? fused : both, z);
}

static void take_constants(const quantiser_t *q, const double *params, const quantiser_rows_t *rows, const int32_t *codes,
                           constants_t *c)
{
    for (int i = 0; i < N; i++) {
        double z[LATENT], sum[LATENT] = {0};
        plain_latent(q, params, rows, i, z);
        for (int l = 0; l < LEVELS; l++) {
            c->code[i][l] = codes[i * LEVELS + l];
            for (int j = 0; j < LATENT; j++) {
                c->before[i][l][j] = sum[j];
                c->residual[i][l][j] = z[j] - sum[j];
                c->chosen[i][l][j] = params[place(q, q->codebook) + (l * CODES + c->code[i][l]) * LATENT + j];
                sum[j] += c->chosen[i][l][j];
            }
        }
        for (int j = 0; j < LATENT; j++) c->jump[i][j] = sum[j] - z[j];
    }
}

/* The loss over pairs of quantised vectors. */
static double plain_pairs(const contrast_t *c, const int64_t *item, double z[N][LATENT])
{
    double loss = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) {
            double dot = 0, a = 0, b = 0;
            for (int k = 0; k < LATENT; k++) dot += z[i][k] * z[j][k], a += z[i][k] * z[i][k], b += z[j][k] * z[j][k];
            const double y = graph_joins(c->graph, item[i], item[j]) ? 1 : -1;
            loss += log1p(exp(-y * (exp(c->tau) * dot / sqrt(a * b) - c->bias)));
        }
    return loss;
}

/* The loss whose true gradient is the straight-through one. */
static double surrogate(const quantiser_t *q, const double *params, const quantiser_rows_t *rows, const rqvae_terms_t *o,
                        const constants_t *c)
{
    double loss = 0, zq[N][LATENT];
    for (int i = 0; i < N; i++) {
        double z[LATENT], out[16];
        plain_latent(q, params, rows, i, z);
        for (int l = 0; c && l < LEVELS; l++)
            for (int j = 0; j < LATENT; j++) {
                double code = params[place(q, q->codebook) + (l * CODES + c->code[i][l]) * LATENT + j];
                loss += pow(c->residual[i][l][j] - code, 2);
                loss += o->beta * pow(z[j] - c->before[i][l][j] - c->chosen[i][l][j], 2);
            }
        for (int j = 0; c && j < LATENT; j++) z[j] += c->jump[i][j];
        memcpy(zq[i], z, sizeof z);
        plain_network(q, &q->decoder, params, z, out);
        for (int j = 0; j < q->width; j++)
            if (j < TEXT || rows->has_image[i])
                loss += (j < TEXT ? 1 : o->image) * pow(out[j] - (double)rows->x[i * q->width + j], 2);
        if (!q->intent || !rows->has_intent[i]) continue;
        plain_network(q, &q->intent_decoder, params, z, out);
        for (int j = 0; j < INTENT; j++) loss += o->intent * pow(out[j] - (double)rows->intents[i * INTENT + j], 2);
    }
    return loss + o->contrast.weight * plain_pairs(&o->contrast, rows->item, zq);
}

static void check_gradients(variant_t variant, bool quantise, double contrast)
{
    quantiser_t *q = random_quantiser(variant);
    items_t items;
    quantiser_rows_t rows = random_items(q, &items);
    grads_t *grads = grads_new(&q->params);
    int32_t codes[N * LEVELS] = {0};
    rqvae_loss_t loss = {0};
    rqvae_terms_t o = {.beta = 0.25, .image = 0.7, .intent = 0.4, .contrast = {contrast, 1.2, 2, &edges}};
    rqvae_gradients(&o, q, N, &rows, quantise, 1, grads, codes, &loss);

    double *params = NEW_ARRAY(double, q->params.size);
    for (int64_t i = 0; i < q->params.size; i++) params[i] = (double)q->params.weights[i];
    constants_t c;
    take_constants(q, params, &rows, codes, &c);
    const constants_t *held = quantise ? &c : NULL;
    double total = loss.text + o.image * loss.image + o.intent * loss.intent + (1 + o.beta) * loss.commitment + contrast * loss.contrast;
    CHECK((contrast > 0) == (loss.contrast > 0));
    CHECK_NEAR(total, surrogate(q, params, &rows, &o, held), 1e-3);
    CHECK(quantise == (loss.commitment > 0) && !q->image == (loss.image <= 0) && !q->intent == (loss.intent <= 0));
    double worst = 0;
    for (int64_t i = 0; i < q->params.size; i++) {
        const double step = 1e-5, at = params[i];
        params[i] = at + step;
        double up = surrogate(q, params, &rows, &o, held);
        params[i] = at - step;
        double down = surrogate(q, params, &rows, &o, held);
        params[i] = at;
        double slope = (up - down) / (2 * step);
        worst = fmax(worst, fabs(slope - (double)grads->dense[i]) / (1 + fabs(slope)));
    }
    CHECK_NEAR(worst, 0, 1e-4);
    free(params);
    grads_free(grads);
    quantiser_free(q);
}

TEST(gradients_of_the_autoencoder)
{
    for (int v = TEXT_ONLY; v < VARIANTS; v++) for (int c = 0; c < 2; c++) check_gradients((variant_t)v, false, 0.3 * c);
}

TEST(gradients_with_quantisation)
{
    for (int v = TEXT_ONLY; v < VARIANTS; v++) for (int c = 0; c < 2; c++) check_gradients((variant_t)v, true, 0.3 * c);
}

TEST(codes_are_the_nearest_of_the_residual)
{
    quantiser_t *q = random_quantiser(TEXT_ONLY);
    float latents[N * LATENT], last[N * LATENT];
    int32_t codes[N * LEVELS];
    for (int i = 0; i < N * LATENT; i++) latents[i] = (float)rng_normal(14, (uint64_t)i);
    quantiser_codes(q, N, latents, codes, last);
    for (int i = 0; i < N; i++) {
        double r[LATENT];
        for (int j = 0; j < LATENT; j++) r[j] = (double)latents[i * LATENT + j];
        for (int l = 0; l < LEVELS; l++) {
            int best = 0;
            double least = INFINITY;
            for (int k = 0; k < CODES; k++) {
                double d = (double)q->offset[l * CODES + k];
                for (int j = 0; j < LATENT; j++) d += pow(r[j] - (double)quantiser_codebook(q, l)[k * LATENT + j], 2);
                if (d < least) least = d, best = k;
            }
            CHECK(codes[i * LEVELS + l] == best);
            for (int j = 0; l + 1 < LEVELS && j < LATENT; j++) r[j] -= (double)quantiser_codebook(q, l)[best * LATENT + j];
        }
        for (int j = 0; j < LATENT; j++) CHECK_NEAR(last[i * LATENT + j], r[j], 1e-5);
    }
    quantiser_free(q);
}

/* Rows in a few heaps, so that there is structure to find. */
static float *heaps(int64_t n, int64_t width, int count)
{
    float *x = xfloats((size_t)(n * width));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < width; j++)
            x[i * width + j] = (float)(rng_normal(21, (uint64_t)(i % count * width + j)) + 0.2 * rng_normal(22, (uint64_t)(i * width + j)));
    return x;
}

enum { ROWS = 600, WIDTH = 12, OF_IMAGE = 5, OF_INTENT = 4, EPOCHS = 20, WARMUP = 10, BATCH = 200 };

/* What there is to learn from. */
typedef struct {
    float *x, *intents;
    uint8_t has_image[ROWS], has_intent[ROWS];
} catalogue_t;

static quantiser_rows_t catalogue_make(catalogue_t *c, bool image)
{
    c->x = heaps(ROWS, WIDTH, 40);
    c->intents = heaps(ROWS, OF_INTENT, 40);
    for (int i = 0; i < ROWS; i++) {
        c->has_image[i] = i % 7 != 0;
        c->has_intent[i] = i % 5 != 0;
        for (int j = WIDTH - OF_IMAGE; image && !c->has_image[i] && j < WIDTH; j++) c->x[i * WIDTH + j] = 0;
    }
    return (quantiser_rows_t){c->x, image ? c->has_image : NULL, image ? c->intents : NULL, image ? c->has_intent : NULL, NULL};
}

/* Passes a step on, and ends the process politely after so many. */
static void (*whole_step)(void *ctx, int64_t epoch, int64_t step);
static int64_t steps_left;

static void stopping_step(void *ctx, int64_t epoch, int64_t step)
{
    whole_step(ctx, epoch, step);
    if (--steps_left == 0) raise(SIGTERM);
}

/* Joins each item with the next of its heap. */
static csr_t ring_graph(void)
{
    csr_t g = {.rows = ROWS, .cols = ROWS, .offsets = NEW_ARRAY(int64_t, ROWS + 1), .index = NEW_ARRAY(int32_t, 2 * ROWS),
               .value = NEW_ARRAY(float, 2 * ROWS)};
    for (int32_t i = 0; i < ROWS; i++) {
        const int32_t a = (i + 40) % ROWS, b = (i + ROWS - 40) % ROWS;
        g.index[2 * i] = a < b ? a : b;
        g.index[2 * i + 1] = a < b ? b : a;
        g.value[2 * i] = g.value[2 * i + 1] = 0.5f;
        g.offsets[i + 1] = 2 * (i + 1);
    }
    return g;
}

/* Trains, from the state in folder `state` if there is one; `stop_after` so many steps, 0: not. */
static quantiser_t *train(bool image, const char *state, int64_t stop_after)
{
    catalogue_t c;
    const quantiser_rows_t rows = catalogue_make(&c, image);
    quantiser_shape_t shape = {.text = WIDTH, .latent = 6, .depth = 1, .hidden = {24}, .levels = 2, .codes = 16};
    if (image) shape.text -= shape.image = OF_IMAGE, shape.fused = 9, shape.intent = OF_INTENT;
    quantiser_t *q = quantiser_new(&shape);
    csr_t ring = image ? ring_graph() : (csr_t){0}; /* with images, with all there is */
    const contrast_t contrast = {.weight = image ? 0.05 : 0, .tau = 2, .bias = 4, .graph = &ring};
    const rqvae_options_t o = {.epochs = EPOCHS, .warmup = WARMUP, .batch = BATCH, .lr = 3e-3, .terms = {0.25, 0.8, 0.5, contrast},
                               .uniformity = image ? 0.1 : 0, .margin = 0.6, .balance = 0.2,
                               .iterations = 15, .shards = 4, .seed = 5};
    rqvae_trainer_t *t = rqvae_trainer_new(&o, q, ROWS, &rows);
    loop_trainer_t trainer = rqvae_loop(t);
    steps_left = stop_after;
    whole_step = trainer.step;
    if (stop_after) trainer.step = stopping_step;
    const loop_options_t run = {.rounds = WARMUP + EPOCHS, .save_seconds = INFINITY, .save_rounds = 4, .folder = state,
                                .fingerprint = "run", .log = LOG};
    loop_run(&run, &trainer, rqvae_learner(t));
    jsonlog_close();
    rqvae_trainer_free(t);
    if (image) csr_free(&ring);
    free(c.intents);
    free(c.x);
    return q;
}

static bool same(const quantiser_t *a, const quantiser_t *b)
{
    return a->params.size == b->params.size && !memcmp(a->params.weights, b->params.weights, (size_t)a->params.size * sizeof(float)) &&
           !memcmp(a->offset, b->offset, (size_t)(a->levels * a->codes) * sizeof(float));
}

static double number_in(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    return at ? strtod(at + strlen(key), NULL) : 0;
}

/* The whole log, and the reconstruction's loss in its first line and its last. */
static char *read_log(double *first, double *last)
{
    char *text = xcalloc(1, 1 << 16);
    FILE *f = fopen(LOG, "r");
    CHECK(f && fread(text, 1, (1 << 16) - 1, f) > 0);
    if (f) fclose(f);
    int64_t lines = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        *last = number_in(line, "\"reconstruction\":") + number_in(line, "\"image\":") + number_in(line, "\"intent\":");
        if (!lines++) *first = *last;
    }
    CHECK(lines == WARMUP + EPOCHS);
    return text;
}

TEST(training_learns_and_threads_do_not_matter)
{
    for (int image = 0; image < 2; image++) {
        double first = 0, last = 0;
        parallel_threads(1);
        quantiser_t *one = train(image, NULL, 0);
        parallel_threads(2);
        quantiser_t *two = train(image, NULL, 0);
        free(read_log(&first, &last));
        CHECK(last < 0.5 * first);
        CHECK(same(one, two));
        quantiser_free(one);
        quantiser_free(two);
    }
    unlink(LOG);
}

static struct {
    bool image;
    int64_t steps;
} until;

static void train_until(void) { train(until.image, STATE, until.steps); }

/* In and after an epoch of the warm-up, before and after the codebooks are fitted, in and after a later one, at the very end. */
TEST(interrupted_training_ends_the_same)
{
    static const int64_t stops[] = {4, 6, 30, 31, 62, 63, 90};
    double first, last;
    for (int image = 0; image < 2; image++) {
        parallel_threads(1); /* a forked child has no other threads */
        quantiser_t *whole = train(image, NULL, 0);
        char *log = read_log(&first, &last);
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
            parallel_threads(1);
            until.image = image;
            until.steps = stops[i];
            CHECK(unit_exit_code(train_until) == 128 + SIGTERM);
            parallel_threads(2);
            quantiser_t *rest = train(image, STATE, 0);
            char *log_again = read_log(&first, &last);
            CHECK(same(whole, rest));
            CHECK(!strcmp(log, log_again));
            quantiser_free(rest);
            free(log_again);
            checkpoint_remove(STATE);
        }
        quantiser_free(whole);
        free(log);
    }
    unlink(LOG);
}

TEST(quantisers_survive_a_file)
{
    char path[] = "/tmp/sidmill-quantiser-XXXXXX";
    close(mkstemp(path));
    for (int v = 0; v < VARIANTS + 2; v++) {
        quantiser_shape_t plain = {.text = TEXT, .image = v > VARIANTS ? IMAGE : 0, .depth = -1, .levels = 2, .codes = 3};
        quantiser_t *q = v < VARIANTS ? random_quantiser((variant_t)v) : quantiser_new(&plain);
        for (int64_t j = 0; j < q->image; j++) q->image_scale[j] = 0.25f;
        st_writer_t *w = st_create(path, NULL);
        quantiser_add(w, q);
        st_commit(w);
        st_file_t *f = st_open(path);
        quantiser_t *r = quantiser_read(f);
        CHECK(r->text == q->text && r->image == q->image && r->intent == q->intent && r->latent == q->latent && r->levels == q->levels &&
              r->codes == q->codes && r->fusion.fused == q->fusion.fused && same(r, q));
        CHECK(!memcmp(r->image_scale, q->image_scale, (size_t)q->image * sizeof(float)));
        st_close(f);
        quantiser_free(q);
        quantiser_free(r);
    }
    unlink(path);
}

int main(void)
{
    parallel_threads(2);
    gemm_init();
    static const unit_test_t tests[] = {UNIT(gradients_of_the_autoencoder),
                                        UNIT(gradients_with_quantisation),
                                        UNIT(codes_are_the_nearest_of_the_residual),
                                        UNIT(training_learns_and_threads_do_not_matter),
                                        UNIT(interrupted_training_ends_the_same),
                                        UNIT(quantisers_survive_a_file)};
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
