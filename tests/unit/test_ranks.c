/* Ranks over pipes: blocks of work, and the tree over shards, whose sum is the same bytes for any number of ranks. */
#include "base/ranks.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "nn/grads.h"
#include "unit.h"

enum { MOST_RANKS = 7, MOST_SHARDS = 13, ROWS = 200, COLS = 16 };

/* --- What passes bytes between forked processes --------------------------------------------------------------------------- */

static int ends[MOST_RANKS][MOST_RANKS]; /* ends[a][b]: a's of the pipe between a and b */
static ranks_carrier_t pipes;

static void pipe_send(int to, const void *bytes, size_t n)
{
    for (ssize_t done = 0, put; done < (ssize_t)n; done += put)
        if ((put = write(ends[pipes.self][to], (const char *)bytes + done, n - (size_t)done)) <= 0) _exit(3);
}

static void pipe_receive(int from, void *bytes, size_t n)
{
    for (ssize_t done = 0, got; done < (ssize_t)n; done += got)
        if ((got = read(ends[pipes.self][from], (char *)bytes + done, n - (size_t)done)) <= 0) _exit(3);
}

static void pipe_broadcast(int from, void *bytes, size_t n)
{
    for (int to = 0; from == pipes.self && to < pipes.size; to++)
        if (to != from) pipe_send(to, bytes, n);
    if (from != pipes.self) pipe_receive(from, bytes, n);
}

/* Whether `same` holds in all of so many ranks, each a process that is gone afterwards. */
static bool in_ranks(int size, bool (*same)(void))
{
    pid_t child[MOST_RANKS];
    for (int a = 0; a < size; a++)
        for (int b = 0; b < a; b++) {
            int both[2];
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, both)) return false;
            ends[a][b] = both[0];
            ends[b][a] = both[1];
        }
    fflush(stdout);
    for (int r = 0; r < size; r++)
        if (!(child[r] = fork())) {
            pipes = (ranks_carrier_t){r, size, pipe_send, pipe_receive, pipe_broadcast};
            ranks_use(&pipes);
            _exit(!same());
        }
    bool all = true;
    for (int r = 0; r < size; r++) {
        int status;
        all &= waitpid(child[r], &status, 0) == child[r] && !status;
    }
    for (int a = 0; a < size; a++)
        for (int b = 0; b < size; b++)
            if (a != b) close(ends[a][b]);
    return all;
}

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

UNIT_MAIN(UNIT(blocks_cover_the_work_in_order_and_evenly), UNIT(arrays_come_together), UNIT(the_tree_is_the_same_over_any_ranks))
