#include "nn/loan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pages.h"

/* A split block; a bit of each set stands for a row. */
typedef struct {
    int block;
    ranks_block_t held;
    uint64_t *wanted, *here; /* rows of others */
} table_t;

struct loan {
    const params_t *params;
    table_t *tables;
    int count;
};

static const param_t *block_of(const loan_t *l, const table_t *t) { return &l->params->blocks[t->block]; }
static int64_t words_of(int64_t rows) { return (rows + 63) / 64; }
static size_t row_size(const param_t *p) { return (size_t)p->cols * sizeof(float); }

static void add_table(loan_t *l, int block)
{
    const param_t *p = &l->params->blocks[block];
    l->tables = xreallocarray(l->tables, (size_t)l->count + 1, sizeof *l->tables);
    l->tables[l->count++] = (table_t){block, params_held(p), NEW_ARRAY(uint64_t, words_of(p->rows)), NEW_ARRAY(uint64_t, words_of(p->rows))};
}

loan_t *loan_new(const params_t *params)
{
    loan_t *l = NEW(loan_t);
    l->params = params;
    for (int i = 0; ranks_size() > 1 && i < params->count; i++)
        if (params->blocks[i].split) add_table(l, i);
    if (l->count) return l;
    free(l);
    return NULL;
}

void loan_free(loan_t *l)
{
    if (!l) return;
    for (int i = 0; i < l->count; i++) {
        free(l->tables[i].wanted);
        free(l->tables[i].here);
    }
    free(l->tables);
    free(l);
}

static bool has(const uint64_t *rows, int64_t row) { return rows[row / 64] >> (row % 64) & 1; }

static void want(table_t *t, int64_t row)
{
    if ((row < t->held.first || row >= t->held.end) && !has(t->here, row)) t->wanted[row / 64] |= UINT64_C(1) << (row % 64);
}

void loan_want(loan_t *l, int block, int64_t first, int64_t count)
{
    for (int i = 0; i < l->count; i++)
        for (int64_t row = first; l->tables[i].block == block && row < first + count; row++) want(&l->tables[i], row);
}

/* --- A talk of two ranks: each says which rows it wants of the other, and gets them. ----------------------------------------- */

/* Rows, one table's after the other's. */
typedef struct {
    int64_t *count; /* [tables] */
    int64_t *row;   /* [all] */
    int64_t all, cap;
} rows_t;

static rows_t rows_new(const loan_t *l) { return (rows_t){.count = NEW_ARRAY(int64_t, l->count)}; }

static void rows_free(rows_t *r)
{
    free(r->count);
    free(r->row);
}

/* Lists those of a block's rows that are in a set. */
static void list_rows(const uint64_t *set, ranks_block_t block, rows_t *to)
{
    for (int64_t row = block.first; row < block.end; row++) {
        if (!(set[row / 64] >> (row % 64))) { /* none up to the word's end */
            row |= 63;
            continue;
        }
        if (!has(set, row)) continue;
        GROW(to->row, to->all, to->cap);
        to->row[to->all++] = row;
    }
}

static rows_t wanted_of(const loan_t *l, int rank)
{
    rows_t r = rows_new(l);
    for (int i = 0; i < l->count; i++) {
        const int64_t before = r.all;
        list_rows(l->tables[i].wanted, ranks_block_of(rank, block_of(l, &l->tables[i])->rows), &r);
        r.count[i] = r.all - before;
    }
    return r;
}

/* Tells the other which rows are wanted of it; returns those that it wants. */
static rows_t ask(const loan_t *l, int other, const rows_t *ours)
{
    rows_t theirs = rows_new(l);
    const size_t counts = (size_t)l->count * sizeof *theirs.count;
    ranks_exchange(other, ours->count, counts, theirs.count, counts);
    for (int i = 0; i < l->count; i++) theirs.all += theirs.count[i];
    theirs.row = NEW_ARRAY(int64_t, theirs.all);
    ranks_exchange(other, ours->row, (size_t)ours->all * sizeof *ours->row, theirs.row, (size_t)theirs.all * sizeof *theirs.row);
    return theirs;
}

static size_t bytes_of(const loan_t *l, const rows_t *r)
{
    size_t n = 0;
    for (int i = 0; i < l->count; i++) n += (size_t)r->count[i] * row_size(block_of(l, &l->tables[i]));
    return n;
}

/* Copies rows between their places and the bytes that they travel in. */
static void move_rows(const loan_t *l, const rows_t *r, char *bytes, bool come)
{
    const int64_t *row = r->row;
    for (int i = 0; i < l->count; i++) {
        const param_t *p = block_of(l, &l->tables[i]);
        const size_t size = row_size(p);
        for (int64_t n = r->count[i]; n > 0; n--, bytes += size) {
            float *values = p->table + *row++ * p->cols;
            memcpy(come ? (char *)values : bytes, come ? bytes : (char *)values, size);
        }
    }
}

static void talk(const loan_t *l, int other)
{
    rows_t ours = wanted_of(l, other), theirs = ask(l, other, &ours);
    const size_t takes = bytes_of(l, &ours), gives = bytes_of(l, &theirs);
    char *out = xmalloc(gives), *in = xmalloc(takes);
    move_rows(l, &theirs, out, false);
    ranks_exchange(other, out, gives, in, takes);
    move_rows(l, &ours, in, true);
    free(out);
    free(in);
    rows_free(&ours);
    rows_free(&theirs);
}

void loan_fetch(loan_t *l)
{
    for (int rank = 0; rank < ranks_size(); rank++)
        if (rank != ranks_self()) talk(l, rank);
    for (int i = 0; i < l->count; i++) {
        table_t *t = &l->tables[i];
        for (int64_t w = 0; w < words_of(block_of(l, t)->rows); w++) {
            t->here[w] |= t->wanted[w];
            t->wanted[w] = 0;
        }
    }
}

void loan_return(loan_t *l)
{
    for (int i = 0; i < l->count; i++) {
        const table_t *t = &l->tables[i];
        const param_t *p = block_of(l, t);
        const size_t row = row_size(p);
        pages_drop(p->table, (size_t)p->rows * row, (size_t)t->held.first * row, (size_t)t->held.end * row);
        memset(t->here, 0, (size_t)words_of(p->rows) * sizeof *t->here);
    }
}
