#include "evidence/tfidf.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/* What is known of a term, which is known by its hash alone: at ten million terms the odds of any two sharing one of 2^64
 * are below one in 100,000. */
typedef struct {
    uint64_t hash;
    int64_t entry;  /* the latest entry of it, -1: none */
    int32_t df;
    int32_t column; /* in the finished matrix, -1: dropped */
    ngram_kind_t kind;
} term_t;

/* One term of one item's field. */
typedef struct {
    int32_t term, count;
} entry_t;

typedef struct {
    int64_t first; /* entry */
    int64_t item;
    double weight;
} field_t;

struct tfidf {
    tfidf_options_t options;
    tokens_t tokens;
    term_t *terms;
    int64_t term_count, terms_cap;
    int32_t *slots; /* open addressing by hash; term + 1, 0: free */
    int64_t slot_count;
    entry_t *entries;
    int64_t entry_count, entries_cap;
    field_t *fields;
    int64_t field_count, fields_cap;
    int64_t items, item_start;
};

tfidf_t *tfidf_new(const tfidf_options_t *o)
{
    tfidf_t *t = NEW(tfidf_t);
    t->options = *o;
    if (o->char_weight <= 0) t->options.ngrams.char_max = 0;
    return t;
}

void tfidf_item(tfidf_t *t)
{
    t->items++;
    t->item_start = t->entry_count;
}

static int32_t *find_slot(const tfidf_t *t, uint64_t hash)
{
    uint64_t mask = (uint64_t)t->slot_count - 1, at = hash & mask;
    while (t->slots[at] && t->terms[t->slots[at] - 1].hash != hash) at = (at + 1) & mask;
    return &t->slots[at];
}

static void grow_slots(tfidf_t *t)
{
    free(t->slots);
    t->slot_count = t->slot_count ? 2 * t->slot_count : 1 << 16;
    t->slots = NEW_ARRAY(int32_t, t->slot_count);
    for (int64_t i = 0; i < t->term_count; i++) *find_slot(t, t->terms[i].hash) = (int32_t)(i + 1);
}

static void count_term(void *ctx, ngram_kind_t kind, uint64_t hash)
{
    tfidf_t *t = ctx;
    if (2 * t->term_count >= t->slot_count) grow_slots(t);
    int32_t *slot = find_slot(t, hash);
    if (!*slot) {
        if (t->term_count == INT32_MAX - 1) die(EX_DATAERR, "more than %d different terms", INT32_MAX - 1);
        GROW(t->terms, t->term_count, t->terms_cap);
        t->terms[t->term_count++] = (term_t){.hash = hash, .entry = -1, .kind = kind};
        *slot = (int32_t)t->term_count;
    }
    term_t *term = &t->terms[*slot - 1];
    if (term->entry >= t->fields[t->field_count - 1].first) {
        t->entries[term->entry].count++;
        return;
    }
    if (term->entry < t->item_start) term->df++;
    GROW(t->entries, t->entry_count, t->entries_cap);
    term->entry = t->entry_count;
    t->entries[t->entry_count++] = (entry_t){*slot - 1, 1};
}

void tfidf_field(tfidf_t *t, const char *text, size_t n, double weight)
{
    GROW(t->fields, t->field_count, t->fields_cap);
    t->fields[t->field_count++] = (field_t){t->entry_count, t->items - 1, weight};
    tokens_split(&t->tokens, text, n);
    tokens_ngrams(&t->tokens, &t->options.ngrams, count_term, t);
}

/* Number of items with at least one entry. */
static int64_t items_with_text(const tfidf_t *t)
{
    int64_t n = 0, last = -1;
    for (int64_t f = 0; f < t->field_count; f++) {
        int64_t end = f + 1 < t->field_count ? t->fields[f + 1].first : t->entry_count;
        if (end == t->fields[f].first || t->fields[f].item == last) continue;
        last = t->fields[f].item;
        n++;
    }
    return n;
}

static bool within_limits(const tfidf_t *t, int64_t n, int32_t df)
{
    return df >= t->options.min_df && df <= t->options.max_df * (double)n;
}

/* The least df that stays under max_terms; *ties: how many terms of just that df there is room for. */
static int32_t least_df(const tfidf_t *t, int64_t n, int64_t *ties)
{
    int64_t *terms = NEW_ARRAY(int64_t, n + 1), room = t->options.max_terms; /* terms by df */
    for (int64_t i = 0; i < t->term_count; i++)
        if (within_limits(t, n, t->terms[i].df)) terms[t->terms[i].df]++;
    int64_t df = n;
    while (df > 1 && terms[df] < room) room -= terms[df--];
    free(terms);
    *ties = room;
    return (int32_t)df;
}

/* Gives the terms that stay a column each; returns their number. */
static int64_t choose_columns(tfidf_t *t, int64_t n)
{
    int64_t columns = 0, ties;
    int32_t least = least_df(t, n, &ties);
    for (int64_t i = 0; i < t->term_count; i++) {
        term_t *term = &t->terms[i];
        bool keep = within_limits(t, n, term->df) && (term->df > least || (term->df == least && ties-- > 0));
        term->column = keep ? (int32_t)columns++ : -1;
    }
    return columns;
}

/* Appends a field's values to the row that starts at `row`; `at` maps a column to its place in the matrix. */
static void add_field(const tfidf_t *t, const field_t *f, int64_t end, const float *idf, int64_t row, int64_t *at, csr_t *m,
                      int64_t *filled)
{
    for (int64_t e = f->first; e < end; e++) {
        int32_t column = t->terms[t->entries[e].term].column;
        if (column < 0) continue;
        if (at[column] < row) {
            at[column] = (*filled)++;
            m->index[at[column]] = column;
            m->value[at[column]] = 0;
        }
        m->value[at[column]] += (float)(f->weight * (1 + log(t->entries[e].count))) * idf[column];
    }
}

/* Scales the row's elements [first, end): each kind to length 1 times its weight, then the row to length 1. */
static void normalise_row(csr_t *m, int64_t first, int64_t end, const ngram_kind_t *kind, const double *weight)
{
    double square[NGRAM_KINDS] = {0}, scale[NGRAM_KINDS], total = 0;
    for (int64_t e = first; e < end; e++) square[kind[m->index[e]]] += (double)m->value[e] * (double)m->value[e];
    for (int k = 0; k < NGRAM_KINDS; k++) total += square[k] > 0 ? weight[k] * weight[k] : 0;
    for (int k = 0; k < NGRAM_KINDS; k++) scale[k] = square[k] > 0 ? weight[k] / sqrt(square[k] * total) : 0;
    for (int64_t e = first; e < end; e++) m->value[e] = (float)(m->value[e] * scale[kind[m->index[e]]]);
}

static void fill(const tfidf_t *t, const float *idf, const ngram_kind_t *kind, csr_t *m)
{
    const double weight[NGRAM_KINDS] = {[NGRAM_WORDS] = 1, [NGRAM_CHARS] = t->options.char_weight};
    int64_t *at = NEW_ARRAY(int64_t, m->cols), f = 0, filled = 0;
    for (int64_t c = 0; c < m->cols; c++) at[c] = -1;
    for (int64_t r = 0; r < m->rows; r++) {
        for (; f < t->field_count && t->fields[f].item == r; f++) {
            int64_t end = f + 1 < t->field_count ? t->fields[f + 1].first : t->entry_count;
            add_field(t, &t->fields[f], end, idf, m->offsets[r], at, m, &filled);
        }
        normalise_row(m, m->offsets[r], filled, kind, weight);
        m->offsets[r + 1] = filled;
    }
    free(at);
}

void tfidf_free(tfidf_t *t)
{
    tokens_free(&t->tokens);
    free(t->terms);
    free(t->slots);
    free(t->entries);
    free(t->fields);
    free(t);
}

csr_t tfidf_finish(tfidf_t *t, int64_t *empty)
{
    int64_t n = items_with_text(t);
    if (empty) *empty = t->items - n;
    csr_t m = {.rows = t->items, .cols = choose_columns(t, n)};
    m.offsets = NEW_ARRAY(int64_t, m.rows + 1);
    m.index = NEW_ARRAY(int32_t, t->entry_count);
    m.value = NEW_ARRAY(float, t->entry_count);
    float *idf = NEW_ARRAY(float, m.cols);
    ngram_kind_t *kind = NEW_ARRAY(ngram_kind_t, m.cols);
    for (int64_t i = 0; i < t->term_count; i++) {
        const term_t *term = &t->terms[i];
        if (term->column < 0) continue;
        idf[term->column] = (float)(log((1 + (double)n) / (1 + (double)term->df)) + 1);
        kind[term->column] = term->kind;
    }
    fill(t, idf, kind, &m);
    free(idf);
    free(kind);
    return m;
}
