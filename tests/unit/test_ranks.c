/* Ranks over pipes: blocks of work, and the tree over shards, whose sum is the same bytes for any number of ranks. */
#include "base/ranks.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/grads.h"
#include "pipe_ranks.h"

enum { MOST_SHARDS = 13, ROWS = 200, COLS = 16 };

/* --- Blocks --------------------------------------------------------------------------------------------------------------- */

TEST(blocks_cover_the_work_in_order_and_evenly)
{
    for (int size = 1; size <= MOST_RANKS; size++)
        for (int64_t count = 1; count <= 40; count++) {
            int64_t next = 0;
            for (int r = 0; r < size; r++) {
                pipes = (ranks_carrier_t){.self = r, .size = size};
                ranks_use(&pipes);
                const ranks_block_t b = ranks_block(count);
                CHECK(b.first == next && b.end - b.first >= count / size && b.end - b.first <= count / size + 1);
                for (int64_t i = b.first; i < b.end; i++) CHECK(ranks_owner(i, count) == r);
                next = b.end;
            }
            CHECK(next == count && ranks_owner(0, count) == 0);
        }
    ranks_use(&(ranks_carrier_t){.size = 1});
}

/* --- Arrays --------------------------------------------------------------------------------------------------------------- */

/* Rows of two numbers, three in a piece. */
static bool shares_rows(void)
{
    int rows[MOST_SHARDS][2] = {0};
    const ranks_block_t b = ranks_rows(MOST_SHARDS, 3);
    if (b.first < b.end && (b.first % 3 || (b.end % 3 && b.end != MOST_SHARDS))) return false;
    for (int64_t i = b.first; i < b.end; i++) rows[i][0] = rows[i][1] = (int)i;
    ranks_share_rows(rows, MOST_SHARDS, 3, sizeof *rows);
    for (int i = 0; i < MOST_SHARDS; i++)
        if (rows[i][0] != i || rows[i][1] != i) return false;
    return true;
}

static bool shares(void)
{
    int shared[MOST_SHARDS] = {0}, gathered[MOST_SHARDS] = {0};
    const ranks_block_t b = ranks_block(MOST_SHARDS);
    for (int64_t i = b.first; i < b.end; i++) shared[i] = gathered[i] = (int)(i + 1);
    ranks_share(shared, MOST_SHARDS, sizeof *shared);
    ranks_gather(gathered, MOST_SHARDS, sizeof *gathered);
    for (int i = 0; i < MOST_SHARDS; i++)
        if (shared[i] != i + 1 || (!ranks_self() && gathered[i] != i + 1)) return false;
    return true;
}

TEST(arrays_come_together)
{
    for (int size = 1; size <= MOST_RANKS; size++) CHECK(in_ranks(size, shares) && in_ranks(size, shares_rows));
}

/* Elements of three bytes that each rank has in its block, in pieces that end within elements; and back. */
static bool passes_pieces(void)
{
    enum { N = 3 * MOST_SHARDS };
    char whole[N], blocks[N] = {0}, got[N] = {0};
    for (int i = 0; i < N; i++) whole[i] = (char)(i + 1);
    const ranks_block_t b = ranks_block(MOST_SHARDS);
    ranks_deal(ranks_self() ? NULL : whole, blocks, MOST_SHARDS, 3);
    for (int64_t i = 0; i < N; i++)
        if (blocks[i] != (i >= 3 * b.first && i < 3 * b.end ? whole[i] : 0)) return false;
    for (size_t at = 0; at < N; at += 4) ranks_gather_bytes(blocks, MOST_SHARDS, 3, at, at + 4 < N ? 4 : N - at, got + at);
    return ranks_self() || !memcmp(got, whole, N);
}

/* Every two ranks tell each other their numbers, in messages of different lengths. */
static bool exchanges(void)
{
    bool right = true;
    for (int other = 0; other < ranks_size(); other++) {
        int mine[2] = {ranks_self(), other}, theirs[2] = {-1, -1};
        if (other == ranks_self()) continue;
        ranks_exchange(other, mine, sizeof(int) * (ranks_self() < other ? 1 : 2), theirs, sizeof(int) * (ranks_self() < other ? 2 : 1));
        right &= theirs[0] == other && theirs[1] == (ranks_self() < other ? ranks_self() : -1);
    }
    return right && ranks_most(ranks_self() % 3 * 10) == 10 * (ranks_size() > 2 ? 2 : ranks_size() - 1);
}

TEST(pieces_and_messages_pass)
{
    for (int size = 1; size <= MOST_RANKS; size++) CHECK(in_ranks(size, passes_pieces) && in_ranks(size, exchanges));
}

/* --- The tree ------------------------------------------------------------------------------------------------------------- */

static params_t params;
static int shards;
static grads_t *expected;

static void fill(grads_t *g, int shard)
{
    const uint64_t key = rng_key(3, (uint64_t)shard);
    for (int64_t i = 0; i < params.size; i++) g->dense[i] = (float)rng_normal(key, (uint64_t)i);
    for (int64_t i = 0; i < ROWS; i++) {
        if (rng_below(key, (uint64_t)(ROWS * COLS + i), 3)) continue;
        float *row = grads_row(g, 1, (i * 7 + shard) % ROWS);
        for (int64_t c = 0; c < COLS; c++) row[c] += (float)rng_normal(key, (uint64_t)(i * COLS + c));
    }
}

/* The sum of those shards that are this rank's and the others'; twice, as a step follows a step. */
static grads_t *sum(void)
{
    grads_t *g[MOST_SHARDS];
    for (int s = 0; s < shards; s++) g[s] = grads_new(&params);
    const ranks_block_t ours = ranks_block(shards);
    for (int step = 0; step < 2; step++) {
        for (int64_t s = ours.first; s < ours.end; s++) {
            grads_clear(g[s]);
            fill(g[s], (int)s);
        }
        grads_reduce(g, shards);
    }
    for (int s = 1; s < shards; s++) grads_free(g[s]);
    return g[0];
}

static bool sums_alike(void)
{
    const grads_t *g = sum();
    const grads_rows_t *ours = &g->rows[1], *theirs = &expected->rows[1];
    return !memcmp(g->dense, expected->dense, (size_t)params.size * sizeof(float)) && ours->count == theirs->count &&
           !memcmp(ours->row, theirs->row, (size_t)ours->count * sizeof *ours->row) &&
           !memcmp(ours->values, theirs->values, (size_t)(ours->count * COLS) * sizeof *ours->values);
}

TEST(the_tree_is_the_same_over_any_ranks)
{
    parallel_threads(1); /* no threads: they would not outlive a fork */
    params_add(&params, (param_t){.name = xstrdup("dense"), .rows = ROWS, .cols = COLS});
    params_add(&params, (param_t){.name = xstrdup("table"), .rows = ROWS, .cols = COLS, .sparse = true});
    params_allocate(&params);
    for (shards = 1; shards <= MOST_SHARDS; shards++) {
        expected = sum();
        for (int size = 2; size <= MOST_RANKS; size++) CHECK(in_ranks(size, sums_alike));
        grads_free(expected);
    }
    params_free(&params);
}

UNIT_MAIN(UNIT(blocks_cover_the_work_in_order_and_evenly), UNIT(arrays_come_together), UNIT(pieces_and_messages_pass), UNIT(the_tree_is_the_same_over_any_ranks))
