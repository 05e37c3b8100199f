#include "intent/judge_classifier.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "intent/evidence_rules.h"
#include "intent/judge_builtin.h"
#include "matrix/logistic.h"
#include "text/key_table.h"

enum { MOST_WORDS = 16, MOST_FEATURES = WHOLE_FEATURES + 2 * MOST_WORDS + 1 };

/* Features of a descriptor as a whole. */
enum { CONFIDENCE, HAS_CONFIDENCE, WORDS, LETTERS, IN_EVIDENCE, IN_TITLE, MEAN_IDF, GREATEST_IDF, SPECIFIC, ACTIONABLE,
       GROUNDED, IN_LEXICON };

typedef struct {
    float whole[WHOLE_FEATURES]; /* without those of frequency */
    int words, hashed;
    int32_t word[MOST_WORDS];           /* buckets */
    int32_t column[2 * MOST_WORDS + 1]; /* of hashed words, pairs and the source; distinct */
} features_t;

static int32_t bucket_of(uint64_t key) { return (int32_t)(rng_mix(key) % HASHED_FEATURES); }

static void add_column(features_t *f, int32_t column)
{
    for (int i = 0; i < f->hashed; i++)
        if (f->column[i] == column) return;
    f->column[f->hashed++] = column;
}

/* Shares of the words that stand in the evidence, and in the title. */
static void overlap(features_t *f, const phrase_words_t *evidence, const phrase_words_t *w)
{
    int64_t content = 0, found = 0, titled = 0;
    for (int64_t i = 0; i < w->count; i++) {
        if (w->words[i].stop) continue;
        bool anywhere = false, title = false;
        for (int64_t j = 0; j < evidence->count && !title; j++) {
            bool same = evidence->words[j].stem == w->words[i].stem;
            anywhere = anywhere || same;
            title = same && evidence->words[j].field == FIELD_TITLE;
        }
        content++;
        found += anywhere;
        titled += title;
    }
    f->whole[IN_EVIDENCE] = content ? (float)found / (float)content : 0;
    f->whole[IN_TITLE] = content ? (float)titled / (float)content : 0;
}

static features_t features_of(const candidates_t *evidence, const intent_t *i)
{
    features_t f = {0};
    phrase_words_t w = {0};
    size_t length = strlen(i->text);
    words_add(&w, i->text, length, FIELD_TITLE);
    judge_verdict_t v = builtin_verdict(evidence, i);
    f.whole[CONFIDENCE] = isnan(i->confidence) ? 0 : (float)i->confidence;
    f.whole[HAS_CONFIDENCE] = (float)!isnan(i->confidence);
    f.whole[WORDS] = (float)(w.count < MOST_WORDS ? w.count : MOST_WORDS) / 8;
    f.whole[LETTERS] = (float)(length < 128 ? length : 128) / 64;
    f.whole[SPECIFIC] = v.specific;
    f.whole[ACTIONABLE] = v.actionable;
    f.whole[GROUNDED] = v.grounded;
    f.whole[IN_LEXICON] = lexicon_find(&w) != NULL;
    overlap(&f, &evidence->words, &w);
    for (int64_t k = 0; k < w.count && k < MOST_WORDS; k++) {
        f.word[f.words++] = bucket_of(w.words[k].stem);
        add_column(&f, WHOLE_FEATURES + bucket_of(w.words[k].stem));
        if (k) add_column(&f, WHOLE_FEATURES + bucket_of(words_key(&w, k - 1, 2)));
    }
    if (i->source)
        add_column(&f, WHOLE_FEATURES + HASHED_FEATURES +
                           (int32_t)(rng_mix(XXH3_64bits(i->source, strlen(i->source))) % SOURCE_FEATURES));
    words_free(&w);
    return f;
}

/* ln((1 + N) / (1 + n)) / 10 of the words' buckets: mean and greatest. */
static void add_frequencies(features_t *f, int64_t items, const int32_t *frequency)
{
    double sum = 0, greatest = 0;
    for (int k = 0; k < f->words; k++) {
        double idf = log((1 + (double)items) / (1 + (double)frequency[f->word[k]])) / 10;
        sum += idf;
        if (idf > greatest) greatest = idf;
    }
    f->whole[MEAN_IDF] = f->words ? (float)(sum / f->words) : 0;
    f->whole[GREATEST_IDF] = (float)greatest;
}

struct classifier_trainer {
    candidates_t scratch;
    key_table_t seen; /* bucket + 1 -> last item that has it */
    int32_t frequency[HASHED_FEATURES];
    int64_t items;
    features_t *list;
    uint8_t *label;
    int64_t *item;
    int64_t count, list_cap, label_cap, item_cap;
};

judge_classifier_trainer_t *classifier_trainer_new(void) { return NEW(judge_classifier_trainer_t); }

void classifier_trainer_add(judge_classifier_trainer_t *t, const evidence_t *e, const intents_t *judged)
{
    t->items++;
    candidates_find(&t->scratch, e, NULL, NULL);
    for (int64_t i = 0; i < t->scratch.words.count; i++) {
        int32_t bucket = bucket_of(t->scratch.words.words[i].stem);
        int64_t *last = key_table_slot(&t->seen, rng_mix((uint64_t)bucket));
        t->frequency[bucket] += *last != t->items;
        *last = t->items;
    }
    for (int i = 0; i < judged->count; i++) {
        if (judged->list[i].label < 0) continue;
        GROW(t->list, t->count, t->list_cap);
        GROW(t->label, t->count, t->label_cap);
        GROW(t->item, t->count, t->item_cap);
        t->list[t->count] = features_of(&t->scratch, &judged->list[i]);
        t->label[t->count] = (uint8_t)judged->list[i].label;
        t->item[t->count++] = t->items - 1;
    }
}

static csr_t matrix_of(judge_classifier_trainer_t *t)
{
    csr_t x = {.rows = t->count, .cols = CLASSIFIER_FEATURES, .offsets = NEW_ARRAY(int64_t, t->count + 1),
               .index = NEW_ARRAY(int32_t, size_mul((size_t)t->count, MOST_FEATURES)),
               .value = NEW_ARRAY(float, size_mul((size_t)t->count, MOST_FEATURES))};
    int64_t n = 0;
    for (int64_t r = 0; r < t->count; r++) {
        features_t *f = &t->list[r];
        add_frequencies(f, t->items, t->frequency);
        for (int k = 0; k < WHOLE_FEATURES; k++) {
            x.index[n] = k;
            x.value[n++] = f->whole[k];
        }
        for (int k = 0; k < f->hashed; k++) {
            x.index[n] = f->column[k];
            x.value[n++] = 1;
        }
        x.offsets[r + 1] = n;
    }
    return x;
}

static double score_row(const judge_classifier_t *c, const csr_t *x, int64_t r)
{
    double score = (double)c->bias;
    for (int64_t e = x->offsets[r]; e < x->offsets[r + 1]; e++)
        score += (double)c->weight[x->index[e]] * (double)x->value[e];
    return score;
}

/* use [count]: 1 for the examples of items that are trained on. Returns the number of items held out that have examples. */
static int64_t split(const judge_classifier_trainer_t *t, const judge_classifier_options_t *o, uint8_t *use,
                     judge_classifier_report_t *r)
{
    uint64_t key = rng_stream(o->seed, "held out");
    int64_t last = -1;
    for (int64_t i = 0; i < t->count; i++) {
        use[i] = !((double)rng_uniform(key, (uint64_t)t->item[i]) < o->held_out);
        int64_t is_new = t->item[i] != last;
        last = t->item[i];
        r->items += is_new;
        r->held_items += is_new && !use[i];
        r->examples++;
        r->positive += t->label[i];
        r->held_examples += !use[i];
        r->held_positive += !use[i] && t->label[i];
    }
    return r->held_examples;
}

/* Measures on the examples not used. */
static void measure(const judge_classifier_t *c, const csr_t *x, const uint8_t *label, const uint8_t *use,
                    judge_classifier_report_t *r)
{
    double *score = NEW_ARRAY(double, x->rows + 1);
    uint8_t *truth = NEW_ARRAY(uint8_t, x->rows + 1);
    int64_t n = 0, right = 0;
    for (int64_t i = 0; i < x->rows; i++) {
        if (use[i]) continue;
        score[n] = score_row(c, x, i);
        truth[n] = label[i];
        right += (score[n] >= 0) == (label[i] != 0);
        n++;
    }
    int64_t good = r->positive - r->held_positive, trained = r->examples - r->held_examples;
    r->accuracy = (double)right / (double)n;
    r->majority = (double)(2 * good >= trained ? r->held_positive : n - r->held_positive) / (double)n;
    r->auc = roc_auc(n, score, truth);
    free(score);
    free(truth);
}

static void free_trainer(judge_classifier_trainer_t *t)
{
    candidates_free(&t->scratch);
    key_table_free(&t->seen);
    free(t->list);
    free(t->label);
    free(t->item);
    free(t);
}

judge_classifier_t *classifier_train(judge_classifier_trainer_t *t, const judge_classifier_options_t *o, const char *file,
                                     judge_classifier_report_t *r)
{
    *r = (judge_classifier_report_t){.accuracy = NAN, .auc = NAN, .majority = NAN};
    uint8_t *use = NEW_ARRAY(uint8_t, t->count + 1);
    int64_t held = split(t, o, use, r), trained_good = r->positive - r->held_positive;
    if (!r->positive || r->positive == r->examples)
        die_at(file, 0, "%lld judged intents, %lld of them good: expected some good and some not", (long long)r->examples,
               (long long)r->positive);
    judge_classifier_t *c = NEW(judge_classifier_t);
    c->items = t->items;
    memcpy(c->frequency, t->frequency, sizeof c->frequency);
    csr_t x = matrix_of(t);
    if (held && trained_good && trained_good < r->examples - r->held_examples) {
        logistic_fit(&x, t->label, use, o->l2, c->weight, &c->bias);
        measure(c, &x, t->label, use, r);
    }
    logistic_fit(&x, t->label, NULL, o->l2, c->weight, &c->bias);
    csr_free(&x);
    free(use);
    free_trainer(t);
    return c;
}

double classifier_probability(const judge_classifier_t *c, const candidates_t *evidence, const intent_t *i)
{
    features_t f = features_of(evidence, i);
    add_frequencies(&f, c->items, c->frequency);
    double score = (double)c->bias;
    for (int k = 0; k < WHOLE_FEATURES; k++) score += (double)c->weight[k] * (double)f.whole[k];
    for (int k = 0; k < f.hashed; k++) score += (double)c->weight[f.column[k]];
    return 1 / (1 + exp(-score));
}

void classifier_add(st_writer_t *w, const judge_classifier_t *c)
{
    char items[24];
    snprintf(items, sizeof items, "%lld", (long long)c->items);
    st_set_meta(w, "items", items);
    st_add1(w, "weight", ST_F32, CLASSIFIER_FEATURES, c->weight);
    st_add1(w, "bias", ST_F32, 1, &c->bias);
    st_add1(w, "frequency", ST_I32, HASHED_FEATURES, c->frequency);
}

judge_classifier_t *classifier_read(const st_file_t *file)
{
    st_check_schema(file, "intent-classifier/1");
    const char *text = st_meta(file, "items");
    char *end = NULL;
    judge_classifier_t *c = NEW(judge_classifier_t);
    c->items = text ? strtoll(text, &end, 10) : -1;
    if (!text || end == text || *end || c->items < 1 || c->items > INT32_MAX)
        die_at(file->name, 0, "metadata 'items' is %s, expected a number of items", text ? text : "missing");
    int64_t features = CLASSIFIER_FEATURES, one = 1, buckets = HASHED_FEATURES;
    float *weight = st_need_f32(file, "weight", 1, &features), *bias = st_need_f32(file, "bias", 1, &one);
    int32_t *frequency = st_need_i32(file, "frequency", 1, &buckets);
    for (int k = 0; k < HASHED_FEATURES; k++)
        if (frequency[k] < 0 || frequency[k] > c->items)
            st_bad(file, "frequency", "row %d is %d, expected 0 to %lld", k, frequency[k], (long long)c->items);
    memcpy(c->weight, weight, sizeof c->weight);
    memcpy(c->frequency, frequency, sizeof c->frequency);
    c->bias = bias[0];
    free(weight);
    free(bias);
    free(frequency);
    return c;
}

typedef struct {
    intent_judge_t judge;
    judge_classifier_t *classifier;
    candidates_t scratch;
} judge_t;

static void judge(intent_judge_t *j, const evidence_t *evidence, intents_t *intents, intent_judged_fn done, void *ctx)
{
    judge_t *b = (judge_t *)j;
    candidates_find(&b->scratch, evidence, NULL, NULL);
    for (int i = 0; i < intents->count; i++)
        intents->list[i].label = classifier_probability(b->classifier, &b->scratch, &intents->list[i]) >= 0.5;
    done(ctx, NULL);
}

static void free_judge(intent_judge_t *j)
{
    judge_t *b = (judge_t *)j;
    candidates_free(&b->scratch);
    free(b->classifier);
    free(b);
}

intent_judge_t *classifier_judge(judge_classifier_t *c)
{
    judge_t *b = NEW(judge_t);
    *b = (judge_t){.judge = {judge, free_judge}, .classifier = c};
    return &b->judge;
}
