/* Weights of evidence: rows at any weights, pairs that follow one another, and what is found out from both. */
#include "sid/weighing.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "sid/nearness.h"
#include "text/field_rows.h"
#include "text/field_space.h"

#include "unit.h"

/* A catalogue of 10 kinds: its topics tell the kind, its noise does not. */
enum { ITEMS = 120, KINDS = 10, USERS = 200, LENGTH = 6, DIM = 12, IMAGE = 4 };

static const lsa_options_t space_options = {
    .tfidf = {.ngrams = {.words = 1, .char_min = 3, .char_max = 4}, .char_weight = 0.25, .min_df = 1, .max_df = 1,
              .max_terms = 5000},
    .dim = DIM, .exponent = 0.5, .iterations = 4, .seed = 1,
};

typedef struct {
    field_texts_t texts;
    float *image;
    uint8_t *mask;
    int32_t events[USERS * LENGTH];
    int64_t offsets[USERS + 1];
    interactions_t x;
} fixture_t;

/* Appends an item of two fields, the second missing where `second` is NULL. */
static void add_item(field_texts_t *t, const char *first, const char *second)
{
    t->fields = 2;
    t->end = xreallocarray(t->end, (size_t)(t->items + 1) * 2, sizeof *t->end);
    buf_puts(&t->text, first);
    t->end[2 * t->items] = t->text.len;
    if (second) buf_puts(&t->text, second);
    t->end[2 * t->items++ + 1] = t->text.len;
}

/* Kind k as a word of its own; item i's noise is one of 10 words, whatever its kind. */
static const char *word(const char *of, uint64_t number)
{
    static char words[2][32];
    static int turn;
    char *text = words[turn ^= 1];
    snprintf(text, sizeof words[0], "%s%c%c%c", of, (int)('a' + number), (int)('k' + number), (int)('p' + number));
    return text;
}

static fixture_t *fixture(void)
{
    fixture_t *f = NEW(fixture_t);
    f->image = xfloats(ITEMS * IMAGE);
    f->mask = NEW_ARRAY(uint8_t, ITEMS);
    for (int i = 0; i < ITEMS; i++) {
        add_item(&f->texts, word("noise ", rng_below(1, (uint64_t)i, 10)), i % 9 ? word("topic ", (uint64_t)(i % KINDS)) : NULL);
        f->mask[i] = i % 7 != 0;
        for (int j = 0; f->mask[i] && j < IMAGE; j++) f->image[i * IMAGE + j] = (float)rng_normal(2, (uint64_t)(i * IMAGE + j));
    }
    for (int u = 0; u < USERS; u++) {
        f->offsets[u + 1] = (u + 1) * LENGTH;
        for (int j = 0; j < LENGTH; j++) /* within a kind; the held-out end is of another */
            f->events[u * LENGTH + j] =
                (int32_t)(rng_below(3, (uint64_t)(u * LENGTH + j), ITEMS / KINDS) * KINDS) + (u + (j > 3)) % KINDS;
    }
    f->x = (interactions_t){.users = USERS, .events = USERS * LENGTH, .items = ITEMS, .user_offsets = f->offsets,
                            .item_index = f->events};
    return f;
}

static void release(fixture_t *f)
{
    field_texts_free(&f->texts);
    free(f->image);
    free(f->mask);
    free(f);
}

TEST(rows_at_any_weights_are_those_of_the_space)
{
    fixture_t *f = fixture();
    lsa_t *space = field_space(&f->texts, (const double[]){1, 1}, &space_options);
    int64_t items[ITEMS];
    for (int i = 0; i < ITEMS; i++) items[i] = ITEMS - 1 - i;
    field_rows_t *r = field_rows_new(space, &f->texts, ITEMS, items);
    const int64_t width = field_rows_width(r);
    float *x = xfloats((size_t)(ITEMS * (width + 3)));
    static const double weights[][2] = {{1, 1}, {0.25, 4}, {0, 1}, {3, 0}};
    for (int w = 0; w < 4; w++) {
        float *expected = field_space_rows(space, &f->texts, weights[w], ITEMS, items);
        field_rows_make(r, weights[w], x, width + 3);
        for (int i = 0; i < ITEMS; i++)
            for (int64_t j = 0; j < width; j++)
                CHECK_NEAR((double)x[i * (width + 3) + j], (double)expected[i * DIM + j], 2e-5);
        free(expected);
    }
    free(x);
    field_rows_free(r);
    lsa_free(space);
    release(f);
}

TEST(pairs_follow_one_another_in_training)
{
    fixture_t *f = fixture();
    follow_t a = follow_sample(&f->x, "x", 5), b = follow_sample(&f->x, "x", 5), c = follow_sample(&f->x, "x", 6);
    CHECK(a.users <= USERS && a.users > USERS * 9 / 10 && a.fitting == a.users / 2);
    int64_t pairs = a.user_offsets[a.users];
    for (int64_t i = 0; i < pairs; i++) {
        const int64_t from = a.item[a.from[i]], to = a.item[a.to[i]];
        CHECK(from != to && from % KINDS == to % KINDS); /* nothing of what is held out */
    }
    for (int64_t i = 1; i < a.items; i++) CHECK(a.item[i - 1] < a.item[i]);
    for (int64_t u = 0; u < a.users; u++) {
        const int64_t pairs_of = a.user_offsets[u + 1] - a.user_offsets[u];
        CHECK(pairs_of > 0 && pairs_of <= LENGTH - 3);
    }
    CHECK(b.user_offsets[b.users] == pairs && !memcmp(a.from, b.from, (size_t)pairs * sizeof *a.from));
    CHECK(memcmp(a.other, c.other, (size_t)a.others * sizeof *a.other) != 0);
    follow_free(&a);
    follow_free(&b);
    follow_free(&c);
    release(f);
}

static void repeat_themselves(void)
{
    fixture_t *f = fixture();
    for (int i = 0; i < USERS * LENGTH; i++) f->events[i] = i / LENGTH % ITEMS;
    for (int u = 0; u < 3; u++) f->events[u * LENGTH] = ITEMS - 1; /* three users have a pair */
    follow_sample(&f->x, "x", 1);
}

static void too_short(void)
{
    fixture_t *f = fixture();
    for (int u = 0; u <= USERS; u++) f->offsets[u] = 3 * u; /* a training history of one */
    f->x.events = 3 * USERS;
    follow_sample(&f->x, "x", 1);
}

TEST(too_few_pairs_are_an_error)
{
    CHECK(unit_exit_code(repeat_themselves) == EX_DATAERR);
    CHECK(unit_exit_code(too_short) == EX_DATAERR);
}

TEST(nearness_by_hand)
{
    const float x[] = {1, 0, 0.8f, 0.6f, 0, 1, 0.6f, 0.8f, 0, 0};
    int64_t offsets[] = {0, 2, 3};
    int32_t from[] = {0, 0, 2}, to[] = {1, 3, 4}, other[] = {0, 1, 2, 3, 4, 1};
    follow_t f = {.items = 5, .users = 2, .fitting = 1, .user_offsets = offsets, .from = from, .to = to, .others = 6,
                  .other = other};
    double score[2];
    nearness_scores(&f, 0, 2, 2, x, score);
    /* Item 0: 1 at .8; the second pair: 3 at .6, behind 1, which is there twice. Item 2: 4 at 0, behind 3, 1 and 1, beside 0. */
    CHECK_NEAR(score[0], -(log(1) + log(3)) / 2, 1e-9);
    CHECK_NEAR(score[1], -(log(4) + log(5)) / 2, 1e-9);
    nearness_scores(&f, 1, 2, 2, x, score);
    CHECK_NEAR(score[0], -(log(4) + log(5)) / 2, 1e-9);
}

/* Fits the weights of noise, topic and image; returns where the next item stands. */
static weighing_t fit(const fixture_t *f, double *weight)
{
    static const char *const name[] = {"noise", "topic", "image"};
    follow_t follow = follow_sample(&f->x, "x", 1);
    joined_t images = joined_new(IMAGE, f->image, f->mask, follow.items, follow.item);
    for (int i = 0; i < 3; i++) weight[i] = i < 2;
    const weighing_t w = weigh(&(weighed_t){&follow, &f->texts, &space_options, &images, name}, weight);
    joined_free(&images);
    follow_free(&follow);
    return w;
}

TEST(noise_weighs_nothing)
{
    fixture_t *f = fixture();
    double weight[3], again[3];
    parallel_threads(1);
    const weighing_t w = fit(f, weight);
    CHECK(weight[0] == 0 && weight[1] > 0 && weight[2] == 0 && w.fitted < w.given);
    parallel_threads(3);
    const weighing_t v = fit(f, again);
    CHECK(!memcmp(weight, again, sizeof weight) && v.fitted == w.fitted && v.given == w.given);
    release(f);
}

TEST(an_image_that_tells_weighs_something)
{
    fixture_t *f = fixture();
    for (int i = 0; i < ITEMS; i++)
        for (int j = 0; f->mask[i] && j < IMAGE; j++)
            f->image[i * IMAGE + j] = (float)rng_normal(4, (uint64_t)(i % KINDS * IMAGE + j)) + 3; /* its mean says nothing */
    double weight[3];
    fit(f, weight);
    CHECK(weight[1] > 0 && weight[2] > 0);
    release(f);
}

int main(void)
{
    err_quiet(true);
    static const unit_test_t tests[] = {
        UNIT(rows_at_any_weights_are_those_of_the_space), UNIT(pairs_follow_one_another_in_training), UNIT(too_few_pairs_are_an_error),
        UNIT(nearness_by_hand), UNIT(noise_weighs_nothing), UNIT(an_image_that_tells_weighs_something),
    };
    return unit_run(tests, (int)(sizeof tests / sizeof *tests));
}
