/* Speed and memory of a pretrained decoder's forward and backward beside low-rank pairs, without a head: bench_llm_train DIR ROWS SEGMENT
 * RANK KIND THREADS GEMM ROUNDS gives every thread ROWS rows in segments of SEGMENT and prints each round's tokens a second, by the clock
 * and by processor time; then the sum of the states times a wave, the length of its gradient by the input rows, and the most memory held,
 * in MiB. KIND is whole or layers (nn/activations.h). tests/bench/llm-train.sh runs it beside PyTorch; without arguments it says so and does
 * nothing. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/embedding.h"
#include "nn/folder_json.h"
#include "nn/tensor_folder.h"
#include "nn/transformer.h"

typedef struct {
    network_t *net;
    activations_t **acts; /* [workers] */
    grads_t **grads;      /* [workers] */
    float **dhidden;      /* [workers] [rows, d] */
    int32_t *tokens;      /* [workers * rows] */
    int64_t *bounds;
    segments_t segments;
    double *value;        /* [workers] */
} bench_t;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Adds a pair to `out` columns of a product, from `first` on. */
static void add_pair(model_t *m, linear_t *l, int64_t layer, const char *what, int64_t first, int64_t out, int64_t rank)
{
    char *name = xasprintf("%lld.%s", (long long)layer, what);
    linear_add_pair(l, &m->params, name, first, out, rank, 2);
    free(name);
}

static void add_pairs(model_t *m, int64_t rank)
{
    const model_config_t *c = &m->config;
    const int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim, f = c->intermediate_size;
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        model_layer_t *l = &m->layers[i];
        add_pair(m, &l->qkv, i, "q", 0, q, rank);
        add_pair(m, &l->qkv, i, "k", q, kv, rank);
        add_pair(m, &l->qkv, i, "v", q + kv, kv, rank);
        add_pair(m, &l->out, i, "o", 0, c->hidden_size, rank);
        add_pair(m, &l->gate_up, i, "gate", 0, f, rank);
        add_pair(m, &l->gate_up, i, "up", f, f, rank);
        add_pair(m, &l->down, i, "down", 0, c->hidden_size, rank);
    }
}

static void init_pairs(const model_t *m)
{
    for (int64_t i = 0; i < m->config.num_hidden_layers; i++) {
        const linear_t *all[] = {&m->layers[i].qkv, &m->layers[i].out, &m->layers[i].gate_up, &m->layers[i].down};
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < all[j]->pairs; k++) linear_init_pair(all[j], k, &m->params, (uint64_t)(12 * i + 3 * j + k));
    }
}

static model_t *open_model(const char *folder, tensor_folder_t **files, int64_t rank)
{
    static const char *const single[] = {"model.safetensors", NULL};
    char *path = xasprintf("%s/config.json", folder);
    cJSON *json = folder_json(path, NULL);
    XXH3_state_t *digest = XXH3_createState();
    XXH3_128bits_reset(digest);
    *files = tensor_folder_open(folder, single, digest);
    XXH3_freeState(digest);
    model_t *m = model_new_mapped(model_config_parse(path, json), "model.");
    add_pairs(m, rank);
    for (int i = 0; i < m->params.count; i++)
        if (m->params.blocks[i].mapped) params_map(tensor_folder_file(*files, m->params.blocks[i].name), &m->params, i);
    params_allocate(&m->params);
    for (int i = 0; i < m->params.count; i++)
        if (m->params.blocks[i].frozen && !m->params.blocks[i].mapped)
            params_read_blocks(tensor_folder_file(*files, m->params.blocks[i].name), &m->params, i, 1);
    init_pairs(m);
    cJSON_Delete(json);
    free(path);
    return m;
}

static void run_shard(void *ctx, int64_t shard, int worker)
{
    bench_t *b = ctx;
    const int64_t rows = b->segments.rows, d = b->net->model->config.hidden_size;
    activations_t *a = b->acts[worker];
    embedding_rows(b->net->model, rows, b->tokens + shard * rows, activations_input(a));
    const float *hidden = transformer_forward(b->net, a, &b->segments, 0, 0, NULL);
    b->value[shard] = 0;
    for (int64_t i = 0; i < rows * d; i++) b->value[shard] += (double)hidden[i] * (double)b->dhidden[worker][i];
    grads_clear(b->grads[worker]);
    transformer_backward(b->net, a, &b->segments, 0, 0, b->dhidden[worker], b->grads[worker]);
}

static bench_t bench_new(const model_t *m, const backend_t *backend, activations_pass_t kind, int64_t rows, int64_t segment)
{
    const int64_t workers = parallel_workers(), d = m->config.hidden_size;
    bench_t b = {.net = network_new(m, backend, segment)};
    b.acts = NEW_ARRAY(activations_t *, workers);
    b.grads = NEW_ARRAY(grads_t *, workers);
    b.dhidden = NEW_ARRAY(float *, workers);
    b.value = NEW_ARRAY(double, workers);
    b.tokens = NEW_ARRAY(int32_t, workers * rows);
    b.bounds = NEW_ARRAY(int64_t, rows / segment + 1);
    for (int64_t i = 0; i < workers; i++) {
        b.acts[i] = activations_new(b.net, kind, rows, segment, 0);
        b.grads[i] = grads_new(&m->params);
        b.dhidden[i] = xfloats((size_t)(rows * d));
        for (int64_t j = 0; j < rows * d; j++) b.dhidden[i][j] = (float)sin((double)j);
    }
    for (int64_t i = 0; i < workers * rows; i++) b.tokens[i] = (int32_t)(i * 7919 % m->config.vocab_size);
    for (int64_t i = 0; i <= rows / segment; i++) b.bounds[i] = i * segment;
    b.segments = (segments_t){rows, rows / segment, b.bounds, NULL};
    return b;
}

static void bench_free(bench_t *b, int workers)
{
    for (int i = 0; i < workers; i++) {
        activations_free(b->acts[i]);
        grads_free(b->grads[i]);
        free(b->dhidden[i]);
    }
    network_free(b->net);
    void *all[] = {b->acts, b->grads, b->dhidden, b->value, b->tokens, b->bounds};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void print_results(const bench_t *b, int workers)
{
    const int64_t n = b->segments.rows * b->net->model->config.hidden_size;
    double value = 0, square = 0;
    for (int i = 0; i < workers; i++) {
        value += b->value[i];
        const float *dx = activations_input_grad(b->acts[i]);
        for (int64_t j = 0; j < n; j++) square += (double)dx[j] * (double)dx[j];
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("value %.4f gradient %.4f memory %ld\n", value, sqrt(square), used.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        puts("bench_llm_train: run by tests/bench/llm-train.sh");
        return 0;
    }
    err_program("bench_llm_train");
    const int64_t rows = atoll(argv[2]), segment = atoll(argv[3]);
    if (segment < 1 || rows % segment) die(EX_USAGE, "%lld rows are no segments of %lld", (long long)rows, (long long)segment);
    tensor_folder_t *files;
    model_t *m = open_model(argv[1], &files, atoll(argv[4]));
    parallel_threads(atoi(argv[6]));
    const int workers = parallel_workers();
    bench_t b = bench_new(m, backend_open(argv[7]), strcmp(argv[5], "layers") ? PASS_TRAIN : PASS_TRAIN_LAYERS, rows, segment);
    for (int round = -1; round < atoi(argv[8]); round++) { /* the first takes the weights from the disk */
        const double begin = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID), n = (double)(workers * rows);
        parallel_for(workers, run_shard, &b);
        if (round < 0) continue;
        printf("%.1f %.1f\n", n / (seconds(CLOCK_MONOTONIC) - begin), n * workers / (seconds(CLOCK_PROCESS_CPUTIME_ID) - used));
    }
    print_results(&b, workers);
    bench_free(&b, workers);
    model_free(m);
    tensor_folder_close(files);
    return 0;
}
