#include "nn/grads.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/ranks.h"
#include "nn/optim.h"
#include "nn/vec.h"

enum { FEWEST_SLOTS = 64 };

grads_t *grads_new(const params_t *params)
{
    grads_t *g = NEW(grads_t);
    g->params = params;
    g->dense = xfloats((size_t)params->size);
    g->rows = NEW_ARRAY(grads_rows_t, params->count + 1);
    return g;
}

static void rows_free(grads_rows_t *r)
{
    free(r->row);
    free(r->values);
    free(r->slot);
}

void grads_free(grads_t *g)
{
    if (!g) return;
    for (int i = 0; i < g->params->count; i++) rows_free(&g->rows[i]);
    free(g->rows);
    free(g->dense);
    free(g);
}

/* Begins the search for a row where its neighbours do not (Fibonacci hashing). */
static int64_t first_slot(const grads_rows_t *r, int64_t row)
{
    return (int64_t)(((uint64_t)row * 0x9e3779b97f4a7c15u) >> 32) & (r->slots - 1);
}

/* Finds the slot that holds a row, or the free one where it belongs. */
static int64_t find_slot(const grads_rows_t *r, int64_t row)
{
    int64_t at = first_slot(r, row);
    while (r->slot[at] && r->row[r->slot[at] - 1] != row) at = (at + 1) & (r->slots - 1);
    return at;
}

static void fill_slots(grads_rows_t *r)
{
    memset(r->slot, 0, (size_t)r->slots * sizeof *r->slot);
    for (int64_t i = 0; i < r->count; i++) r->slot[find_slot(r, r->row[i])] = (int32_t)(i + 1);
}

static void grow(grads_rows_t *r, int64_t cols)
{
    r->cap = r->cap ? 2 * r->cap : FEWEST_SLOTS / 4;
    r->row = xreallocarray(r->row, (size_t)r->cap, sizeof *r->row);
    r->values = xreallocarray(r->values, size_mul((size_t)r->cap, (size_t)cols), sizeof *r->values);
    r->slots = 4 * r->cap;
    r->slot = xreallocarray(r->slot, (size_t)r->slots, sizeof *r->slot);
    fill_slots(r);
}

static void clear_rows(grads_rows_t *r)
{
    if (r->count) memset(r->slot, 0, (size_t)r->slots * sizeof *r->slot);
    r->count = 0;
}

/* Puts other rows in some rows' place. */
static void replace_rows(grads_rows_t *r, const grads_rows_t *by)
{
    rows_free(r);
    *r = *by;
}

void grads_clear(grads_t *g)
{
    memset(g->dense, 0, (size_t)g->params->size * sizeof(float));
    for (int i = 0; i < g->params->count; i++) clear_rows(&g->rows[i]);
}

float *grads_block(const grads_t *g, int block)
{
    const param_t *p = &g->params->blocks[block];
    return p->frozen || p->sparse ? NULL : g->dense + p->offset;
}

static float *touch(grads_rows_t *r, int64_t row, int64_t cols)
{
    if (r->count == r->cap) grow(r, cols);
    const int64_t at = find_slot(r, row);
    if (!r->slot[at]) {
        r->row[r->count] = row;
        memset(r->values + r->count * cols, 0, (size_t)cols * sizeof(float));
        r->slot[at] = (int32_t)++r->count;
    }
    return r->values + (r->slot[at] - 1) * cols;
}

float *grads_row(grads_t *g, int block, int64_t row)
{
    const param_t *p = &g->params->blocks[block];
    if (p->frozen) return NULL;
    return p->sparse ? touch(&g->rows[block], row, p->cols) : g->dense + p->offset + row * p->cols;
}

/* One level of the tree over the tables: shard 2 gap i takes in shard 2 gap i + gap, for every i and table. */
typedef struct {
    grads_t *const *shards;
    int gap;
    int blocks;
} rows_level_t;

static void merge_rows(void *ctx, int64_t task, int worker)
{
    (void)worker;
    const rows_level_t *l = ctx;
    const int64_t pair = task / l->blocks, block = task % l->blocks;
    grads_t *into = l->shards[2 * l->gap * pair];
    const grads_rows_t *from = &l->shards[2 * l->gap * pair + l->gap]->rows[block];
    const int64_t cols = into->params->blocks[block].cols;
    for (int64_t i = 0; i < from->count; i++)
        vec_add(cols, from->values + i * cols, touch(&into->rows[block], from->row[i], cols));
}

static void reduce_rows(grads_t *const *shards, int count)
{
    for (int gap = 1; gap < count; gap *= 2) {
        rows_level_t level = {shards, gap, shards[0]->params->count};
        const int64_t pairs = (count - gap + 2 * gap - 1) / (2 * gap);
        parallel_for(pairs * level.blocks, merge_rows, &level);
    }
}

static void reduce_here(grads_t *const *shards, int count)
{
    float **dense = NEW_ARRAY(float *, count);
    for (int s = 0; s < count; s++) dense[s] = shards[s]->dense;
    reduce_tree(dense, count, shards[0]->params->size);
    free(dense);
    if (params_have_tables(shards[0]->params)) reduce_rows(shards, count);
}

/* --- Over ranks: the same tree; a sum is where its first shard is. -------------------------------------------------------- */

typedef void (*mover_fn)(int rank, void *bytes, size_t n);

static void move_to(int rank, void *bytes, size_t n) { ranks_send(rank, bytes, n); }

static void move_to_all(int rank, void *bytes, size_t n)
{
    (void)rank;
    ranks_broadcast(bytes, n);
}

/* Copies between a table's rows and bytes that they travel in; returns the bytes behind. */
static char *copy_rows(grads_rows_t *r, int64_t cols, char *bytes, bool comes)
{
    const size_t rows = (size_t)r->count * sizeof *r->row, values = (size_t)(r->count * cols) * sizeof *r->values;
    if (rows) memcpy(comes ? (char *)r->row : bytes, comes ? bytes : (char *)r->row, rows);
    if (values) memcpy(comes ? (char *)r->values : bytes + rows, comes ? bytes + rows : (char *)r->values, values);
    if (comes && rows) fill_slots(r);
    return bytes + rows + values;
}

/* Which tables travel. */
typedef enum { WHOLE_TABLES = 1, SPLIT_TABLES = 2, ALL_TABLES = 3 } tables_t;

static bool travels(const param_t *p, tables_t which) { return p->sparse && which & (p->split ? SPLIT_TABLES : WHOLE_TABLES); }

static bool some_travel(const params_t *params, tables_t which)
{
    for (int i = 0; i < params->count; i++)
        if (travels(&params->blocks[i], which)) return true;
    return false;
}

/* Moves all these tables' rows as one message, so that ranks wait for each other once. */
static void move_tables(grads_t *g, tables_t which, mover_fn move, int rank, bool comes)
{
    const params_t *params = g->params;
    if (!some_travel(params, which)) return;
    int64_t *counts = NEW_ARRAY(int64_t, params->count);
    for (int i = 0; i < params->count; i++) counts[i] = travels(&params->blocks[i], which) ? g->rows[i].count : 0;
    move(rank, counts, (size_t)params->count * sizeof *counts);
    size_t size = 0;
    for (int i = 0; i < params->count; i++) {
        if (!travels(&params->blocks[i], which)) continue;
        if (comes) clear_rows(&g->rows[i]);
        while (g->rows[i].cap < counts[i]) grow(&g->rows[i], params->blocks[i].cols);
        g->rows[i].count = counts[i];
        size += (size_t)counts[i] * (sizeof(int64_t) + (size_t)params->blocks[i].cols * sizeof(float));
    }
    char *bytes = xmalloc(size), *at = bytes;
    for (int i = 0; !comes && i < params->count; i++)
        if (counts[i]) at = copy_rows(&g->rows[i], params->blocks[i].cols, at, false);
    move(rank, bytes, size);
    for (int i = 0; comes && i < params->count; i++)
        if (counts[i]) at = copy_rows(&g->rows[i], params->blocks[i].cols, at, true);
    free(bytes);
    free(counts);
}

/* Moves a gradient to or from a rank; `comes`: it replaces what is here. */
static void move_gradient(grads_t *g, tables_t which, mover_fn move, int rank, bool comes)
{
    move(rank, g->dense, (size_t)g->params->size * sizeof(float));
    move_tables(g, which, move, rank, comes);
}

/* Adds shard `from` to shard `into`, wherever they are. */
static void add_over_ranks(grads_t *const *shards, int count, int into, int from)
{
    const int there = ranks_owner(into, count), here = ranks_owner(from, count);
    if (there == ranks_self()) {
        if (here != there) move_gradient(shards[from], ALL_TABLES, ranks_receive, here, true);
        reduce_here((grads_t *[]){shards[into], shards[from]}, 2);
    } else if (here == ranks_self()) {
        move_gradient(shards[from], ALL_TABLES, move_to, there, false);
    }
}

/* Sums those of the `count` shards that are in [begin, begin + size), a part of the tree. */
static void reduce_over_ranks(grads_t *const *shards, int count, int begin, int size)
{
    const ranks_block_t ours = ranks_block(count);
    const int end = begin + size < count ? begin + size : count, middle = begin + size / 2;
    if (end <= ours.first || ours.end <= begin) return;
    if (ours.first <= begin && end <= ours.end) {
        reduce_here(shards + begin, end - begin);
        return;
    }
    reduce_over_ranks(shards, count, begin, size / 2);
    if (middle >= count) return;
    reduce_over_ranks(shards, count, middle, size / 2);
    add_over_ranks(shards, count, begin, middle);
}

/* Leaves of a gradient's split tables those rows that are a rank's in `part`, which has none yet. */
static void pick_rows(const grads_t *g, int rank, grads_rows_t *part)
{
    for (int i = 0; i < g->params->count; i++) {
        const param_t *p = &g->params->blocks[i];
        const ranks_block_t theirs = ranks_block_of(rank, p->rows);
        const grads_rows_t *all = &g->rows[i];
        for (int64_t r = 0; p->split && r < all->count; r++)
            if (all->row[r] >= theirs.first && all->row[r] < theirs.end)
                memcpy(touch(&part[i], all->row[r], p->cols), all->values + r * p->cols, (size_t)p->cols * sizeof(float));
    }
}

/* The first rank, which has all rows of the split tables, keeps its own and sends the others theirs. */
static void deal_rows(grads_t *g)
{
    const params_t *params = g->params;
    for (int rank = ranks_size() - 1; rank >= 0; rank--) {
        grads_t part = {.params = params, .rows = NEW_ARRAY(grads_rows_t, params->count + 1)};
        pick_rows(g, rank, part.rows);
        if (rank) move_tables(&part, SPLIT_TABLES, move_to, rank, false);
        for (int i = 0; i < params->count; i++) {
            if (!params->blocks[i].split) continue;
            if (rank) rows_free(&part.rows[i]);
            else replace_rows(&g->rows[i], &part.rows[i]);
        }
        free(part.rows);
    }
}

/* Gives all ranks the sum, which the first one has, and its squares. */
static void share_sum(grads_t *g, double *squares)
{
    ranks_broadcast(squares, sizeof *squares);
    move_gradient(g, WHOLE_TABLES, move_to_all, 0, ranks_self() > 0);
    if (!some_travel(g->params, SPLIT_TABLES)) return;
    if (ranks_self()) move_tables(g, SPLIT_TABLES, ranks_receive, 0, true);
    else deal_rows(g);
}

double grads_sum_squares(const grads_t *g)
{
    double sum = sum_squares(g->dense, g->params->size);
    for (int i = 0; i < g->params->count; i++)
        if (g->rows[i].count) sum += sum_squares(g->rows[i].values, g->rows[i].count * g->params->blocks[i].cols);
    return sum;
}

double grads_reduce(grads_t *const *shards, int count)
{
    int size = 1;
    while (size < count) size *= 2;
    reduce_over_ranks(shards, count, 0, size);
    double squares = ranks_self() ? 0 : grads_sum_squares(shards[0]);
    if (ranks_size() > 1) share_sum(shards[0], &squares);
    return squares;
}
