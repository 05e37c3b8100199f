/* A decoder whose matrices lie in a file computes what the same one in memory does, forwards and backwards, in every type. */
#include "base/mem.h"
#include "base/rng.h"
#include "nn/embedding.h"
#include "nn/model.h"
#include "nn/transformer.h"

#include <stdlib.h>

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

/* The same model, written in a type, and read where it lies. */
static model_t *in_file(model_t *m, st_dtype dtype, const char *path, st_file_t **file)
{
    st_writer_t *w = st_create(path, NULL);
    for (int i = 0; i < m->params.count; i++) m->params.blocks[i].dtype = dtype;
    params_write(w, &m->params);
    st_commit(w);
    *file = st_open(path);
    model_t *mapped = model_new_mapped(qwen, "model.");
    for (int i = 0; i < mapped->params.count; i++)
        if (mapped->params.blocks[i].mapped) params_map(*file, &mapped->params, i);
    params_allocate(&mapped->params);
    for (int i = 0; i < mapped->params.count; i++)
        if (!mapped->params.blocks[i].mapped) params_read_blocks(*file, &mapped->params, i, 1);
    return mapped;
}

static void check_same(st_dtype dtype, double tolerance)
{
    char path[] = "/tmp/sidmill-backbone-XXXXXX";
    close(mkstemp(path));
    st_file_t *file;
    model_t *m = in_memory(), *mapped = in_file(m, dtype, path, &file);
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

UNIT_MAIN(UNIT(as_in_memory), UNIT(in_16_bits), UNIT(mapped_blocks_have_no_values))
