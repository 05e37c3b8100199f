#include "text/tfidf.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

/* What is known of a term, which is known by its hash alone: at ten million terms the odds of any two sharing one of 2^64
 * are below one in 100,000. */
typedef struct {
    uint64_t hash;
    int64_t last; /* the latest entry of it, -1: none; when the matrix is filled, its latest element */
    int32_t df;
    ngram_kind_t kind;
    float idf;    /* once terms are fixed */
} term_t;

/* One term of one item's field; term -1: dropped. */
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
    int64_t with_text;  /* items with a term, known or not */
    bool item_has_text;
    bool fixed;         /* the terms are the matrix's columns, one for one; others are passed over */
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
    t->item_has_text = false;
}

static int32_t *find_slot(const tfidf_t *t, uint64_t hash)
{
    uint64_t mask = (uint64_t)t->slot_count - 1, at = hash & mask;
    while (t->slots[at] && t->terms[t->slots[at] - 1].hash != hash) at = (at + 1) & mask;
    return &t->slots[at];
}

/* Builds the index of terms anew, with `count` slots, a power of two above the number of terms. */
static void index_terms(tfidf_t *t, int64_t count)
{
    free(t->slots);
    t->slot_count = count;
    t->slots = NEW_ARRAY(int32_t, t->slot_count);
    for (int64_t i = 0; i < t->term_count; i++) *find_slot(t, t->terms[i].hash) = (int32_t)(i + 1);
}

/* The term's number, a new one where it was not known; -1 where it is to be passed over. */
static int32_t find_term(tfidf_t *t, ngram_kind_t kind, uint64_t hash)
{
    if (2 * t->term_count >= t->slot_count) index_terms(t, t->slot_count ? 2 * t->slot_count : 1 << 16);
    int32_t *slot = find_slot(t, hash);
    if (*slot || t->fixed) return *slot - 1;
    if (t->term_count == INT32_MAX - 1) die(EX_DATAERR, "more than %d different terms", INT32_MAX - 1);
    GROW(t->terms, t->term_count, t->terms_cap);
    t->terms[t->term_count++] = (term_t){.hash = hash, .last = -1, .kind = kind};
    *slot = (int32_t)t->term_count;
    return *slot - 1;
}

static void count_term(void *ctx, ngram_kind_t kind, uint64_t hash)
{
    tfidf_t *t = ctx;
    if (!t->item_has_text) t->with_text++;
    t->item_has_text = true;
    int32_t number = find_term(t, kind, hash);
    if (number < 0) return;
    term_t *term = &t->terms[number];
    if (term->last >= t->fields[t->field_count - 1].first) {
        t->entries[term->last].count++;
        return;
    }
    if (term->last < t->item_start) term->df++;
    GROW(t->entries, t->entry_count, t->entries_cap);
    term->last = t->entry_count;
    t->entries[t->entry_count++] = (entry_t){number, 1};
}

void tfidf_field(tfidf_t *t, const char *text, size_t n, double weight)
{
    GROW(t->fields, t->field_count, t->fields_cap);
    t->fields[t->field_count++] = (field_t){t->entry_count, t->items - 1, weight};
    tokens_split(&t->tokens, text, n);
    tokens_ngrams(&t->tokens, &t->options.ngrams, count_term, t);
}

static bool within_limits(const tfidf_t *t, int32_t df)
{
    return df >= t->options.min_df && df <= t->options.max_df * (double)t->with_text;
}

/* The least df that stays under max_terms; *ties: how many terms of just that df there is room for. */
static int32_t least_df(const tfidf_t *t, int64_t *ties)
{
    int64_t *terms = NEW_ARRAY(int64_t, t->with_text + 1), room = t->options.max_terms; /* terms by df */
    for (int64_t i = 0; i < t->term_count; i++)
        if (within_limits(t, t->terms[i].df)) terms[t->terms[i].df]++;
    int64_t df = t->with_text;
    while (df > 1 && terms[df] < room) room -= terms[df--];
    free(terms);
    *ties = room;
    return (int32_t)df;
}

/* Drops the terms that are too rare or too common, and gives the others their idf. */
static void fix_terms(tfidf_t *t)
{
    int32_t *number = NEW_ARRAY(int32_t, t->term_count); /* new number by old */
    int64_t kept = 0, ties;
    int32_t least = least_df(t, &ties);
    for (int64_t i = 0; i < t->term_count; i++) {
        term_t *term = &t->terms[i];
        bool keep = within_limits(t, term->df) && (term->df > least || (term->df == least && ties-- > 0));
        number[i] = keep ? (int32_t)kept : -1;
        if (!keep) continue;
        term->idf = (float)(log((1 + (double)t->with_text) / (1 + (double)term->df)) + 1);
        t->terms[kept++] = *term;
    }
    for (int64_t e = 0; e < t->entry_count; e++) t->entries[e].term = number[t->entries[e].term];
    free(number);
    t->term_count = kept;
    t->fixed = true;
    if (t->slot_count) index_terms(t, t->slot_count);
}

/* Appends a field's values to the row that starts at `row`. */
static void add_field(tfidf_t *t, const field_t *f, int64_t end, int64_t row, csr_t *m, int64_t *filled)
{
    for (int64_t e = f->first; e < end; e++) {
        if (t->entries[e].term < 0) continue;
        term_t *term = &t->terms[t->entries[e].term];
        if (term->last < row) {
            term->last = (*filled)++;
            m->index[term->last] = t->entries[e].term;
            m->value[term->last] = 0;
        }
        m->value[term->last] += (float)(f->weight * (1 + log(t->entries[e].count))) * term->idf;
    }
}

/* Scales the row's elements [first, end): each kind to length 1 times its weight, then the row to length 1. */
static void normalise_row(const tfidf_t *t, csr_t *m, int64_t first, int64_t end)
{
    const double weight[NGRAM_KINDS] = {[NGRAM_WORDS] = 1, [NGRAM_CHARS] = t->options.char_weight};
    double square[NGRAM_KINDS] = {0}, scale[NGRAM_KINDS], total = 0;
    for (int64_t e = first; e < end; e++) square[t->terms[m->index[e]].kind] += (double)m->value[e] * (double)m->value[e];
    for (int k = 0; k < NGRAM_KINDS; k++) total += square[k] > 0 ? weight[k] * weight[k] : 0;
    for (int k = 0; k < NGRAM_KINDS; k++) scale[k] = square[k] > 0 ? weight[k] / sqrt(square[k] * total) : 0;
    for (int64_t e = first; e < end; e++) m->value[e] = (float)(m->value[e] * scale[t->terms[m->index[e]].kind]);
}

/* After counting or filling, no term has been met. */
static void forget_last(tfidf_t *t)
{
    for (int64_t e = 0; e < t->entry_count; e++)
        if (t->entries[e].term >= 0) t->terms[t->entries[e].term].last = -1;
}

/* Turns the items added into rows, and forgets them. */
static csr_t take_rows(tfidf_t *t, bool normalised)
{
    csr_t m = {.rows = t->items, .cols = t->term_count};
    m.offsets = NEW_ARRAY(int64_t, m.rows + 1);
    m.index = NEW_ARRAY(int32_t, t->entry_count);
    m.value = NEW_ARRAY(float, t->entry_count);
    forget_last(t);
    int64_t f = 0, filled = 0;
    for (int64_t r = 0; r < m.rows; r++) {
        for (; f < t->field_count && t->fields[f].item == r; f++) {
            int64_t end = f + 1 < t->field_count ? t->fields[f + 1].first : t->entry_count;
            add_field(t, &t->fields[f], end, m.offsets[r], &m, &filled);
        }
        if (normalised) normalise_row(t, &m, m.offsets[r], filled);
        m.offsets[r + 1] = filled;
    }
    forget_last(t);
    t->entry_count = t->field_count = t->items = t->item_start = t->with_text = 0;
    return m;
}

csr_t tfidf_finish(tfidf_t *t, int64_t *empty)
{
    if (!t->fixed) fix_terms(t);
    if (empty) *empty = t->items - t->with_text;
    return take_rows(t, true);
}

csr_t tfidf_values(tfidf_t *t)
{
    if (!t->fixed) fix_terms(t);
    return take_rows(t, false);
}

void tfidf_trim(tfidf_t *t)
{
    free(t->entries);
    free(t->fields);
    t->entries = NULL;
    t->fields = NULL;
    t->entries_cap = t->fields_cap = 0;
    t->terms = xreallocarray(t->terms, (size_t)t->term_count + 1, sizeof *t->terms);
    t->terms_cap = t->term_count + 1;
}

int64_t tfidf_terms(const tfidf_t *t, int64_t **hash, uint8_t **kind, float **idf)
{
    *hash = NEW_ARRAY(int64_t, t->term_count);
    *kind = NEW_ARRAY(uint8_t, t->term_count);
    *idf = NEW_ARRAY(float, t->term_count);
    for (int64_t i = 0; i < t->term_count; i++) {
        (*hash)[i] = (int64_t)t->terms[i].hash;
        (*kind)[i] = (uint8_t)t->terms[i].kind;
        (*idf)[i] = t->terms[i].idf;
    }
    return t->term_count;
}

tfidf_t *tfidf_fixed(const tfidf_options_t *o, int64_t count, const int64_t *hash, const uint8_t *kind, const float *idf)
{
    if (count >= INT32_MAX) return NULL;
    tfidf_t *t = tfidf_new(o);
    t->terms = NEW_ARRAY(term_t, count + 1);
    t->terms_cap = count + 1;
    int64_t slots = 1 << 16;
    while (slots <= 2 * count) slots *= 2;
    index_terms(t, slots);
    for (; t->term_count < count; t->term_count++) {
        int64_t i = t->term_count;
        int32_t *slot = find_slot(t, (uint64_t)hash[i]);
        if (*slot || kind[i] >= NGRAM_KINDS) {
            tfidf_free(t);
            return NULL;
        }
        t->terms[i] = (term_t){(uint64_t)hash[i], -1, 0, kind[i], idf[i]};
        *slot = (int32_t)(i + 1);
    }
    t->fixed = true;
    return t;
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
