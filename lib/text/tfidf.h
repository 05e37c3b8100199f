/* TF-IDF over word and character n-grams: texts in, one item at a time, a sparse matrix out. */
#ifndef SIDMILL_TEXT_TFIDF_H
#define SIDMILL_TEXT_TFIDF_H

#include <stddef.h>
#include <stdint.h>

#include "matrix/sparse.h"
#include "text/tokens.h"

typedef struct {
    ngram_options_t ngrams;
    double char_weight; /* weight of the character n-grams beside the words' 1; 0 leaves them out */
    int64_t min_df;     /* drop terms that fewer items have */
    double max_df;      /* drop terms that more than this share of the items with text have */
    int64_t max_terms;  /* of the rest keep so many, those that most items have, ties by first appearance */
} tfidf_options_t;

typedef struct tfidf tfidf_t;

tfidf_t *tfidf_new(const tfidf_options_t *o);

/* Begins the next item's row; then each of its fields' text, valid UTF-8, with the field's weight (> 0). */
void tfidf_item(tfidf_t *t);
void tfidf_field(tfidf_t *t, const char *text, size_t n, double weight);

/* The matrix: a row an item, a column a term that was kept, in order of first appearance.
 * A term's value is idf * sum over fields of weight * (1 + ln count), idf = ln((1 + n) / (1 + df)) + 1 over the n items with
 * text. The words' values of a row and its character n-grams' values are each brought to length 1, the latter multiplied by
 * char_weight, and the row to length 1. `empty` (may be NULL) receives the number of items without any term before
 * dropping.
 * The first call fixes the terms with their idf. Items begin anew with tfidf_item(), and become rows over the same columns;
 * terms that are not among them are passed over. A row depends on its item alone. */
csr_t tfidf_finish(tfidf_t *t, int64_t *empty);

/* As tfidf_finish(), but a row keeps the length that its values give it, words and character n-grams alike. */
csr_t tfidf_values(tfidf_t *t);

/* Gives back, after tfidf_finish(), the memory that only counting many items needs. */
void tfidf_trim(tfidf_t *t);

/* The terms that were fixed, by column, in fresh arrays: xxh3 hash, ngram_kind_t, idf. Returns their number. Caller frees. */
int64_t tfidf_terms(const tfidf_t *t, int64_t **hash, uint8_t **kind, float **idf);

/* A counter whose terms are fixed to those of tfidf_terms(); of the options only ngrams and char_weight count. NULL where a
 * hash repeats, a kind is none, or there are 2^31 - 1 terms or more. */
tfidf_t *tfidf_fixed(const tfidf_options_t *o, int64_t count, const int64_t *hash, const uint8_t *kind, const float *idf);

void tfidf_free(tfidf_t *t);

#endif
