#include "text/lsa.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"

#include "unit.h"

static const tfidf_options_t words_only = {.ngrams = {.words = 1}, .min_df = 1, .max_df = 1, .max_terms = 1000};

static float value_at(const csr_t *x, int64_t row, int64_t column)
{
    for (int64_t e = x->offsets[row]; e < x->offsets[row + 1]; e++)
        if (x->index[e] == column) return x->value[e];
    return 0;
}

static void add_text(tfidf_t *t, const char *text) { tfidf_field(t, text, strlen(text), 1); }

TEST(tfidf_by_hand)
{
    tfidf_t *t = tfidf_new(&words_only);
    tfidf_item(t);
    add_text(t, "red red apple"); /* columns: red 0, apple 1, pie 2 */
    tfidf_item(t);
    add_text(t, "apple pie");
    tfidf_item(t);
    int64_t empty;
    csr_t x = tfidf_finish(t, &empty);
    tfidf_free(t);
    CHECK(x.rows == 3 && x.cols == 3 && empty == 1);
    double rare = log(3.0 / 2) + 1, common = log(3.0 / 3) + 1, red = (1 + log(2)) * rare;
    CHECK_NEAR((double)value_at(&x, 0, 0), red / hypot(red, common), 1e-6);
    CHECK_NEAR((double)value_at(&x, 0, 1), common / hypot(red, common), 1e-6);
    CHECK_NEAR((double)value_at(&x, 1, 1), common / hypot(rare, common), 1e-6);
    CHECK_NEAR((double)value_at(&x, 1, 2), rare / hypot(rare, common), 1e-6);
    CHECK(x.offsets[2] == x.offsets[3]);
    csr_free(&x);
}

TEST(fields_add_by_weight)
{
    tfidf_t *t = tfidf_new(&words_only);
    tfidf_item(t);
    tfidf_field(t, "red apple", 9, 2);
    tfidf_field(t, "red", 3, 0.5);
    csr_t x = tfidf_finish(t, NULL);
    tfidf_free(t);
    CHECK_NEAR((double)(value_at(&x, 0, 0) / value_at(&x, 0, 1)), 2.5 / 2, 1e-6);
    csr_free(&x);
}

TEST(rare_and_common_terms_are_dropped)
{
    tfidf_options_t o = words_only;
    o.min_df = 2;
    o.max_df = 0.75;
    tfidf_t *t = tfidf_new(&o);
    const char *texts[] = {"all two a a", "all two b", "all c", "all d"};
    for (int i = 0; i < 4; i++) {
        tfidf_item(t);
        add_text(t, texts[i]);
    }
    int64_t empty;
    csr_t x = tfidf_finish(t, &empty);
    tfidf_free(t);
    CHECK(x.cols == 1 && empty == 0); /* "two" alone stays: "a" is in one item, however often */
    CHECK(value_at(&x, 0, 0) == 1 && value_at(&x, 1, 0) == 1 && x.offsets[2] == x.offsets[4]);
    csr_free(&x);
}

TEST(the_commonest_terms_are_kept)
{
    const char *texts[] = {"a b c", "a b d", "a e"};
    const int64_t expected[] = {1, 1, 2, 3, 4, 5, 5}; /* a; b; then c, d, e as they come */
    for (int limit = 1; limit <= 6; limit++) {
        tfidf_options_t o = words_only;
        o.max_terms = limit;
        tfidf_t *t = tfidf_new(&o);
        for (int i = 0; i < 3; i++) {
            tfidf_item(t);
            add_text(t, texts[i]);
        }
        csr_t x = tfidf_finish(t, NULL);
        tfidf_free(t);
        CHECK(x.cols == expected[limit]);
        CHECK(value_at(&x, 0, 0) > 0 && value_at(&x, 2, 0) > 0);                      /* a */
        CHECK((value_at(&x, 0, 2) > 0) == (limit >= 3) && value_at(&x, 1, 2) == 0); /* c */
        csr_free(&x);
    }
}

TEST(kinds_are_weighted_as_asked)
{
    tfidf_options_t o = {.ngrams = {.words = 1, .char_min = 3, .char_max = 3}, .char_weight = 0.5, .min_df = 1, .max_df = 1, .max_terms = 1000};
    tfidf_t *t = tfidf_new(&o);
    tfidf_item(t);
    add_text(t, "lavender");
    csr_t x = tfidf_finish(t, NULL);
    tfidf_free(t);
    CHECK(x.cols == 1 + 8);
    CHECK_NEAR((double)value_at(&x, 0, 0), 1 / sqrt(1.25), 1e-6); /* the word */
    CHECK_NEAR(csr_sum_squares(&x), 1, 1e-6);
    csr_free(&x);
}

/* Two topics that share no word within an item but meet through others. */
static const char *const catalogue[] = {
    "rose perfume spray",  "perfume bottle",       "rose fragrance", "fragrance spray",    "perfume fragrance mist",
    "steel hammer handle", "hammer and steel nail", "claw hammer",   "nail gun with steel", "handle for claw",
    "",                    "unheard",
};
enum { ITEMS = sizeof catalogue / sizeof *catalogue };

static float *embed_catalogue(double exponent, int64_t dim)
{
    const lsa_options_t o = {.tfidf = {.ngrams = {.words = 1}, .min_df = 2, .max_df = 1, .max_terms = 1000}, .dim = dim, .exponent = exponent,
                             .iterations = 4, .seed = 1};
    text_engine_t *e = lsa_engine(lsa_new(&o));
    for (int i = 0; i < ITEMS; i++) {
        const text_part_t part = {catalogue[i], strlen(catalogue[i]), 1};
        e->add(e, &part, part.length > 0);
    }
    int64_t width;
    float *x = e->finish(e, &width);
    CHECK(width == dim);
    e->free(e);
    return x;
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += (double)a[j] * (double)b[j];
    return sum;
}

TEST(topics_come_apart)
{
    float *x = embed_catalogue(1, 2);
    for (int i = 0; i < 10; i++) {
        CHECK_NEAR(dot(x + 2 * i, x + 2 * i, 2), 1, 1e-5);
        for (int j = 0; j < 10; j++) CHECK((i / 5 == j / 5) == (dot(x + 2 * i, x + 2 * j, 2) > 0.7));
    }
    CHECK(dot(x + 20, x + 20, 2) == 0 && dot(x + 22, x + 22, 2) == 0); /* no text; no term kept */
    free(x);
}

TEST(columns_beyond_the_rank_are_zero)
{
    float *x = embed_catalogue(0.5, 32);
    for (int i = 0; i < ITEMS; i++) {
        double length = dot(x + 32 * i, x + 32 * i, 32);
        CHECK_NEAR(length, i < 10 ? 1 : 0, 1e-5);
        for (int j = 12; j < 32; j++) CHECK(x[32 * i + j] == 0);
    }
    free(x);
}

/* With exponent 1 and the full rank, inner products are those of the TF-IDF rows. */
TEST(full_rank_keeps_inner_products)
{
    tfidf_t *t = tfidf_new(&words_only);
    for (int i = 0; i < 10; i++) {
        tfidf_item(t);
        add_text(t, catalogue[i]);
    }
    csr_t x = tfidf_finish(t, NULL);
    tfidf_free(t);
    const svd_options_t o = {.k = 10, .oversample = 5, .iterations = 2, .seed = 3};
    svd_t d = svd_truncated(&x, &o);
    float *embedding = lsa_project(&x, &d, 10, 1);
    for (int a = 0; a < 10; a++) {
        for (int b = 0; b < 10; b++) {
            double expected = 0;
            for (int64_t c = 0; c < x.cols; c++) expected += (double)value_at(&x, a, c) * (double)value_at(&x, b, c);
            CHECK_NEAR(dot(embedding + 10 * a, embedding + 10 * b, 10), expected, 1e-5);
        }
    }
    free(embedding);
    svd_free(&d);
    csr_free(&x);
}

TEST(threads_do_not_change_a_bit)
{
    parallel_threads(1);
    float *one = embed_catalogue(0.5, 8);
    parallel_threads(3);
    float *three = embed_catalogue(0.5, 8);
    CHECK(!memcmp(one, three, ITEMS * 8 * sizeof(float)));
    free(one);
    free(three);
}

static void add_catalogue(lsa_t *l, int first, int end)
{
    for (int i = first; i < end; i++) {
        const text_part_t part = {catalogue[i], strlen(catalogue[i]), 1};
        lsa_add(l, &part, part.length > 0);
    }
}

static const lsa_options_t small_space = {
    .tfidf = {.ngrams = {.words = 2, .char_min = 3, .char_max = 4}, .char_weight = 0.3, .min_df = 2, .max_df = 1, .max_terms = 1000},
    .dim = 16, .exponent = 0.3, .iterations = 4, .seed = 1,
};

/* A row is the same from the fit, from a second round, from a space that was saved, and whatever else is in the round. */
TEST(a_text_has_one_place_in_a_space)
{
    lsa_t *l = lsa_new(&small_space);
    add_catalogue(l, 0, ITEMS);
    int64_t n;
    float *fitted = lsa_rows(l, &n);
    CHECK(n == ITEMS && lsa_info(l).empty == 1 && lsa_info(l).dim == 16);
    st_writer_t *w = st_create("test_lsa.st", "evidence-fit/1");
    lsa_save(l, w, "words");
    st_commit(w);
    lsa_free(l);

    st_file_t *f = st_open("test_lsa.st");
    l = lsa_load(f, "words");
    st_close(f);
    add_catalogue(l, 0, ITEMS);
    float *all = lsa_rows(l, &n);
    CHECK(n == ITEMS && lsa_info(l).empty == 1 && !memcmp(all, fitted, (size_t)n * 16 * sizeof(float)));
    add_catalogue(l, 3, 4);
    float *one = lsa_rows(l, &n);
    CHECK(n == 1 && lsa_info(l).empty == 0 && !memcmp(one, fitted + 3 * 16, 16 * sizeof(float)));
    for (int i = 0; i < 1000; i++) add_catalogue(l, 0, ITEMS);
    float *many = lsa_rows(l, &n);
    CHECK(n == 1000 * ITEMS && lsa_info(l).empty == 1000);
    for (int i = 0; i < 1000; i++) CHECK(!memcmp(many + i * ITEMS * 16, fitted, ITEMS * 16 * sizeof(float)));
    float *none = lsa_rows(l, &n);
    CHECK(n == 0);
    lsa_free(l);
    free(fitted);
    free(all);
    free(one);
    free(many);
    free(none);
    remove("test_lsa.st");
}

TEST(a_space_without_terms)
{
    lsa_t *l = lsa_new(&small_space);
    lsa_add(l, NULL, 0);
    lsa_fit(l);
    CHECK(lsa_info(l).terms == 0 && lsa_info(l).rank == 0 && lsa_info(l).empty == 1);
    st_writer_t *w = st_create("test_lsa.st", NULL);
    lsa_save(l, w, "text");
    st_commit(w);
    lsa_free(l);
    st_file_t *f = st_open("test_lsa.st");
    l = lsa_load(f, "text");
    st_close(f);
    add_catalogue(l, 0, 1);
    int64_t n;
    float *row = lsa_rows(l, &n);
    CHECK(n == 1 && dot(row, row, 16) == 0);
    free(row);
    lsa_free(l);
    remove("test_lsa.st");
}

int main(void)
{
    err_quiet(true);
    static const unit_test_t tests[] = {
        UNIT(tfidf_by_hand), UNIT(fields_add_by_weight), UNIT(rare_and_common_terms_are_dropped),
        UNIT(the_commonest_terms_are_kept), UNIT(kinds_are_weighted_as_asked), UNIT(topics_come_apart), UNIT(columns_beyond_the_rank_are_zero),
        UNIT(full_rank_keeps_inner_products), UNIT(threads_do_not_change_a_bit),
        UNIT(a_text_has_one_place_in_a_space), UNIT(a_space_without_terms),
    };
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
