/* A decoder whose matrices lie in a file computes what the same one in memory does, forwards and backwards, in every type; and training
 * passes that keep the input rows of layers only compute what those that keep all do. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/embedding.h"
#include "nn/model.h"
#include "nn/transformer.h"

#include "bf16.h"
#include "unit.h"

enum { ROWS = 7, D = 8 };

static const model_config_t qwen = {.hidden_size = D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                    .head_dim = 4, .intermediate_size = 12, .vocab_size = 9, .max_position_embeddings = 64,
                                    .rms_norm_eps = 1e-6, .rope_theta = 10000, .qkv_bias = true, .qk_norm = true};

static int64_t bounds[] = {0, 3, ROWS};
static const segments_t segments = {ROWS, 2, bounds, NULL};
static const int32_t tokens[ROWS] = {1, 8, 3, 3, 0, 5, 2};

typedef struct {
    float hidden[ROWS * D], input_grad[ROWS * D];
} result_t;

static result_t results_of(const model_t *m)
{
    result_t r;
    network_t *net = network_new(m, backend_open("f32"), 16);
    activations_t *a = activations_new(net, PASS_TRAIN, 16, 16, 0);
    grads_t *grads = grads_new(&m->params);
    float dhidden[16 * D] = {0};
    for (int i = 0; i < ROWS * D; i++) dhidden[i] = (float)rng_normal(3, (uint64_t)i);
    embedding_rows(m, ROWS, tokens, activations_input(a));
    memcpy(r.hidden, transformer_forward(net, a, &segments, 0, 0, NULL), sizeof r.hidden);
    transformer_backward(net, a, &segments, 0, 0, dhidden, grads);
    memcpy(r.input_grad, activations_input_grad(a), sizeof r.input_grad);
    grads_free(grads);
    activations_free(a);
    network_free(net);
    return r;
}

static model_t *in_memory(void)
{
    model_t *m = model_new(qwen);
    model_init(m, 7);
    for (int i = 0; i < m->params.count; i++)
        for (int64_t j = 0; m->params.blocks[i].decay && j < m->params.blocks[i].count; j++) params_values(&m->params, i)[j] *= 15;
    return m;
}

/* The same model, written in a type, and read where it lies; `add`, where not NULL, adds what trains. */
static model_t *in_file(model_t *m, st_dtype dtype, const char *path, void (*add)(model_t *m), st_file_t **file)
{
    st_writer_t *w = st_create(path, NULL);
    for (int i = 0; i < m->params.count; i++) m->params.blocks[i].dtype = dtype;
    params_write(w, &m->params);
    st_commit(w);
    *file = st_open(path);
    model_t *mapped = model_new_mapped(qwen, "model.");
    for (int i = 0; i < mapped->params.count; i++)
        if (mapped->params.blocks[i].mapped) params_map(*file, &mapped->params, i);
    if (add) add(mapped);
    params_allocate(&mapped->params);
    for (int i = 0; i < mapped->params.count; i++)
        if (!mapped->params.blocks[i].mapped && mapped->params.blocks[i].frozen) params_read_blocks(*file, &mapped->params, i, 1);
    return mapped;
}

static void check_same(st_dtype dtype, double tolerance)
{
    char path[] = "/tmp/sidmill-backbone-XXXXXX";
    close(mkstemp(path));
    st_file_t *file;
    model_t *m = in_memory(), *mapped = in_file(m, dtype, path, NULL, &file);
    const result_t a = results_of(m), b = results_of(mapped);
    for (int i = 0; i < ROWS * D; i++) CHECK_NEAR((double)a.hidden[i], (double)b.hidden[i], tolerance);
    for (int i = 0; i < ROWS * D; i++) CHECK_NEAR((double)a.input_grad[i], (double)b.input_grad[i], tolerance);
    CHECK(params_trained(&mapped->params) == 0 && params_number(&mapped->params) == params_number(&m->params));
    model_free(m);
    model_free(mapped);
    st_close(file);
    unlink(path);
}

TEST(as_in_memory) { check_same(ST_F32, 1e-5); }

/* Rounding weights to 8 bits of mantissa moves what they make by some hundredths. */
TEST(in_16_bits) { check_same(ST_BF16, 0.2); }

static void read_values(void)
{
    model_t *m = model_new_mapped(qwen, "model.");
    params_values(&m->params, m->embed);
}

TEST(mapped_blocks_have_no_values) { CHECK(unit_exit_code(read_values) == 70); }

/* --- Passes that keep layers' input rows ------------------------------------------------------------------------------------- */

/* Puts a low-rank pair beside every product, between the layout and the memory. */
static void add_pairs(model_t *m)
{
    for (int64_t i = 0; i < m->config.num_hidden_layers; i++) {
        model_layer_t *l = &m->layers[i];
        linear_t *all[] = {&l->qkv, &l->out, &l->gate_up, &l->down};
        for (int j = 0; j < 4; j++) {
            char *name = xasprintf("layers.%d.%d", (int)i, j);
            linear_add_pair(all[j], &m->params, name, 0, all[j]->out, 3, 0.5f);
            free(name);
        }
    }
}

static void fill_pairs(const model_t *m)
{
    for (int i = 0; i < m->params.count; i++)
        if (strstr(m->params.blocks[i].name, ".lora_")) params_fill_normal(&m->params, i, 0.5, rng_key(9, (uint64_t)i));
}

/* Two segments by themselves, or one that two branches share. */
static int64_t branch_bounds[] = {0, 3, 5, ROWS}, branch_parents[] = {-1, 0, 0};
static const segments_t branches = {ROWS, 3, branch_bounds, branch_parents};

/* Hidden states, the gradient of the input rows, and those of the parameters, one behind the other. */
typedef struct {
    int64_t count;
    float *all;
} taken_t;

static taken_t take(const model_t *m, const backend_t *b, activations_pass_t kind, const segments_t *s, double dropout)
{
    network_t *net = network_new(m, b, 16);
    activations_t *a = activations_new(net, kind, 16, 16, 0);
    grads_t *grads = grads_new(&m->params);
    float dhidden[64 * D] = {0};
    taken_t t = {2 * ROWS * D + m->params.size, xfloats((size_t)(2 * ROWS * D + m->params.size))};
    for (int pass = 0; pass < 2; pass++) { /* the second finds what the first left */
        for (int i = 0; i < ROWS * D; i++) dhidden[i] = (float)rng_normal(3, (uint64_t)i);
        embedding_rows(m, ROWS, tokens, activations_input(a));
        memcpy(t.all, transformer_forward(net, a, s, dropout, 5, NULL), ROWS * D * sizeof(float));
        transformer_backward(net, a, s, dropout, 5, dhidden, grads);
    }
    memcpy(t.all + ROWS * D, activations_input_grad(a), ROWS * D * sizeof(float));
    memcpy(t.all + 2 * ROWS * D, grads->dense, (size_t)m->params.size * sizeof(float));
    grads_free(grads);
    activations_free(a);
    network_free(net);
    return t;
}

static void check_kinds(const model_t *m, const backend_t *backend, const segments_t *s, double dropout)
{
    const taken_t a = take(m, backend, PASS_TRAIN, s, dropout), b = take(m, backend, PASS_TRAIN_LAYERS, s, dropout);
    int64_t moved = 0;
    for (int64_t i = 0; i < a.count; i++) moved += a.all[i] != 0;
    CHECK(a.count == b.count && moved > a.count / 2 && !memcmp(a.all, b.all, (size_t)a.count * sizeof(float)));
    free(a.all);
    free(b.all);
}

static void check_all_kinds(const model_t *m)
{
    const backend_t *const backends[] = {backend_open("f32"), &bf16_plain};
    for (int g = 0; g < 2; g++) {
        check_kinds(m, backends[g], &segments, 0);
        check_kinds(m, backends[g], &segments, 0.3);
        check_kinds(m, backends[g], &branches, 0);
    }
}

/* Norms of heads, biases, two query heads to a key head; all weights train. */
TEST(layers_again_give_the_same_bits)
{
    model_t *m = in_memory();
    check_all_kinds(m);
    model_free(m);
}

/* The same where matrices lie in a file and pairs beside them train, in either type. */
TEST(layers_again_with_pairs)
{
    const st_dtype dtypes[] = {ST_F32, ST_BF16};
    for (int i = 0; i < 2; i++) {
        char path[] = "/tmp/sidmill-backbone-XXXXXX";
        close(mkstemp(path));
        st_file_t *file;
        model_t *m = in_memory(), *mapped = in_file(m, dtypes[i], path, add_pairs, &file);
        fill_pairs(mapped);
        CHECK(params_trained(&mapped->params) > 0 && params_trained(&mapped->params) < params_number(&m->params));
        check_all_kinds(mapped);
        model_free(m);
        model_free(mapped);
        st_close(file);
        unlink(path);
    }
}

static void wave_behind_layers(void)
{
    model_t *m = in_memory();
    network_t *net = network_new(m, backend_open("f32"), 16);
    activations_t *a = activations_new(net, PASS_TRAIN_LAYERS, 32, 16, 0);
    const wave_row_t row[17] = {[16] = {0, 3, -1}};
    transformer_wave_forward(net, a, &(wave_t){16, 1, row}, 0, 0);
}

TEST(no_waves_without_keys) { CHECK(unit_exit_code(wave_behind_layers) == 70); }

UNIT_MAIN(UNIT(as_in_memory), UNIT(in_16_bits), UNIT(mapped_blocks_have_no_values), UNIT(layers_again_give_the_same_bits),
          UNIT(layers_again_with_pairs), UNIT(no_waves_without_keys))
