#include "train/loan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pages.h"

enum { SPARE = 8 }; /* one part in so many of what a rank holds is the room that others' rows may take before their pages go back */

/* A set of rows, a bit each, and which words of it are not 0: whatever is done with it costs what is in it. */
typedef struct {
    uint64_t *bits;
    int64_t *word, count, cap;
} set_t;

/* A split block. */
typedef struct {
    int block;
    ranks_block_t held;
    set_t wanted, here; /* rows of others */
    size_t room;        /* that rows have taken, at most, since pages went back */
} table_t;

struct loan {
    const params_t *params;
    table_t *tables;
    int count;
};

static void set_add(set_t *s, int64_t word, uint64_t bits)
{
    if (!s->bits[word]) {
        GROW(s->word, s->count, s->cap);
        s->word[s->count++] = word;
    }
    s->bits[word] |= bits;
}

static void set_clear(set_t *s)
{
    for (int64_t i = 0; i < s->count; i++) s->bits[s->word[i]] = 0;
    s->count = 0;
}

static void set_free(set_t *s)
{
    free(s->bits);
    free(s->word);
}

static const param_t *block_of(const loan_t *l, const table_t *t) { return &l->params->blocks[t->block]; }
static set_t set_new(int64_t rows) { return (set_t){.bits = NEW_ARRAY(uint64_t, (rows + 63) / 64)}; }
static size_t row_size(const param_t *p) { return (size_t)p->cols * sizeof(float); }

static void add_table(loan_t *l, int block)
{
    const param_t *p = &l->params->blocks[block];
    l->tables = xreallocarray(l->tables, (size_t)l->count + 1, sizeof *l->tables);
    l->tables[l->count++] = (table_t){block, params_held(p), set_new(p->rows), set_new(p->rows), 0};
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
        set_free(&l->tables[i].wanted);
        set_free(&l->tables[i].here);
    }
    free(l->tables);
    free(l);
}

static void want(table_t *t, int64_t row)
{
    const uint64_t bit = UINT64_C(1) << (row % 64);
    if ((row < t->held.first || row >= t->held.end) && !(t->here.bits[row / 64] & bit)) set_add(&t->wanted, row / 64, bit);
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
static void list_rows(const set_t *s, ranks_block_t block, rows_t *to)
{
    for (int64_t i = 0; i < s->count; i++)
        for (uint64_t bits = s->bits[s->word[i]]; bits; bits &= bits - 1) {
            const int64_t row = 64 * s->word[i] + __builtin_ctzll(bits);
            if (row < block.first || row >= block.end) continue;
            GROW(to->row, to->all, to->cap);
            to->row[to->all++] = row;
        }
}

static rows_t wanted_of(const loan_t *l, int rank)
{
    rows_t r = rows_new(l);
    for (int i = 0; i < l->count; i++) {
        const int64_t before = r.all;
        list_rows(&l->tables[i].wanted, ranks_block_of(rank, block_of(l, &l->tables[i])->rows), &r);
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
        for (int64_t w = 0; w < t->wanted.count; w++) set_add(&t->here, t->wanted.word[w], t->wanted.bits[t->wanted.word[w]]);
        set_clear(&t->wanted);
    }
}

/* Returns the most room that the rows here take: each lies on pages of its own, or all of a word on the same. */
static size_t room_of(const set_t *here, size_t row)
{
    size_t room = 0;
    for (int64_t i = 0; i < here->count; i++) {
        const size_t apart = (size_t)__builtin_popcountll(here->bits[here->word[i]]) * pages_room(row), together = pages_room(64 * row);
        room += apart < together ? apart : together;
    }
    return room;
}

/* Others' rows are no longer good; their pages go back when there are many, as going through a large table's takes time. */
static void give_back(table_t *t, const param_t *p)
{
    const size_t row = row_size(p), first = (size_t)t->held.first * row, end = (size_t)t->held.end * row;
    t->room += room_of(&t->here, row);
    set_clear(&t->here);
    if (t->room < (end - first) / SPARE) return;
    pages_drop(p->table, (size_t)p->rows * row, first, end);
    t->room = 0;
}

void loan_return(loan_t *l)
{
    for (int i = 0; i < l->count; i++) give_back(&l->tables[i], block_of(l, &l->tables[i]));
}
