#include "intent/intent_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "intent/evidence_rules.h"
#include "matrix/kmeans.h"
#include "text/key_phrases.h"
#include "text/key_table.h"

enum { LSA_DIM = 64, LSA_TERMS = 50000, MAX_CLUSTERS = 512, KMEANS_ITERATIONS = 20, KMEANS_SHARDS = 16 };

struct intent_fitter {
    uint64_t seed;
    int64_t items;
    candidates_t candidates;
    key_table_t count;  /* key -> items */
    key_table_t seen;   /* key -> item that counted it last, + 1 */
    lsa_t *lsa;
    key_phrases_t *phrases;
};

intent_fitter_t *intent_fitter_new(uint64_t seed)
{
    const lsa_options_t o = {
        .tfidf = {.ngrams = {.words = 2}, .min_df = 2, .max_df = 0.5, .max_terms = LSA_TERMS},
        .dim = LSA_DIM, .exponent = 0.5, .iterations = 2, .seed = seed,
    };
    intent_fitter_t *f = NEW(intent_fitter_t);
    f->seed = seed;
    f->lsa = lsa_new(&o);
    f->phrases = key_phrases_new();
    return f;
}

static void count_key(void *ctx, uint64_t key)
{
    intent_fitter_t *f = ctx;
    int64_t *seen = key_table_slot(&f->seen, key);
    if (*seen == f->items) return;
    *seen = f->items;
    ++*key_table_slot(&f->count, key);
}

static void add_texts(lsa_t *lsa, const evidence_t *e)
{
    text_part_t parts[FIELDS];
    int n = 0;
    for (int i = 0; i < FIELDS; i++)
        if (e->text[i]) parts[n++] = (text_part_t){e->text[i], strlen(e->text[i]), field_weight((field_id_t)i)};
    lsa_add(lsa, parts, n);
}

void intent_fitter_add(intent_fitter_t *f, const evidence_t *e)
{
    f->items++;
    candidates_find(&f->candidates, e, NULL, NULL);
    candidates_keys(&f->candidates, count_key, f);
    key_phrases_add(f->phrases, &f->candidates.words);
    add_texts(f->lsa, e);
}

typedef struct {
    int64_t key;
    int32_t count;
} keyed_t;

static int by_key(const void *a, const void *b)
{
    const keyed_t *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static void keep_counts(intent_fit_t *fit, const key_table_t *t)
{
    keyed_t *list = NEW_ARRAY(keyed_t, t->count + 1);
    for (int64_t i = 0; i < t->slots; i++)
        if (t->value[i] > 1) list[fit->keys++] = (keyed_t){(int64_t)t->key[i], (int32_t)t->value[i]};
    qsort(list, (size_t)fit->keys, sizeof *list, by_key);
    fit->key = NEW_ARRAY(int64_t, fit->keys);
    fit->count = NEW_ARRAY(int32_t, fit->keys);
    for (int64_t i = 0; i < fit->keys; i++) {
        fit->key[i] = list[i].key;
        fit->count[i] = list[i].count;
    }
    free(list);
}

static bool is_zero(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != 0) return false;
    return true;
}

/* Clusters the rows that have words. */
static void find_clusters(intent_fitter_t *f, intent_fit_t *fit)
{
    int64_t rows, full = 0;
    float *x = lsa_rows(f->lsa, &rows);
    fit->dim = lsa_info(f->lsa).dim;
    float *dense = xfloats(size_mul((size_t)rows, (size_t)fit->dim));
    for (int64_t i = 0; i < rows; i++)
        if (!is_zero(x + i * fit->dim, fit->dim))
            memcpy(dense + full++ * fit->dim, x + i * fit->dim, (size_t)fit->dim * sizeof *x);
    if (full) {
        int64_t wanted = (int64_t)sqrt((double)full / 2);
        fit->clusters = wanted < 1 ? 1 : wanted > MAX_CLUSTERS ? MAX_CLUSTERS : wanted;
        fit->centroid = xfloats(size_mul((size_t)fit->clusters, (size_t)fit->dim));
        float *offset = xfloats((size_t)fit->clusters);
        kmeans_t o = {(int)fit->clusters, KMEANS_ITERATIONS, 0, KMEANS_SHARDS, rng_stream(f->seed, "intent clusters")};
        kmeans_fit(&o, full, fit->dim, dense, fit->centroid, offset);
        free(offset);
    }
    int32_t *class_of = NEW_ARRAY(int32_t, rows);
    for (int64_t i = 0; i < rows; i++) {
        class_of[i] = -1;
        if (fit->clusters && !is_zero(x + i * fit->dim, fit->dim))
            kmeans_nearest(1, fit->dim, (int)fit->clusters, x + i * fit->dim, fit->centroid, NULL, &class_of[i], 1, NULL);
    }
    fit->offset = NEW_ARRAY(int64_t, fit->clusters + 1);
    key_phrases_choose(f->phrases, class_of, fit->clusters, CLUSTER_PHRASES, fit->offset, &fit->phrase, &fit->share,
                       &fit->text);
    free(class_of);
    free(dense);
    free(x);
}

intent_fit_t *intent_fitter_finish(intent_fitter_t *f)
{
    intent_fit_t *fit = NEW(intent_fit_t);
    fit->items = f->items;
    keep_counts(fit, &f->count);
    find_clusters(f, fit);
    fit->lsa = f->lsa;
    candidates_free(&f->candidates);
    key_table_free(&f->count);
    key_table_free(&f->seen);
    key_phrases_free(f->phrases);
    free(f);
    return fit;
}

void intent_fit_add(st_writer_t *w, const intent_fit_t *f)
{
    char items[24];
    snprintf(items, sizeof items, "%lld", (long long)f->items);
    st_set_meta(w, "items", items);
    int64_t rows = f->offset[f->clusters];
    st_add1(w, "key", ST_I64, f->keys, f->key);
    st_add1(w, "count", ST_I32, f->keys, f->count);
    st_add2(w, "centroid", ST_F32, f->clusters, f->dim, f->centroid);
    st_add1(w, "phrase_offsets", ST_I64, f->clusters + 1, f->offset);
    st_add1(w, "phrase", ST_I64, rows, f->phrase);
    st_add1(w, "phrase_share", ST_F32, rows, f->share);
    st_add_strings(w, "phrase_text", &f->text);
    lsa_save(f->lsa, w, "lsa");
}

static void check_counts(const st_file_t *file, const intent_fit_t *f)
{
    for (int64_t i = 0; i < f->keys; i++) {
        if (i && f->key[i] <= f->key[i - 1]) st_bad(file, "key", "row %lld is not above the one before it", (long long)i);
        if (f->count[i] < 2 || f->count[i] > f->items)
            st_bad(file, "count", "row %lld is %d, expected 2 to %lld", (long long)i, f->count[i], (long long)f->items);
    }
}

static void check_phrases(const st_file_t *file, const intent_fit_t *f, int64_t rows)
{
    if (f->offset[0] || f->offset[f->clusters] != rows)
        st_bad(file, "phrase_offsets", "from %lld to %lld, expected from 0 to %lld", (long long)f->offset[0],
               (long long)f->offset[f->clusters], (long long)rows);
    for (int64_t c = 0; c < f->clusters; c++)
        if (f->offset[c + 1] < f->offset[c])
            st_bad(file, "phrase_offsets", "row %lld is below the one before it", (long long)c + 1);
    for (int64_t i = 0; i < rows; i++)
        if (!(f->share[i] >= 0 && f->share[i] <= 1))
            st_bad(file, "phrase_share", "row %lld is %g, expected 0 to 1", (long long)i, (double)f->share[i]);
}

static int64_t read_items(const st_file_t *file)
{
    const char *text = st_meta(file, "items");
    char *end = NULL;
    long long n = text ? strtoll(text, &end, 10) : -1;
    if (!text || end == text || *end || n < 1 || n > INT32_MAX)
        die_at(file->name, 0, "metadata 'items' is %s, expected a number of items", text ? text : "missing");
    return n;
}

intent_fit_t *intent_fit_read(const st_file_t *file)
{
    st_check_schema(file, "intent-fit/1");
    intent_fit_t *f = NEW(intent_fit_t);
    f->items = read_items(file);
    f->keys = -1;
    f->key = st_need_i64(file, "key", 1, &f->keys);
    f->count = st_need_i32(file, "count", 1, &f->keys);
    f->lsa = lsa_load(file, "lsa");
    int64_t shape[2] = {-1, lsa_info(f->lsa).dim}, rows = -1;
    f->centroid = st_need_f32(file, "centroid", 2, shape);
    f->clusters = shape[0];
    f->dim = shape[1];
    if (f->clusters > MAX_CLUSTERS)
        st_bad(file, "centroid", "%lld clusters, expected at most %d", (long long)f->clusters, MAX_CLUSTERS);
    int64_t ends = f->clusters + 1;
    f->offset = st_need_i64(file, "phrase_offsets", 1, &ends);
    f->phrase = st_need_i64(file, "phrase", 1, &rows);
    f->share = st_need_f32(file, "phrase_share", 1, &rows);
    f->text = st_need_strings(file, "phrase_text", rows);
    check_counts(file, f);
    check_phrases(file, f, rows);
    return f;
}

void intent_fit_free(intent_fit_t *f)
{
    free(f->key);
    free(f->count);
    free(f->centroid);
    free(f->offset);
    free(f->phrase);
    free(f->share);
    strtab_free(&f->text);
    lsa_free(f->lsa);
    free(f);
}

int64_t intent_fit_frequency(const void *fit, uint64_t key)
{
    const intent_fit_t *f = fit;
    int64_t low = 0, high = f->keys, k = (int64_t)key;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (f->key[middle] < k) low = middle + 1;
        else high = middle;
    }
    return low < f->keys && f->key[low] == k ? f->count[low] : 0;
}

int64_t intent_fit_cluster(const intent_fit_t *f, const evidence_t *e)
{
    if (!f->clusters) return -1;
    int64_t n;
    add_texts(f->lsa, e);
    float *x = lsa_rows(f->lsa, &n);
    int32_t cluster = -1;
    if (!is_zero(x, f->dim)) kmeans_nearest(1, f->dim, (int)f->clusters, x, f->centroid, NULL, &cluster, 1, NULL);
    free(x);
    return cluster;
}
