/* Parameters that learn: row-sparse tables against dense blocks on the same gradients, averages, frozen blocks, checkpoints. */
#include "train/learner.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/optim.h"
#include "unit.h"

enum { ROWS = 300, COLS = 16, SHARDS = 5, UPDATES = 7 };

static const update_options_t options = {.lr = 0.05, .beta2 = 0.98, .weight_decay = 0.1, .clip = 2, .average = 0.9};

/* A vector and a table of ROWS rows, dense or sparse, with values of their own. */
static params_t make_params(bool sparse)
{
    params_t p = {0};
    params_add(&p, (param_t){.name = xstrdup("vector"), .cols = COLS});
    params_align(&p);
    params_add(&p, (param_t){.name = xstrdup("table"), .rows = ROWS, .cols = COLS, .decay = true, .sparse = sparse});
    params_allocate(&p);
    params_fill(&p, 0, 1);
    params_fill_normal(&p, 1, 1, 77);
    return p;
}

/* Whether shard `s` touches a row in an update; `all`: every shard touches every row. */
static bool touches(bool all, int64_t update, int64_t s, int64_t row) { return all || rng_below(rng_key(5, (uint64_t)update), (uint64_t)(s * ROWS + row), 10) == 0; }

static float slope(int64_t update, int64_t s, int64_t row, int64_t col)
{
    return (float)rng_normal(rng_key(9, (uint64_t)update), (uint64_t)((s * ROWS + row) * COLS + col));
}

/* Gradients of one update, in two passes that add up; rows in an order of the shard's own. The vector's are left out: a sum of
 * squares in another order would have other last bits. */
static void fill_gradients(learner_t *l, bool all, int64_t update)
{
    for (int64_t s = 0; s < SHARDS; s++) {
        grads_clear(l->grads[s]);
        for (int pass = 0; pass < 2; pass++)
            for (int64_t i = 0; i < ROWS; i++) {
                const int64_t row = all ? i : (i * 7 + s) % ROWS;
                if (!touches(all, update, s, row)) continue;
                float *g = grads_row(l->grads[s], 1, row);
                for (int64_t c = 0; c < COLS; c++) g[c] += slope(update, s, row, c) * (pass ? 0.5f : 1);
            }
    }
}

static bool same_table(const params_t *a, const params_t *b) { return !memcmp(params_values(a, 1), params_values(b, 1), ROWS * COLS * sizeof(float)); }

TEST(a_table_touched_throughout_is_a_dense_block)
{
    params_t dense = make_params(false), sparse = make_params(true);
    learner_t a = learner_new(&dense, SHARDS, true, true), b = learner_new(&sparse, SHARDS, true, true);
    for (int64_t u = 0; u < UPDATES; u++) {
        fill_gradients(&a, true, u);
        fill_gradients(&b, true, u);
        const double norm = learner_update(&a, &options, SHARDS, 0.5);
        CHECK_NEAR(learner_update(&b, &options, SHARDS, 0.5), norm, 1e-12 * norm);
        CHECK(norm > options.clip && same_table(&dense, &sparse));
    }
    learner_swap_average(&a);
    learner_swap_average(&b);
    CHECK(same_table(&dense, &sparse));
    learner_keep(&b);
    learner_swap_average(&b);
    CHECK(!same_table(&dense, &sparse));
    learner_restore(&b);
    CHECK(same_table(&dense, &sparse));
    learner_free(&a);
    learner_free(&b);
    params_free(&dense);
    params_free(&sparse);
}

/* The sum of a row's gradients over the shards that touch it, in the tree. */
static void tree_sum(int64_t update, int64_t row, float *sum)
{
    float parts[SHARDS][COLS] = {{0}};
    for (int64_t s = 0; s < SHARDS; s++)
        for (int64_t c = 0; touches(false, update, s, row) && c < COLS; c++)
            for (int pass = 0; pass < 2; pass++) parts[s][c] += slope(update, s, row, c) * (pass ? 0.5f : 1);
    for (int gap = 1; gap < SHARDS; gap *= 2)
        for (int i = 0; i + gap < SHARDS; i += 2 * gap)
            for (int64_t c = 0; c < COLS; c++) parts[i][c] += parts[i + gap][c];
    memcpy(sum, parts[0], sizeof parts[0]);
}

/* Every row as a parameter of its own, with a step only where it was touched, and an average that moves every time. */
TEST(rows_move_only_when_touched)
{
    params_t sparse = make_params(true), plain = make_params(false);
    update_options_t o = options;
    o.clip = 0;
    learner_t l = learner_new(&sparse, SHARDS, false, true);
    float *w = params_values(&plain, 1), m[ROWS * COLS] = {0}, v[ROWS * COLS] = {0}, grad[COLS];
    float *average = xfloats(ROWS * COLS);
    int steps[ROWS] = {0}, still = 0;
    memcpy(average, w, ROWS * COLS * sizeof(float));
    for (int64_t u = 0; u < UPDATES; u++) {
        fill_gradients(&l, false, u);
        learner_update(&l, &o, SHARDS, 1);
        const double decay = fmin((2 + (double)u) / (11 + (double)u), o.average);
        for (int64_t r = 0; r < ROWS; r++) {
            bool touched = false;
            for (int64_t s = 0; s < SHARDS; s++) touched |= touches(false, u, s, r);
            still += !touched;
            const adamw_t a = {o.lr, 0.9, o.beta2, 1e-8, o.weight_decay};
            tree_sum(u, r, grad);
            if (touched) adamw_step(&a, ++steps[r], 1, COLS, w + r * COLS, grad, m + r * COLS, v + r * COLS);
            for (int64_t c = r * COLS; c < (r + 1) * COLS; c++) average[c] = (float)(decay * (double)average[c] + (1 - decay) * (double)w[c]);
        }
        CHECK(same_table(&sparse, &plain));
    }
    CHECK(still > ROWS);
    learner_swap_average(&l);
    for (int i = 0; i < ROWS * COLS; i++) CHECK_NEAR(params_values(&sparse, 1)[i], average[i], 2e-6);
    learner_swap_average(&l);
    CHECK(same_table(&sparse, &plain));
    free(average);
    learner_free(&l);
    params_free(&sparse);
    params_free(&plain);
}

TEST(threads_do_not_matter)
{
    params_t first = {0};
    for (int threads = 1; threads <= 3; threads++) {
        parallel_threads(threads);
        params_t p = make_params(true);
        learner_t l = learner_new(&p, SHARDS, false, false);
        const update_options_t o = {.lr = 0.05, .beta2 = 0.98, .clip = 1};
        for (int64_t u = 0; u < 3; u++) {
            fill_gradients(&l, false, u);
            learner_update(&l, &o, SHARDS, 1);
        }
        learner_free(&l);
        if (threads == 1) first = p;
        else CHECK(same_table(&first, &p));
        if (threads > 1) params_free(&p);
    }
    parallel_threads(1);
    params_free(&first);
}

/* What a step costs follows the rows touched: a table of ten million rows, and ten of them. */
TEST(a_large_table_costs_what_is_touched)
{
    enum { MANY = 10 * 1000 * 1000 };
    params_t p = {0};
    params_add(&p, (param_t){.name = xstrdup("table"), .rows = MANY, .cols = 2, .sparse = true});
    params_allocate(&p);
    grads_t *g = grads_new(&p);
    for (int64_t round = 0; round < 100; round++) {
        grads_clear(g);
        for (int64_t i = 0; i < 10; i++) grads_row(g, 0, (i * 999983 + round * 7) % MANY)[1] += 1;
        CHECK(g->rows[0].count == 10 && g->rows[0].slots <= 256);
    }
    CHECK_NEAR(grads_sum_squares(g), 10, 1e-12);
    grads_free(g);
    params_free(&p);
}

TEST(frozen_blocks_stay)
{
    params_t p = {0};
    const int frozen = params_add(&p, (param_t){.name = xstrdup("frozen"), .rows = 3, .cols = 5, .frozen = true});
    const int moving = params_add(&p, (param_t){.name = xstrdup("moving"), .rows = 2, .cols = 5});
    const int still = params_add(&p, (param_t){.name = xstrdup("frozen table"), .rows = 4, .cols = 5, .sparse = true, .frozen = true});
    params_allocate(&p);
    for (int b = 0; b < 3; b++) params_fill(&p, b, (float)b + 1);
    CHECK(params_number(&p) == 45 && params_trained(&p) == 10 && p.size == 10);
    learner_t l = learner_new(&p, 1, true, true);
    CHECK(!grads_block(l.grads[0], frozen) && !grads_row(l.grads[0], frozen, 1) && !grads_row(l.grads[0], still, 1));
    for (int i = 0; i < 10; i++) grads_block(l.grads[0], moving)[i] = 1;
    learner_update(&l, &options, 1, 1);
    learner_swap_average(&l);
    for (int i = 0; i < 15; i++) CHECK(params_values(&p, frozen)[i] == 1);
    for (int i = 0; i < 20; i++) CHECK(params_values(&p, still)[i] == 3);
    for (int i = 0; i < 10; i++) CHECK(params_values(&p, moving)[i] < 2);
    learner_free(&l);
    params_free(&p);
}

TEST(a_gradient_that_is_not_finite_moves_nothing)
{
    params_t p = make_params(true), before = make_params(true);
    learner_t l = learner_new(&p, SHARDS, false, false);
    fill_gradients(&l, false, 0);
    grads_row(l.grads[2], 1, 3)[0] = NAN;
    CHECK(!isfinite(learner_update(&l, &options, SHARDS, 1)) && l.updates == 0 && same_table(&p, &before));
    learner_free(&l);
    params_free(&p);
    params_free(&before);
}

/* Saved after three updates, loaded into another learner, both go on alike. */
TEST(a_checkpoint_holds_everything)
{
    char folder[] = "/tmp/test_learner.XXXXXX";
    CHECK(mkdtemp(folder));
    params_t p = make_params(true), q = make_params(true);
    learner_t a = learner_new(&p, SHARDS, true, true), b = learner_new(&q, SHARDS, true, true);
    checkpoint_t saved = {.folder = folder, .fingerprint = "run"}, loaded = saved;
    learner_fields(&a, "learner", &saved);
    learner_fields(&b, "learner", &loaded);
    for (int64_t u = 0; u < UPDATES; u++) {
        fill_gradients(&a, false, u);
        learner_update(&a, &options, SHARDS, 1);
        if (u == 1) learner_keep(&a);
        if (u == 2) {
            checkpoint_save(&saved);
            CHECK(checkpoint_load(&loaded) && b.updates == 3 && same_table(&p, &q));
        }
        if (u <= 2) continue;
        fill_gradients(&b, false, u);
        learner_update(&b, &options, SHARDS, 1);
        CHECK(same_table(&p, &q));
    }
    learner_swap_average(&a);
    learner_swap_average(&b);
    CHECK(same_table(&p, &q));
    learner_restore(&a);
    learner_restore(&b);
    CHECK(same_table(&p, &q));
    checkpoint_remove(folder);
    checkpoint_free(&saved);
    checkpoint_free(&loaded);
    learner_free(&a);
    learner_free(&b);
    params_free(&p);
    params_free(&q);
}

/* A model's blocks as a file, one of them in 16 bits. */
TEST(blocks_are_written_and_read)
{
    char path[] = "/tmp/test_learner.XXXXXX";
    const int fd = mkstemp(path);
    CHECK(fd >= 0 && !close(fd));
    params_t p = make_params(true), q = make_params(true);
    p.blocks[0].dtype = ST_BF16;
    for (int i = 0; i < COLS; i++) params_values(&p, 0)[i] = 1 + (float)i / 8; /* exact in BF16 */
    st_writer_t *w = st_create(path, NULL);
    params_write(w, &p);
    st_commit(w);
    st_file_t *f = st_open(path);
    CHECK(st_find(f, "vector")->dtype == ST_BF16 && st_find(f, "vector")->dims == 1 && st_find(f, "table")->dtype == ST_F32);
    params_fill(&q, 1, 0);
    params_check(f, &q);
    params_read(f, &q);
    CHECK(same_table(&p, &q) && !memcmp(params_values(&p, 0), params_values(&q, 0), COLS * sizeof(float)));
    st_close(f);
    unlink(path);
    params_free(&p);
    params_free(&q);
}

UNIT_MAIN(UNIT(a_table_touched_throughout_is_a_dense_block), UNIT(rows_move_only_when_touched), UNIT(threads_do_not_matter),
          UNIT(a_large_table_costs_what_is_touched), UNIT(frozen_blocks_stay), UNIT(a_gradient_that_is_not_finite_moves_nothing),
          UNIT(a_checkpoint_holds_everything), UNIT(blocks_are_written_and_read))
