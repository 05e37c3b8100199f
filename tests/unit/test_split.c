/* Tables that are split over ranks: rows on loan, gradients that go to who holds the row, learning, checkpoints and files, all as in
 * one process that holds everything. */
#include "train/loan.h"

#include <stdlib.h>

#include "base/in.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "pipe_ranks.h"
#include "train/learner.h"

enum { ROWS = 400, COLS = 40, SHARDS = 5, UPDATES = 6, KEPT = 2, SAVED = 3, DENSE = 0, SPLIT = 1, WHOLE = 2 };
enum { FAR = 4096 / (COLS * sizeof(float)) + 1 }; /* rows that lie further than a page */

static const update_options_t options = {.lr = 0.05, .beta2 = 0.98, .weight_decay = 0.1, .clip = 2, .average = 0.9};

static params_t make_params(void)
{
    params_t p = {0};
    params_add(&p, (param_t){.name = xstrdup("dense"), .rows = 3, .cols = COLS});
    params_add(&p, (param_t){.name = xstrdup("split"), .rows = ROWS, .cols = COLS, .decay = true, .sparse = true});
    params_add(&p, (param_t){.name = xstrdup("whole"), .rows = 20, .cols = 3, .sparse = true});
    params_allocate(&p);
    params_split(&p, SPLIT);
    for (int i = 0; i < p.count; i++) params_fill_normal(&p, i, 1, 77 + (uint64_t)i);
    return p;
}

/* --- Rows on loan --------------------------------------------------------------------------------------------------------- */

static bool row_is(const params_t *p, int64_t row, float more)
{
    const float *values = params_values(p, SPLIT) + row * COLS;
    for (int64_t c = 0; c < COLS; c++)
        if (values[c] != (float)rng_normal(77 + SPLIT, (uint64_t)(row * COLS + c)) + more) return false;
    return true;
}

static bool is_wanted(int round, int64_t row) { return rng_below(rng_key(11, (uint64_t)(10 * ranks_self() + round)), (uint64_t)row, 4) == 0; }

/* What is wanted is there, twice on end; what is not one's own has gone again, but for the page where one's own begin or end. */
static bool borrows(void)
{
    params_t p = make_params();
    loan_t *loan = loan_new(&p);
    const ranks_block_t held = params_held(&p.blocks[SPLIT]);
    bool right = (loan != NULL) == (ranks_size() > 1);
    for (int step = 0; loan && step < 3; step++) {
        for (int round = 0; round < 2; round++) {
            for (int64_t row = 0; row < ROWS; row++)
                if (is_wanted(round, row)) loan_want(loan, SPLIT, row, row + 1 < ROWS && is_wanted(round, row + 1) ? 2 : 1);
            loan_want(loan, DENSE, 0, 3); /* of no table */
            loan_want(loan, -1, 0, 1);
            loan_fetch(loan);
            for (int64_t row = 0; row < ROWS; row++)
                if (is_wanted(0, row) || (round && is_wanted(1, row))) right &= row_is(&p, row, (float)step);
        }
        loan_return(loan);
        for (int64_t row = 0; row < ROWS; row++) {
            if (row + FAR < held.first || row >= held.end + FAR) right &= params_values(&p, SPLIT)[row * COLS] == 0;
            for (int64_t c = 0; row >= held.first && row < held.end && c < COLS; c++)
                params_values(&p, SPLIT)[row * COLS + c] = (float)rng_normal(77 + SPLIT, (uint64_t)(row * COLS + c)) + (float)(step + 1);
        }
    }
    loan_free(loan);
    params_free(&p);
    return right;
}

TEST(rows_come_on_loan)
{
    for (int size = 1; size <= MOST_RANKS; size++) CHECK(in_ranks(size, borrows));
}

/* --- Learning ------------------------------------------------------------------------------------------------------------- */

/* This rank's shards' gradients of one update; only some touch a row. */
static void fill_gradients(learner_t *l, int64_t update)
{
    const ranks_block_t ours = ranks_block(SHARDS);
    for (int64_t s = ours.first; s < ours.end; s++) {
        const uint64_t key = rng_key(rng_key(9, (uint64_t)update), (uint64_t)s);
        grads_clear(l->grads[s]);
        for (int64_t i = 0; i < l->params->size; i++) l->grads[s]->dense[i] = (float)rng_normal(key, (uint64_t)i);
        for (int block = SPLIT; block <= WHOLE; block++) {
            const param_t *p = &l->params->blocks[block];
            for (int64_t r = 0; r < p->rows; r++) {
                const int64_t row = (r * 7 + s) % p->rows;
                if (rng_below(rng_key(key, 1), (uint64_t)row, 6)) continue;
                float *g = grads_row(l->grads[s], block, row);
                for (int64_t c = 0; c < p->cols; c++) g[c] += (float)rng_normal(rng_key(key, 2), (uint64_t)(row * p->cols + c));
            }
        }
    }
}

/* A run, and what it makes on disk: a state after SAVED updates and the values at its end. */
typedef struct {
    params_t params;
    learner_t learner;
    checkpoint_t checkpoint;
    double norm[UPDATES];
} run_t;

static char folder[] = "/tmp/test_split.XXXXXX", other[] = "/tmp/test_split.XXXXXX";

static void begin(run_t *r, const char *where)
{
    *r = (run_t){.params = make_params(), .checkpoint = {.folder = where, .fingerprint = "run"}};
    r->learner = learner_new(&r->params, SHARDS, true, true);
    learner_fields(&r->learner, "learner", &r->checkpoint);
}

static void updates(run_t *r, int64_t from)
{
    for (int64_t u = from; u < UPDATES; u++) {
        if (u == SAVED) checkpoint_save(&r->checkpoint);
        fill_gradients(&r->learner, u);
        r->norm[u] = learner_update(&r->learner, &options, SHARDS, 0.5);
        if (u == KEPT) learner_keep(&r->learner);
    }
}

static void end(run_t *r)
{
    checkpoint_free(&r->checkpoint);
    learner_free(&r->learner);
    params_free(&r->params);
}

static run_t whole; /* of one process that holds everything */

static bool same_rows(const param_t *p, const float *a, const float *b)
{
    const ranks_block_t held = params_held(p);
    const size_t first = (size_t)(held.first * p->cols), n = (size_t)((held.end - held.first) * p->cols);
    return !memcmp(a + first, b + first, n * sizeof *a);
}

static bool same_values(const run_t *r)
{
    bool same = true;
    for (int i = 0; i < r->params.count; i++)
        same &= same_rows(&r->params.blocks[i], params_values(&r->params, i), params_values(&whole.params, i));
    return same;
}

/* What a run holds, in the end, of the average and the best values. */
static bool ends_alike(run_t *r)
{
    bool same = same_values(r) && !memcmp(r->norm + SAVED, whole.norm + SAVED, sizeof(double) * (UPDATES - SAVED));
    for (int block = SPLIT; block <= WHOLE; block++) {
        const learner_table_t *t = &r->learner.tables[block], *w = &whole.learner.tables[block];
        const param_t *p = &r->params.blocks[block];
        same &= same_rows(p, t->m, w->m) && same_rows(p, t->v, w->v) && same_rows(p, t->best, w->best);
        same &= t->m[0] == 0 || params_held(p).first == 0;
    }
    learner_swap_average(&r->learner);
    learner_swap_average(&whole.learner);
    same &= same_values(r);
    learner_restore(&r->learner);
    learner_restore(&whole.learner);
    return same && same_values(r);
}

static bool learns(void)
{
    run_t r;
    begin(&r, other);
    updates(&r, 0);
    const bool same = ends_alike(&r);
    end(&r);
    return same;
}

/* Goes on from a state on disk, whoever wrote it. */
static bool goes_on(void)
{
    run_t r;
    begin(&r, other);
    bool same = checkpoint_load(&r.checkpoint) && r.learner.updates == SAVED;
    r.checkpoint.folder = NULL;
    updates(&r, SAVED);
    same &= ends_alike(&r);
    end(&r);
    return same;
}

static bool same_files(const char *a, const char *b)
{
    bytes_t x = in_bytes(a), y = in_bytes(b);
    const bool same = x.len == y.len && !memcmp(x.data, y.data, x.len);
    in_free(&x);
    in_free(&y);
    return same;
}

TEST(split_tables_learn_as_one)
{
    parallel_threads(1); /* no threads: they would not outlive a fork */
    CHECK(mkdtemp(folder) && mkdtemp(other));
    char *one = xasprintf("%s/state.st", folder), *many = xasprintf("%s/state.st", other);
    begin(&whole, folder);
    updates(&whole, 0);
    CHECK(whole.norm[0] > options.clip);
    for (int size = 1; size <= MOST_RANKS; size++) {
        CHECK(in_ranks(size, learns) && same_files(one, many));
        CHECK(in_ranks(MOST_RANKS + 1 - size, goes_on));
    }
    checkpoint_remove(folder);
    checkpoint_remove(other);
    free(one);
    free(many);
    end(&whole);
}

static char path[] = "/tmp/test_split.XXXXXX";

static bool writes(void)
{
    params_t p = make_params();
    st_writer_t *w = st_create(path, NULL);
    params_write(w, &p);
    st_commit(w);
    params_free(&p);
    return true;
}

TEST(one_file_has_all_rows)
{
    CHECK(mkstemp(path) >= 0);
    for (int size = 1; size <= MOST_RANKS; size++) {
        CHECK(in_ranks(size, writes));
        st_file_t *f = st_open(path);
        params_t p = make_params(), q = make_params();
        params_fill(&q, SPLIT, 0);
        params_read(f, &q);
        CHECK(!memcmp(params_values(&p, SPLIT), params_values(&q, SPLIT), sizeof(float) * ROWS * COLS));
        st_close(f);
        params_free(&p);
        params_free(&q);
    }
    unlink(path);
}

UNIT_MAIN(UNIT(rows_come_on_loan), UNIT(split_tables_learn_as_one), UNIT(one_file_has_all_rows))
