/* The linear layer, and the perceptron made of it: forward against plain loops in double, backward against differences of them. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "bf16.h"
#include "nn/linear.h"
#include "nn/mlp.h"
#include "unit.h"

enum { ROWS = 5, IN = 7, OUT = 12, RANK = 3 };

typedef struct {
    const char *name;
    int matrices;       /* that are one product */
    bool bias, frozen;  /* frozen: the matrices only */
    int64_t rank;
    bool each;          /* matrix has a pair of its own */
} case_t;

static const case_t cases[] = {
    {"plain", 1, false, false, 0, false},         {"bias", 1, true, false, 0, false},           {"pair", 1, false, false, RANK, false},
    {"bias and pair", 1, true, false, RANK, false}, {"frozen with pair", 1, true, true, RANK, false}, {"three matrices", 3, true, false, 0, false},
    {"three frozen with pair", 3, false, true, RANK, false}, {"a pair each", 3, true, true, RANK, true},
};
enum { CASES = sizeof cases / sizeof *cases };

/* A layer by itself, with random values throughout. */
typedef struct {
    params_t params;
    weights_t weights;
    linear_t layer;
    float *x, *y, *dy, *dx;
    void *scratch;
} fixture_t;

static float *randoms(int64_t n, uint64_t key)
{
    float *x = xfloats((size_t)n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)rng_normal(key, (uint64_t)i);
    return x;
}

static void add_blocks(fixture_t *f, const case_t *c)
{
    const int first = f->params.count;
    for (int i = 0; i < c->matrices; i++)
        params_add(&f->params, (param_t){.name = xasprintf("w%d", i), .rows = OUT / c->matrices, .cols = IN, .frozen = c->frozen});
    const int bias = c->bias ? params_add(&f->params, (param_t){.name = xstrdup("b"), .cols = OUT}) : -1;
    f->layer = linear_on(IN, OUT, first, bias);
    const int64_t pairs = !c->rank ? 0 : c->each ? c->matrices : 1;
    for (int64_t i = 0; i < pairs; i++) {
        char *name = xasprintf("w%d", (int)i);
        linear_add_pair(&f->layer, &f->params, name, i * OUT / pairs, OUT / pairs, c->rank + i, 0.5f + (float)i);
        free(name);
    }
}

static fixture_t *fixture_new(const case_t *c)
{
    fixture_t *f = NEW(fixture_t);
    params_add(&f->params, (param_t){.name = xstrdup("before"), .cols = 3});
    add_blocks(f, c);
    params_allocate(&f->params);
    for (int i = 0; i < f->params.count; i++) params_fill_normal(&f->params, i, 1, rng_key(5, (uint64_t)i));
    f->weights = weights_new(&f->params, backend_open("f32"));
    f->x = randoms(ROWS * IN, 6);
    f->dy = randoms(ROWS * OUT, 7);
    f->y = xfloats(ROWS * OUT);
    f->dx = xfloats(ROWS * IN);
    f->scratch = xmalloc(linear_scratch(&f->layer, ROWS) + 1);
    return f;
}

static void fixture_free(fixture_t *f)
{
    weights_free(&f->weights);
    params_free(&f->params);
    free(f->x);
    free(f->y);
    free(f->dy);
    free(f->dx);
    free(f->scratch);
    free(f);
}

/* What a pair adds to column `o` for the input x. */
static double plain_pair(const fixture_t *f, const linear_pair_t *p, const float *x, int64_t o)
{
    double y = 0;
    if (o < p->first || o >= p->first + p->out) return 0;
    for (int64_t r = 0; r < p->rank; r++) {
        double inner = 0;
        for (int64_t j = 0; j < IN; j++) inner += (double)x[j] * (double)params_values(&f->params, p->down)[r * IN + j];
        y += (double)p->scale * inner * (double)params_values(&f->params, p->up)[(o - p->first) * p->rank + r];
    }
    return y;
}

/* Element `o` of row `i`, from the definition. */
static double plain_value(const fixture_t *f, int64_t i, int64_t o)
{
    const linear_t *l = &f->layer;
    const float *weight = params_values(&f->params, l->weight) + o * IN, *x = f->x + i * IN;
    double y = l->bias >= 0 ? (double)params_values(&f->params, l->bias)[o] : 0;
    for (int64_t j = 0; j < IN; j++) y += (double)x[j] * (double)weight[j];
    for (int p = 0; p < l->pairs; p++) y += plain_pair(f, &l->pair[p], x, o);
    return y;
}

/* The function whose gradients backwards give. */
static double plain_sum(const fixture_t *f)
{
    double sum = 0;
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t o = 0; o < OUT; o++) sum += (double)f->dy[i * OUT + o] * plain_value(f, i, o);
    return sum;
}

/* Every number enters as a factor, so that a difference over a large step is the slope. */
static void check_slopes(const fixture_t *f, int64_t n, float *values, const float *gradient, double times)
{
    for (int64_t i = 0; i < n; i++) {
        const float kept = values[i];
        values[i] = kept + 0.5f;
        const double up = plain_sum(f), above = (double)values[i];
        values[i] = kept - 0.5f;
        const double slope = (up - plain_sum(f)) / (above - (double)values[i]);
        values[i] = kept;
        CHECK_NEAR((double)gradient[i], times * slope, 1e-4);
    }
}

static void forward(fixture_t *f) { linear_forward(&f->layer, &f->weights, ROWS, f->x, f->y, f->scratch); }

static void backward(fixture_t *f, float *dx, grads_t *grads)
{
    linear_backward(&f->layer, &f->weights, ROWS, f->x, f->dy, f->layer.bias >= 0 ? f->dy : NULL, dx, grads, f->scratch);
}

TEST(forward_is_the_definition)
{
    for (int c = 0; c < CASES; c++) {
        fixture_t *f = fixture_new(&cases[c]);
        forward(f);
        for (int64_t i = 0; i < ROWS; i++)
            for (int64_t o = 0; o < OUT; o++) CHECK_NEAR((double)f->y[i * OUT + o], plain_value(f, i, o), 1e-5);
        fixture_free(f);
    }
}

/* Operands that are not floats: two matrices' copies, one of which needs its floats no more. */
static void other_operands(const case_t *c)
{
    fixture_t *f = fixture_new(c);
    double plain[ROWS * OUT];
    for (int64_t i = 0; i < ROWS * OUT; i++) plain[i] = plain_value(f, i / OUT, i % OUT);
    weights_release(&f->weights, &f->params);
    CHECK(f->params.fixed); /* floats are read where they lie */
    weights_t weights = weights_new(&f->params, &bf16_plain);
    weights_release(&weights, &f->params);
    CHECK(!f->params.fixed);
    operand_t *x = operands_new(&bf16_plain, ROWS * IN), *dy = operands_new(&bf16_plain, ROWS * OUT);
    bf16_pack(f->x, ROWS * IN, x);
    bf16_pack(f->dy, ROWS * OUT, dy);
    linear_forward(&f->layer, &weights, ROWS, x, f->y, f->scratch);
    for (int64_t i = 0; i < ROWS * OUT; i++) CHECK_NEAR((double)f->y[i], plain[i], 0.1 + 0.02 * fabs(plain[i]));
    grads_t *exact = grads_new(&f->params), *rounded = grads_new(&f->params);
    linear_backward(&f->layer, &weights, ROWS, x, dy, f->dy, NULL, rounded, f->scratch);
    backward(f, NULL, exact);
    for (int p = 0; p < f->layer.pairs; p++)
        for (int64_t i = 0; i < f->layer.pair[p].rank * IN; i++)
            CHECK_NEAR((double)grads_block(rounded, f->layer.pair[p].down)[i], (double)grads_block(exact, f->layer.pair[p].down)[i], 0.5);
    grads_free(exact);
    grads_free(rounded);
    free(x);
    free(dy);
    weights_free(&weights);
    fixture_free(f);
}

TEST(operands_of_another_type)
{
    other_operands(&(case_t){"", 1, true, true, RANK, false});
    other_operands(&(case_t){"", 3, true, true, RANK, true});
}

/* Runs twice into the same gradients, which add; the second time nobody asks for that of x. */
TEST(backward_adds_the_slopes)
{
    for (int c = 0; c < CASES; c++) {
        fixture_t *f = fixture_new(&cases[c]);
        grads_t *grads = grads_new(&f->params);
        backward(f, f->dx, grads);
        check_slopes(f, ROWS * IN, f->x, f->dx, 1);
        backward(f, NULL, grads);
        for (int i = 1; i < f->params.count; i++) {
            const bool frozen = cases[c].frozen && i <= cases[c].matrices;
            CHECK(frozen == !grads_block(grads, i));
            if (!frozen) check_slopes(f, f->params.blocks[i].count, params_values(&f->params, i), grads_block(grads, i), 2);
        }
        for (int i = 0; i < 3; i++) CHECK(grads_block(grads, 0)[i] == 0);
        grads_free(grads);
        fixture_free(f);
    }
}

TEST(a_pair_that_starts_at_zero_changes_nothing)
{
    fixture_t *f = fixture_new(&(case_t){"", 1, true, true, RANK, false});
    grads_t *grads = grads_new(&f->params);
    linear_init_pair(&f->layer, 0, &f->params, 11);
    forward(f);
    linear_t bare = linear_on(IN, OUT, f->layer.weight, f->layer.bias);
    float y[ROWS * OUT];
    linear_forward(&bare, &f->weights, ROWS, f->x, y, NULL);
    CHECK(!memcmp(y, f->y, sizeof y));
    backward(f, f->dx, grads);
    double up = 0;
    for (int64_t i = 0; i < RANK * IN; i++) CHECK(grads_block(grads, f->layer.pair[0].down)[i] == 0);
    for (int64_t i = 0; i < OUT * RANK; i++) up += fabs((double)grads_block(grads, f->layer.pair[0].up)[i]);
    CHECK(up > 1); /* B learns first, then A */
    grads_free(grads);
    fixture_free(f);
}

TEST(matrices_of_one_product_are_layers_of_their_own)
{
    enum { PART = OUT / 3 };
    fixture_t *f = fixture_new(&(case_t){"", 3, true, false, 0, false});
    forward(f);
    for (int m = 0; m < 3; m++) {
        const linear_t one = linear_on(IN, PART, f->layer.weight + m, -1);
        const float *bias = params_values(&f->params, f->layer.bias) + m * PART;
        float y[ROWS * PART];
        linear_forward(&one, &f->weights, ROWS, f->x, y, NULL);
        for (int i = 0; i < ROWS; i++)
            for (int o = 0; o < PART; o++)
                CHECK_NEAR((double)(y[i * PART + o] + bias[o]), (double)f->y[i * OUT + m * PART + o], 1e-5);
    }
    fixture_free(f);
}

/* --- The perceptron ----------------------------------------------------------------------------------------------------- */

enum { LAYERS = 3, WIDEST = 9 };
static const int64_t widths[LAYERS + 1] = {4, WIDEST, 6, 5};

typedef struct {
    params_t params;
    weights_t weights;
    mlp_t m;
} network_t;

static network_t *perceptron(int layers)
{
    network_t *n = NEW(network_t);
    params_add(&n->params, (param_t){.name = xstrdup("before"), .cols = 3});
    n->m = mlp_add(&n->params, "net", layers, widths);
    params_allocate(&n->params);
    n->weights = weights_new(&n->params, backend_open("f32"));
    mlp_init(&n->m, &n->params, 3);
    for (int l = 0; l < layers; l++) params_fill_normal(&n->params, n->m.layer[l].bias, 0.5, rng_key(4, (uint64_t)l));
    return n;
}

static void perceptron_free(network_t *n)
{
    weights_free(&n->weights);
    params_free(&n->params);
    free(n);
}

/* sum_i c[i] y_i of one row, in double; `p` holds the parameters. */
static double plain_perceptron(const network_t *n, const double *p, const double *x, const float *c)
{
    double a[WIDEST], b[WIDEST], sum = 0;
    memcpy(a, x, (size_t)widths[0] * sizeof *a);
    for (int l = 0; l < LAYERS; l++) {
        const double *weight = p + n->params.blocks[n->m.layer[l].weight].offset, *bias = p + n->params.blocks[n->m.layer[l].bias].offset;
        for (int64_t o = 0; o < widths[l + 1]; o++) {
            b[o] = bias[o];
            for (int64_t i = 0; i < widths[l]; i++) b[o] += weight[o * widths[l] + i] * a[i];
            if (l + 1 < LAYERS && b[o] < 0) b[o] = 0;
        }
        memcpy(a, b, sizeof a);
    }
    for (int64_t o = 0; o < widths[LAYERS]; o++) sum += (double)c[o] * a[o];
    return sum;
}

static double plain_perceptrons(const network_t *n, const double *p, const double *x, const float *c)
{
    double sum = 0;
    for (int64_t i = 0; i < ROWS; i++) sum += plain_perceptron(n, p, x + i * widths[0], c + i * widths[LAYERS]);
    return sum;
}

static void check_differences(const network_t *n, const double *p, const double *x, const float *c, int64_t count, double *values,
                              const float *gradient)
{
    const double step = 1e-6;
    for (int64_t i = 0; i < count; i++) {
        const double kept = values[i];
        values[i] = kept + step;
        const double up = plain_perceptrons(n, p, x, c);
        values[i] = kept - step;
        const double down = plain_perceptrons(n, p, x, c);
        values[i] = kept;
        CHECK_NEAR((double)gradient[i], (up - down) / (2 * step), 1e-4);
    }
}

TEST(perceptron_forward_and_backward)
{
    network_t *n = perceptron(LAYERS);
    float *x = randoms(ROWS * widths[0], 8), *c = randoms(ROWS * widths[LAYERS], 9), *acts = xfloats((size_t)(ROWS * n->m.hidden));
    float *dx = xfloats((size_t)(ROWS * widths[0])), *scratch = xfloats((size_t)(2 * ROWS * mlp_widest(&n->m)));
    grads_t *grads = grads_new(&n->params);
    double *p = NEW_ARRAY(double, n->params.size), *in = NEW_ARRAY(double, ROWS * widths[0]), sum = 0;
    for (int64_t i = 0; i < n->params.size; i++) p[i] = (double)n->params.weights[i];
    for (int64_t i = 0; i < ROWS * widths[0]; i++) in[i] = (double)x[i];
    const float *y = mlp_forward(&n->m, &n->weights, ROWS, x, acts);
    for (int64_t i = 0; i < ROWS * widths[LAYERS]; i++) sum += (double)c[i] * (double)y[i];
    CHECK_NEAR(sum, plain_perceptrons(n, p, in, c), 1e-4);
    mlp_backward(&n->m, &n->weights, ROWS, x, acts, c, dx, grads, scratch);
    check_differences(n, p, in, c, n->params.size, p, grads->dense);
    check_differences(n, p, in, c, ROWS * widths[0], in, dx);
    void *all[] = {x, c, acts, dx, scratch, p, in};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    grads_free(grads);
    perceptron_free(n);
}

TEST(perceptron_names_and_first_values)
{
    network_t *n = perceptron(LAYERS);
    CHECK(!strcmp(n->params.blocks[1].name, "net.0.weight") && !strcmp(n->params.blocks[6].name, "net.2.bias") && n->params.count == 7);
    const param_t *last = &n->params.blocks[n->m.layer[LAYERS - 1].weight];
    for (int64_t i = 0; i < last->count; i++) /* the draw of the parameter's place among all */
        CHECK(n->params.weights[last->offset + i] == (float)(sqrt(1.0 / 6) * rng_normal(3, (uint64_t)(last->offset + i))));
    perceptron_free(n);
}

TEST(a_perceptron_of_no_layers_is_the_identity)
{
    network_t *n = perceptron(0);
    float x[] = {1, 2, 3, 4}, dout[] = {5, 6, 7, 8}, dx[4], scratch[8];
    grads_t *grads = grads_new(&n->params);
    CHECK(n->params.count == 1 && mlp_forward(&n->m, &n->weights, 1, x, NULL) == x);
    mlp_backward(&n->m, &n->weights, 1, x, NULL, dout, dx, grads, scratch);
    CHECK(!memcmp(dx, dout, sizeof dx));
    grads_free(grads);
    perceptron_free(n);
}

UNIT_MAIN(UNIT(forward_is_the_definition), UNIT(operands_of_another_type), UNIT(backward_adds_the_slopes),
          UNIT(a_pair_that_starts_at_zero_changes_nothing), UNIT(matrices_of_one_product_are_layers_of_their_own),
          UNIT(perceptron_forward_and_backward), UNIT(perceptron_names_and_first_values), UNIT(a_perceptron_of_no_layers_is_the_identity))
