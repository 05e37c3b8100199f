#include "intent/quality.h"

#include <stdlib.h>

#include "base/mem.h"
#include "intent/evidence_rules.h"
#include "intent/judge_builtin.h"
#include "matrix/logistic.h"
#include "text/key_phrases.h"
#include "text/key_table.h"

#include "unit.h"

static const char *read_text(const char *json, intents_t *out)
{
    cJSON *array = cJSON_Parse(json);
    const char *why = intents_read(array, out);
    cJSON_Delete(array);
    return why;
}

TEST(intents_survive_reading_and_writing)
{
    const char *json = "[{\"text\":\"a \\\"b\\\"\",\"confidence\":0.1,\"label\":0,\"source\":\"s\",\"n\":[1,{\"x\":null}]},"
                       "{\"text\":\"c\"}]";
    intents_t x = {0};
    CHECK(!read_text(json, &x));
    CHECK(x.count == 2 && x.list[0].label == 0 && x.list[1].label == -1 && isnan(x.list[1].confidence));
    buf_t out = {0};
    intents_json(&x, &out);
    CHECK(!strcmp(out.data, json));
    CHECK(intents_judged(&x));
    buf_free(&out);
    intents_free(&x);
}

TEST(wrong_intents_are_told)
{
    const char *wrong[] = {"[{\"text\":\"a\",\"confidence\":-0.1}]", "[{\"text\":\"a\",\"confidence\":\"1\"}]",
                           "[{\"text\":\"a\",\"label\":0.5}]", "[{\"text\":\"a\",\"label\":2}]",
                           "[{\"text\":\"a\",\"label\":true}]", "[{\"text\":\"a\",\"source\":1}]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        intents_t x = {0};
        CHECK(read_text(wrong[i], &x) != NULL);
        intents_free(&x);
    }
    intents_t x = {0};
    CHECK(!read_text("[{\"text\":\"\"},{\"text\":\"a\",\"confidence\":null,\"label\":null}]", &x) && x.count == 1);
    intents_free(&x);
}

static intent_quality_t quality(const char *json, double *q)
{
    intents_t x = {0};
    const char *why = NULL;
    CHECK(!read_text(json, &x));
    intent_quality_t kind = quality_of(&x, q, &why);
    CHECK((kind == QUALITY_BAD) == (why != NULL));
    intents_free(&x);
    return kind;
}

TEST(quality_is_the_weighted_share_of_good_ones)
{
    double q;
    CHECK(quality("[{\"text\":\"a\",\"confidence\":0.6,\"label\":1},{\"text\":\"b\",\"confidence\":0.2,\"label\":0}]", &q) ==
          QUALITY_KNOWN);
    CHECK_NEAR(q, 0.75, 1e-12);
    CHECK(quality("[{\"text\":\"a\",\"label\":1},{\"text\":\"b\",\"label\":0},{\"text\":\"c\",\"confidence\":1}]", &q) ==
          QUALITY_KNOWN);
    CHECK_NEAR(q, 0.5, 1e-12);
    CHECK(quality("[{\"text\":\"a\",\"confidence\":1}]", &q) == QUALITY_NONE && q == 0);
    CHECK(quality("[]", &q) == QUALITY_NONE);
    CHECK(quality("[{\"text\":\"a\",\"confidence\":1,\"label\":1},{\"text\":\"b\",\"label\":1}]", &q) == QUALITY_BAD);
    CHECK(quality("[{\"text\":\"a\",\"confidence\":0,\"label\":1}]", &q) == QUALITY_BAD);
}

TEST(plural_endings_are_undone)
{
    const char *same[][2] = {{"brush", "brushes"}, {"baby", "babies"}, {"tent", "tents"}, {"box", "boxes"}, {"lens", "lens"}};
    const char *other[][2] = {{"glass", "glas"}, {"bus", "bu"}, {"gas", "ga"}, {"this", "thi"}, {"yoga", "yogas2"}};
    for (size_t i = 0; i < 5; i++) {
        CHECK(stem_of(same[i][0]) == stem_of(same[i][1]));
        CHECK(stem_of(other[i][0]) != stem_of(other[i][1]));
    }
}

/* The purpose at the first "for" or "while" of the text, its base and its greatest extent. */
static void check_purpose(const char *text, const char *base, const char *most)
{
    phrase_words_t w = {0};
    phrase_purpose_t p = {0};
    words_add(&w, text, strlen(text), FIELD_DESCRIPTION);
    bool found = false;
    for (int64_t i = 0; i < w.count && !found; i++) found = purpose_at(&w, i, &p);
    if (found != (base != NULL)) printf("# %s\n", text);
    CHECK(found == (base != NULL));
    if (found && base) {
        buf_t short_form = {0}, long_form = {0};
        words_join(&w, p.first, p.base, &short_form);
        words_join(&w, p.first, p.words, &long_form);
        if (strcmp(short_form.data, base) || strcmp(long_form.data, most))
            printf("# %s: '%s', '%s'\n", text, short_form.data, long_form.data);
        CHECK(!strcmp(short_form.data, base) && !strcmp(long_form.data, most));
        buf_free(&short_form);
        buf_free(&long_form);
    }
    words_free(&w);
}

TEST(purposes_end_where_their_phrase_does)
{
    check_purpose("Shampoo for dry hair, 12 oz", "dry hair", "dry hair");
    check_purpose("Shampoo for dry hair 12 oz", "dry hair", "dry hair");
    check_purpose("great for walks in the rain.", "walks", "walks in the rain");
    check_purpose("for use in the kitchen", "kitchen", "kitchen");
    check_purpose("for carrying it", "carrying", "carrying");
    check_purpose("read while travelling by train", "travelling", "travelling by train");
    check_purpose("known for quality", NULL, NULL);
    check_purpose("for 3 months", NULL, NULL);
    check_purpose("for free", NULL, NULL);
    check_purpose("for you", NULL, NULL);
    check_purpose("good for", NULL, NULL);
    check_purpose("for the", NULL, NULL);
}

static bool has_candidate(const evidence_t *e, const char *text)
{
    candidates_t c = {0};
    candidates_find(&c, e, NULL, NULL);
    bool found = false;
    for (int64_t i = 0; i < c.count; i++) found = found || !strcmp(candidate_text(&c, i), text);
    candidates_free(&c);
    return found;
}

TEST(states_are_found_over_lists)
{
    evidence_t e = {.text = {[FIELD_TITLE] = "Mask for dry, damaged or frizzy hair", [FIELD_CATEGORIES] = "Beauty"}};
    CHECK(has_candidate(&e, "dry hair care") && has_candidate(&e, "damaged hair care") && has_candidate(&e, "frizzy hair care"));
    evidence_t apart = {.text = {[FIELD_TITLE] = "Dry shelf, hair pins", [FIELD_CATEGORIES] = "Beauty"}};
    CHECK(!has_candidate(&apart, "dry hair care"));
}

TEST(scopes_keep_lexicons_apart)
{
    evidence_t film = {.text = {[FIELD_TITLE] = "Camping", [FIELD_CATEGORIES] = "Comedy, Drama"}};
    evidence_t tent = {.text = {[FIELD_TITLE] = "Camping", [FIELD_CATEGORIES] = "Outdoor"}};
    CHECK(!has_candidate(&film, "camping trips") && has_candidate(&film, "a good laugh"));
    CHECK(has_candidate(&tent, "camping trips") && !has_candidate(&tent, "a good laugh"));
}

TEST(confidence_is_a_noisy_or_of_fields)
{
    intent_candidate_t c = {.support = {[FIELD_TITLE] = 0.5, [FIELD_CATEGORIES] = 0.8}};
    CHECK_NEAR(candidate_confidence(&c), 1 - 0.5 * (1 - 0.8 * 0.9), 1e-12);
}

TEST(judging_by_hand)
{
    evidence_t e = {.text = {[FIELD_TITLE] = "Dome tent"}};
    candidates_t c = {0};
    candidates_find(&c, &e, NULL, NULL);
    intent_t camping = {"camping trips", NAN, -1, NULL, NULL}, praise = {"best quality", NAN, -1, NULL, NULL},
             diving = {"scuba diving", NAN, -1, NULL, NULL}, dome = {"dome", NAN, -1, NULL, NULL};
    judge_verdict_t v = builtin_verdict(&c, &camping);
    CHECK(v.specific && v.actionable && v.grounded);
    CHECK(!builtin_verdict(&c, &praise).specific);
    CHECK(builtin_verdict(&c, &diving).actionable && !builtin_verdict(&c, &diving).grounded);
    CHECK(builtin_verdict(&c, &dome).grounded && !builtin_verdict(&c, &dome).actionable);
    candidates_free(&c);
}

TEST(tables_grow)
{
    key_table_t t = {0};
    for (uint64_t k = 1; k <= 5000; k++) *key_table_slot(&t, k * 0x9e3779b97f4a7c15u) = (int64_t)k;
    CHECK(t.count == 5000 && key_table_get(&t, 77 * 0x9e3779b97f4a7c15u) == 77 && key_table_get(&t, 3) == 0);
    key_table_free(&t);
}

static void add_title(key_phrases_t *k, const char *title)
{
    phrase_words_t w = {0};
    words_add(&w, title, strlen(title), FIELD_TITLE);
    key_phrases_add(k, &w);
    words_free(&w);
}

TEST(key_phrases_tell_classes_apart)
{
    key_phrases_t *k = key_phrases_new();
    const char *titles[] = {"Norvik good red tent pole", "Norvik nice tall tent pole", "Norvik good old steel pan",
                            "Norvik nice big steel pan", "Lonely thing"};
    const int32_t class_of[] = {0, 0, 1, 1, -1};
    for (int i = 0; i < 5; i++) add_title(k, titles[i]);
    int64_t offset[3], *phrase;
    float *share;
    strtab_t text = {0};
    key_phrases_choose(k, class_of, 2, 3, offset, &phrase, &share, &text);
    CHECK(offset[1] > 0 && offset[2] > offset[1] && offset[2] <= 6);
    for (int64_t i = 0; i < offset[2]; i++) {
        size_t n;
        const char *s = strtab_get(&text, i, &n);
        CHECK(memmem(s, n, "norvik", 6) == NULL); /* begins every title: a brand */
        CHECK((memmem(s, n, "pan", 3) == NULL) == (i < offset[1]));
        CHECK(share[i] == 1);
    }
    strtab_free(&text);
    free(phrase);
    free(share);
    key_phrases_free(k);
}

TEST(logistic_regression_is_at_its_minimum)
{
    enum { ROWS = 40, COLS = 3 };
    int64_t offsets[ROWS + 1];
    int32_t index[ROWS * COLS];
    float value[ROWS * COLS], w[COLS], bias;
    uint8_t label[ROWS];
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLS; j++) {
            index[i * COLS + j] = j;
            value[i * COLS + j] = (float)((i * (7 + 3 * j)) % 11) / 5 - 1;
        }
        offsets[i] = i * COLS;
        label[i] = value[i * COLS] + 0.5f * (float)(i % 3) > 0.3f;
    }
    offsets[ROWS] = ROWS * COLS;
    csr_t x = {ROWS, COLS, offsets, index, value};
    logistic_fit(&x, label, NULL, 0.7, w, &bias);
    double g[COLS + 1] = {0};
    for (int i = 0; i < ROWS; i++) {
        double s = (double)bias;
        for (int j = 0; j < COLS; j++) s += (double)w[j] * (double)value[i * COLS + j];
        double r = 1 / (1 + exp(-s)) - label[i];
        for (int j = 0; j < COLS; j++) g[j] += r * (double)value[i * COLS + j];
        g[COLS] += r;
    }
    for (int j = 0; j < COLS; j++) CHECK_NEAR(g[j] + 0.7 * (double)w[j], 0, 1e-4);
    CHECK_NEAR(g[COLS], 0, 1e-4);
}

TEST(auc_by_hand)
{
    const double score[] = {0.1, 0.4, 0.35, 0.8, 0.4};
    const uint8_t label[] = {0, 0, 1, 1, 1};
    /* pairs good over bad: .35 > .1; .8 > both; .4 > .1 and ties .4: 1 + 2 + 1.5 of 6 */
    CHECK_NEAR(roc_auc(5, score, label), 4.5 / 6, 1e-12);
    CHECK(isnan(roc_auc(2, score, label)));
}

UNIT_MAIN(UNIT(intents_survive_reading_and_writing), UNIT(wrong_intents_are_told),
          UNIT(quality_is_the_weighted_share_of_good_ones), UNIT(plural_endings_are_undone),
          UNIT(purposes_end_where_their_phrase_does), UNIT(states_are_found_over_lists), UNIT(scopes_keep_lexicons_apart),
          UNIT(confidence_is_a_noisy_or_of_fields), UNIT(judging_by_hand), UNIT(tables_grow),
          UNIT(key_phrases_tell_classes_apart), UNIT(logistic_regression_is_at_its_minimum), UNIT(auc_by_hand))
