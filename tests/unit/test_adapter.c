/* What trains on a frozen base, through the whole model: gradients against differences, what stays, and the two matrices behind one
 * range of tokens. */
#include "lm/adapter.h"
#include "lm/whole.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "bf16.h"
#include "gen/objective.h"
#include "gen/output.h"
#include "nn/embedding.h"
#include "small_model.h"
#include "unit.h"

enum { TEXT = 4500, ROWS = 12, MOST = 16, SCORED = 8 }; /* more rows than a slice of gen/output.c has */

typedef struct {
    const char *name;
    bool qkv_bias, qk_norm, untied;
    int64_t rank;
    bool whole;
} form_t;

static const form_t forms[] = {{"llama", false, false, true, 3, false}, {"qwen2", true, false, false, 2, false}, {"qwen3", false, true, true, 2, false},
                               {"new tokens alone", false, false, false, 0, false}, {"qwen2, all of it", true, false, true, 0, true},
                               {"qwen3, all of it", false, true, false, 0, true}};
enum { FORMS = sizeof forms / sizeof *forms };

typedef struct {
    char path[40];
    st_file_t *file;
    space_t space;
    model_t *model;
    network_t *net;
    activations_t *acts;
    objective_t *objective;
    grads_t *grads;
    int32_t tokens[ROWS];
    scored_position_t scored[SCORED];
} fixture_t;

static model_config_t config_of(const form_t *c)
{
    return (model_config_t){.hidden_size = SMALL_D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2, .head_dim = 4,
                            .intermediate_size = 12, .vocab_size = TEXT, .max_position_embeddings = 64, .rms_norm_eps = 1e-6,
                            .rope_theta = 10000, .qkv_bias = c->qkv_bias, .qk_norm = c->qk_norm, .untied = c->untied};
}

/* Writes a base of random weights. */
static void write_base(fixture_t *f, const form_t *c)
{
    model_t *m = model_new(config_of(c));
    model_init(m, 7);
    for (int i = 0; i < m->params.count; i++)
        for (int64_t j = 0; m->params.blocks[i].decay && j < m->params.blocks[i].count; j++) params_values(&m->params, i)[j] *= 15;
    strcpy(f->path, "/tmp/sidmill-adapter-XXXXXX");
    close(mkstemp(f->path));
    st_writer_t *w = st_create(f->path, NULL);
    params_write(w, &m->params);
    st_commit(w);
    f->file = st_open(f->path);
    model_free(m);
}

static model_t *read_base(const fixture_t *f, const form_t *c)
{
    adapter_t a = {.tokens = f->space.vocab.first_text, .lora = {.rank = c->rank, .alpha = 4}};
    CHECK(lora_parse("q,k,v,o,gate,up,down", &a.lora));
    model_t *m = model_new_mapped(config_of(c), "model.");
    adapter_add(m, &a);
    for (int i = 0; i < m->params.count; i++)
        if (m->params.blocks[i].mapped) params_map(f->file, &m->params, i);
    params_allocate(&m->params);
    for (int i = 0; i < m->params.count; i++)
        if (m->params.blocks[i].frozen && !m->params.blocks[i].mapped) params_read_blocks(f->file, &m->params, i, 1);
    m->config.vocab_size = f->space.vocab.size;
    adapter_init(m, TEXT, 5);
    return m;
}

/* Sequences of text and codes; what is scored is codes, a text's end, and words of both slices. */
static void lay(fixture_t *f)
{
    const vocab_t *v = &f->space.vocab;
    const int32_t tokens[ROWS] = {v->first_text + 3, v->first_text + 4400, v->first_code, v->first_code + 4, v->first_code + 1, v->first_code + 3,
                                  v->first_text + 9, v->first_code + 2, v->first_marker, v->first_text + 17, v->first_text + 4200, v->bos};
    const int32_t word = v->first_text + 4300, early = v->first_text + 5;
    const scored_position_t scored[SCORED] = {
        {1, v->first_code, allowed_children(0, 0), TASK_NEXT}, {3, v->first_code + 1, allowed_level(0), TASK_NEXT},
        {4, v->first_code + 4, allowed_level(1), TASK_NEXT}, {8, word, space_text(&f->space), TASK_NEXT_TITLE},
        {9, early, space_text(&f->space), TASK_NEXT_TITLE}, {10, v->end, space_text(&f->space), TASK_NEXT_TITLE},
        {11, v->first_suffix, allowed_level(2), TASK_NEXT}, {7, v->first_code + 2, allowed_level(0), TASK_NEXT}};
    memcpy(f->tokens, tokens, sizeof tokens);
    memcpy(f->scored, scored, sizeof scored);
}

static fixture_t *fixture(const form_t *c)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&small_sids, SOFTMAX_TRIE, BODY_FLAT, 6);
    space_add_text(&f->space, TEXT, 8, NULL, 0);
    write_base(f, c);
    f->model = read_base(f, c);
    if (c->whole) {
        model_t *on = f->model;
        f->model = whole_model(on, false);
        model_free(on);
    }
    for (int i = 0; i < f->model->params.count; i++)
        if (strstr(f->model->params.blocks[i].name, "lora_B")) params_fill_normal(&f->model->params, i, 0.3, rng_key(9, (uint64_t)i));
    f->net = network_new(f->model, backend_open("f32"), 32);
    f->acts = activations_new(f->net, PASS_TRAIN, MOST, MOST, 0);
    f->objective = objective_new(f->net, &f->space, 0, 0);
    f->grads = grads_new(&f->model->params);
    lay(f);
    return f;
}

static void release(fixture_t *f)
{
    grads_free(f->grads);
    objective_free(f->objective);
    activations_free(f->acts);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    st_close(f->file);
    unlink(f->path);
    free(f);
}

/* The loss of all that is scored; gradients are added. */
static double loss(const fixture_t *f, grads_t *grads)
{
    static int64_t bounds[] = {0, 6, ROWS};
    const segments_t segments = {ROWS, 2, bounds, NULL};
    float dhidden[MOST * SMALL_D] = {0};
    loss_t sum = {0};
    embedding_rows(f->model, ROWS, f->tokens, activations_input(f->acts));
    const float *hidden = transformer_forward(f->net, f->acts, &segments, 0, 0, NULL);
    objective_backward(f->objective, SCORED, f->scored, hidden, hidden, 1, dhidden, grads, &sum);
    transformer_backward(f->net, f->acts, &segments, 0, 0, dhidden, grads);
    embedding_rows_backward(f->model, ROWS, f->tokens, activations_input_grad(f->acts), grads);
    return sum.task_loss[TASK_NEXT] + sum.task_loss[TASK_NEXT_TITLE];
}

static void check_slope(const fixture_t *f, grads_t *scratch, int block, int64_t i)
{
    float *at = params_values(&f->model->params, block) + i;
    const float kept = *at, step = 2e-3f;
    *at = kept + step;
    const double up = loss(f, scratch), above = (double)*at;
    *at = kept - step;
    const double slope = (up - loss(f, scratch)) / (above - (double)*at), found = (double)grads_block(f->grads, block)[i];
    *at = kept;
    if (!(fabs(slope - found) <= 2e-3 + 0.01 * fabs(found)))
        printf("# %s[%d]\n", f->model->params.blocks[block].name, (int)i);
    CHECK_NEAR(found, slope, 2e-3 + 0.01 * fabs(found));
}

TEST(gradients_are_slopes)
{
    for (int c = 0; c < FORMS; c++) {
        fixture_t *f = fixture(&forms[c]);
        grads_t *scratch = grads_new(&f->model->params);
        loss(f, f->grads);
        for (int b = 0; b < f->model->params.count; b++) {
            const param_t *p = &f->model->params.blocks[b];
            if (p->frozen) continue;
            double most = 0;
            for (int64_t i = 0; i < p->count; i++) most = fmax(most, fabs((double)grads_block(f->grads, b)[i]));
            CHECK(most > 1e-4);
            for (uint64_t k = 0; k < 6; k++) check_slope(f, scratch, b, (int64_t)rng_below(3, k, (uint64_t)p->count));
        }
        grads_free(scratch);
        release(f);
    }
}

/* And all that it may look at trains. */
TEST(a_model_of_its_own_says_what_the_base_said)
{
    for (int c = 3; c < FORMS; c++) {
        form_t whole = forms[c], on = forms[c];
        whole.whole = true;
        on.whole = false;
        fixture_t *f = fixture(&whole), *g = fixture(&on);
        CHECK_NEAR(loss(f, f->grads), loss(g, g->grads), 1e-5);
        CHECK(params_trained(&f->model->params) == params_number(&f->model->params) && f->model->own == f->space.vocab.size);
        CHECK(params_number(&f->model->params) == params_number(&g->model->params) && (f->model->output == f->model->embed) == !whole.untied);
        release(f);
        release(g);
    }
}

/* What a step of training holds is as large as what trains. */
TEST(the_base_has_no_gradient)
{
    fixture_t *f = fixture(&forms[1]);
    const params_t *p = &f->model->params;
    CHECK(f->model->base_output == f->model->base_embed && f->model->output == f->model->embed);
    CHECK(params_trained(p) <= p->size && p->size < TEXT && params_number(p) > TEXT * SMALL_D);
    for (int i = 0; i < p->count; i++) CHECK(!p->blocks[i].frozen == (strstr(p->blocks[i].name, "lora_") || strstr(p->blocks[i].name, ".new.")));
    release(f);
}

TEST(new_rows_begin_around_the_mean)
{
    fixture_t *f = fixture(&forms[0]);
    double mean = 0, squares = 0, own = 0, own_squares = 0;
    const int64_t n = f->model->own * SMALL_D;
    float row[SMALL_D];
    for (int32_t t = 0; t < TEXT; t++) {
        output_row(f->model, (int32_t)f->model->own + t, row);
        for (int i = 0; i < SMALL_D; i++) mean += (double)row[i] / (TEXT * SMALL_D);
        for (int i = 0; i < SMALL_D; i++) squares += (double)row[i] * (double)row[i] / (TEXT * SMALL_D);
    }
    for (int64_t i = 0; i < n; i++) own += (double)model_output(f->model, 0)[i] / (double)n;
    for (int64_t i = 0; i < n; i++) own_squares += (double)model_output(f->model, 0)[i] * (double)model_output(f->model, 0)[i] / (double)n;
    CHECK_NEAR(own, mean, 0.1);
    CHECK_NEAR(sqrt(own_squares), sqrt(squares), 0.06);
    release(f);
}

TEST(a_copy_has_its_own_and_the_same_base)
{
    fixture_t *f = fixture(&forms[2]);
    model_t *copy = model_copy(f->model);
    for (int i = 0; i < copy->params.count; i++) {
        const param_t *a = &f->model->params.blocks[i], *b = &copy->params.blocks[i];
        CHECK(a->mapped ? a->tensor == b->tensor : params_values(&f->model->params, i) != params_values(&copy->params, i));
        if (!a->mapped) CHECK(!memcmp(params_values(&f->model->params, i), params_values(&copy->params, i), (size_t)a->count * sizeof(float)));
    }
    model_free(copy);
    release(f);
}

/* Ranges on one side, on both, and over several slices, in floats and in operands of another type. */
TEST(ranges_over_both_matrices)
{
    fixture_t *f = fixture(&forms[0]);
    network_t *half = network_new(f->model, &bf16_plain, 32);
    const int32_t own = (int32_t)f->model->own, ranges[][2] = {{2, 5}, {own - 1, TEXT + 1}, {own - 3, 10}, {own + 4, 7}, {own + 4000, 300}};
    enum { N = 3 };
    float states[N * SMALL_D], row[SMALL_D];
    uint16_t packed[N * SMALL_D];
    float *logits = xfloats(N * (TEXT + 1));
    for (int i = 0; i < N * SMALL_D; i++) states[i] = (float)rng_normal(21, (uint64_t)i);
    bf16_pack(states, N * SMALL_D, packed);
    for (int k = 0; k < 2; k++) {
        output_t *o = output_new(k ? half : f->net);
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
            const int32_t first = ranges[i][0], count = ranges[i][1];
            output_forward(o, N, k ? (const void *)packed : states, first, count, logits);
            for (int r = 0; r < N; r++)
                for (int32_t t = 0; t < count; t++) {
                    double sum = 0;
                    output_row(f->model, first + t, row);
                    for (int j = 0; j < SMALL_D; j++) sum += (double)states[r * SMALL_D + j] * (double)row[j];
                    if (fabs(sum - (double)logits[r * count + t]) > (k ? 0.2 : 1e-4)) CHECK_NEAR((double)logits[r * count + t], sum, 0);
                }
        }
        output_free(o);
    }
    free(logits);
    network_free(half);
    release(f);
}

TEST(lists_of_targets)
{
    lora_t l = {0};
    CHECK(lora_parse("down,q", &l) && l.on[LORA_Q] && l.on[LORA_DOWN] && !l.on[LORA_K]);
    char *list = lora_list(&l);
    CHECK(!strcmp(list, "q,down"));
    free(list);
    const char *const wrong[] = {"", "q,", ",q", "q,q", "qk", "query", "q k"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) CHECK(!lora_parse(wrong[i], &l));
}

UNIT_MAIN(UNIT(gradients_are_slopes), UNIT(a_model_of_its_own_says_what_the_base_said), UNIT(the_base_has_no_gradient), UNIT(new_rows_begin_around_the_mean),
          UNIT(a_copy_has_its_own_and_the_same_base), UNIT(ranges_over_both_matrices), UNIT(lists_of_targets))
