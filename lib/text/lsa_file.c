/* LSA spaces in tensor files. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "text/lsa.h"
#include "text/lsa_space.h"

enum { MAX_DIM = 65536, MAX_WORDS = 8, MAX_CHARS = 16 };

static void add_tensor(st_writer_t *w, const char *prefix, const char *name, st_dtype dtype, int64_t rows, int64_t cols,
                       const void *data)
{
    char *full = xasprintf("%s.%s", prefix, name);
    if (cols) st_add2(w, full, dtype, rows, cols, data);
    else st_add1(w, full, dtype, rows, data);
    free(full);
}

void lsa_save(lsa_t *l, st_writer_t *w, const char *prefix)
{
    free(l->hash);
    free(l->kind);
    free(l->idf);
    int64_t terms = tfidf_terms(l->tfidf, &l->hash, &l->kind, &l->idf), shape[2] = {terms, l->svd.k};
    char *vectors = xasprintf("%s.vectors", prefix);
    add_tensor(w, prefix, "hash", ST_I64, terms, 0, l->hash);
    add_tensor(w, prefix, "kind", ST_U8, terms, 0, l->kind);
    add_tensor(w, prefix, "idf", ST_F32, terms, 0, l->idf);
    add_tensor(w, prefix, "singular", ST_F64, l->svd.k, 0, l->svd.s);
    st_add(w, vectors, ST_F32, 2, shape, l->svd.v);
    free(vectors);

    const ngram_options_t *n = &l->options.tfidf.ngrams;
    buf_t meta = {0};
    buf_printf(&meta, "{\"dim\":%lld,\"words\":%d,\"char_min\":%d,\"char_max\":%d,\"char_weight\":", (long long)l->options.dim,
               n->words, n->char_min, n->char_max);
    buf_json_number(&meta, l->options.tfidf.char_weight);
    buf_puts(&meta, ",\"exponent\":");
    buf_json_number(&meta, l->options.exponent);
    buf_puts(&meta, "}");
    st_set_meta(w, prefix, meta.data);
    buf_free(&meta);
}

/* A number of the metadata within its range. */
static double need_number(const st_file_t *f, const char *prefix, const cJSON *o, const char *key, double min, double max)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= min && v->valuedouble <= max))
        die_at(f->name, 0, "metadata '%s': %s is missing or out of range, expected %g to %g", prefix, key, min, max);
    return v->valuedouble;
}

static lsa_options_t read_options(const st_file_t *f, const char *prefix)
{
    const char *text = st_meta(f, prefix);
    if (!text) die_at(f->name, 0, "no metadata '%s', expected the options of a fitted text space", prefix);
    cJSON *json = cJSON_Parse(text);
    if (!cJSON_IsObject(json)) die_at(f->name, 0, "metadata '%s': expected a JSON object", prefix);
    lsa_options_t o = {.dim = (int64_t)need_number(f, prefix, json, "dim", 1, MAX_DIM)};
    o.tfidf.ngrams.words = (int)need_number(f, prefix, json, "words", 0, MAX_WORDS);
    o.tfidf.ngrams.char_max = (int)need_number(f, prefix, json, "char_max", 0, MAX_CHARS);
    o.tfidf.ngrams.char_min = (int)need_number(f, prefix, json, "char_min", o.tfidf.ngrams.char_max > 0, o.tfidf.ngrams.char_max);
    o.tfidf.char_weight = need_number(f, prefix, json, "char_weight", 0, 1000);
    o.exponent = need_number(f, prefix, json, "exponent", 0, 2);
    cJSON_Delete(json);
    return o;
}

static double *read_singular(const st_file_t *f, const char *name, int64_t *k)
{
    const st_tensor_t *t = st_need(f, name, 1, k);
    if (!st_dtype_is_float(t->dtype)) st_bad(f, name, "found %s, expected F64", st_dtype_name(t->dtype));
    double *s = NEW_ARRAY(double, *k);
    for (int64_t j = 0; j < *k; j++) {
        s[j] = st_value(t, j);
        bool falls = isfinite(s[j]) && s[j] >= 0 && (j ? s[j] <= s[j - 1] : s[j] < 1e150);
        if (!falls || (s[j] > 0 && s[j] < 1e-6 * s[0]))
            st_bad(f, name, "row %lld holds %g, expected singular values: descending, none below 1e-6 of the first but 0",
                   (long long)j, s[j]);
    }
    return s;
}

/* Keeps products finite: idf is at most ln(2^63) + 1, and a vector's components are at most 1. */
static void check_range(const st_file_t *f, const char *name, int64_t rows, int64_t cols, const float *x, float min, float max)
{
    for (int64_t i = 0; i < rows * cols; i++)
        if (!(x[i] >= min && x[i] <= max))
            st_bad(f, name, "row %lld holds %g, expected %g to %g", (long long)(i / cols), (double)x[i], (double)min, (double)max);
}

lsa_t *lsa_load(const st_file_t *f, const char *prefix)
{
    lsa_options_t o = read_options(f, prefix);
    static const char *const parts[] = {"hash", "kind", "idf", "singular", "vectors"};
    char *name[5];
    for (int i = 0; i < 5; i++) name[i] = xasprintf("%s.%s", prefix, parts[i]);
    int64_t terms = -1, shape[2] = {-1, -1};
    int64_t *hash = st_need_i64(f, name[0], 1, &terms);
    uint8_t *kind = st_need_u8(f, name[1], 1, &terms);
    float *idf = st_need_f32(f, name[2], 1, &terms);
    check_range(f, name[2], terms, 1, idf, 0, 64);
    svd_t d = {.cols = terms};
    d.s = read_singular(f, name[3], &shape[1]);
    if (shape[1] > o.dim)
        st_bad(f, name[3], "found %lld values, expected at most dim, %lld", (long long)shape[1], (long long)o.dim);
    shape[0] = terms;
    d.k = shape[1];
    d.v = st_need_f32(f, name[4], 2, shape);
    check_range(f, name[4], terms, d.k, d.v, -1.001f, 1.001f);
    while (d.rank < d.k && d.s[d.rank] > 0) d.rank++;

    tfidf_t *t = tfidf_fixed(&o.tfidf, terms, hash, kind, idf);
    if (!t) die_at(f->name, 0, "tensors '%s' and '%s': expected distinct hashes and kinds of 0 and 1", name[0], name[1]);
    free(hash);
    free(kind);
    free(idf);
    for (int i = 0; i < 5; i++) free(name[i]);
    return lsa_fitted(&o, t, d);
}
